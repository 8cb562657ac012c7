"""Flows of data that show whether what lies between their ends loses, doubles or swaps packets.

    flows.py serve                      sends back what comes, by TCP and UDP; says "ready" on stderr
    flows.py tcp ADDRESS FLOWS          prints what the kernel knows of the flows, as JSON
    flows.py udp ADDRESS FLOWS SEGMENT  in datagrams of up to SEGMENT bytes

The flows of one run send bursts of random bytes and wait for each to come back as it was sent. No
more than BUDGET bytes are on the way at any time, so no queue between here and there can overflow,
and nothing excuses a loss. What is wrong is said on stderr, and the status is 1.
"""
import json
import os
import socket
import struct
import sys
import threading

PORT = 7778
BUDGET = 65_000
BURSTS_AT_ONCE = 4
PATIENCE = 8

# linux/udp.h
UDP_SEGMENT, UDP_GRO = 103, 104
MOST_SEGMENTS = 64
SO_RCVBUFFORCE = 33

# Fields of struct tcp_info (linux/tcp.h), all of them 32 bits wide.
TCP_INFO = {
    "retransmitted": 100,
    "segments": 156,
    "duplicates": 216,
    "out_of_order": 224,
}
REPORT = struct.Struct("!" + "I" * len(TCP_INFO))


def tcp_report(connection):
    """What the kernel knows of one end of a flow: what it sent again or was told to have sent twice,
    and what came out of order."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    return [struct.unpack_from("=I", info, offset)[0] for offset in TCP_INFO.values()]


def receive(connection, length):
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise ConnectionError("the flow ended early")
        data += piece
    return data


def tcp_flow(address, burst, rounds, turn, reports):
    with socket.create_connection((address, PORT), PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(rounds):
            data = os.urandom(burst)
            with turn:
                connection.sendall(data)
                if receive(connection, burst) != data:
                    raise ValueError("other bytes came back")
        connection.shutdown(socket.SHUT_WR)
        there = REPORT.unpack(receive(connection, REPORT.size))
        reports.append((tcp_report(connection), there))


def answer_tcp(connection):
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(BUDGET):
            connection.sendall(data)
        connection.sendall(REPORT.pack(*tcp_report(connection)))


def bursts_of_datagrams(burst, segment):
    """Small datagrams one by one, then as many full ones as the kernel takes in one call."""
    yield [os.urandom(1 + i) for i in range(24)], None
    segments = min(burst // segment, MOST_SEGMENTS)
    yield [os.urandom(segment) for _ in range(segments - 1)] + [os.urandom(segment // 3)], segment


def send_datagrams(link, datagrams, segment):
    if segment is None:
        for datagram in datagrams:
            link.send(datagram)
    else:
        control = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", segment))]
        link.sendmsg([b"".join(datagrams)], control)


def udp_flow(address, burst, rounds, turn, segment):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 * BUDGET)
        link.connect((address, PORT))
        link.settimeout(PATIENCE)
        for _ in range(rounds):
            for datagrams, size in bursts_of_datagrams(burst, segment):
                with turn:
                    send_datagrams(link, datagrams, size)
                    for i, datagram in enumerate(datagrams):
                        if link.recv(BUDGET) != datagram:
                            raise ValueError(f"another datagram came in the place of number {i}")


def answer_udp(link):
    """Datagrams that came in one piece go back in one."""
    while True:
        data, control, _, sender = link.recvmsg(2**16, socket.CMSG_SPACE(4))
        size = [(level, UDP_SEGMENT, cmsg[:2]) for level, _, cmsg in control]
        link.sendmsg([data], size, 0, sender)


def serve():
    """Of both versions of IP: an IPv6 socket takes IPv4 as well, where it may."""
    link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 * BUDGET)
    link.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    link.bind(("", PORT))
    threading.Thread(target=answer_udp, args=[link]).start()
    listener = socket.create_server(
        ("", PORT), family=socket.AF_INET6, backlog=64, dualstack_ipv6=True)
    print("ready", file=sys.stderr, flush=True)
    while True:
        threading.Thread(target=answer_tcp, args=[listener.accept()[0]]).start()


def run(flow, address, flows, last):
    """Runs so many flows side by side. They share the budget: few bursts are on the way at once."""
    at_once = min(flows, BURSTS_AT_ONCE)
    turn = threading.Semaphore(at_once)
    failures = []
    threading.excepthook = lambda failure: failures.append(failure.exc_value)
    args = [address, BUDGET // at_once, max(2, 16 // flows), turn, last]
    threads = [threading.Thread(target=flow, args=args) for _ in range(flows)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(f"{len(failures)} of {flows} flows failed: {failures[0]!r}")


def sums(reports):
    return dict(zip(TCP_INFO, (sum(column) for column in zip(*reports))))


match sys.argv[1:]:
    case ["serve"]:
        serve()
    case ["tcp", address, flows]:
        reports = []
        run(tcp_flow, address, int(flows), reports)
        here, there = zip(*reports)
        print(json.dumps({"here": sums(here), "there": sums(there)}))
    case ["udp", address, flows, segment]:
        run(udp_flow, address, int(flows), int(segment))
