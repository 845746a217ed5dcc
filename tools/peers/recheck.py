#!/usr/bin/env python3
"""What `--recheck` costs: whole runs of `service code` without it, of a thousand rows, and of all.

    python3 tools/peers/recheck.py --dir /dev/shm                        10 million rows, CSV, some minutes
    python3 tools/peers/recheck.py --rows 20000 --runs 1 --dir /tmp      does it go through?

Each run is of the same request and a copy of the same service; the three take turns. Seconds go from the *intent* event
of the ledger to the *result* event; the result of each run must have the same codes."""

import argparse
import filecmp
import statistics
import sys
import tempfile
from pathlib import Path

from make import write_csv
from measure import CORES, Failure
from ours import DOMAIN, Ours, program

WAYS = (None, "1000", "all")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dir", type=Path, default=Path("/dev/shm"), help="where the files lie")
    parser.add_argument("--program", type=Path, help="the program to measure; without it, the release build")
    given = parser.parse_args()
    if given.rows < 1000 or given.runs < 1:
        parser.error("at least 1,000 rows and one run")
    return given


def main():
    given, figures = arguments(), {}
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="cstatns-recheck-") as place:
        ours = Ours(program(given.program), Path(place))
        ours.found()
        write_csv(ours.place / "data.csv", given.rows, 1)
        ours.prepare("data.csv", ["--identifier-column", "nir"], "request.csv", "kept.csv", len(CORES))
        ours.remove("data.csv", "kept.csv")
        ours.keep()
        for turn in range(given.runs):
            for cores in (1, len(CORES)):
                for way in WAYS:
                    ours.put_back()
                    more = ["--recheck", way] if way else []
                    done = ours.play("service", "code", "home", DOMAIN, "--request", "request.csv", "--result", "r.csv",
                                     "--purpose", "bench", "--keep-request", *more, *ours.kits,
                                     *ours.threads("service", "code", cores), cores=cores, ledger=ours.ledger)
                    figures.setdefault((cores, way), []).append(done.between("intent", "coded"))
                    print(f"{cores} {way}: {figures[cores, way][-1]:.2f} s", file=sys.stderr, flush=True)
                    if not (ours.place / "first.csv").exists():
                        (ours.place / "r.csv").rename(ours.place / "first.csv")
                    elif not filecmp.cmp(ours.place / "r.csv", ours.place / "first.csv", shallow=False):
                        raise Failure("two runs gave different codes")
                    ours.remove("r.csv")
    print(f"\n{given.rows:,} rows, CSV; medians of {given.runs}\n\n| cores | none | 1,000 rows | all |\n|---|---|---|---|")
    for cores in dict.fromkeys(cores for cores, _ in figures):
        seconds = [statistics.median(figures[cores, way]) for way in WAYS]
        print(f"| {cores} | " + " | ".join(f"{one:.2f} s" for one in seconds) + " |")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
