"""Curve25519: verification of Ed25519 signatures (RFC 8032, strictly) and X25519 (RFC 7748).

Points are in extended coordinates (X, Y, Z, T). A key that is met a second time gets a table of its
multiples, as the base point has from the start: a verification is then some 128 additions.
"""
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
D2 = 2 * D % P
ROOT = pow(2, (P - 1) // 4, P)  # a square root of -1
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    x1, y1, z1, t1 = p
    x2, y2, z2, t2 = q
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = t1 * D2 % P * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def small_order(p):
    for _ in range(3):
        p = add(p, p)
    return p[0] % P == 0 and (p[1] - p[2]) % P == 0


def decode(data):
    """The point of an encoding, or None. An encoding that is not the canonical one of its point is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * ROOT % P
        if v * x * x % P != u:
            return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def encode(p):
    z = pow(p[2], -1, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def table(p):
    """For each of the 64 digits of a scalar in base 16, the fifteen multiples that it may stand for."""
    rows = []
    for _ in range(64):
        row = [p]
        for _ in range(14):
            row.append(add(row[-1], p))
        zs, product = [], 1  # one inversion for the row: points with Z = 1 are added faster
        for q in row:
            zs.append(product)
            product = product * q[2] % P
        inverse, flat = pow(product, -1, P), []
        for q, before in zip(reversed(row), reversed(zs)):
            z, inverse = inverse * before % P, inverse * q[2] % P
            x, y = q[0] * z % P, q[1] * z % P
            flat.append(((y - x) % P, (y + x) % P, D2 * x * y % P))
        rows.append(flat[::-1])
        p = add(row[-1], p)
    return rows


def add_multiple(p, scalar, rows):
    x1, y1, z1, t1 = p
    for row in rows:
        digit, scalar = scalar & 15, scalar >> 4
        if digit:
            less, more, t2 = row[digit - 1]
            a, b, c, d = (y1 - x1) * less % P, (y1 + x1) * more % P, t1 * t2 % P, 2 * z1
            e, f, g, h = b - a, d - c, d + c, b + a
            x1, y1, z1, t1 = e * f % P, g * h % P, f * g % P, e * h % P
    return x1, y1, z1, t1


def multiple(p, scalar):
    result = NEUTRAL
    for bit in bin(scalar)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, p)
    return result


BASE_Y = 4 * pow(5, -1, P) % P
BASE = table(decode(BASE_Y.to_bytes(32, "little")))
_keys, _seen = {}, {}


def _negated(key):
    """The negated point of a public key, and the table of its multiples once it is worth it; None for a key to refuse."""
    if key not in _keys:
        point = decode(key)
        if point is None or small_order(point):
            _keys[key] = None
        else:
            _keys[key] = [(-point[0] % P, point[1], 1, -point[3] % P), None, 0]
    entry = _keys[key]
    if entry:
        entry[2] += 1
        if entry[2] == 3:
            entry[1] = table(entry[0])
    return entry


def verify(key, message, signature):
    """Whether this is the signature of `message` under `key`: both encodings canonical, neither point of small
    order, the scalar below L, and [S]B = R + [k]A itself, not its eightfold."""
    of = (key, message, signature)
    if of not in _seen:
        _seen[of] = _verify(key, message, signature)
    return _seen[of]


def _verify(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    entry, scalar = _negated(key), int.from_bytes(signature[32:], "little")
    if not entry or scalar >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    right = add_multiple(NEUTRAL, k, entry[1]) if entry[1] else multiple(entry[0], k)
    commitment = add_multiple(right, scalar, BASE)
    # Compared as bytes, so that an encoding that is not canonical is never equal.
    return encode(commitment) == signature[:32] and not small_order(commitment)


def x25519(scalar, u):
    """RFC 7748, section 5: the shared u-coordinate, 32 bytes."""
    k = int.from_bytes(scalar, "little") & ~7 & (1 << 255) - 1 & ~(1 << 255) | 1 << 254
    x1 = int.from_bytes(u, "little") & (1 << 255) - 1
    x2, z2, x3, z3, swapped = 1, 0, x1, 1, 0
    for at in range(254, -1, -1):
        bit = k >> at & 1
        if bit != swapped:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swapped = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x3, z3 = pow(da + cb, 2, P), x1 * pow(da - cb, 2, P) % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


NINE = (9).to_bytes(32, "little")
