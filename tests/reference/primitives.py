"""Requests about single functions: signatures, key agreement, sealing. Others' vectors come as these."""
import curves, sealed
from refusal import Refused


def ed25519(q):
    return {"valid": curves.verify(q["key"], q["message"], q["signature"])}


def x25519(q):
    return {"shared": curves.x25519(q["private"], q["public"]).hex()}


def aead(q):
    function = {12: sealed.open_chacha, 24: sealed.open_xchacha}.get(len(q["nonce"]))
    if function is None or len(q["key"]) != 32:
        raise Refused("does-not-open")
    return {"opens": function(q["key"], q["nonce"], q["associated"], q["sealed"]).hex()}


OPS = {"ed25519": ed25519, "x25519": x25519, "aead": aead}


def answer(q):
    """The values of a request are hex."""
    return OPS[q["op"]]({name: bytes.fromhex(value) for name, value in q.items() if name != "op"})
