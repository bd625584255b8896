

# Requests are lines of fields separated by tabs; each is answered by one line.


def answer(kind, file, *rest):
    if kind == "reading":
        (line,) = rest
        return reading(file, int(line))
    function, first, line, name = rest
    return fate(file, function, int(first), int(line), name)


def main():
    for request in sys.stdin:
        try:
            found = answer(*request.rstrip("\n").split("\t"))
        except Exception as error:
            found = "unknown", type(error).__name__
        print(*(str(part).replace("\t", " ").replace("\n", " ") for part in found), sep="\t")


main()
