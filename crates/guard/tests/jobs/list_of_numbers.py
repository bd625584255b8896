#: held made 120MB 20
#: variable numbers 120MB 25
numbers = [number * 1000 for number in range(3_000_000)]  # <- made
print(len(numbers))
