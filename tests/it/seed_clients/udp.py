"""A client that knows seed document 004 alone, over datagrams. Arguments: port, name."""

import asyncio
import itertools
import json
import sys

BASE_DELAY = 0.2
# Longer than anybody should have to wait, for the machine may be slow.
MAX_RETRIES = 8


class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.ids = itertools.count(1)
        self.waiting = {}

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        packet = json.loads(data.decode("utf-8"))
        if packet["type"] == "ack":
            if waiting := self.waiting.pop(packet["id"], None):
                waiting.set_result(True)
        elif packet["type"] == "message":
            print(f"<{packet['user']}> {packet['text']}", flush=True)
        elif packet["type"] == "system":
            print(f"* {packet['text']}", flush=True)

    async def send(self, **packet):
        packet["id"] = next(self.ids)
        acknowledged = asyncio.get_running_loop().create_future()
        self.waiting[packet["id"]] = acknowledged
        data = json.dumps(packet).encode("utf-8")
        for attempt in range(MAX_RETRIES + 1):
            self.transport.sendto(data)
            await asyncio.wait([acknowledged], timeout=BASE_DELAY * 2**attempt)
            if acknowledged.done():
                return
        sys.exit(f"not acknowledged: {packet}")


async def main():
    loop = asyncio.get_running_loop()
    server = ("127.0.0.1", int(sys.argv[1]))
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=server)
    await client.send(type="join", room="general", user=sys.argv[2])
    while line := await asyncio.to_thread(sys.stdin.readline):
        await client.send(type="message", room="general", text=line.rstrip("\n"))
    await client.send(type="leave")
    transport.close()


asyncio.run(main())
