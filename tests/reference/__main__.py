"""The second implementation of SPEC.md, from the text alone. Standard library only.

    python3 tests/reference                          requests, one JSON object a line, on standard input; answers on standard output
    python3 tests/reference --vectors [FILE...]      checks these files of vectors; without any, all those of spec/vectors that are of
                                                     sections 3 to 12 and 19. Argon2id takes some minutes: with `--quick` a vector's key
                                                     of a passphrase is taken as it gives it, and `left` names those that give none
    python3 tests/reference --ledger LEDGER [--card CARD] [--checkpoint CHECKPOINT]
                                                     verifies a ledger: one verdict, with the first bad line
    python3 tests/reference --ledgers                the same of many: one JSON object a line on standard input (`ledger`, `card`, `checkpoint`)
    python3 tests/reference --lines                  `{"begin": CARD}` and `{"line": TEXT}` on standard input; a verdict of each line,
                                                     after the lines that held
    python3 tests/reference --open HOME --kit KIT... opens shares, root, sealed keys and memories; codes the identifiers of `--people FILE`
    python3 tests/reference --commitment REQUEST     recomputes a request's commitment and counts (CSV)
    python3 tests/reference --result RESULT --card CARD
                                                     verifies a result's report and recomputes the commitment (CSV)

It covers sections 3 to 12, 15 and 19. It does not read Parquet, nor a kit's copy of the ledger: the standard library has
neither Parquet nor zstd; `--open` takes no passphrases. Not for real keys: Python cannot wipe them.
"""
import argparse, json, pathlib, sys

import commitments, ledger, openings, questions, vectors
from refusal import Refused


def write(answer):
    sys.stdout.write(json.dumps(answer) + "\n")


def try_(function, *arguments):
    try:
        return function(*arguments)
    except Refused as refused:
        return refused.answer


def many_ledgers():
    for line in sys.stdin:
        asked = json.loads(line)
        write(ledger.verdict(asked["ledger"], asked.get("card"), asked.get("checkpoint")))


def many_lines():
    """Lines that are judged one by one; a refused one does not count, and the next comes in its place."""
    fold = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "begin" in asked:
            fold = ledger.Fold(asked["begin"])
            continue
        tried = fold.copy()
        try:
            tried.push(asked["line"].encode())
        except Refused as refused:
            write(refused.answer)
        else:
            fold = tried
            write({"holds": True, "events": len(fold.tree)})


def main():
    parser = argparse.ArgumentParser(prog="reference", usage=__doc__)
    for option in ("--ledger", "--card", "--checkpoint", "--open", "--people", "--commitment", "--result"):
        parser.add_argument(option)
    parser.add_argument("--kit", nargs="+", default=[])
    parser.add_argument("--vectors", nargs="*")
    for option in ("--quick", "--ledgers", "--lines"):
        parser.add_argument(option, action="store_true")
    given = parser.parse_args()
    if given.vectors is not None:
        sys.exit(not vectors.check_vectors(given.vectors, given.quick))
    elif given.ledger:
        write(ledger.verdict(given.ledger, given.card, given.checkpoint))
    elif given.ledgers:
        many_ledgers()
    elif given.lines:
        many_lines()
    elif given.open:
        people = pathlib.Path(given.people).read_text().split() if given.people else []
        write(try_(openings.openings, given.open, given.kit, people))
    elif given.commitment:
        write(try_(commitments.request, given.commitment))
    elif given.result:
        write(try_(commitments.result, given.result, given.card))
    else:
        for line in sys.stdin:
            write(questions.answer(json.loads(line)))


if __name__ == "__main__":
    main()
