"""The flow of the seed document, by the library that its server was built with."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect

URL = f"ws://127.0.0.1:{sys.argv[1]}"

# Whoever runs this ends it when it takes too long.
PATIENT = dict(open_timeout=None, ping_interval=None, close_timeout=None)


async def receive(client):
    return json.loads(await client.recv())


async def ask(client, request):
    await client.send(json.dumps(request))
    return await receive(client)


async def main():
    async with (
        connect(URL, **PATIENT) as a,
        connect(URL, **PATIENT) as b,
        connect(URL, **PATIENT) as c,
    ):
        welcomes = [await receive(client) for client in (a, b, c)]
        for welcome in welcomes:
            assert welcome["status"] == "connected" and welcome["message"] == "Welcome!", welcome
            assert len(welcome["client_id"]) == 8, welcome

        created = await ask(a, {"action": "create", "body": "Game Night"})
        room_id = created["room_id"]
        assert created == {
            "status": "success",
            "room_id": room_id,
            "message": "Room 'Game Night' created",
        }, created
        for client in (b, c):
            joined = await ask(client, {"action": "join", "body": {"room_id": room_id}})
            assert joined == {
                "status": "success",
                "message": "Joined room 'Game Night'",
                "room_id": room_id,
            }, joined

        for body in ["Hello everyone!", {"custom": ["format", 1.5, None]}, json.dumps({"k": 1})]:
            sent = await ask(a, {"action": "message", "body": body})
            assert sent == {"status": "success", "message": "Message sent"}, sent
            for client in (b, c):
                broadcast = await receive(client)
                assert broadcast.pop("timestamp"), broadcast
                assert broadcast == {"from": welcomes[0]["client_id"], "body": body}, broadcast

        left = await ask(b, {"action": "leave"})
        assert left == {"status": "success", "message": "Left room 'Game Night'"}, left
        refused = await ask(b, {"action": "message", "body": "anyone?"})
        assert refused == {"status": "error", "message": "Not in a room"}, refused
    print("done")


asyncio.run(main())
