"""A service that tells whoever asks, over TCP or UDP, the address that it sees him at.

whoami.py serve PORT             serves until it is ended; says "ready" on stderr
whoami.py ask tcp|udp HOST PORT  prints the answer
"""

import socket
import sys
import threading

PATIENCE = 3.0


def plain(address):
    return address[0].removeprefix("::ffff:")


def serve_tcp(server):
    while True:
        connection, address = server.accept()
        with connection:
            connection.sendall(plain(address).encode())


def serve(port):
    tcp = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", port))
    threading.Thread(target=serve_tcp, args=(tcp,), daemon=True).start()
    print("ready", file=sys.stderr, flush=True)
    while True:
        _, address = udp.recvfrom(100)
        udp.sendto(plain(address).encode(), address)


def ask(protocol, host, port):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as client:
        client.settimeout(PATIENCE)
        client.connect((host, port))
        if protocol == "udp":
            client.send(b"?")
        print(client.recv(100).decode())


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    ask(sys.argv[2], sys.argv[3], int(sys.argv[4]))
