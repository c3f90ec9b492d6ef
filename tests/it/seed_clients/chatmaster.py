"""A client that knows seed document 003 alone. Arguments: port, name, and `zlib` to compress."""

import json
import socket
import sys
import threading
import zlib

sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
COMPRESSED = sys.argv[3:] == ["zlib"]


def send(kind, **data):
    package = json.dumps({"type": kind, "data": data}).encode("utf-8")
    sock.sendall(zlib.compress(package) if COMPRESSED else package)


def command(name, **parameters):
    send("command", command=name, parameters=parameters)


def text_of(data):
    """What the next package says and how much of the bytes it takes; nothing if it is not all there."""
    if data[:1] == b"{":
        value, end = json.JSONDecoder().raw_decode(data.decode("utf-8"))
        return value, len(data.decode("utf-8")[:end].encode("utf-8"))
    stream = zlib.decompressobj()
    text = stream.decompress(data)
    if not stream.eof:
        raise ValueError("there is more to come")
    return json.loads(text), len(data) - len(stream.unused_data)


def show(package):
    kind, data = package["type"], package["data"]
    if kind == "request" and data["request"] == "login":
        command("login", username=sys.argv[2])
    elif kind == "session":
        text = f"channels: {', '.join(data['channels'])}" if data["status"] else data["reason"]
        print(f"= {text}", flush=True)
    elif kind == "message":
        print(f"<{data['username']}> {data['message']}", flush=True)
    elif kind == "notification" and data["event_type"] in ("user_joined", "user_left"):
        print(f"* {data['username']} {data['event_type'].removeprefix('user_')}", flush=True)
    elif kind == "error":
        print(f"! {data['message']}", flush=True)


def receive():
    buffer = b""
    while data := sock.recv(4096):
        buffer += data
        try:
            while buffer:
                package, used = text_of(buffer)
                show(package)
                buffer = buffer[used:]
        except ValueError:
            pass  # A package is not all there yet.


receiver = threading.Thread(target=receive)
receiver.start()
for line in sys.stdin:
    send("message", message=line.rstrip("\n"), username=sys.argv[2])
sock.shutdown(socket.SHUT_WR)
receiver.join()
