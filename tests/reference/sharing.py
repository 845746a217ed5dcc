"""Shares of the root secret (SPEC section 7): Shamir over GF(2^8) with the polynomial 0x11d."""
import hmac, struct

from record import SUITE, sha256
from refusal import Refused

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


class Share:
    """A share in clear, of exactly these bytes."""

    def __init__(self, data):
        rest = data
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


def combine(shares, service, epoch):
    """The root secret of an epoch of the ledger from {custodian: share}; refused by the holder's name."""
    places = {seat.name: (x, seat.commitment) for x, seat in enumerate(epoch.roster, 1)}
    of = (service, epoch.number, epoch.threshold["k"], epoch.threshold["n"])
    for name, share in shares.items():
        x, commitment = places.get(name, (0, ""))
        if (share.service, share.epoch, share.k, share.n) != of or share.x != x or share.commitment != commitment:
            raise Refused("share", of=name)
    if len(shares) < of[2]:
        raise Refused("too-few-shares")
    points = {share.x: share.y for share in shares.values()}
    first = dict(list(points.items())[:of[2]])
    root = at(first, 0)
    if any(at(first, x) != y for x, y in points.items()):
        raise Refused("shares-differ")
    if root_check(root, service, epoch.number) != epoch.root_check:
        raise Refused("root-check")
    return root
