"""The vectors of commitments, statements and the ledger (SPEC sections 6, 8, 9 and 11)."""
import commitments, curves, forms, proofs, signing
from ledger import next_line
from record import Tree, canonical, digest, leaf_hash, open_note, spoken
from refusal import Refused


def seed(q):
    return bytes.fromhex(q["seed"])


# Commitments

def rows(q):
    """The rows of a vector, with what is repeated written out."""
    if "rows_of" in q:
        for number in range(1, q["rows_of"]["rows"] + 1):
            yield number.to_bytes(16, "big"), [f"{number:0{q['rows_of']['digits']}}"]
        return
    for index, values in q["rows"]:
        yield bytes.fromhex(index), [value["repeat"] * value["times"] if isinstance(value, dict) else value for value in values]


def committed(q, head):
    commit = commitments.Commit(bytes.fromhex(q["key"]), head, q["columns"])
    for index, values in rows(q):
        commit.row(index, values)
    return commit.finish()


def request(q):
    assert q["use"] == "renew" or q["generation"] == 0
    found = committed(q, commitments.request_head(q))
    return {"commitment": found, "words": spoken(found)}


def result(q):
    return {"commitment": committed(q, commitments.result_head({**q, "delivery": {"run": q["run"], "part": q["part"]}}))}


def report(q):
    made = signing.signed("CStatNS/report/", q["body"], seed(q))
    forms.check(commitments.REPORT, made)
    key = signing.public_key(seed(q)).hex()
    open_note(q["body"]["checkpoint"].encode(), {"body": {"id": q["body"]["service"], "signing": key}})
    return {"signature": made["signature"]}


COMMITMENTS = {"request": request, "result": result, "report": report}


# Statements

FORMS = {"CStatNS/receipt/": forms.receipt, "CStatNS/doubt/": forms.doubt, "CStatNS/approval/": forms.consent,
         "CStatNS/evidence/": forms.evidence, "CStatNS/declaration/": forms.declaration, "CStatNS/received/": forms.received,
         "CStatNS/comparison/": forms.comparison}


def statement(q):
    made = signing.signed(q["label"], q["body"], seed(q))
    forms.check(FORMS[q["label"]], made)
    gives = {"message": q["label"] + canonical(q["body"]).decode(), "signature": made["signature"]}
    return {**gives, "digest": digest("CStatNS/doubt-digest/", made)} if q["label"] == "CStatNS/doubt/" else gives


def cosignature(q):
    message, signature, cosigner, line = signing.cosignature(q["service"], q["head"], q["time"], seed(q))
    return {"message": message, "signature": signature.hex(), "cosigner": cosigner, "line": line}


def witness(q):
    key, line = signing.witness(q["service"], q["head"], q["time"], q["witness"], seed(q))
    return {"key": key, "line": line}


def checkpoint(q):
    note = signing.checkpoint(q["service"], q["head"], seed(q))
    card = {"body": {"id": q["service"], "signing": signing.public_key(seed(q)).hex()}}
    assert open_note(note.encode(), card) == q["head"]
    return {"message": note[:note.index("\n\n") + 1], "note": note}


STATEMENTS = {
    "statement": statement,
    "cosignature": cosignature,
    "witness": witness,
    "checkpoint": checkpoint,
    "verify": lambda q: {"valid": curves.verify(*(bytes.fromhex(q[name]) for name in ("public", "message", "signature")))}}


# Ledger

def line(q):
    forms.check(forms.line, q["line"])
    text = canonical(q["line"])
    return {"text": text.decode(), "leaf": leaf_hash(text).hex()}


def read(q):
    tree = Tree()
    for before in q["before"]:
        tree.push(leaf_hash(before.encode()))
    try:
        next_line(q["next"].encode(), q["service"], tree)
        return {"read": True}
    except Refused:
        return {"read": False}


def leaves(q):
    return [leaf_hash(bytes.fromhex(leaf)) for leaf in q["leaves"]]


def roots(q):
    tree = Tree()
    for n, leaf in enumerate(leaves(q), 1):
        tree.push(leaf)
        assert proofs.root(leaves(q)[:n]) == tree.roots[-1]
    return {"roots": [root.hex() for root in tree.roots]}


LEDGER = {
    "canonical-json": lambda q: {"text": canonical(q["value"]).decode()},
    "line": line,
    "read": read,
    "leaf": lambda q: {"leaf": leaf_hash(bytes.fromhex(q["bytes"])).hex()},
    "tree": roots,
    "inclusion": lambda q: {"proof": [node.hex() for node in proofs.inclusion(q["index"], leaves(q))]},
    "consistency": lambda q: {"proof": [node.hex() for node in proofs.consistency(q["size"], leaves(q))]}}
