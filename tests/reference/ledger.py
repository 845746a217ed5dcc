"""A whole ledger (SPEC section 11): line after line, then against its checkpoint."""
import functools, pathlib

import forms
from dealings import check_service_card
from record import Tree, leaf_hash, open_note, read_canonical, read_json
from refusal import Refused
from state import State

LONGEST_LINE = 4 << 20


@functools.lru_cache(4096)
def read_line(data):
    """A line by its form; ledgers that begin alike are read once."""
    if len(data) > LONGEST_LINE:
        raise Refused("line-too-long")
    line = read_canonical(data)
    forms.check(forms.line, line)
    return line


def next_line(data, service, tree):
    """The line that follows those of the tree, by itself: without its line feed."""
    line = read_line(data)
    if line["service"] != service:
        raise Refused("service")
    before = tree.leaves[-1].hex() if len(tree) else "0" * 64
    if line["sequence"] != len(tree) + 1 or line["previous"] != before:
        raise Refused("chain")
    return line


class Fold:
    """Lines judged one after the other. A refused one leaves everything as it was."""

    def __init__(self, card=None):
        self.card, self.state, self.tree = card, State(card) if card else None, Tree()

    def copy(self):
        other = Fold.__new__(Fold)
        other.card, other.state = self.card, self.state and self.state.copy()
        other.tree = Tree()
        other.tree.whole, other.tree.roots, other.tree.leaves = self.tree.whole, self.tree.roots[:], self.tree.leaves[:]
        return other

    def push(self, data):
        """One line without its line feed."""
        if self.state is None:  # nobody gave the card: the first line has it
            line = read_line(data)
            if line["event"]["type"] != "dealt":
                raise Refused("first-event")
            self.card = line["event"]["dealing"]["service"]
            self.state = State(self.card)
        line = next_line(data, self.state.service, self.tree)
        self.tree.push(leaf_hash(data))
        self.state.apply(line, self.tree)


def read_card(path):
    card = read_json(pathlib.Path(path).read_bytes())
    forms.check(forms.service_card, card)
    check_service_card(card)
    return card


def read_ledger(path, card=None, checkpoint=None):
    """The fold of a ledger and how many of its lines count; `Refused` names the first bad line, or none."""
    path = pathlib.Path(path)
    fold = Fold(read_card(card) if card else None)
    lines = path.read_bytes().split(b"\n")
    cut = lines.pop() != b""
    for number, line in enumerate(lines, 1):
        try:
            fold.push(line)
        except Refused as refused:
            refused.answer["line"] = number
            raise
    if not lines:
        raise Refused("empty", line=None)
    checkpoint = pathlib.Path(checkpoint) if checkpoint else path.with_name("checkpoint")
    try:
        head = open_note(checkpoint.read_bytes(), fold.card, fold.state.keys)
        if head["size"] > len(lines):
            raise Refused("ledger-shorter")
        if not fold.tree.holds(head):
            raise Refused("ledger-root")
        if len(lines) + cut > head["size"] + 1:
            raise Refused("ledger-longer")
    except Refused as refused:
        refused.answer["line"] = None
        raise
    return fold


def verdict(*arguments):
    try:
        return {"holds": True, "events": len(read_ledger(*arguments).tree)}
    except Refused as refused:
        return {"line": None, **refused.answer}
