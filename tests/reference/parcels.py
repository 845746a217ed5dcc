"""Parties and parcels (SPEC section 19): age files, their members, their seal."""
import base64, hashlib, hmac, re, struct

import curves, signing
from record import SUITE, card_fingerprint, digest, is_signed, read_json, seconds, spoken
from refusal import Refused
from sealed import Wing, expand, extract, open_chacha, open_hpke
from sharing import receiving_key

INFO = b"age-encryption.org/mlkem768x25519"
CHUNK, BLOCK, PART = 64 << 10, 512, 1 << 20
DAY = 86_400


def demand(holds, word):
    if not holds:
        raise Refused(word)


# age

def base64_of(text):
    """Base64 without padding, in its one spelling."""
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Refused("base64") from None
    demand(base64.b64encode(data).rstrip(b"=") == text, "base64")
    return data


def stanzas(file):
    """The stanzas of a head, what its code covers, the code, and what follows it."""
    lines, found = file.split(b"\n"), []
    demand(lines[0] == b"age-encryption.org/v1", "version")
    at = 1
    while at < len(lines) and not lines[at].startswith(b"---"):
        demand(lines[at].startswith(b"-> "), "stanza")
        words, body = lines[at][3:].split(b" "), b""
        demand(all(re.fullmatch(rb"[!-~]+", word) for word in words), "stanza")
        while True:
            at += 1
            demand(at < len(lines) and len(lines[at]) <= 64, "stanza")
            body += base64_of(lines[at])
            if len(lines[at]) < 64:
                break
        found.append((words, body))
        at += 1
    demand(found and at < len(lines) - 1 and lines[at].startswith(b"--- "), "head")
    covered = b"\n".join(lines[:at]) + b"\n---"
    return found, covered, base64_of(lines[at][4:]), b"\n".join(lines[at + 1:])


def plaintext(file, seed):
    found, covered, code, rest = stanzas(file)
    wing, key = Wing(seed), None
    for words, body in found:
        if words[0] == b"mlkem768x25519":
            demand(len(words) == 2 and len(body) == 32, "stanza")
            sent = base64_of(words[1])
            demand(len(sent) == 1120 and any(curves.x25519(bytes([8] + [0] * 30 + [64]), sent[1088:])), "stanza")
            try:
                key = open_hpke(wing, INFO, sent + body)
                break
            except Refused:
                pass
    demand(key is not None, "receiver")
    header = expand(extract(b"", key), b"header", 32)
    demand(hmac.compare_digest(hmac.digest(header, covered, "sha256"), code), "code")
    demand(len(rest) >= 16, "cut")
    payload, rest, text = expand(extract(rest[:16], key), b"payload", 32), rest[16:], b""
    number = 0
    while True:
        chunk, rest = rest[:CHUNK + 16], rest[CHUNK + 16:]
        opened = open_chacha(payload, b"\0\0\0" + struct.pack(">Q", number) + bytes([not rest]), b"", chunk)
        demand(opened or (number == 0 and not rest), "empty")
        text, number = text + opened, number + 1
        if not rest:
            return text


# Members

