#: exit 0
#: stdout 50
count = 0


class Odd:
    def __del__(self):
        global count
        count += len(b"d" * 2_000_000) // 2_000_000


for _ in range(50):
    odd = Odd()
    odd = None
print(count)
