"""Writes genuine forms, from which fuzzing begins, to seeds/TARGET."""

import hashlib
import json
import pathlib

here = pathlib.Path(__file__).parent
golden = here.parent / "tests/data/golden"


def seed(target, data):
    folder = here / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


lines = (golden / "home/ledger.jsonl").read_bytes().splitlines()
for line in lines:
    seed("ledger", line)
    seed("statement", line)
    event = json.loads(line)["event"]
    seed("statement", text(event))
    for name in ("dealing", "receipt", "doubt", "question"):
        if name in event:
            seed("statement", text(event[name]))
    for seat in event.get("dealing", {}).get("roster", []):
        seed("statement", text(seat["card"]))
    for consent in event.get("consents", []):
        seed("statement", text(consent))
        seed("statement", text({"consent": consent, "share": "00" * 1200}))
    if "question" in event:
        seed("statement", text(event["question"]["action"]))
    for witness in event.get("witnesses", []):
        seed("statement", text(witness))
        seed("statement", text(witness["cosignature"]))
    if "doubt" in event:
        seed("statement", text(event["doubt"]["body"]["about"]))

for pattern in ("home/card.json", "home/places.json", "kit-*/card.json", "kit-*/receipt*.json", "shares/*.share"):
    for path in golden.glob(pattern):
        seed("statement", path.read_bytes())

for path in golden.glob("*.evidence.json"):
    seed("statement", path.read_bytes())
    for stated in json.loads(path.read_bytes())["body"]["statements"]:
        seed("statement", text(stated))
        if stated.get("proposal"):
            proposal = {"checkpoint": stated["proposal"], "question": stated["consent"]["body"]["question"]}
            seed("statement", text(proposal | {"run_key": "00" * 1216}))
for path in golden.glob("kit-*/memory"):
    shown = json.loads(path.read_bytes())["shown"]
    seed("statement", text(shown))
    seed("statement", text(shown["last"]["about"]))

for path in golden.glob("home/keys/*.key"):
    seed("keystore", path.read_bytes())
    seed("statement", text(json.loads(path.read_bytes())["label"]))
seed("keystore", (golden / "home/places.json").read_bytes())
for path in golden.glob("home/life/*.request"):
    seed("keystore", path.read_bytes().replace(path.name[:32].encode(), b"07" * 16))

checkpoint = (golden / "home/checkpoint").read_bytes()
note, signature = checkpoint.split(b"\n\n")
for data in (checkpoint, note + b"\n", signature.strip()):
    seed("note", data)

seal = {
    "format": 2, "suite": "CStatNS-HMAC-SHA-256", "service": "example.aaaaaaaaaa", "domain": "population",
    "rows": 40, "values": 39, "distinct": 38, "commitment": "07" * 32, "key": "08" * 32, "previous": [{"part": 1, "run": "09" * 16}],
}
for about in (
    {"use": "code", "scheme": "fr-nir"},
    {"use": "renew", "generation": 3},
    {"use": "look-up", "scheme": "fr-nir", "identifier": True, "accepted": [{"column": "nom", "reason": "employer-name"}]},
):
    seed("sealed", text(seal | about))
report = {
    "format": 1, "tool": "cstatns 0.1.0", "spec": "1", "service": "example.aaaaaaaaaaaaaaaaaaaaaaaaaa", "domain": "population",
    "generation": 1, "key_id": "0123456789abcdef", "delivery": {"part": 1, "run": "05" * 16}, "request": "07" * 32, "rows_in": 40, "rows_out": 40,
    "coded": 39, "quality": {"found": 39, "near": 1}, "scores": [0] * 19 + [39],
    "scheme": "fr-nir", "look_up": {"register": "06" * 16, "commitment": "08" * 32, "accept": "found", "min_score": 9500}, "accepted": {"nom": "employer-name"},
    "destroyed": [{"file": "request.csv", "bytes": 1000, "how": "overwritten"}],
    "begin": "2026-01-05T09:00:00Z", "end": "2026-01-05T09:00:01Z", "checkpoint": {"size": 42, "root": "04" * 32},
}
seed("sealed", text(report))

# The first byte says as what the others are read.
ledger = (golden / "home/ledger.jsonl").read_bytes()
seed("proposal", b"\2" + ledger)
proposal = {"checkpoint": checkpoint.decode(), "question": "00" * 32, "run_key": "00" * 1216}
seed("proposal", b"\0" + text({"format": 2, "ledger": "", "proposal": proposal, "suite": "CStatNS-HMAC-SHA-256"}))
for path in golden.glob("kit-*/ledger.zst"):
    seed("proposal", b"\1" + path.read_bytes())

# The first byte says which file the others stand in for.
key = next((golden / "kit-1").glob("card-*.key")).name
for number, name in enumerate(("memory", "ledger.zst", "share-2", "card.json", "identity", key)):
    seed("kit", bytes([number]) + (golden / "kit-1" / name).read_bytes())
for number, name in enumerate(("card.json", "checkpoint", "identity", "places.json")):
    seed("home", bytes([number]) + (golden / "home" / name).read_bytes())
journal = {"delivery": {"part": 1, "run": "00" * 16}, "format": 2, "key": "00" * 32, "place": "00" * 8,
           "ready": None, "request": [], "result": "/nowhere/result.csv"}
seed("home", bytes([4]) + text(journal))

# The first byte says what the others are: changes to one of seven cards, or the file of a card.
for number in range(7):
    seed("card", bytes([number]) + b"\0\7A")
for path in golden.glob("*/card.json"):
    seed("card", b"\7" + path.read_bytes())

# The first byte says what the others are: changes to one of two papers, or a text.
papers = json.loads((here.parent / "spec/vectors/paper.json").read_bytes())["values"]
seed("paper", b"\0" + b"\0\7A")
seed("paper", b"\1" + b"\0\7A")
for name in ("ana", "chloe"):
    seed("paper", b"\2" + papers[name].encode())

# The first byte says as what the others are read: an age file, changes to one, an archive, changes to one.
kept = json.loads((here.parent / "spec/vectors/parcels.json").read_bytes())["values"]
seed("parcel", b"\0" + bytes.fromhex(kept["parcel"]))
seed("parcel", b"\1" + b"\0\7A")
seed("parcel", b"\3" + b"\2\7A")
for name in ("wages", "linking"):
    seed("card", b"\7" + text(kept[name]))
    seed("statement", text(kept[name]))
