#: held filled 96MB 10
#: variable Store 96MB 10
class Store:
    table = {}


for number in range(96):
    Store.table[number] = bytes([number]) * 1_000_000  # <- filled
print(len(Store.table))
