"""A way for datagrams that does whatever a network may do to them: hostile_path.py PORT SERVER.

Passes on what comes to PORT of this machine to port 2002 of SERVER, and the answers back. Of the datagrams
of data, either way, it sends every 3rd twice, every 5th behind the four that follow it, after every 7th one
that passed long before, and before every 11th a copy with one bit changed.
"""
import select
import socket
import sys

DATA = 4
EARLIER = 50


class Way:
    """One direction."""

    def __init__(self, send):
        self.send = send
        self.count = 0
        self.held = None
        self.passed = []

    def take(self, datagram):
        if datagram[0] != DATA:
            return self.send(datagram)
        self.count += 1
        if self.count % 11 == 0:
            self.send(changed(datagram, self.count))
        if self.count % 5 == 0:
            if self.held is not None:
                self.pass_on(self.held)
            self.held = datagram
            return
        self.pass_on(datagram)
        if self.count % 3 == 0:
            self.send(datagram)
        if self.count % 7 == 0 and len(self.passed) > EARLIER:
            self.send(self.passed[-EARLIER])

    def pass_on(self, datagram):
        self.send(datagram)
        self.passed.append(datagram)
        del self.passed[: -2 * EARLIER]


def changed(datagram, number):
    copy = bytearray(datagram)
    copy[number * 7 % len(copy)] ^= 1 << number % 8
    return bytes(copy)


inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inside.bind(("127.0.0.1", int(sys.argv[1])))
outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
outside.connect((sys.argv[2], 2002))
client = None
up = Way(outside.send)
down = Way(lambda datagram: inside.sendto(datagram, client))
print("ready", file=sys.stderr, flush=True)

while True:
    for ready in select.select([inside, outside], [], [])[0]:
        if ready is inside:
            datagram, client = inside.recvfrom(65536)
            up.take(datagram)
        else:
            down.take(outside.recv(65536))
