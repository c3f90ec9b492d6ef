import json
import socket

# Connect to server
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.connect(('127.0.0.1', 65432))

# Join chat
join_request = {
    "method": "join_chat",
    "params": {"username": "TestUser"}
}
sock.sendall(json.dumps(join_request).encode('utf-8'))

# Receive response
response = sock.recv(1024).decode('utf-8')
print(f"Join response: {response}")

# Send message
message_request = {
    "method": "send_message",
    "params": {"message": "Hello from API test!"}
}
sock.sendall(json.dumps(message_request).encode('utf-8'))

# Get users
users_request = {
    "method": "get_users",
    "params": {}
}
sock.sendall(json.dumps(users_request).encode('utf-8'))
response = sock.recv(1024).decode('utf-8')
print(f"Users: {response}")

# Leave chat
leave_request = {
    "method": "leave_chat",
    "params": {}
}
sock.sendall(json.dumps(leave_request).encode('utf-8'))

sock.close()
