"""Questions about single functions of sections 3 to 5 and of cryptography, and their answers."""
import primitives
from identifiers import chain, check_value, parse, read_text, renew, tag, write_text
from refusal import Refused


def cell(q):
    return bytes.fromhex(q["hex"]) if "hex" in q else q["text"].encode()


def canonical(q):
    form, quality, compact = parse(cell(q), q.get("scheme", "fr-nir"))
    return {"canonical": form, "quality": quality, "compact": compact}


def codes(q):
    form, of = parse(cell(q))[0], tag(q["service"], q["domain"])
    made = chain([bytes.fromhex(key) for key in q["keys"]], "fr-nir", form)
    return {"canonical": form, "codes": [write_text(code, of, generation) for generation, code in enumerate(made, 1)]}


def renewed(q):
    """The keys are those of generations from + 1, from + 2, ..."""
    code, of, generation = read_text(q["code"])
    if of != tag(q["service"], q["domain"]):
        raise Refused("other-domain")
    if generation != q["from"]:
        raise Refused("other-generation")
    for key in q["keys"]:
        code, generation = renew(bytes.fromhex(key), code), generation + 1
    return {"code": write_text(code, of, generation)}


def check(q):
    return {"check": check_value(bytes.fromhex(q["keys"][0]), q["service"], q["domain"], q["generation"]).hex()}


def text(q):
    code, of, generation = read_text(q["text"])
    assert write_text(code, of, generation) == q["text"]
    return {"bytes": code.hex(), "tag": of, "generation": generation}


def hetu(q):
    if q["op"] == "canonical":
        return canonical({**q, "scheme": "fi-hetu"})
    code = chain([bytes.fromhex(q["key"])], "fi-hetu", parse(cell(q), "fi-hetu")[0])[0]
    return {"code": write_text(code, tag(q["service"], q["domain"]), 1)}


OPS = {"canonical": canonical, "codes": codes, "renew": renewed, "check": check, "text": text,
       "tag": lambda q: {"tag": tag(q["service"], q["domain"])}, **primitives.OPS}


def answer(q):
    try:
        return OPS[q["op"]](q)
    except Refused as refused:
        return refused.answer
