"""Questions about cryptography by itself: signatures, key agreement, sealing, passphrases. Others' vectors come as these."""
import argon2, curves, sealed
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


def argon2id(q):
    numbers = (q["memory"], q["passes"], q["lanes"], q["length"])
    return {"tag": argon2.argon2id(q["password"], q["salt"], *numbers, q["secret"], q["associated"]).hex()}


def read(function):
    """The texts of a question are hex."""
    return lambda q: function({name: bytes.fromhex(value) if isinstance(value, str) else value
                               for name, value in q.items() if name != "op"})


OPS = {name: read(function) for name, function in (("ed25519", ed25519), ("x25519", x25519), ("aead", aead), ("argon2id", argon2id))}
