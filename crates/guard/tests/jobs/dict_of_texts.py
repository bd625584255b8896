#: held made 90MB 35
texts = {}
for number in range(600_000):
    texts[number] = "text number %d" % number  # <- made
print(len(texts))
