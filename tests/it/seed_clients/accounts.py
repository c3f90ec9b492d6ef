"""A client that knows seed document 002 alone. Arguments: port, name, the server's certificate."""

import json
import socket
import ssl
import struct
import sys
import threading

context = ssl.create_default_context(cafile=sys.argv[3])
sock = context.wrap_socket(
    socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost"
)
received = sock.makefile("rb")
NAME = sys.argv[2]


def send(kind, **data):
    body = json.dumps({"type": kind, "data": data} if data else {"type": kind}).encode("utf-8")
    sock.sendall(struct.pack("!I", len(body)) + body)


def receive():
    (length,) = struct.unpack("!I", received.read(4))
    return json.loads(received.read(length))


def show(packet):
    if packet["status"] != "ok":
        print(f"! {packet['message']}", flush=True)
    elif packet["type"] == "msg":
        data = packet["data"]
        to = "" if data["to"] == "public" else f" (to {data['to']})"
        print(f"<{data['from']}>{to} {data['text']}", flush=True)
    elif packet["type"] == "list":
        rooms = [f"{room}: {', '.join(users) or '-'}" for room, users in packet["data"].items()]
        print(f"= {'; '.join(rooms)}", flush=True)
    else:
        print(f"= {packet['message']}", flush=True)


def show_all():
    while True:
        packet = receive()
        show(packet)
        if packet["type"] == "logout":
            return


for request in (
    ("register", {"username": NAME, "password": "1234"}),
    ("list", {}),
    ("enter", {"room": "general"}),
):
    send(request[0], **request[1])
    show(receive())
receiver = threading.Thread(target=show_all)
receiver.start()
for line in sys.stdin:
    send("msg", **{"from": NAME, "to": "public", "text": line.rstrip("\n")})
send("exit")
send("logout")
receiver.join()
