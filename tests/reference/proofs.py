"""Proofs of the tree over a ledger (RFC 9162, sections 2.1.1, 2.1.3 and 2.1.4), lowest hash first."""
from record import sha256


def _halves(leaves):
    """The leaves of the two subtrees: the first has the largest power of two that is less than all."""
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return leaves[:k], leaves[k:]


def root(leaves):
    """The root over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    left, right = _halves(leaves)
    return sha256(b"\1", root(left), root(right))


def inclusion(index, leaves):
    if len(leaves) == 1:
        return []
    left, right = _halves(leaves)
    if index < len(left):
        return inclusion(index, left) + [root(right)]
    return inclusion(index - len(left), right) + [root(left)]


def consistency(size, leaves, whole=True):
    """That the tree extends the one over its first `size` leaves; `whole`: that one's root is known."""
    if size == len(leaves):
        return [] if whole else [root(leaves)]
    left, right = _halves(leaves)
    if size <= len(left):
        return consistency(size, left, whole) + [root(right)]
    return consistency(size - len(left), right, False) + [root(left)]
