"""What a quorum's kits open: their shares, the root secret, the sealed keys, and what each kit remembers
(SPEC sections 7, 8 and 10). Kits with a passphrase are refused: the standard library has no Argon2id."""
import base64, pathlib

import argon2, forms
from dealings import working
from identifiers import chain, check_value, parse, tag, write_text
from ledger import read_ledger
from record import SUITE, canonical, card_fingerprint, is_signed, open_note, read_canonical, read_json, spoken
from refusal import Refused
from sealed import Wing, hkdf, open_hpke, open_xchacha
from sharing import Share, combine_dealt
from signing import public_key

IDENTITY = {"format": 2, "signing": forms.digits(32), "seed": forms.digits(32), "protection": lambda value: value is None or isinstance(value, dict)}
CARD_FILE = {"format": 2, "card": forms.card, "nonce": forms.digits(24), "sealed": forms.digits(48)}
SHARE_FILE = {"format": 2, "service": forms.service, "epoch": forms.number, "custodian": forms.name, "share": forms.text("[0-9a-f]+")}
LABEL = {"format": 2, "suite": SUITE, "service": forms.service, "epoch": forms.number, "domain": forms.name,
         "kind": forms.one_of("statistics", "research"), "generation": forms.number, "check": forms.digits(32)}
KEY_FILE = {"format": 2, "label": LABEL, "nonce": forms.digits(24), "sealed": forms.digits(48)}
SHOWN = {"count": forms.whole(), "last": lambda value: value is None or isinstance(value, dict), "head": forms.nullable(forms.head)}
MEMORY_FILE = {"format": 2, "shown": SHOWN, "nonce": forms.digits(24), "sealed": forms.text("[A-Za-z0-9+/=]+")}
REMEMBERED = {"format", "suite", "service", "count", "checkpoint", "head", "bytes", "compressed", "epochs", "domains", "statements", "service_key"}


def read(path, form):
    value = read_json(pathlib.Path(path).read_bytes())
    forms.check(form, value)
    return value


def passphrase_key(passphrase, protection):
    """The key of a kit with a passphrase; some minutes of one processor."""
    memory, passes, lanes = (protection[f"argon2id_{of}"] for of in ("memory_kib", "passes", "lanes"))
    return argon2.argon2id(passphrase, bytes.fromhex(protection["salt"]), memory, passes, lanes)


def open_seed(identity, key):
    """The signing seed of a kit; `key` is that of its passphrase, or None where nothing protects it."""
    protection, seed = identity["protection"], bytes.fromhex(identity["seed"])
    if (protection is None) != (key is None):
        raise Refused("passphrase")
    if key is None:
        return seed
    associated = f"CStatNS/kit/2/{SUITE}/{identity['signing']}".encode()
    return open_xchacha(key, bytes.fromhex(protection["nonce"]), associated, seed + bytes.fromhex(protection["tag"]))


def check_identity(card, identity, seed):
    """Refuses a seed that is not that of the card."""
    body = card["body"]
    if not is_signed("CStatNS/card/", card, body["signing"]) or body["signing"] != identity["signing"]:
        raise Refused("card", of=body["name"])
    if public_key(seed).hex() != body["signing"]:
        raise Refused("seed", of=body["name"])


def receiving_key(seed, fingerprint):
    info = f"CStatNS/kit-receiving/2/{SUITE}/{fingerprint}".encode()
    return info, hkdf(seed, info)


def open_card(file, seed):
    """The seed of the receiving key that lies with a card."""
    card, body = file["card"], file["card"]["body"]
    if not is_signed("CStatNS/card/", card, body["signing"]) or public_key(seed).hex() != body["signing"]:
        raise Refused("card", of=body["name"])
    info, key = receiving_key(seed, card_fingerprint(card))
    receiving = open_xchacha(key, bytes.fromhex(file["nonce"]), info, bytes.fromhex(file["sealed"]))
    if Wing(receiving).public.hex() != body["receiving"]:
        raise Refused("card", of=body["name"])
    return receiving


def memory_key(seed, signing):
    info = f"CStatNS/kit-memory/2/{SUITE}/{signing}".encode()
    return info, hkdf(seed, info)


def open_memory(file, seed, signing):
    """What a kit remembers."""
    info, key = memory_key(seed, signing)
    associated, sealed = info + b"\n" + canonical(file["shown"]), base64.b64decode(file["sealed"], validate=True)
    memory = read_canonical(open_xchacha(key, bytes.fromhex(file["nonce"]), associated, sealed))
    if set(memory) - {"approvals"} != REMEMBERED or memory["format"] != 2 or memory["suite"] != SUITE:
        raise Refused("kit-memory")
    if file["shown"]["head"] != memory["head"] or file["shown"]["count"] != memory["count"]:
        raise Refused("kit-memory")
    return memory


def dealt_info(service, epoch, fingerprint):
    return f"CStatNS/share/2/{SUITE}/{service}/{epoch}/{fingerprint}".encode()


