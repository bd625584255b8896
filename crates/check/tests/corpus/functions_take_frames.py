import pandas as pd

def clean(frame):
    frame = frame.dropna()
    return frame[frame["bytes"] > 0]

def describe(frame, label):
    print(label, len(frame), int(frame["bytes"].sum()))

raw = pd.read_csv("access.csv")
describe(raw, "raw")
cleaned = clean(raw)
describe(cleaned, "clean")
by_user = cleaned.groupby("user")["bytes"].sum()
orders = pd.read_csv("orders.csv")
merged = orders.merge(by_user.rename("traffic"), left_on="user", right_index=True)
print(merged["traffic"].sum())
