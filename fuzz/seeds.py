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
    for name in ("dealing", "receipt", "doubt", "proposal"):
        if name in event:
            seed("statement", text(event[name]))
    for seat in event.get("dealing", {}).get("roster", []):
        seed("statement", text(seat["card"]))
    for consent in event.get("consents", []):
        seed("statement", text(consent))
        seed("statement", text({"consent": consent, "share": "00" * 1200}))
    if "proposal" in event:
        seed("statement", text(event["proposal"]["body"]["action"]))
        seed("statement", text({"signed": event["proposal"], "run_key": "00" * 1216}))

for pattern in ("home/card.json", "home/places.json", "kit-*/card.json", "kit-*/receipt*.json", "shares/*.share"):
    for path in golden.glob(pattern):
        seed("statement", path.read_bytes())

for path in golden.glob("home/keys/*.key"):
    seed("keystore", path.read_bytes())
    seed("statement", text(json.loads(path.read_bytes())["label"]))
seed("keystore", (golden / "home/places.json").read_bytes())

checkpoint = (golden / "home/checkpoint").read_bytes()
note, signature = checkpoint.split(b"\n\n")
for data in (checkpoint, note + b"\n", signature.strip()):
    seed("note", data)
