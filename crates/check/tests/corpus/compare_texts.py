import pandas as pd

log = pd.read_csv("access.csv")
print((log["method"] == "GET").sum(), (log["method"] != "GET").sum())
print(log["method"].isin(["PUT", "POST"]).sum())
print(log.loc[log["method"] == "DELETE", "bytes"].sum())
users = pd.read_csv("users.csv")
print((users["plan"] == "free").mean())
