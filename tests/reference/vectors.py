"""Requests and answers, as the vectors of SPEC write them."""
import json, pathlib, sys

import primitives
from identifiers import chain, check_value, parse, read_text, renew, tag, write_text
from refusal import Refused


def answer(q):
    keys = [bytes.fromhex(k) for k in q.get("keys", [])]
    try:
        if q["op"] in primitives.OPS:
            return primitives.answer(q)
        if q["op"] in ("canonical", "codes"):
            raw = bytes.fromhex(q["hex"]) if "hex" in q else q["text"].encode()
            canonical, quality, compact = parse(raw)
            if q["op"] == "canonical":
                return {"canonical": canonical, "quality": quality, "compact": compact}
            codes, of = chain(keys, "fr-nir", canonical), tag(q["service"], q["domain"])
            return {"canonical": canonical, "codes": [write_text(c, of, g) for g, c in enumerate(codes, 1)]}
        if q["op"] == "check":
            return {"check": check_value(keys[0], q["service"], q["domain"], q["generation"]).hex()}
        if q["op"] == "tag":
            return {"tag": tag(q["service"], q["domain"])}
        if q["op"] == "text":
            code, of, generation = read_text(q["text"])
            assert write_text(code, of, generation) == q["text"]
            return {"bytes": code.hex(), "tag": of, "generation": generation}
        if q["op"] == "renew":  # the keys are those of generations from + 1, from + 2, ...
            code, of, generation = read_text(q["code"])
            if of != tag(q["service"], q["domain"]):
                raise Refused("other-domain")
            if generation != q["from"]:
                raise Refused("other-generation")
            for key in keys:
                code, generation = renew(key, code), generation + 1
            return {"code": write_text(code, of, generation)}
    except Refused as refused:
        return refused.answer
    raise ValueError("unknown op")


VECTORS = pathlib.Path(__file__).resolve().parents[2] / "spec" / "vectors"
FILES = ["canonical", "check", "codes", "renew", "tag", "text"]


def resolve(value, values):
    """A text that begins with $ stands for a value of the file."""
    if isinstance(value, str):
        return resolve(values[value[1:]], values) if value.startswith("$") else value
    if isinstance(value, list):
        return [resolve(item, values) for item in value]
    if isinstance(value, dict):
        return {name: resolve(item, values) for name, item in value.items()}
    return value


def check_vectors():
    ran = {}
    for name in FILES:
        file = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
        for q in resolve(file["vectors"], file["values"]):
            got = answer({**q, "op": name})
            if got != q["gives"]:
                sys.exit(f"{name}: {json.dumps(q)}\n  got {json.dumps(got)}")
        ran[name] = len(file["vectors"])
    print(json.dumps(ran))
