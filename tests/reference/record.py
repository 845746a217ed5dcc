"""The forms of SPEC sections 8 and 11: canonical JSON, statements, the tree, notes and cosignatures."""
import base64, calendar, functools, hashlib, json, re, time

import curves
from refusal import Refused

SUITE = "CStatNS-HMAC-SHA-256"
LARGEST = 2**53 - 1


def sha256(*parts):
    return hashlib.sha256(b"".join(p.encode() if isinstance(p, str) else p for p in parts)).digest()


# Canonical JSON (RFC 8785). All numbers are whole, so that Python's own writer has the same form.

def canonical(value):
    return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def ordered(value):
    """Members by the UTF-16 code units of their names."""
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))}
    return [ordered(v) for v in value] if isinstance(value, list) else value


def _whole(text):
    if len(text) > 17 or abs(int(text)) > LARGEST:
        raise Refused("number")
    return int(text)


def _not_whole(text):
    raise Refused("number")


def _members(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise Refused("member-twice")
    return dict(pairs)


def read_json(data):
    """The value of JSON text with whole numbers only and no member twice."""
    try:
        return json.loads(data.decode(), parse_int=_whole, parse_float=_not_whole, parse_constant=_not_whole, object_pairs_hook=_members)
    except (ValueError, RecursionError):
        raise Refused("not-json") from None


def read_canonical(data):
    value = read_json(data)
    try:
        same = canonical(value) == data
    except UnicodeEncodeError:  # half of a surrogate pair
        same = False
    if not same:
        raise Refused("not-canonical")
    return value


# Time

@functools.lru_cache(4096)
def seconds(text):
    """Seconds since 1970 of a time as a ledger writes it."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text, re.A):
        raise Refused("time")
    try:
        found = calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise Refused("time") from None
    if text[17:19] > "59":
        raise Refused("time")
    return found


# Digests and signatures

def digest(label, value):
    return sha256(label, canonical(value)).hex()


def card_fingerprint(card):
    return digest("CStatNS/card-fingerprint/", card)


def spoken(fingerprint):
    """Its first 16 bytes as eight words (SPEC section 8)."""
    letters = "bdfghjklmnprstvz", "aiou"
    words = []
    for at in range(0, 32, 4):
        bits = int(fingerprint[at:at + 4], 16)
        words.append("".join(letters[of][bits >> shift & len(letters[of]) - 1] for of, shift in ((0, 12), (1, 10), (0, 6), (1, 4), (0, 0))))
    return "-".join(words)


def is_signed(label, statement, key):
    message = label.encode() + canonical(statement["body"])
    return curves.verify(bytes.fromhex(key), message, bytes.fromhex(statement["signature"]))


def base32(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


def service_id(name, signing):
    return name + "." + base32(sha256("CStatNS/service/", bytes.fromhex(signing)))[:26]


# Tree (RFC 6962)

def leaf_hash(line):
    return sha256(b"\0", line)


class Tree:
    """The roots of all sizes of a growing tree; the last one of a refused line is taken back."""

    def __init__(self):
        self.whole, self.roots, self.leaves = [], [], []

    def push(self, leaf):
        self.leaves.append(leaf)
        # The roots of the whole subtrees that the leaves so far make up, largest first.
        stack, size = list(self.whole), len(self.leaves)
        stack.append(leaf)
        while size % 2 == 0:
            right, left = stack.pop(), stack.pop()
            stack.append(sha256(b"\1", left, right))
            size //= 2
        self.whole = stack
        root = stack[-1]
        for left in reversed(stack[:-1]):
            root = sha256(b"\1", left, root)
        self.roots.append(root)

    def __len__(self):
        return len(self.roots)

    def holds(self, head):
        return 1 <= head["size"] <= len(self.roots) and self.roots[head["size"] - 1].hex() == head["root"]


# Checkpoints (C2SP signed note, C2SP checkpoint) and cosignatures (C2SP tlog-cosignature)

def checkpoint_text(service, head):
    root = base64.b64encode(bytes.fromhex(head["root"])).decode()
    return f"cstatns/{service}\n{head['size']}\n{root}\n"


def key_number(name, kind, key):
    """What a line of a note says of its key."""
    return sha256(name, b"\n", bytes([kind]), key)[:4]


def _base64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("note-form") from None
    if base64.b64encode(data).decode() != text:
        raise Refused("note-form")
    return data


def open_note(data, card, keys=None):
    """The head of a checkpoint that the service with this card signed; `keys` holds the number of the event from which on each
    of its keys signs, and the key."""
    service = card["body"]["id"]
    try:
        text, _, signatures = data.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise Refused("note-form") from None
    text += "\n"
    if not signatures.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", data.decode()):
        raise Refused("note-form")
    form = re.fullmatch(r"([^\n]*)\n(0|[1-9][0-9]*)\n([^\n]+)\n", text, re.A)
    if not form:
        raise Refused("checkpoint-form")
    origin, size, root = form[1], int(form[2]), _base64(form[3])
    if len(root) != 32 or size > LARGEST:
        raise Refused("checkpoint-form")
    if origin != f"cstatns/{service}":
        raise Refused("checkpoint-origin")
    signs = [key for since, key in keys or [(1, card["body"]["signing"])] if since <= max(size, 1)]
    key = bytes.fromhex(signs[-1])
    number, found = key_number(origin, 1, key), False
    if signatures.count("\n") > 512:
        raise Refused("note-form")
    for line in signatures[:-1].split("\n"):
        parts = re.fullmatch("— ([^ +]+) ([^ ]+)", line)
        if not parts:
            raise Refused("note-form")
        signature = _base64(parts[2])
        if len(signature) < 5:
            raise Refused("note-form")
        if parts[1] == origin and signature[:4] == number:
            if not curves.verify(key, text.encode(), signature[4:]):
                raise Refused("checkpoint-signature")
            found = True
    if not found:
        raise Refused("checkpoint-signature")
    return {"size": size, "root": root.hex()}


def cosigned_text(service, head, time):
    return f"cosignature/v1\ntime {seconds(time)}\n{checkpoint_text(service, head)}"


def is_cosigned(service, cosignature, key):
    message = cosigned_text(service, cosignature["head"], cosignature["time"])
    is_dated = seconds(cosignature["time"]) >= 0
    return is_dated and curves.verify(bytes.fromhex(key), message.encode(), bytes.fromhex(cosignature["signature"]))
