#: held made 80MB 5
#: variable text 80MB 5
text = b"x" * 80_000_000  # <- made
print(len(text))
