"""Requests by status and hour, joined with the plans of users."""
import pandas as pd

raw = pd.read_csv("access.csv")
errors = raw[raw["status"] >= 500]
print("errors:", len(errors))
hourly = raw.groupby(raw["ts"].str.slice(0, 13))["bytes"].sum()
users = pd.read_csv("users.csv")
joined = errors.merge(users, on="user", how="left")
by_plan = joined.groupby("plan")["duration"].mean().round(4)
print(by_plan)
print(hourly.head())
by_plan.to_csv("by_plan.csv")
