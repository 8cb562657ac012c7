"""A DNS server that answers each question for an A record with one address, and prints the names.

dns_server.py LISTEN_ADDRESS ANSWER
"""

import socket
import struct
import sys


def answer(query: bytes, address: str) -> bytes:
    end = query.index(0, 12)
    question = query[12 : end + 5]
    (kind,) = struct.unpack_from("!H", query, end + 1)
    name, at = [], 12
    while query[at]:
        name.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    print(".".join(name), file=sys.stderr, flush=True)
    records = 1 if kind == 1 else 0
    header = query[:2] + struct.pack("!HHHHH", 0x8580, 1, records, 0, 0)
    record = struct.pack("!HHHIH", 0xC00C, 1, 1, 0, 4) + socket.inet_aton(address)
    return header + question + record * records


def main(listen: str, address: str) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # The address may be a tunnel's, which comes later (IP_FREEBIND).
    server.setsockopt(socket.IPPROTO_IP, 15, 1)
    server.bind((listen, 53))
    print("listening", file=sys.stderr, flush=True)
    while True:
        query, sender = server.recvfrom(4096)
        server.sendto(answer(query, address), sender)


main(sys.argv[1], sys.argv[2])
