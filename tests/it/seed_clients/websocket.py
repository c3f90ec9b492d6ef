"""A client that knows seed document 001 alone, on the library that it names. Arguments: port, the
id of the room to join."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect

# Whoever runs this ends it when it takes too long.
PATIENT = dict(open_timeout=None, ping_interval=None, close_timeout=None)


def show(packet):
    if packet.get("status") == "connected":
        print(f"= {packet['message']} You are {packet['client_id']}", flush=True)
    elif "from" in packet:
        print(f"<{packet['from']}> {packet['body']}", flush=True)
    elif packet["status"] == "error":
        print(f"! {packet['message']}", flush=True)
    elif "room_id" in packet:
        print(f"= {packet['message']}", flush=True)


async def receive(client):
    async for packet in client:
        show(json.loads(packet))


async def main():
    async with connect(f"ws://127.0.0.1:{sys.argv[1]}", **PATIENT) as client:
        receiver = asyncio.create_task(receive(client))
        await client.send(json.dumps({"action": "join", "body": {"room_id": sys.argv[2]}}))
        while line := await asyncio.to_thread(sys.stdin.readline):
            await client.send(json.dumps({"action": "message", "body": line.rstrip("\n")}))
        await client.send(json.dumps({"action": "leave"}))
    await receiver


asyncio.run(main())
