"""Every file the whole way: `whole.py PROGRAM DIR ROWS [release]`, by the environment's Python."""

import sys
import time
from functools import partial
from pathlib import Path

import look
import parquet
import text
from case import files
from people import Book, judged

# From the peers' folder, which people.py has put on the path.
from measure import Failure
from ours import Ours

DOMAIN, PURPOSE = "population", "writers"
# A run takes so many requests.
MOST = 64
# What a request, a retained file and a result are written as, in turn.
FORMS = [("csv", "csv"), ("parquet", "parquet"), ("csv.zst", "csv.gz")]


class Way:
    """The cases of one generation: prepared, coded or renewed, attached, looked at."""

    def __init__(self, ours, verb):
        self.ours, self.verb, self.prepared, self.number = ours, verb, [], 0

    def prepare(self, case, data, columns):
        form, kept = FORMS[self.number % len(FORMS)]
        self.number += 1
        name = f"{self.verb}-{self.number}"
        request, retained = f"{name}.q.{form}", f"{name}.t.{kept}"
        self.ours.play("controller", "prepare", data, *columns, "--service", "home/card.json", "--domain", DOMAIN,
                       "--request", request, "--retained", retained)
        self.prepared.append((case, data, request, retained, f"{name}.s.{form}"))

    def run(self):
        for first in range(0, len(self.prepared), MOST):
            some = self.prepared[first:first + MOST]
            self.ours.play("service", self.verb, "home", DOMAIN, "--purpose", PURPOSE, *self.ours.kits,
                           "--request", *(request for _, _, request, _, _ in some),
                           "--result", *(result for *_, result in some))

    def attach(self, case, _data, _request, retained, result):
        """The attached file or folder."""
        out = self.ours.place / f"{self.verb}-out" / case.name
        out.parent.mkdir(exist_ok=True)
        self.ours.play("controller", "attach", "--retained", retained, "--result", result, "--out", out)
        return out


def looked_at(case, data, out, sent, own):
    """Every file of a case: its cells that were sent, and the codes and qualities in their place, file by file."""
    before, after = files(data), files(out)
    names = [[file.relative_to(root).as_posix() for file in found] for root, found in ((data, before), (out, after))]
    look.same(*names, "files")
    for one, other in zip(before, after, strict=True):
        if one.suffix == ".parquet":
            yield look.parquet(one, other, sent, own)
        else:
            yield look.text(one, other, case, sent, own)


def coded(book, case, data, out):
    """How many cells were coded."""
    own, count = case.own(), 0
    for sent, came in looked_at(case, data, out, list(case.columns), own):
        for at, cells in enumerate(sent):
            codes, qualities = came[2 * at:2 * at + 2]
            for cell, code, quality in zip(cells, codes, qualities, strict=True):
                person, word = judged(cell, case.missing)
                look.same(word, quality, "quality")
                if not book.enter(person, code):
                    raise look.Differs("a code is not that of the same identifier in another file")
                count += person is not None
    return count


def renewed(book, case, data, out):
    own, count = case.own(quality=False), 0
    for sent, came in looked_at(case, data, out, own, own):
        for formers, codes in zip(sent, came, strict=True):
            for former, code in zip(formers, codes, strict=True):
                if not book.enter(former or None, code):
                    raise look.Differs("a code is not the one that its former code has in another file")
                count += bool(former)
    return count


def refused(way, case, data):
    """A case that must be refused, with that error alone."""
    try:
        way.prepare(case, data, case.prepare())
        if case.refused == "too-few-values":
            _, _, request, _, result = way.prepared.pop()
            way.ours.play("service", "code", "home", DOMAIN, "--purpose", PURPOSE, *way.ours.kits,
                          "--request", request, "--result", result)
    except Failure as failure:
        if f"error[{case.refused}]: " not in str(failure):
            raise look.Differs(f"{case.refused} was to be said: {failure}") from None
        return
    raise look.Differs(f"was to be refused: {case.refused}")


def main():
    program, place, rows = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    begun, wrong = time.monotonic(), []
    folder = place / "data"
    folder.mkdir()
    writers = [parquet, text]
    if sys.argv[4:] == ["release"]:
        import release
        writers.append(release)
    cases = [case for writer in writers for case in writer.cases(folder, rows)]
    print(f"{len(cases)} files and folders written in {time.monotonic() - begun:.0f} s", flush=True)
    ours = Ours(program, place)
    ours.found()

    def each(of, case, *given):
        """Does this with a case; what goes wrong is said and counted."""
        try:
            return of(case, *given)
        except Exception as failure:
            # Also what a reader says of a file that it cannot read.
            wrong.append(case.name)
            print(f"{case.name}: {type(failure).__name__}: {failure}", flush=True)
            return None

    def all_of(way, book, look_at):
        """Runs what was prepared. Returns what came back, and how many codes are right."""
        way.run()
        done = [(case, data, each(way.attach, case, data, *rest)) for case, data, *rest in way.prepared]
        done = [(case, data, out) for case, data, out in done if out]
        return done, sum(each(partial(look_at, book), case, data, out) or 0 for case, data, out in done)

    way, book = Way(ours, "code"), Book()
    for case in cases:
        if case.refused:
            each(partial(refused, way), case, folder / case.name)
        else:
            each(way.prepare, case, folder / case.name, case.prepare())
    done, codes = all_of(way, book, coded)
    print(f"{len(done)} came back with {codes:,} codes of {len(book.people):,} people; "
          f"{sum(bool(case.refused) for case in cases)} are to be refused", flush=True)

    if sys.argv[4:] == ["release"]:
        release.seen_by_spark(place, [one for one in done if one[0].name.startswith("spark-") and "csv" not in one[0].name])
    ours.new_key()
    way, book = Way(ours, "renew"), Book()
    for case, _, out in done:
        if case.renewed:
            words = [word for column in case.own(quality=False) for word in ("--code-column", column)]
            each(way.prepare, case, out, [*words, *case.shape(renewal=True)])
    done, codes = all_of(way, book, renewed)
    print(f"{len(done)} renewed, with {codes:,} codes of {len(book.people):,} people; "
          f"{time.monotonic() - begun:.0f} s in all", flush=True)
    if wrong:
        sys.exit(f"{len(wrong)} files are not as they must be: {', '.join(wrong)}")


if __name__ == "__main__":
    try:
        main()
    except (Failure, look.Differs) as failure:
        sys.exit(f"error: {failure}")
