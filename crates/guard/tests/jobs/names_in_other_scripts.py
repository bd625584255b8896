#: held made 50MB 5
def größe_漢():
    return b"n" * 50_000_000  # <- made


block = größe_漢()
print(len(block))
