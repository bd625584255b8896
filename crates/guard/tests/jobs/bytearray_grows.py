#: held grows 60MB 25
grown = bytearray()
for _ in range(60):
    grown += b"y" * 1_000_000  # <- grows
print(len(grown))