class Kit:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        identity, self.card = read(self.path / "identity", IDENTITY), read(self.path / "card.json", forms.card)
        self.name, self.signing = self.card["body"]["name"], self.card["body"]["signing"]
        self.seed = open_seed(identity, None)
        check_identity(self.card, identity, self.seed)

    def share(self, service, epoch):
        """The share that was dealt to a card in the roster of this epoch."""
        number = epoch.number
        file = read(self.path / f"share-{number}", SHARE_FILE)
        if (file["service"], file["epoch"], file["custodian"]) != (service, number, self.name):
            raise Refused("share", of=self.name)
        fingerprint = next((seat.card for seat in epoch.roster if seat.signing == self.signing), None)
        if fingerprint is None:
            raise Refused("not-in-roster", of=self.name)
        kept = read(self.path / f"card-{'-'.join(spoken(fingerprint).split('-')[:2])}.key", CARD_FILE)
        if card_fingerprint(kept["card"]) != fingerprint:
            raise Refused("card", of=self.name)
        wing = Wing(open_card(kept, self.seed))
        return Share(open_hpke(wing, dealt_info(service, number, fingerprint), bytes.fromhex(file["share"])))

    def memory(self, fold):
        """What the kit remembers, and whether this ledger holds it."""
        memory = open_memory(read(self.path / "memory", MEMORY_FILE), self.seed, self.signing)
        if memory["service"] != fold.card:
            raise Refused("kit-memory", of=self.name)
        if open_note(memory["checkpoint"].encode(), fold.card, fold.state.keys) != memory["head"]:
            raise Refused("kit-memory", of=self.name)
        signs = [key for since, key in fold.state.keys if since <= memory["head"]["size"]]
        if memory["service_key"] != signs[-1]:
            raise Refused("kit-memory", of=self.name)
        if memory["head"]["size"] > len(fold.tree):
            raise Refused("ledger-shorter", of=self.name)
        if not fold.tree.holds(memory["head"]):
            raise Refused("ledger-forked", of=self.name)
        return {"kit": self.name, "count": memory["count"], "head": memory["head"]["size"], "statements": len(memory["statements"])}


def lives(home, domain):
    """The copies of a project's life secret, in the order of the places."""
    path = lambda value: isinstance(value, str)
    for place in read(home / "places.json", {"format": 2, "life": [path], "mirrors": forms.Maybe([path])})["life"]:
        copy = home / place / f"{domain}.life"
        if copy.exists():
            yield copy.read_bytes()


def sealing_key(root, life, label):
    return hkdf(root + life, f"CStatNS/seal/2/{SUITE}/{label['service']}/{label['epoch']}/{label['kind']}".encode())


def unseal(root, life, label, file):
    key = open_xchacha(sealing_key(root, life, label), bytes.fromhex(file["nonce"]), b"CStatNS/seal/2/" + canonical(label), bytes.fromhex(file["sealed"]))
    if check_value(key, label["service"], label["domain"], label["generation"]).hex() != label["check"]:
        raise Refused("check-value")
    return key


def kept(domain):
    """Generation and check value of each key that is not lost."""
    return [(g, check) for g, check in sorted(domain.keys.items()) if g not in domain.lost]


def domain_keys(home, state, root, name):
    """The keys of a domain that are not lost, by generation, from the seals of the working epoch."""
    domain, epoch, keys = state.domains[name], working(state.epochs), []
    kind = "research" if domain.research else "statistics"
    for generation, check in kept(domain):
        file = read(home / "keys" / f"{name}.{generation}.{epoch}.key", KEY_FILE)
        label = {"format": 2, "suite": SUITE, "service": state.service, "epoch": epoch, "domain": name, "kind": kind,
                 "generation": generation, "check": check}
        for life in lives(home, name) if domain.research else [b""]:
            try:
                keys.append(unseal(root, life, label, file))
                break
            except Refused:
                continue
        else:
            raise Refused("key", domain=name, generation=generation)
    return keys


def openings(home, kits, identifiers=()):
    """Opens everything; with identifiers, their codes in each domain, of all generations."""
    home = pathlib.Path(home)
    fold = read_ledger(home / "ledger.jsonl", home / "card.json")
    state = fold.state
    number = working(state.epochs)
    kits = [Kit(path) for path in kits]
    root = combine_dealt([(kit.name, kit.share(state.service, state.epochs[number])) for kit in kits], state.service, state.epochs[number])
    living = [name for name, domain in state.domains.items() if not domain.destroyed]
    known = {f"{name}.{g}.{number}.key" for name in living for g in state.domains[name].keys}
    unknown = sorted({path.name for path in (home / "keys").iterdir()} - known)
    answer = {"epoch": number, "root_check": state.epochs[number].root_check, "keys": [], "codes": {}, "unknown": unknown}
    for name in living:
        keys, of = domain_keys(home, state, root, name), tag(state.service, name)
        answer["keys"] += [{"domain": name, "generation": g, "check": check} for g, check in kept(state.domains[name])]
        generations = [g for g, _ in kept(state.domains[name])]
        answer["codes"][name] = [[write_text(code, of, g) for g, code in zip(generations, chain(keys, "fr-nir", parse(text.encode())[0]))]
                                 for text in identifiers]
    answer["memories"] = [kit.memory(fold) for kit in kits]
    return answer
