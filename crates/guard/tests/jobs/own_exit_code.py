#: exit 7
#: stdout out
import sys

print("out")
sys.exit(7)
