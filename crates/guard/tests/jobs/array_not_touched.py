#: needs numpy
#: held touched 60MB 8
#: held reserved 0MB 0
#: peak-below 300MB
import numpy

reserved = numpy.zeros(250_000_000)  # <- reserved
touched = numpy.ones(7_500_000)  # <- touched
print(reserved[0] + touched[0])
