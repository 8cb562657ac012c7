"""Forged datagrams for a simplevpn server: udp_flood.py ADDRESS SERVER_KEY_HEX COUNT RATE.

By turns initiations with a wrong mac1, with a right one, with a right one and a cookie, data for nobody,
and random bytes; RATE a second at the most, until SIGTERM has come and COUNT are sent. Says at the end how
many were sent, how many answers came, and how long the longest was.
"""
import hashlib
import hmac
import os
import signal
import socket
import struct
import sys
import time

address, key = sys.argv[1], bytes.fromhex(sys.argv[2])
count, rate = int(sys.argv[3]), int(sys.argv[4])
mac_key = hashlib.sha256(b"simplevpn mac1" + key).digest()


def initiation(index, has_right_mac, cookie):
    covered = struct.pack(">BBHI", 1, 0, 0, index) + os.urandom(160)
    mac = hmac.digest(mac_key, covered, "sha256")[:16]
    return covered + (mac if has_right_mac else os.urandom(16)) + cookie


def forged(i):
    kinds = [
        lambda: initiation(i, False, bytes(16)),
        lambda: initiation(i, True, bytes(16)),
        lambda: initiation(i, True, os.urandom(16)),
        lambda: struct.pack(">BBHIQ", 4, 0, 0, i * 2654435761 % 2**32, i) + os.urandom(64),
        lambda: os.urandom(200),
    ]
    return kinds[i % len(kinds)]()


# Made before, so that the sender's work does not slow it down.
datagrams = [forged(i) for i in range(5000)]
told = False


def stop(*_):
    global told
    told = True


signal.signal(signal.SIGTERM, stop)
flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
flood.setblocking(False)
flood.connect((address, 2002))
sent = answers = longest = 0
begun = time.monotonic()
print("begun", file=sys.stderr, flush=True)
while sent < count or not told:
    if sent >= (time.monotonic() - begun) * rate:
        time.sleep(0.0005)
    for _ in range(20):
        try:
            flood.send(datagrams[sent % len(datagrams)])
            sent += 1
        except BlockingIOError:
            pass
    try:
        while True:
            longest = max(longest, len(flood.recv(2048)))
            answers += 1
    except BlockingIOError:
        pass
print("sent", sent, "answers", answers, "longest", longest, flush=True)
