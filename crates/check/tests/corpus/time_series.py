import pandas as pd

log = pd.read_csv("access.csv", parse_dates=["ts"])
series = log.set_index("ts")["bytes"].sort_index()
per_hour = series.resample("h").sum()
smooth = per_hour.rolling(3, min_periods=1).mean()
print(per_hour.sum(), round(float(smooth.max()), 2))
orders = pd.read_csv("orders.csv", parse_dates=["day"])
daily = orders.groupby("day")["price"].sum()
print(daily.round(2).head(3))
log.groupby(log["ts"].dt.date).size().to_csv("per_day.csv")
