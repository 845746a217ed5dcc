"""A kit on paper (SPEC section 8): its lines, and what is sealed in them."""
import re

import signing
from record import SUITE, sha256
from refusal import Refused
from sealed import Wing, open_xchacha
from sharing import Share

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DATA, MOST = 25, 31
LABEL = b"CStatNS/share/" + bytes([2, len(SUITE)]) + SUITE.encode()


def times(a, power):
    """a times 2 to this power, in GF(2^5) modulo x^5+x^2+1."""
    for _ in range(power):
        a = a << 1 ^ (0x25 if a & 0x10 else 0)
    return a


def checksum(number, data):
    sums = [0, 0, 0]
    for j in range(3):
        for i, symbol in enumerate([number, *data]):
            sums[j] ^= times(symbol, i * j % 31)
    return sums


def digest(data):
    return sha256("CStatNS/paper/", data)[:4]


def write(data):
    framed = len(data).to_bytes(2, "big") + data + digest(data)
    count = -(-8 * len(framed) // (5 * DATA))
    bits = int.from_bytes(framed, "big") << 5 * DATA * count - 8 * len(framed)
    symbols = [bits >> 5 * at & 31 for at in reversed(range(DATA * count))]
    text = ""
    for line in range(count):
        part = symbols[DATA * line:DATA * (line + 1)]
        letters = "".join(ALPHABET[symbol] for symbol in part + checksum(line + 1, part))
        text += f"{line + 1} " + " ".join(re.findall("....", letters)) + "\n"
    return text


def read(text):
    """The bytes of lines as they were typed; the case of letters and white space are forgiven."""
    symbols, count = [], None
    typed = [line for line in re.split("\r\n|\n", text.removeprefix("\ufeff")) if line.strip()]
    for number, line in enumerate(typed, 1):
        found, *groups = line.split()
        letters = "".join(letter.upper() if letter.isascii() else letter for letter in "".join(groups))
        if found != str(number) or count is not None and number > count:
            raise Refused("paper-order", line=number)
        if len(letters) != DATA + 3 or set(letters) - set(ALPHABET):
            raise Refused("paper-line", line=number)
        given = [ALPHABET.index(letter) for letter in letters]
        if checksum(number, given[:DATA]) != given[DATA:]:
            raise Refused("paper-line", line=number)
        symbols += given[:DATA]
        if count is None:
            length = (symbols[0] << 15 | symbols[1] << 10 | symbols[2] << 5 | symbols[3]) >> 4
            count = -(-8 * (length + 6) // (5 * DATA))
            if count > MOST:
                raise Refused("paper-lines")
    if not symbols or len(typed) < count:
        raise Refused("paper-missing")
    bits = 0
    for symbol in symbols:
        bits = bits << 5 | symbol
    rest = 5 * len(symbols) - 8 * (length + 6)
    framed = (bits >> rest).to_bytes(length + 6, "big")
    data = framed[2:-4]
    if bits & (1 << rest) - 1 or digest(data) != framed[-4:]:
        raise Refused("paper-lines")
    if len(data) < 58 or data[0] != 1:
        raise Refused("paper-version")
    return data


def protection(data):
    return {"argon2id_memory_kib": 65536, "argon2id_passes": 3, "argon2id_lanes": 1, "salt": data[1:17].hex()}


def open_sealed(data, key):
    return open_xchacha(key, data[17:41], f"CStatNS/kit-paper/1/{SUITE}".encode(), data[57:] + data[41:57])


def card(clear):
    """The fingerprint of the card that the kit is made with again."""
    flags, seed, receiving, length = clear[0], clear[1:33], clear[33:65], clear[65]
    name, share = clear[66:66 + length].decode(), clear[66 + length:]
    if flags & ~1:
        raise Refused("paper-content")
    Share(LABEL + share)
    body = {"format": 2, "name": name, "external": bool(flags & 1), "protected": True,
            "signing": signing.public_key(seed).hex(), "receiving": Wing(receiving).public.hex()}
    return signing.card(body, seed)[1]
