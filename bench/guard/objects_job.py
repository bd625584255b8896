"""Allocations and nothing else: small objects, growing lists and dictionaries, texts of all sizes."""


def turn(size):
    rows = [{"number": number, "text": "text %d" % number} for number in range(size)]
    by_text = {row["text"]: row for row in rows}
    texts = [str(number) * (number % 200) for number in range(size)]
    blocks = [bytes(number % 5000 + 600) for number in range(size // 4)]
    return len(by_text) + sum(map(len, texts)) + sum(map(len, blocks))


print(sum(turn(100_000) for _ in range(10)))
