"""The files of spec/vectors: each vector is computed again."""
import json, pathlib, sys

import parcels, questions, vectors_custody, vectors_record
from refusal import Refused

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "spec" / "vectors"
EXCUSED = {"register"}  # of section 18, which is not covered


def one(function):
    """A file of one kind of vector: `refused` names the reason."""
    def run(q):
        try:
            return function(q)
        except Refused as refused:
            return refused.answer
    return run


def several(ops):
    """A file of several kinds, which `op` names: `refused` is true, whatever the reason."""
    def run(q):
        try:
            return ops[q["op"]](q)
        except Refused:
            return {"refused": True}
    return run


FILES = {
    **{name: one(questions.OPS[name]) for name in ("canonical", "codes", "renew", "check", "tag", "text")},
    "hetu": one(questions.hetu),
    "commitments": several(vectors_record.COMMITMENTS),
    "shares": several(vectors_custody.SHARES),
    "cards": several(vectors_custody.CARDS),
    "statements": several(vectors_record.STATEMENTS),
    "seals": several(vectors_custody.SEALS),
    "paper": several(vectors_custody.PAPER),
    "parcels": several(parcels.OPS),
    "ledger": several(vectors_record.LEDGER)}


def resolve(value, values):
    """A text that begins with $ stands for a value of the file."""
    if isinstance(value, str):
        return resolve(values[value[1:]], values) if value.startswith("$") else value
    if isinstance(value, list):
        return [resolve(item, values) for item in value]
    if isinstance(value, dict):
        return {name: resolve(item, values) for name, item in value.items()}
    return value


def files(paths):
    """The files given, or all but those excused; a file that nobody computes is an error."""
    paths = [pathlib.Path(path) for path in paths]
    if not paths:
        paths = sorted(path for path in FOLDER.iterdir() if path.stem not in EXCUSED)
    unknown = [path.name for path in paths if path.suffix != ".json" or path.stem not in FILES]
    if unknown:
        sys.exit(f"nothing here computes the vectors of {', '.join(unknown)}")
    return paths


def is_same(got, q):
    # Of one type, too: for Python, true is 1.
    return json.dumps(got, sort_keys=True) == json.dumps(q["gives"], sort_keys=True)


def quick(q):
    """A vector with a passphrase: with the key that it gives in place of Argon2id; None where it gives none."""
    given = q["gives"].get("sealing_key")
    if given is None:
        return None
    try:
        opened = vectors_custody.open_paper if q["op"] == "paper" else vectors_custody.identity
        return opened(q, bytes.fromhex(given))
    except (Refused, ValueError):
        return {"refused": True}


def check_vectors(paths, is_quick):
    """Whether all vectors of these files are right; one line about each file."""
    read = []
    for path in files(paths):
        file = json.loads(path.read_text(encoding="utf-8"))
        read.append((path, [resolve(vector, file["values"]) for vector in file["vectors"]]))
    long = {id(q) for path, vectors in read for q in vectors if path.stem in ("seals", "paper") and q.get("passphrase")}
    if not is_quick:
        for _, vectors in read:
            for q in vectors:
                if id(q) in long:
                    vectors_custody.begin(q)
    holds = True
    for path, vectors in read:
        wrong, left = [], []
        for q in vectors:
            got = quick(q) if is_quick and id(q) in long else FILES[path.stem](q)
            if got is None:
                left.append(q["name"])
            elif not is_same(got, q):
                if not wrong:
                    print(f"{path}: {q['name']}\n  got {json.dumps(got)[:500]}\n  not {json.dumps(q['gives'])[:500]}", file=sys.stderr)
                wrong.append(q["name"])
        print(json.dumps({"file": path.stem, "vectors": len(vectors), "wrong": wrong, "left": left}))
        holds = holds and not wrong
    return holds
