"""Shares of the root secret (SPEC section 7): Shamir over GF(2^8) with the polynomial 0x11d; a dealing's receiving key."""
import hmac, struct

from record import SUITE, sha256
from refusal import Refused
from sealed import Wing, hkdf

EXP, LOG = [0] * 510, [0] * 256
_x = 1
for _i in range(255):
    EXP[_i], EXP[_i + 255], LOG[_x] = _x, _x, _i
    _x = _x << 1 ^ (0x11d if _x & 128 else 0)


def times(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def over(a, b):
    return EXP[LOG[a] + 255 - LOG[b]] if a else 0


def at(points, x):
    """The 32 values at `x` of the polynomials through these points, {x: 32 bytes}."""
    out = bytearray(32)
    for i, y in points.items():
        weight = 1
        for j in points:
            if j != i:
                weight = times(weight, over(x ^ j, i ^ j))
        for n in range(32):
            out[n] ^= times(weight, y[n])
    return bytes(out)


def split(root, coefficients, n):
    """The values at 1 ... n of the polynomials with this constant term and these coefficients of x, x^2, ..."""
    shares = []
    for x in range(1, n + 1):
        y = bytes(32)
        for term in reversed([root, *coefficients]):
            y = bytes(times(a, x) ^ b for a, b in zip(y, term))
        shares.append(y)
    return shares


def share_bytes(service, epoch, k, n, x, y):
    texts = b"".join(bytes([len(text)]) + text.encode() for text in (SUITE, service))
    return b"CStatNS/share/\x02" + texts + struct.pack(">I3B", epoch, k, n, x) + y


class Share:
    """A share in clear, of exactly these bytes."""

    def __init__(self, data):
        self.data = rest = data
        if not rest.startswith(b"CStatNS/share/\x02"):
            raise Refused("share-form")
        rest, texts = rest[15:], []
        for _ in range(2):
            texts.append(rest[1:1 + rest[0]] if rest else b"")
            rest = rest[1 + len(texts[-1]):]
        if texts[0] != SUITE.encode() or len(rest) != 4 + 3 + 32:
            raise Refused("share-form")
        self.service = texts[1].decode("ascii", "replace")
        self.epoch, self.k, self.n, self.x = struct.unpack(">I3B", rest[:7])
        self.y, self.commitment = rest[7:], sha256("CStatNS/share-commitment/", data).hex()


def root_check(root, service, epoch):
    return hmac.digest(root, f"CStatNS/check-root/{service}/{epoch}".encode(), "sha256").hex()


def receiving_key(root, service, epoch):
    """The key pair of a dealing."""
    return Wing(hkdf(root, f"CStatNS/request-root/2/{SUITE}/{service}/{epoch}".encode()))


def combine(given, service, epoch, threshold, holders):
    """The root secret from (name, share) of each custodian who gives one, by the roster's (name, commitment);
    refused by the holder's name."""
    places = {name: (x, commitment) for x, (name, commitment) in enumerate(holders, 1)}
    points, of = {}, (service, epoch, threshold["k"], threshold["n"])
    for name, share in given:
        x, commitment = places.get(name, (0, ""))
        if (share.service, share.epoch, share.k, share.n) != of or (share.x, share.commitment) != (x, commitment) or x in points:
            raise Refused("share", of=name)
        points[x] = share.y
    if len(points) < threshold["k"]:
        raise Refused("too-few-shares")
    first = dict(list(points.items())[:threshold["k"]])
    if any(at(first, x) != y for x, y in points.items()):
        raise Refused("shares-differ")
    return at(first, 0)


def combine_dealt(given, service, epoch):
    """The same for an epoch of the ledger, whose root has the check value and the receiving key that stand there."""
    root = combine(given, service, epoch.number, epoch.threshold, [(seat.name, seat.commitment) for seat in epoch.roster])
    if root_check(root, service, epoch.number) != epoch.root_check:
        raise Refused("root-check")
    if receiving_key(root, service, epoch.number).public.hex() != epoch.receiving:
        raise Refused("receiving-key")
    return root
