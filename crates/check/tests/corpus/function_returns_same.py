import pandas as pd

def tagged(frame):
    frame["tag"] = frame["path"].str.len()
    return frame

CACHE = []

def remember(frame):
    CACHE.append(frame)

base = pd.read_csv("access.csv")
same = tagged(base)
print(base["tag"].sum())
remember(base)
users = pd.read_csv("users.csv")
print(len(users.merge(same, on="user")))
print(len(CACHE[0]))
