#: held asked 60MB 5
import asyncio
import functools
import operator


async def main():
    loop = asyncio.get_running_loop()
    block = await loop.run_in_executor(None, functools.partial(operator.mul, b"a", 60_000_000))  # <- asked
    await asyncio.sleep(0)
    return len(block)


print(asyncio.run(main()))
