import pandas as pd

counter = 0
table = pd.read_csv("users.csv")

def bump():
    global counter, table
    counter += len(table)
    table = pd.read_csv("orders.csv")

log = pd.read_csv("access.csv")
rows = len(log)
bump()
second = pd.read_csv("access.csv").drop_duplicates()
bump()
print(counter, rows, len(second))
