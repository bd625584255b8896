#: stdout []
#: variable block 60MB 5
called = []


class Meta(type):
    def __instancecheck__(cls, other):
        called.append("instancecheck")
        return False


class Odd(metaclass=Meta):
    def __getattr__(self, name):
        called.append(name)
        raise AttributeError(name)

    @property
    def shape(self):
        called.append("shape")
        return 3

    @property
    def __class__(self):
        called.append("class")
        return int

    def __len__(self):
        called.append("len")
        return 3

    def __iter__(self):
        called.append("iter")
        return iter(())

    def __sizeof__(self):
        called.append("sizeof")
        return 1 << 40


class OddList(list):
    def __len__(self):
        called.append("list len")
        return 0

    def __getitem__(self, at):
        called.append("list item")
        return None

    def __iter__(self):
        called.append("list iter")
        return iter(())


class OddDict(dict):
    def items(self):
        called.append("items")
        return []

    def __eq__(self, other):
        called.append("eq")
        return False

    __hash__ = None


odd, odd_list, odd_dict = Odd(), OddList([b"l" * 100_000]), OddDict(a=b"d" * 100_000)
block = b"b" * 60_000_000
more = [0] * 100
print(called)
