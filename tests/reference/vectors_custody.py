"""The vectors of cards, shares and seals (SPEC sections 7 to 10)."""
import concurrent.futures, functools, json, struct

import forms, openings, paper, sharing, signing
from dealings import check_dealing, check_service_card
from identifiers import check_value
from record import card_fingerprint, digest, is_signed, sha256, spoken
from refusal import Refused
from sealed import Wing, open_hpke


def seed(q):
    return bytes.fromhex(q["seed"])


# Cards

def is_sound(q):
    try:
        if "card" in q:
            forms.check(forms.card, q["card"])
            return is_signed("CStatNS/card/", q["card"], q["card"]["body"]["signing"])
        forms.check(forms.service_card, q["service_card"])
        check_service_card(q["service_card"])
        return True
    except Refused:
        return False


def named(fingerprint):
    return {"fingerprint": fingerprint, "words": spoken(fingerprint)}


def card(q):
    made, fingerprint = signing.card(q["body"], seed(q))
    forms.check(forms.card, made)
    return {"signature": made["signature"], **named(fingerprint)}


def dealing(q):
    forms.check(forms.dealing, q["dealing"])
    return named(check_dealing(q["dealing"], q["dealing"]["service"]).fingerprint)


CARDS = {
    "signing-key": lambda q: {"public": signing.public_key(seed(q)).hex()},
    "receiving-key": lambda q: {"public": Wing(seed(q)).public.hex()},
    "service-card": lambda q: {"card": signing.service_card(q["service_name"], seed(q))},
    "card": card,
    "sound": lambda q: {"sound": is_sound(q)},
    "words": lambda q: {"words": spoken(q["fingerprint"])},
    "dealing": dealing}


# Shares

def split(q):
    assert len(q["coefficients"]) == q["k"] - 1
    coefficients = [bytes.fromhex(text) for text in q["coefficients"]]
    return {"y": [y.hex() for y in sharing.split(bytes.fromhex(q["root"]), coefficients, q["n"])]}


def shown(share):
    return {"share": share.data.hex(), "commitment": share.commitment}


def share(q):
    numbers = (q["epoch"], q["k"], q["n"], q["x"])
    return shown(sharing.Share(sharing.share_bytes(q["service"], *numbers, bytes.fromhex(q["y"]))))


def recover(q):
    given = [(one["name"], sharing.Share(bytes.fromhex(one["share"]))) for one in q["given"]]
    holders = [(holder["name"], holder["commitment"]) for holder in q["holders"]]
    root = sharing.combine(given, q["service"], q["epoch"], {"k": q["k"], "n": q["n"]}, holders)
    return {"root": root.hex(), "check": sharing.root_check(root, q["service"], q["epoch"])}


def opened(q, info):
    try:
        return shown(sharing.Share(open_hpke(Wing(seed(q)), info, bytes.fromhex(q["sealed"]))))
    except Refused:
        return {"refused": True}


def open_dealt(q):
    info = openings.dealt_info(q["service"], q["epoch"], card_fingerprint(q["card"]))
    return {"info": info.decode(), **opened(q, info)}


def approval_info(q):
    key = Wing(seed(q)).public
    info = sha256("CStatNS/approval-info/2\n", bytes.fromhex(q["question"]), struct.pack(">Q", q["head"]["size"]),
                  bytes.fromhex(q["head"]["root"]), sha256(key))
    return info, digest("CStatNS/run-key/", key.hex())


def open_approval(q):
    return {"digest": sha256("CStatNS/sealed-share/", bytes.fromhex(q["sealed"])).hex(), **opened(q, approval_info(q)[0])}


SHARES = {
    "split": split,
    "share": share,
    "recover": recover,
    "root-check": lambda q: {"check": sharing.root_check(bytes.fromhex(q["root"]), q["service"], q["epoch"])},
    "dealing-key": lambda q: {"public": sharing.receiving_key(bytes.fromhex(q["root"]), q["service"], q["epoch"]).public.hex()},
    "open-dealt": open_dealt,
    "approval-info": lambda q: dict(zip(("info", "run_key"), (approval_info(q)[0].hex(), approval_info(q)[1]))),
    "open-approval": open_approval}


# Seals

def key(q):
    forms.check(openings.KEY_FILE, q["file"])
    forms.check(openings.LABEL, q["label"])
    root, life, label = bytes.fromhex(q["root"]), bytes.fromhex(q["life"] or ""), q["label"]
    opened = openings.unseal(root, life, label, q["file"])
    assert check_value(opened, label["service"], label["domain"], label["generation"]).hex() == label["check"]
    return {"sealing_key": openings.sealing_key(root, life, label).hex(), "key": opened.hex()}


@functools.lru_cache
def _begun(passphrase, protection):
    """Argon2id takes long: in processes of its own, which go on while other vectors are computed."""
    return _processes().submit(openings.passphrase_key, bytes.fromhex(passphrase), json.loads(protection))


@functools.lru_cache
def _processes():
    return concurrent.futures.ProcessPoolExecutor(2)


def begin(q):
    """Begins what takes long of a vector; whether there is anything."""
    if q.get("passphrase") is None:
        return False
    protection = paper.protection(paper.read(q["text"])) if q["op"] == "paper" else q["file"]["protection"]
    _begun(q["passphrase"], parameters(protection))
    return True


def parameters(protection):
    """What the key follows from, beside the passphrase."""
    return json.dumps({name: protection[name] for name in ("argon2id_memory_kib", "argon2id_passes", "argon2id_lanes", "salt")})


def identity(q, given=None):
    """`given`: the key of the passphrase in place of computing it."""
    forms.check(openings.IDENTITY, q["file"])
    key = given
    if key is None and q["passphrase"] is not None:
        key = _begun(q["passphrase"], parameters(q["file"]["protection"])).result()
    seed = openings.open_seed(q["file"], key)
    openings.check_identity(q["card"], q["file"], seed)
    return {"sealing_key": key and key.hex(), "seed": seed.hex()}


def card_key(q):
    forms.check(openings.CARD_FILE, q["file"])
    signing = bytes.fromhex(q["seed"])
    receiving = openings.open_card(q["file"], signing)
    fingerprint = card_fingerprint(q["file"]["card"])
    words = "-".join(spoken(fingerprint).split("-")[:2])
    return {"sealing_key": openings.receiving_key(signing, fingerprint)[1].hex(), "receiving": receiving.hex(), "name": f"card-{words}.key"}


def memory(q):
    forms.check(openings.MEMORY_FILE, q["file"])
    signing, own = q["card"]["body"]["signing"], bytes.fromhex(q["seed"])
    opened = openings.open_memory(q["file"], own, signing)
    return {"sealing_key": openings.memory_key(own, signing)[1].hex(), "opened": opened}


# Paper

def open_paper(q, given=None):
    """`given`: the key of the passphrase in place of computing it."""
    data = paper.read(q["text"])
    key = given or _begun(q["passphrase"], parameters(paper.protection(data))).result()
    clear = paper.open_sealed(data, key)
    return {"sealing_key": key.hex(), "clear": clear.hex(), "card": paper.card(clear)}


PAPER = {
    "lines": lambda q: {"text": paper.write(bytes.fromhex(q["bytes"]))},
    "read": lambda q: {"bytes": paper.read(q["text"]).hex()},
    "paper": open_paper}

SEALS = {"key": key, "identity": identity, "card": card_key, "memory": memory}
