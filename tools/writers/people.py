"""Rows about invented people, and what must come back for each of their cells."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "peers"))
from make import chunk

SEED = 1
# Texts that a writer must quote, and texts that look like something else.
TEXTS = ["été à Nœux", 'she said "no"', "a,b;c\td|e", "two\nlines", "three\r\nlines\r\n", "", None, " edges ", "NA",
         "null", "=1+1", "007", "'", '"', 'both "a", b', "ordinary", "1,5", "-", "\\", "\\N", "Ÿ€œ"]


def people(count):
    """Identifiers with their control keys, all different; the first two are Corsican."""
    found = dict.fromkeys(chunk(0, count * 2, SEED)["nir"])
    corsican = [nir for nir in found if is_corsican(nir)][:2]
    return (corsican + [nir for nir in found if nir not in corsican])[:count]


def is_corsican(nir):
    return nir[6] in "AB"


def cells(rows, shift, numbers=False):
    """The column of identifiers of a file: each person several times, from another one on in each file; a few cells
    are empty or wrong."""
    known = people(max(rows // 3, 20))
    found = []
    for row in range(rows):
        nir = known[(row * 7 + shift) % len(known)]
        kind = row % 40
        if kind == 3 or (numbers and is_corsican(nir)):
            nir = None
        elif kind == 5:
            nir = nir[:13]
        elif kind == 7 and not numbers:
            nir = f"{nir[0]} {nir[1:3]} {nir[3:5]} {nir[5:7]} {nir[7:10]} {nir[10:13]} {nir[13:]}"
        elif kind == 11:
            # A key is never above 97.
            nir = nir[:13] + "99"
        elif kind == 13 and not numbers:
            nir = nir.lower()
        found.append(nir)
    return found


def judged(cell, missing=()):
    """The canonical form of a cell, or none, and the quality that must stand beside its code."""
    if cell is None or cell != cell:
        return None, "absent"
    cell = cell.decode() if isinstance(cell, bytes) else str(cell)
    text = cell.strip().removeprefix('="').removesuffix('"').removeprefix("'").replace(" ", "").upper()
    text = text.split(".")[0].split(",")[0]
    if not text or cell.strip() in missing:
        return None, "absent"
    number = int(text[:13].replace("2A", "19").replace("2B", "18"))
    if len(text) == 13:
        return text, "unkeyed"
    return (text[:13], "valid") if int(text[13:]) == 97 - number % 97 else (None, "wrong-control-key")


class Book:
    """The code of each person, whichever writer's file it stood in."""

    def __init__(self):
        self.codes, self.people = {}, {}

    def enter(self, person, code):
        """Whether this is the code of that person, and of nobody else."""
        if person is None:
            return code in (None, "")
        return (bool(code) and self.codes.setdefault(person, code) == code
                and self.people.setdefault(code, person) == person)
