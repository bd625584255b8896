import asyncio
import pandas as pd

async def read(path):
    await asyncio.sleep(0)
    return pd.read_csv(path)

async def main():
    log = pd.read_csv("access.csv")
    count = len(log)
    orders = await read("orders.csv")
    users = pd.read_csv("users.csv")
    joined = orders.merge(users, on="user")
    async with asyncio.Lock():
        print(count, joined["price"].sum().round(2))

asyncio.run(main())
