"""What is sealed: HPKE (RFC 9180) in base mode with X-Wing, XChaCha20-Poly1305, HKDF-SHA-256."""
import hashlib, hmac, struct

import curves, mlkem
from refusal import Refused

# ChaCha20-Poly1305 (RFC 8439) and the longer nonce (draft-irtf-cfrg-xchacha)

CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
ROUNDS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]


def rounds(state):
    x = list(state)
    for _ in range(10):
        for a, b, c, d in ROUNDS:
            for first, second, third, left in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[first] = x[first] + x[second] & 0xffffffff
                turned = x[third] ^ x[first]
                x[third] = (turned << left | turned >> 32 - left) & 0xffffffff
    return x


def chacha20(key, counter, nonce, data):
    head, tail, out = CONSTANTS + struct.unpack("<8I", key), struct.unpack("<3I", nonce), b""
    for at in range(0, len(data), 64):
        state = head + (counter + at // 64,) + tail
        stream = struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(rounds(state), state)))
        block = data[at:at + 64]
        out += bytes(a ^ b for a, b in zip(block, stream))
    return out


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at:at + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return (total + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def padded(data):
    return data + bytes(-len(data) % 16)


def open_chacha(key, nonce, associated, sealed):
    """The plaintext of ciphertext and tag under ChaCha20-Poly1305."""
    body, tag = sealed[:-16], sealed[-16:]
    once = chacha20(key, 0, nonce, bytes(32))
    lengths = struct.pack("<QQ", len(associated), len(body))
    if len(sealed) < 16 or not hmac.compare_digest(tag, poly1305(once, padded(associated) + padded(body) + lengths)):
        raise Refused("does-not-open")
    return chacha20(key, 1, nonce, body)


def open_xchacha(key, nonce, associated, sealed):
    """The same under XChaCha20-Poly1305, with 24 bytes of nonce."""
    x = rounds(CONSTANTS + struct.unpack("<8I", key) + struct.unpack("<4I", nonce[:16]))
    return open_chacha(struct.pack("<8I", *x[:4], *x[12:]), bytes(4) + nonce[16:], associated, sealed)


# HKDF-SHA-256 (RFC 5869)

def extract(salt, ikm):
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def expand(prk, info, length):
    out, block = b"", b""
    for n in range(1, -(-length // 32) + 1):
        block = hmac.digest(prk, block + info + bytes([n]), "sha256")
        out += block
    return out[:length]


def hkdf(ikm, info):
    return expand(extract(b"", ikm), info, 32)


# X-Wing (draft-connolly-cfrg-xwing-kem)

LABEL = rb"\.//^" + b"\\"


class Wing:
    """The key pair of a 32-byte seed."""

    def __init__(self, seed):
        expanded = hashlib.shake_256(seed).digest(96)
        public, self.private = mlkem.key_pair(expanded[:32], expanded[32:64])
        self.scalar = expanded[64:]
        self.point = curves.x25519(self.scalar, curves.NINE)
        self.public = public + self.point

    def decapsulate(self, sent):
        first = mlkem.decapsulate(self.private, sent[:1088])
        second = curves.x25519(self.scalar, sent[1088:])
        return hashlib.sha3_256(first + second + sent[1088:] + self.point + LABEL).digest()


# HPKE, base mode: KEM 0x647a, KDF 0x0001, AEAD 0x0003

SUITE = b"HPKE" + struct.pack(">3H", 0x647a, 0x0001, 0x0003)


def labelled_extract(salt, label, ikm):
    return extract(salt, b"HPKE-v1" + SUITE + label + ikm)


def labelled_expand(prk, label, info, length):
    return expand(prk, struct.pack(">H", length) + b"HPKE-v1" + SUITE + label + info, length)


def open_hpke(wing, info, sealed):
    """The plaintext of 1120 bytes of encapsulated key and the ciphertext."""
    if len(sealed) < 1120 + 16:
        raise Refused("does-not-open")
    shared = wing.decapsulate(sealed[:1120])
    context = b"\0" + labelled_extract(b"", b"psk_id_hash", b"") + labelled_extract(b"", b"info_hash", info)
    secret = labelled_extract(shared, b"secret", b"")
    key, nonce = labelled_expand(secret, b"key", context, 32), labelled_expand(secret, b"base_nonce", context, 12)
    return open_chacha(key, nonce, b"", sealed[1120:])
