#!/usr/bin/env python3
"""`cstatns-link join` beside DuckDB's join of the same files, into the same columns, in an order drawn at random.

    python3 tools/peers/join.py --dir /big                      10 million rows each, CSV and Parquet, some tens of minutes
    python3 tools/peers/join.py --rows 20000 --runs 1 --dir /tmp          does it go through?
    python3 tools/peers/join.py --sources 12 --rows 1000000 --dir /big    twelve sources in one pass

Half of the people of the first file are in the last one, and in each between. The files are coded by a service of its own and put together by a
linking body, as in a project. Both programs get the same number of threads and the same memory; what does not fit goes
to the same directory. Ours is the whole process: it verifies each source by its digest, looks at the names, counts
people, repeated and unmatched rows, encrypts what it puts aside, and signs a report. DuckDB's seconds go from after its
import to the closed file. Both files must have the same number of rows, and the same sum of a column."""

import argparse
import datetime
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measure import CORES, Failure, run
from ours import Ours, program
from run import install

HERE = Path(__file__).resolve().parent
DOMAIN = "study"
MAKE = """
import sys
from make import chunk
name, first, rows, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
at, parquet = first, path.endswith(".parquet")
csv = path + ".making.csv" if parquet else path
with open(csv, "xb") as file:
    while at < first + rows:
        part = min(1_000_000, first + rows - at)
        frame = chunk(at, part, 1)
        frame.rename({old: f"{name}_{old}" for old in frame.columns if old != "nir"}).write_csv(file, include_header=at == first)
        at += part
if parquet:
    import os, polars
    polars.scan_csv(csv, schema_overrides={"nir": polars.String}).sink_parquet(path, compression="snappy")
    os.unlink(csv)
"""
PEER = """
import json, sys, time
import duckdb
form, memory, threads, directory, out, *sources = sys.argv[1:]
begun = time.perf_counter()
base = duckdb.connect(config={"threads": threads, "memory_limit": memory, "temp_directory": directory})
base.execute("SET enable_progress_bar = false")
def rows(path):
    return f"read_csv('{path}', header = true, delim = ',')" if form == "csv" else f"read_parquet('{path}')"
names = [f"s{number}" for number in range(len(sources))]
columns = ", ".join(f"{name}.quality AS {name}_quality, {name}.* EXCLUDE (code, quality)" for name in names)
joins = " ".join(f"JOIN {rows(path)} {name} ON {name}.code = s0.code" for name, path in list(zip(names, sources))[1:])
options = "FORMAT csv, HEADER true" if form == "csv" else "FORMAT parquet"
base.execute(f"COPY (SELECT {columns} FROM {rows(sources[0])} s0 {joins} ORDER BY random()) TO '{out}' ({options})")
base.close()
print(json.dumps({"seconds": time.perf_counter() - begun}))
"""
CHECK = """
import json, sys
import duckdb
form, column, path = sys.argv[1:]
rows = f"read_csv('{path}', header = true, delim = ',')" if form == "csv" else f"read_parquet('{path}')"
print(json.dumps([int(x) for x in duckdb.sql(f'SELECT count(*), sum("{column}") FROM {rows}').fetchall()[0]]))
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--sources", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--dir", type=Path, default=Path("/dev/shm"), help="where the files lie")
    parser.add_argument("--only", default="csv,parquet", help="formats, parted by commas")
    parser.add_argument("--program", type=Path, help="the program, beside which cstatns-link lies; else the release build")
    parser.add_argument("--venv", type=Path, help="a virtual environment to make or use again, and to keep")
    parser.add_argument("--json", type=Path, help="where the figures are written")
    given = parser.parse_args()
    if given.rows < 200 or given.runs < 1 or not 2 <= given.sources <= 64:
        parser.error("at least 200 rows and one run, 2 to 64 sources")
    return given


class Project(Ours):
    """A project of as many controllers as there are sources, with a linking body."""

    def __init__(self, given, place, python):
        main = program(given.program)
        super().__init__(main, place)
        self.link, self.given, self.python = main.with_name("cstatns-link"), given, python
        if not self.link.is_file():
            run(["cargo", "build", "--release", "--locked", "-p", "cstatns-link", "--target-dir", main.parents[1]],
                cwd=HERE.parents[1])

    def begin(self):
        self.found()
        ends = datetime.date.today() + datetime.timedelta(days=700)
        self.play("service", "open", "home", DOMAIN, "--kind", "research", "--ends", ends.isoformat(), *self.kits)
        roles = [(f"c{number}", "controller") for number in range(self.given.sources)] + [("body", "linking")]
        for name, role in roles:
            self.play("party", "new", name, "--name", name, "--no-passphrase")
            self.play("service", "party", "home", f"{name}/card.json", "--role", role, "--domain", DOMAIN, *self.kits)

    def linked(self, *words, cores=None):
        return run([self.link, *words], cores=cores, cwd=self.place)

    def coded(self, number, form):
        """One source, as the linking body has it."""
        data, out = f"data-{number}.{form}", f"s{number}.{form}"
        key, request, payload, result = (f"{kind}-{number}.{form}.age" for kind in ("key", "request", "payload", "result"))
        # The last file still has half of the people of the first.
        first = number * self.given.rows // (2 * max(1, self.given.sources - 1))
        run([self.python, "-c", MAKE, f"f{number}", first, self.given.rows, self.place / data], cwd=HERE)
        self.play("service", "request-key", "home", DOMAIN, "--for", f"c{number}", "--out", key)
        self.play("controller", "prepare", data, "--identifier-column", "nir", "--as", f"c{number}", "--request-key", key,
                  "--service", "home/card.json", "--domain", DOMAIN, "--request", request, "--payload", payload,
                  "--payload-to", "body/card.json", "--ledger", "home/ledger.jsonl")
        (self.place / data).unlink()
        self.play("service", "code", "home", DOMAIN, "--request", request, "--result", result, "--purpose", "bench",
                  "--to", "body", *self.kits)
        self.linked("attach", "--as", "body", "--service", "home/card.json", "--payload", payload, "--result", result,
                    "--out", out)
        return out

    def joined(self, sources, out, cores):
        named = [word for number, path in enumerate(sources) for word in ("--source", f"s{number}={path}")]
        return self.linked("join", "--as", "body", *named, "--out", out, "--many", "--memory", self.given.memory,
                           "--threads", cores, cores=cores)

    def checked(self, form, out):
        text = run([self.python, "-c", CHECK, form, "f0_amount", self.place / out]).output
        (self.place / out).unlink()
        return json.loads(text)


def measured(project, form, cores):
    given, sources = project.given, [f"s{number}.{form}" for number in range(project.given.sources)]
    figures = []
    for turn in range(given.runs):
        out = f"joined-{cores}-{turn}.{form}"
        ours = project.joined(sources, out, cores)
        mine = project.checked(form, out)
        spill = project.place / "spill"
        theirs = run([project.python, "-c", PEER, form, given.memory, cores, spill, f"peer.{form}", *sources], cores=cores,
                     cwd=project.place)
        other = project.checked(form, f"peer.{form}")
        shutil.rmtree(spill, ignore_errors=True)
        if mine != other:
            raise Failure(f"the two files differ: {mine} and {other}")
        seconds = json.loads(theirs.output.splitlines()[-1])["seconds"]
        figures.append({"form": form, "cores": cores, "rows": mine[0], "ours": ours.seconds, "peer": seconds,
                        "ratio": ours.seconds / seconds, "peak": ours.peak, "peer_peak": theirs.peak})
        print(f"{form} {cores}: {ours.seconds:.1f} s, DuckDB {seconds:.1f} s", file=sys.stderr, flush=True)
    return figures


def main():
    given = arguments()
    figures = []
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="cstatns-join-") as place:
        place = Path(place)
        python = install(given.venv or place / "venv")
        project = Project(given, place, python)
        project.begin()
        for form in given.only.split(","):
            sources = [project.coded(number, form) for number in range(given.sources)]
            for cores in (1, len(CORES)):
                figures += measured(project, form, cores)
            for source in sources:
                (place / source).unlink()
    print(f"\n{given.sources} sources of {given.rows:,} rows, {given.memory}; medians of {given.runs}\n")
    print("| files | cores | cstatns-link join | DuckDB | ratio | peak | DuckDB's peak |\n|---|---|---|---|---|---|---|")
    for form, cores in dict.fromkeys((one["form"], one["cores"]) for one in figures):
        these = [one for one in figures if (one["form"], one["cores"]) == (form, cores)]
        ours, peer, ratio, peak, theirs = (statistics.median(one[what] for one in these)
                                           for what in ("ours", "peer", "ratio", "peak", "peer_peak"))
        print(f"| {form} | {cores} | {ours:.1f} s | {peer:.1f} s | {ratio:.2f} | {peak:,.0f} MiB | {theirs:,.0f} MiB |")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
