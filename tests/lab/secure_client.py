"""A client of the secure protocol, written from docs/protocol.md alone.

    secure_client.py INVITE KEY_FILE OPTION... STEP...

Connects with the private key in KEY_FILE (made if there is none), says on stdout what it is told,
and takes the steps in turn: "ping" (Ping and Pong), "echo" (an ICMP echo of the server through the
tunnel), "echo6" (the same over IPv6), "spoof6" (IPv6 packets that the server must drop), "rekey",
"echo-until=SECONDS" (echoes until the keys are that old), "close" (Close). An empty step list ends at
once. The options change the hello: --no-invite, --wrong-psk, --address=A; with --udp all of it goes
over UDP, with --tcp-prologue as if it were TCP.
"""
import base64
import hashlib
import hmac
import ipaddress
import os
import re
import socket
import struct
import sys
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from noise_initiator import NO_PSK, Handshake, nonce

PREAMBLE = bytes.fromhex("5356504e01000000")
PACKET, CONTROL = 1, 2
CONFIGURATION, PING, PONG, REKEY_INITIATION, REKEY_RESPONSE, CLOSE, ACKNOWLEDGE = range(1, 8)
UDP_PROLOGUE = bytes.fromhex("5356504e01010000")
INITIATION, RESPONSE, COOKIE_REPLY, DATA = range(1, 5)
ECHO_REPLY, ECHO_REQUEST = 0, 8
ECHO_REQUEST6, ECHO_REPLY6 = 128, 129
ICMP6 = 58


class Keys:
    """What Split() gives, and how many records each of the two has sealed."""

    def __init__(self, number, handshake):
        self.number, self.hash, self.born = number, handshake.h, time.monotonic()
        sending, receiving = handshake.derive(b"", 2)
        self.sending, self.receiving = ChaCha20Poly1305(sending), ChaCha20Poly1305(receiving)
        self.sent = self.received = 0


