"""Forged datagrams for a simplevpn server: udp_flood.py ADDRESS SERVER_KEY_HEX COUNT.

By turns initiations with a right mac1, such with a wrong one, and data for nobody. Says at the end how
many answers came, and how long the longest was.
"""
import hashlib
import hmac
import os
import socket
import struct
import sys

address, key, count = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])
mac_key = hashlib.sha256(b"simplevpn mac1" + key).digest()
flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
flood.setblocking(False)
answers = longest = 0
for i in range(count):
    if i % 3 == 2:
        datagram = struct.pack(">BBHIQ", 4, 0, 0, i * 2654435761 % 2**32, i) + os.urandom(64)
    else:
        covered = struct.pack(">BBHI", 1, 0, 0, i) + os.urandom(160)
        mac = hmac.digest(mac_key, covered, "sha256")[:16] if i % 3 == 0 else os.urandom(16)
        datagram = covered + mac + bytes(16)
    try:
        flood.sendto(datagram, (address, 2002))
    except BlockingIOError:
        pass
    try:
        while True:
            longest = max(longest, len(flood.recv(2048)))
            answers += 1
    except BlockingIOError:
        pass
print("answers", answers, "longest", longest, flush=True)
