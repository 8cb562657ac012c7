"""Sends one router advertisement (RFC 4861, 4.2) to all nodes: router_advertisement.py INTERFACE"""

import socket
import struct
import sys

LIFETIME = 1800

interface = socket.if_nametoindex(sys.argv[1])
# Type 134, code 0, checksum (the kernel's to fill in), hop limit, flags, lifetime, two timers.
advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, LIFETIME, 0, 0)
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as router:
    router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    router.sendto(advertisement, ("ff02::1", 0, 0, interface))
