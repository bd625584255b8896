#: needs numpy
#: limit 300MB
#: exit 0
#: stdout done
import numpy


class Node:
    pass


for _ in range(100):
    node = Node()
    node.itself = node
    node.data = numpy.ones(2_500_000)
print("done")