def item(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def items(data):
    while data and data[0] != 0:
        kind, length = struct.unpack_from(">BH", data)
        assert len(data) >= 3 + length, "an item is cut off"
        yield kind, data[3:3 + length]
        data = data[3 + length:]


def frame(kind, subtype, body, number=0):
    return struct.pack(">BBHH", kind, subtype, number, len(body)) + body


class Connection:
    def __init__(self, host, port, static, server):
        self.static, self.server, self.opening = static, server, []
        self.socket = socket.create_connection((host, port), 5)
        self.socket.settimeout(15)
        self.waiting = []

    def read(self, count):
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                raise ConnectionError("the server has closed the connection")
            data += chunk
        return data

    def shake_hands(self, hello):
        payload, psk = hello()
        handshake = Handshake(PREAMBLE, self.static, self.server, psk)
        message = handshake.initiation(payload + bytes(64 - len(payload)))
        self.socket.sendall(PREAMBLE + struct.pack(">H", len(message)) + message)
        response = self.read(struct.unpack(">H", self.read(2))[0])
        print("response of", len(response), "bytes", flush=True)
        capabilities = dict(items(handshake.read_response(response)))[2]
        assert len(capabilities) == 4
        self.keys = Keys(0, handshake)
        self.opening = [self.keys]

    def send(self, *frames):
        batch, keys = b"".join(frames), self.keys
        header = struct.pack(">I", keys.number << 24 | len(batch) + 16)
        self.socket.sendall(header + keys.sending.encrypt(nonce(keys.sent), batch, header))
        keys.sent += 1

    def receive(self):
        """The frames of the next record as tuples of type, kind, and body."""
        header = self.read(4)
        number, length = header[0], int.from_bytes(header[1:], "big")
        assert 16 <= length <= 131_098, "a record's length is out of bounds"
        numbers = [keys.number for keys in self.opening]
        assert number in numbers, "a record has a key number that is not in use"
        keys = self.opening[numbers.index(number)]
        batch = keys.receiving.decrypt(nonce(keys.received), self.read(length), header)
        keys.received += 1
        # The first record with new keys is the end of the old ones.
        del self.opening[:numbers.index(number)]
        while batch and batch[0] != 0:
            kind, subtype, _, length = struct.unpack_from(">BBHH", batch)
            assert len(batch) >= 6 + length, "a frame is cut off"
            yield kind, subtype, batch[6:6 + length]
            batch = batch[6 + length:]

    def send_reliably(self, subtype, body):
        self.send(frame(CONTROL, subtype, body))

    def wait_for(self, kind, subtype, matches=lambda body: True):
        """The body of the next frame like that; answers and tells of what else comes."""
        while True:
            while self.waiting:
                got = self.waiting.pop(0)
                self.handle(*got)
                if got[:2] == (kind, subtype) and matches(got[2]):
                    return got[2]
            self.waiting = list(self.receive())

    def handle(self, kind, subtype, body):
        if (kind, subtype) == (CONTROL, PING):
            self.send(frame(CONTROL, PONG, body))
        elif (kind, subtype) == (CONTROL, CLOSE):
            raise ConnectionError(f"the server says Close, reason {body[0]}")
        elif (kind, subtype) == (CONTROL, CONFIGURATION):
            self.configure(list(items(body)))

    def configure(self, configuration):
        first = dict(reversed(configuration))
        name = first[1].decode("ascii")
        assert re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name), "not a name"
        mtu, keepalive, timeout = (int.from_bytes(first[i], "big") for i in (3, 7, 8))
        # An address has 4 or 16 bytes, and the length of its network's prefix behind it.
        interfaces = [ipaddress.ip_interface((value[:-1], value[-1]))
                      for kind, value in configuration if kind == 2]
        self.interface, self.interface6 = interfaces
        assert (self.interface.version, self.interface6.version) == (4, 6)
        routes = [str(ipaddress.ip_network((value[:-1], value[-1])))
                  for kind, value in configuration if kind == 4]
        print("configuration", name, self.interface, self.interface6, "mtu", mtu, "keepalive",
              keepalive, "timeout", timeout, "routes", ",".join(routes), flush=True)

    def ping(self):
        value = os.urandom(8)
        self.send(frame(CONTROL, PING, value))
        self.wait_for(CONTROL, PONG, lambda body: body[:8] == value)
        print("pong with key", self.opening[0].number, flush=True)

    def echo(self):
        """Pings the server's inner address: the first of the network."""
        ours, server = self.interface.ip, self.interface.network.network_address + 1
        body = os.urandom(36)
        message = icmp(ECHO_REQUEST, body)
        self.send(frame(PACKET, 0, ipv4(ours, server, message)))
        expected = server.packed + ours.packed + icmp(ECHO_REPLY, body)
        self.wait_for(PACKET, 0, lambda packet: packet[12:] == expected)
        print("echo of", server, "with key", self.opening[0].number, flush=True)

    def echo6(self):
        """Pings the server's inner IPv6 address, the first of its network, too."""
        ours, server = self.interface6.ip, self.interface6.network.network_address + 1
        body = os.urandom(36)
        self.send(frame(PACKET, 0, ipv6(ours, server, icmp6(ours, server, ECHO_REQUEST6, body))))
        expected = server.packed + ours.packed + icmp6(server, ours, ECHO_REPLY6, body)
        self.wait_for(PACKET, 0, lambda packet: packet[8:] == expected)
        print("echo of the server over IPv6 with key", self.opening[0].number, flush=True)

    def spoof6(self):
        """Pings the server from addresses that are not this client's, and from its own, elsewhere."""
        network = self.interface6.network.network_address
        ours, server = self.interface6.ip, network + 1
        others = [server, network + 77, *map(ipaddress.ip_address, ("fe80::1", "::", "2001:db8::1"))]
        for source, destination in [(other, server) for other in others] + [
                (ours, ipaddress.ip_address(text)) for text in ("ff02::1", "fe80::1", "::1")]:
            message = icmp6(source, destination, ECHO_REQUEST6, bytes(36))
            self.send(frame(PACKET, 0, ipv6(source, destination, message)))
        self.echo6()

    def rekey(self):
        old = self.keys
        handshake = Handshake(PREAMBLE + old.hash, self.static, self.server, NO_PSK)
        self.send_reliably(REKEY_INITIATION, handshake.initiation(b""))
        handshake.read_response(self.wait_for(CONTROL, REKEY_RESPONSE))
        self.keys = Keys((old.number + 1) % 256, handshake)
        self.opening.append(self.keys)
        self.ping()

    def echo_until(self, seconds):
        while time.monotonic() < self.keys.born + seconds:
            self.echo()
            time.sleep(0.5)

    def close(self):
        self.send(frame(CONTROL, CLOSE, b"\x01"))
        self.socket.close()
        print("closed", flush=True)


