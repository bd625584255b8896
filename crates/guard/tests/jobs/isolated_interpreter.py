#: arguments -I -S -E
#: held made 50MB 5
block = b"i" * 50_000_000  # <- made
print(len(block))
