#: held made 70MB 5
#: variable store 70MB 5
class Store:
    def __init__(self):
        self.data = {"all": b"d" * 70_000_000}  # <- made


store = Store()
print(len(store.data))
