#: held made 50MB 5
#: variable table|ask 50MB 5
def maker():
    table = b"t" * 50_000_000  # <- made
    return lambda at: table[at]


ask = maker()
print(ask(3))
