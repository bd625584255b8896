import json
import pandas as pd

with open("events.ndjson") as file:
    events = [json.loads(line) for line in file.readlines()]
frame = pd.DataFrame(events)
print(frame["kind"].value_counts().sort_index())
counts = frame.groupby("kind")["value"].sum()
table = pd.read_json("events.ndjson", lines=True)
print(len(table), counts.sum())
orders = pd.read_csv("orders.csv")
print(table.merge(orders, on="user").shape)
