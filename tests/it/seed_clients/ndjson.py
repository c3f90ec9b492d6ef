"""A client that knows seed document 004 alone. Arguments: port, name."""

import asyncio
import json
import sys


async def receive(reader):
    while line := await reader.readline():
        packet = json.loads(line.decode("utf-8"))
        if packet["type"] == "message":
            print(f"<{packet['user']}> {packet['text']}", flush=True)
        elif packet["type"] == "system":
            print(f"* {packet['text']}", flush=True)


async def main():
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))

    def send(**packet):
        writer.write((json.dumps(packet) + "\n").encode("utf-8"))

    receiver = asyncio.create_task(receive(reader))
    send(type="join", room="general", user=sys.argv[2])
    while line := await asyncio.to_thread(sys.stdin.readline):
        send(type="message", room="general", text=line.rstrip("\n"))
    send(type="leave")
    writer.write_eof()
    await receiver


asyncio.run(main())