class DatagramConnection(Connection):
    """The same over UDP: what is sent may be lost, and come twice."""

    def __init__(self, host, port, static, server):
        self.static, self.server, self.waiting = static, server, []
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.connect(address)
        self.seen, self.cookie = set(), bytes(16)
        # Numbered messages: the last that came, its parts so far; the last sent, and what awaits its word.
        self.had, self.parts, self.number, self.unacknowledged = 0, b"", 0, None

    def read_datagram(self, patience):
        """The next datagram; None if none comes in time."""
        self.socket.settimeout(patience)
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return None

    prologue = UDP_PROLOGUE

    def shake_hands(self, hello):
        mac_key = hashlib.sha256(b"simplevpn mac1" + self.server).digest()
        for _ in range(8):
            payload, psk = hello()
            self.index = os.urandom(4)
            handshake = Handshake(self.prologue, self.static, self.server, psk)
            message = handshake.initiation(payload + bytes(64 - len(payload)))
            covered = bytes([INITIATION, 0, 0, 0]) + self.index + message
            mac1 = hmac.digest(mac_key, covered, "sha256")[:16]
            self.socket.send(covered + mac1 + self.cookie)
            answer = self.read_datagram(0.6)
            if answer is None or answer[1:8] != bytes(3) + self.index:
                continue
            if answer[0] == COOKIE_REPLY:
                self.cookie = answer[8:]
            elif answer[0] == RESPONSE:
                return self.take_response(handshake, answer)
        raise ConnectionError("the server does not answer")

    def take_response(self, handshake, answer):
        self.server_index, response = answer[8:12], answer[12:]
        print("response of", len(response), "bytes", flush=True)
        assert len(dict(items(handshake.read_response(response)))[2]) == 4
        self.keys = Keys(0, handshake)
        self.opening = [self.keys]

    def send(self, *frames):
        keys = self.keys
        header = bytes([DATA, keys.number, 0, 0]) + self.server_index + struct.pack(">Q", keys.sent)
        batch = b"".join(frames)
        self.socket.send(header + keys.sending.encrypt(nonce(keys.sent), batch, header))
        keys.sent += 1

    def send_reliably(self, subtype, body):
        self.number = self.number % 65535 + 1
        self.unacknowledged = frame(CONTROL, subtype, b"\0" + body, self.number)
        self.send(self.unacknowledged)

    def receive(self):
        """The frames of the next good datagram; what is not acknowledged is repeated meanwhile."""
        for _ in range(60):
            datagram = self.read_datagram(0.25)
            if datagram is None:
                self.send(self.unacknowledged or frame(CONTROL, PING, bytes(8)))
            elif datagram[0] == DATA and datagram[4:8] == self.index:
                batch = self.open(datagram)
                if batch is not None:
                    return self.frames(batch)
        raise ConnectionError("the server is silent")

    def open(self, datagram):
        header, number, (counter,) = datagram[:16], datagram[1], struct.unpack(">Q", datagram[8:16])
        keys = [keys for keys in self.opening if keys.number == number]
        if not keys or (number, counter) in self.seen:
            return None
        batch = keys[0].receiving.decrypt(nonce(counter), datagram[16:], header)
        self.seen.add((number, counter))
        # Old keys go on opening what comes late; those in use stand first.
        if keys[0] is not self.opening[0] and keys[0] is self.keys:
            self.opening.insert(0, self.opening.pop(self.opening.index(keys[0])))
        return batch

    def frames(self, batch):
        while batch and batch[0] != 0:
            kind, subtype, number, length = struct.unpack_from(">BBHH", batch)
            assert len(batch) >= 6 + length, "a frame is cut off"
            body, batch = batch[6:6 + length], batch[6 + length:]
            if (kind, subtype) == (CONTROL, ACKNOWLEDGE):
                if body == struct.pack(">H", self.number):
                    self.unacknowledged = None
            elif kind != CONTROL or number == 0:
                yield kind, subtype, body
            elif self.is_next(number):
                self.parts += body[1:]
                if body[0] == 0:
                    whole, self.parts = self.parts, b""
                    yield kind, subtype, whole

    def is_next(self, number):
        following = self.had % 65535 + 1
        if number in (self.had, following):
            self.send(frame(CONTROL, ACKNOWLEDGE, struct.pack(">H", number)))
        if number != following:
            return False
        self.had = number
        return True


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack(">H", total ^ 0xffff)


