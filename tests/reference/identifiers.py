"""SPEC sections 3 to 5: canonical identifiers, the coding function, text and binary forms."""
import base64, datetime, functools, hashlib, hmac, re

from refusal import Refused

# 3. Canonical identifiers

SPACES, WHITE = " \u00a0\u202f", "\t\n\v\f\r"
SCIENTIFIC = r"[0-9]+([.,][0-9]*[Ee][+-]?|[Ee][+-])[0-9]+"
FORM = r"[123478][0-9]{2}(0[1-9]|1[0-2]|[2-9][0-9])([0-9]{2}|2[AB])[0-9]{6}([0-9]{2})?"


def key_of(canonical):
    department = {"2A": "19", "2B": "18"}.get(canonical[5:7], canonical[5:7])
    return 97 - int(canonical[:5] + department + canonical[7:]) % 97


def trimmed(raw):
    """The text of a cell without what is ignored at its ends, and the position of its first character."""
    text = raw.decode("utf-8", "surrogateescape")  # bytes that are not UTF-8 become characters that nothing accepts
    return text.strip(SPACES + WHITE), 1 + len(text) - len(text.lstrip(SPACES + WHITE))


def compact_form(body, first, characters, lengths, begins):
    """The characters that are not ignored, if some identifier has them in this order."""
    kept = []
    for position, character in enumerate(body, first):
        if character in characters:
            kept.append((position, character.upper()))
        elif character not in SPACES:
            raise Refused("wrong-character", position=position)
    compact = "".join(character for _, character in kept)
    if len(compact) not in lengths:
        raise Refused("wrong-length", found=len(compact))
    for i, (position, _) in enumerate(kept, 1):
        if not begins(compact[:i], len(compact)):
            raise Refused("wrong-form", position=position)
    return compact


def begins_nir(text, length):
    # Whatever an identifier may begin with can be completed with ones.
    return re.fullmatch(FORM, text.ljust(length, "1"))


def parse_nir(raw):
    body, first = trimmed(raw)
    if re.fullmatch(SCIENTIFIC, body):
        raise Refused("scientific")
    compact = compact_form(body, first, "0123456789ABab", (13, 15), begins_nir)
    canonical, key = compact[:13], compact[13:]
    if key and int(key) != key_of(canonical):
        raise Refused("wrong-control-key", found=int(key), expected=key_of(canonical))
    quality = "provisional" if canonical[0] in "3478" else "valid" if key else "unkeyed"
    return canonical, quality, compact


HETU_KEYS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
CENTURIES = {**dict.fromkeys("+", "+"), **dict.fromkeys("-UVWXY", "-"), **dict.fromkeys("ABCDEF", "A")}


@functools.lru_cache(1)
def beginnings_of_dates():
    """All beginnings of the dates of three centuries, each with one sign of its century."""
    first, days = datetime.date(1800, 1, 1), (datetime.date(2100, 1, 1) - datetime.date(1800, 1, 1)).days
    dates = (first + datetime.timedelta(days=n) for n in range(days))
    whole = [f"{date:%d%m}{date.year % 100:02}{'+-A'[date.year // 100 - 18]}" for date in dates]
    return {text[:n] for text in whole for n in range(1, 8)}


def begins_hetu(text, length):
    date, number, key = text[:7], text[7:10], text[10:]
    if date[:6] + CENTURIES.get(date[6:], date[6:]) not in beginnings_of_dates():
        return False
    if not re.fullmatch("[0-9]*", number) or int(number.ljust(3, "9")) < 2 or int(number.ljust(3, "0")) > 899:
        return False
    return key in HETU_KEYS


def parse_hetu(raw):
    body, first = trimmed(raw)
    try:
        compact = compact_form(body, first, "+-" + HETU_KEYS + HETU_KEYS.lower(), (11,), begins_hetu)
        found, expected = HETU_KEYS.index(compact[10]), int(compact[:6] + compact[7:10]) % 31
        if found != expected:
            raise Refused("wrong-control-key", found=found, expected=expected)
    except Refused:
        if re.fullmatch(SCIENTIFIC, body):
            raise Refused("scientific") from None
        raise
    return compact, "valid", compact


def parse(raw, scheme="fr-nir"):
    """bytes of a cell -> (canonical form, quality, compact form)"""
    return {"fr-nir": parse_nir, "fi-hetu": parse_hetu}[scheme](raw)


# 4. The coding function

def mac(key, *message):
    assert len(key) == 32
    return hmac.digest(key, b"".join(m.encode() if isinstance(m, str) else m for m in message), "sha256")


def issue(key, scheme, canonical):
    return mac(key, "CStatNS/issue/", scheme, "/", canonical)


def renew(key, code):
    return mac(key, "CStatNS/renew/", code)


def check_value(key, service, domain, generation):
    return mac(key, f"CStatNS/check/{service}/{domain}/{generation}")


def chain(keys, scheme, canonical):
    """The codes of generations 1, 2, ... under the domain's keys in order; only the last one leaves a service."""
    codes = [issue(keys[0], scheme, canonical)]
    for key in keys[1:]:
        codes.append(renew(key, codes[-1]))
    return codes


# 5. Text and binary forms

def base32(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


def tag(service, domain):
    return base32(hashlib.sha256(f"CStatNS/tag/{service}/{domain}".encode()).digest())[:4]


def write_text(code, tag, generation):
    return f"c{generation}.{tag}.{base32(code)}"


def read_text(text):
    """text form -> (32 bytes, tag, generation)"""
    parts = text.split(".", 2)
    if len(parts) < 3 or not text.startswith("c"):
        raise Refused("code-form")
    generation, tag, code = parts[0][1:], parts[1], parts[2]
    if not re.fullmatch("[1-9][0-9]*", generation) or int(generation) >= 1 << 32:
        raise Refused("code-generation")
    if not re.fullmatch("[a-z2-7]{4}", tag):
        raise Refused("code-tag")
    if not re.fullmatch("[a-z2-7]{52}", code):
        raise Refused("code-bytes")
    data = base64.b32decode(code.upper() + "====")
    if base32(data) != code:  # the four bits after the last byte must be zero
        raise Refused("code-bytes")
    return data, tag, int(generation)
