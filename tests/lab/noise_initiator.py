"""The client's half of the handshakes in docs/protocol.md: Noise_IKpsk2_25519_ChaChaPoly_SHA256."""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PATTERN = b"Noise_IKpsk2_25519_ChaChaPoly_SHA256"
NO_PSK = bytes(32)


def raw(public_key):
    return public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def nonce(number):
    return bytes(4) + struct.pack("<Q", number)


class Handshake:
    """The initiator's half of a Noise_IKpsk2 handshake."""

    def __init__(self, prologue, static, server, psk):
        self.static, self.server, self.psk = static, server, psk
        self.ephemeral = X25519PrivateKey.generate()
        self.h = self.ck = hashlib.sha256(PATTERN).digest()
        self.mix_hash(prologue)
        self.mix_hash(server)

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def derive(self, material, count):
        secret, last, outputs = hmac.digest(self.ck, material, "sha256"), b"", []
        for i in range(count):
            last = hmac.digest(secret, last + bytes([i + 1]), "sha256")
            outputs.append(last)
        return outputs

    def mix_key(self, material):
        (self.ck, self.key), self.n = self.derive(material, 2), 0

    def mix_dh(self, private, public):
        self.mix_key(private.exchange(X25519PublicKey.from_public_bytes(public)))

    def mix_ephemeral(self, public):
        self.mix_hash(public)
        self.mix_key(public)

    def seal(self, plain):
        sealed = ChaCha20Poly1305(self.key).encrypt(nonce(self.n), plain, self.h)
        self.n += 1
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed):
        plain = ChaCha20Poly1305(self.key).decrypt(nonce(self.n), sealed, self.h)
        self.n += 1
        self.mix_hash(sealed)
        return plain

    def initiation(self, payload):
        public = raw(self.ephemeral.public_key())
        self.mix_ephemeral(public)
        self.mix_dh(self.ephemeral, self.server)
        static = self.seal(raw(self.static.public_key()))
        self.mix_dh(self.static, self.server)
        return public + static + self.seal(payload)

    def read_response(self, message):
        theirs = message[:32]
        self.mix_ephemeral(theirs)
        self.mix_dh(self.ephemeral, theirs)
        self.mix_dh(self.static, theirs)
        (self.ck, extra, self.key), self.n = self.derive(self.psk, 3), 0
        self.mix_hash(extra)
        return self.open(message[32:])