def header(name, length):
    fields = [(name.encode(), 100), (b"0000600\0", 8), (b"0000000\0", 8), (b"0000000\0", 8), (b"%011o\0" % length, 12),
              (b"0" * 11 + b"\0", 12), (b" " * 8, 8), (b"0", 1), (b"", 100), (b"ustar\0", 6), (b"00", 2), (b"", 32), (b"", 32),
              (b"0000000\0", 8), (b"0000000\0", 8), (b"", 155)]
    block = b"".join(data.ljust(width, b"\0") for data, width in fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


class Archive:
    def __init__(self, data):
        self.data, self.at = data, 0

    def is_next(self, name):
        block = self.data[self.at:self.at + BLOCK]
        digits = block[124:135]
        return bool(re.fullmatch(rb"[0-7]{11}", digits)) and block == header(name, int(digits, 8))

    def member(self, name, limit):
        demand(self.is_next(name), "members")
        length = int(self.data[self.at + 124:self.at + 135], 8)
        begin = self.at + BLOCK
        data = self.data[begin:begin + length]
        self.at = begin + -(-length // BLOCK) * BLOCK
        demand(length <= limit and len(data) == length and not any(self.data[begin + length:self.at]), "members")
        demand(self.at <= len(self.data), "members")
        return data


# Parcels

def check_head(head):
    own = {"format", "suite", "kind", "parcel", "sender", "receiver", "made", "expires", "type"}
    demand(own <= set(head) <= own | {"service", "domain", "commitment", "key", "for", "checkpoint"}, "head")
    demand(head["format"] == 2 and head["suite"] == SUITE and head["kind"] in ("request", "result", "file"), "head")
    of_service = sum(field in head for field in ("service", "domain", "commitment"))
    demand(of_service == (0 if head["kind"] == "file" else 3), "head")
    demand(head["kind"] == "request" or not {"key", "for"} & set(head), "head")
    demand(re.fullmatch(r"[0-9a-f]{32}", head["parcel"]) is not None, "head")
    demand(re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+)*", head["type"]) is not None and len(head["type"]) <= 16, "head")
    for end in ("sender", "receiver"):
        demand(set(head[end]) == {"name", "card"}, "head")
    demand(seconds(head["made"]) < seconds(head["expires"]), "head")


def open_parcel(q):
    archive = Archive(plaintext(bytes.fromhex(q["parcel"]), bytes.fromhex(q["seed"])))
    head = read_json(archive.member("head.json", 64 << 10))
    check_head(head)
    demand(head["receiver"]["card"] == q["receiver"], "receiver")
    now = seconds(q["now"])
    demand(now < seconds(head["expires"]) and seconds(head["made"]) <= now + DAY, "time")
    file, members = b"", []

    def take(name, limit):
        data = archive.member(name, limit)
        members.append({"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        return data

    while True:
        part = take(f"data/{len(members) + 1:06}", PART)
        file += part
        if archive.is_next("about.json"):
            break
        demand(len(part) == PART, "members")
    about = take("about.json", 16 << 20)
    seal = read_json(archive.member("seal.json", 16 << 20))
    demand(archive.data[archive.at:] == bytes(2 * BLOCK), "end")
    demand(set(seal) == {"card", "members", "signature"} and seal["members"] == members, "seal")
    (kind, card), = seal["card"].items()
    label = {"party": "CStatNS/party-card/", "service": "CStatNS/service-card/"}[kind]
    key = card["body"]["signing"]
    name = card["body"]["name"] if kind == "party" else card["body"]["id"].split(".")[0]
    demand(card["body"]["format"] == 2 and is_signed(label, card, key), "seal")
    demand(head["sender"] == {"name": name, "card": card_fingerprint(card)}, "seal")
    sealed = {"body": {"head": head, "members": members}, "signature": seal["signature"]}
    demand(is_signed("CStatNS/parcel/", sealed, key), "seal")
    demand(card in q["known"], "sender")
    return {"head": head, "about": about.decode(), "file": file.hex()}


def party_card(q):
    seeds = bytes.fromhex(q["seeds"])
    body = {"format": 2, "name": q["party"], "protected": q["protected"], "signing": signing.public_key(seeds[:32]).hex(),
            "receiving": Wing(seeds[32:]).public.hex()}
    card = signing.signed("CStatNS/party-card/", body, seeds[:32])
    fingerprint = card_fingerprint(card)
    return {"card": card, "fingerprint": fingerprint, "words": spoken(fingerprint)}


def request_key(q):
    """The private half of a request key, as a place of life secrets holds it."""
    info = f"CStatNS/request-key/2/{SUITE}/{q['service']}/{q['epoch']}/{q['domain']}/{q['key']}".encode()
    half = open_hpke(receiving_key(bytes.fromhex(q["root"]), q["service"], q["epoch"]), info, bytes.fromhex(q["sealed"]))
    return {"half": half.hex(), "public": digest("CStatNS/request-public/", Wing(half).public.hex())}


OPS = {"party-card": party_card, "open": open_parcel, "request-key": request_key}