def icmp(kind, body):
    return bytes([kind, 0]) + checksum(bytes([kind, 0, 0, 0]) + body) + body


def icmp6(source, destination, kind, body):
    """With the checksum of RFC 4443, 2.3, which covers a pseudo-header."""
    start = bytes([kind, 0])
    pseudo = source.packed + destination.packed + struct.pack(">II", 4 + len(body), ICMP6)
    return start + checksum(pseudo + start + bytes(2) + body) + body


def ipv6(source, destination, body):
    start = struct.pack(">IHBB", 6 << 28, len(body), ICMP6, 64)
    return start + source.packed + destination.packed + body


def ipv4(source, destination, body):
    start = struct.pack(">BBHHHBB", 0x45, 0, 20 + len(body), 0, 0, 64, 1)
    addresses = source.packed + destination.packed
    return start + checksum(start + bytes(2) + addresses) + addresses + body


def invite_parts(invite):
    host, port, key, token = re.fullmatch(
        r"simplevpn://(.+):(\d+)/([\w-]{43})/([\w-]{22})", invite).groups()
    key, token = (base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in (key, token))
    return host.strip("[]"), int(port), key, token


def from_token(token, purpose, length):
    info = b"simplevpn invite " + purpose
    return HKDF(hashes.SHA256(), length, salt=b"", info=info).derive(token)


def private_key(path):
    if not os.path.exists(path):
        with open(path, "wb") as file:
            file.write(os.urandom(32))
    with open(path, "rb") as file:
        return X25519PrivateKey.from_private_bytes(file.read())


def hello(token, options):
    """The items of the initiation's payload, and the psk."""
    payload = item(1, struct.pack(">Q", time.time_ns() // 1_000_000)) + item(2, bytes(4))
    for option in options:
        if option.startswith("--address="):
            payload += item(4, ipaddress.ip_address(option.split("=")[1]).packed)
    if "--no-invite" in options:
        return payload, NO_PSK
    psk = os.urandom(32) if "--wrong-psk" in options else from_token(token, b"psk", 32)
    return payload + item(3, from_token(token, b"id", 8)), psk


def main(invite, key_file, *arguments):
    host, port, server, token = invite_parts(invite)
    options = [argument for argument in arguments if argument.startswith("--")]
    kind = DatagramConnection if "--udp" in options else Connection
    connection = kind(host, port, private_key(key_file), server)
    if "--tcp-prologue" in options:
        connection.prologue = PREAMBLE
    connection.shake_hands(lambda: hello(token, options))
    connection.send(frame(CONTROL, PING, bytes(8)))
    connection.wait_for(CONTROL, CONFIGURATION)
    for step in arguments[len(options):]:
        name, _, value = step.partition("=")
        getattr(connection, name.replace("-", "_"))(*([float(value)] if value else []))


try:
    main(*sys.argv[1:])
except InvalidTag:
    sys.exit("what the server sent does not open")
except (OSError, AssertionError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
