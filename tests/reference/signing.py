"""Ed25519 keys and signatures (RFC 8032), and what is signed with them (SPEC sections 8 and 11)."""
import base64, hashlib

import curves
from record import base32, canonical, card_fingerprint, checkpoint_text, cosigned_text, key_number, seconds, service_id, sha256


def _expanded(seed):
    digest = hashlib.sha512(seed).digest()
    return int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254, digest[32:]


def _times_base(scalar):
    return curves.encode(curves.add_multiple(curves.NEUTRAL, scalar, curves.BASE))


def _hashed(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % curves.L


def public_key(seed):
    return _times_base(_expanded(seed)[0])


def sign(seed, message):
    scalar, prefix = _expanded(seed)
    once, key = _hashed(prefix, message), _times_base(scalar)
    commitment = _times_base(once)
    answer = (once + _hashed(commitment, key, message) * scalar) % curves.L
    return commitment + answer.to_bytes(32, "little")


def signed(label, body, seed):
    """A statement."""
    return {"body": body, "signature": sign(seed, label.encode() + canonical(body)).hex()}


def service_card(name, seed):
    signing = public_key(seed).hex()
    return signed("CStatNS/service-card/", {"format": 2, "id": service_id(name, signing), "signing": signing}, seed)


def card(body, seed):
    """A custodian's card, and its fingerprint."""
    made = signed("CStatNS/card/", body, seed)
    return made, card_fingerprint(made)


def note_line(name, kind, key, data):
    return f"— {name} {base64.b64encode(key_number(name, kind, key) + data).decode()}"


def checkpoint(service, head, seed):
    """A checkpoint as the note that the service signs."""
    text = checkpoint_text(service, head)
    return f"{text}\n{note_line(f'cstatns/{service}', 1, public_key(seed), sign(seed, text.encode()))}\n"


def cosignature(service, head, time, seed):
    """A cosignature: what is signed, the signature, the key name and the line of a note."""
    message, key = cosigned_text(service, head, time), public_key(seed)
    signature, name = sign(seed, message.encode()), f"cstatns/{service}/{base32(sha256(key))[:26]}"
    return message, signature, name, note_line(name, 4, key, seconds(time).to_bytes(8, "big") + signature)


def witness(service, head, time, name, seed):
    """The public key of a witness ("vkey"), and its line in the note of a checkpoint."""
    message, key = cosigned_text(service, head, time), public_key(seed)
    line = note_line(name, 4, key, seconds(time).to_bytes(8, "big") + sign(seed, message.encode()))
    return f"{name}+{key_number(name, 4, key).hex()}+{base64.b64encode(bytes([4]) + key).decode()}", line
