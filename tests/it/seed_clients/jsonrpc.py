"""A client that knows seed document 000 alone. Arguments: port, name."""

import json
import socket
import sys
import threading

sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.connect(("127.0.0.1", int(sys.argv[1])))


def send(method, **params):
    sock.sendall(json.dumps({"method": method, "params": params}).encode("utf-8"))


def show(value):
    if value.get("type") == "chat":
        print(f"<{value['username']}> {value['message']}", flush=True)
    elif value.get("type") == "system":
        print(f"* {value['message']}", flush=True)
    elif value["status"] == "error":
        print(f"! {value['message']}", flush=True)
    elif "users" in value:
        print(f"= {value['message']}; here: {', '.join(value['users'])}", flush=True)


def receive():
    decoder, buffer = json.JSONDecoder(), b""
    while data := sock.recv(4096):
        buffer += data
        try:
            text = buffer.decode("utf-8")
            while text:
                value, end = decoder.raw_decode(text)
                show(value)
                text = text[end:]
                buffer = text.encode("utf-8")
        except ValueError:
            pass  # A value, or a character, is not all there yet.


receiver = threading.Thread(target=receive)
receiver.start()
send("join_chat", username=sys.argv[2])
for line in sys.stdin:
    send("send_message", message=line.rstrip("\n"))
send("leave_chat")
sock.shutdown(socket.SHUT_WR)
receiver.join()
