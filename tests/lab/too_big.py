"""Sends an IPv6 packet of LENGTH bytes (an echo request) that nobody may cut: too_big.py ADDRESS LENGTH.

Prints the first "packet too big" message that comes in answer, ICMPv6 header included, in hexadecimal.
"""
import socket
import struct
import sys

IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE = 23, 3
ECHO_REQUEST, PACKET_TOO_BIG = 128, 2
HEADERS = 48

address, length = sys.argv[1], int(sys.argv[2])
endpoint = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
endpoint.settimeout(5)
request = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, 0x1234, 1) + bytes(length - HEADERS)
endpoint.sendto(request, (address, 0))
message = b""
while message[:1] != bytes([PACKET_TOO_BIG]):
    message = endpoint.recv(65536)
print(message.hex())
