#!/usr/bin/env python3
"""The table of docs/performance.md: the program beside polars-hash, DataFusion and DuckDB on the same files.

    python3 tools/peers/run.py --dir /dev/shm                        the table, in some tens of minutes
    python3 tools/peers/run.py --dir /dev/shm --readme docs/performance.md     the same, put between its two markers
    python3 tools/peers/run.py --rows 20000 --runs 1 --dir /tmp      does it go through?
    python3 tools/peers/run.py --rows 113000000 --runs 1 --dir /big  ours alone, at 10 million rows and at a country's

Python 3.11 or later, standard library; the peers are installed in a virtual environment that is removed afterwards.
What is compared and what is not: README.md beside this file."""

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import table
from measure import CORES, Failure, run
from ours import Ours, program

HERE = Path(__file__).resolve().parent
FORMATS = ("csv", "parquet")
PEERS = [(peer, mac) for mac in ("hash", "hmac") for peer in ("polars-hash", "datafusion", "duckdb")]
# Above this many rows a peer is not asked: what is looked at is whether we grow linearly, from this size.
COUNTRY, BASE = 20_000_000, 10_000_000
# What lies in the directory at the same time, at most, bytes a row: with copies, and at a country's size; and the peers.
ROW_BYTES, COUNTRY_BYTES, VENV_BYTES = 600, 450, 800_000_000
SEED = 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=BASE)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", type=Path, default=Path("/dev/shm"), help="where the files lie; memory is best")
    parser.add_argument("--only", default="csv,parquet", help="formats, parted by commas")
    parser.add_argument("--ours", action="store_true", help="without the peers' runs")
    parser.add_argument("--program", type=Path, help="the program to measure; else this checkout's release build")
    parser.add_argument("--venv", type=Path, help="a virtual environment to make or use again, and to keep")
    parser.add_argument("--json", type=Path, help="where the figures are written; else cstatns-peers.json in --dir")
    parser.add_argument("--readme", type=Path, help="the file whose text between two markers is replaced")
    given = parser.parse_args()
    given.only = given.only.split(",")
    if not set(given.only) <= set(FORMATS):
        parser.error(f"--only takes {', '.join(FORMATS)}")
    if given.rows < 2000 or given.runs < 1:
        parser.error("at least 2000 rows and one run")
    return given


def install(place):
    """The peers, in an environment of their own. Returns its Python."""
    python = place / "bin/python"
    if not python.is_file():
        run([sys.executable, "-m", "venv", place])
    try:
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
             "-r", HERE / "requirements.txt"])
    except Failure as failure:
        raise Failure(f"the peers cannot be installed: {failure}") from None
    return python


def check_space(given):
    country = given.rows > COUNTRY
    needed = given.rows * (COUNTRY_BYTES if country else ROW_BYTES) + (0 if given.venv else VENV_BYTES)
    free = shutil.disk_usage(given.dir).free
    told = f"{given.dir} needs {needed / 1e9:.1f} GB for {given.rows:,} rows and has {free / 1e9:.1f} GB free"
    if free < needed:
        raise Failure(told)
    print(told, file=sys.stderr)


class Bench:
    """One size of data: its files, and the figures that were found."""

    def __init__(self, ours, python, rows, runs, peers, country):
        self.ours, self.python, self.rows, self.runs, self.peers = ours, python, rows, runs, peers
        self.country = country
        self.figures, self.codes, self.results = {}, {}, 0

    def say(self, text):
        print(f"{datetime.datetime.now():%H:%M:%S} {self.rows:,} rows, {text}", file=sys.stderr, flush=True)

    def helper(self, script, *words, cores=None):
        return run([self.python, HERE / script, *words], cores=cores, cwd=self.ours.place)

    def copied(self, form, file):
        """`cp` of a file, once: the floor of whatever reads or writes it. What is compared at a country's size is ours alone."""
        if self.country:
            return
        name = f"{file}.{form}"
        taken = run(["cp", name, f"copy.{form}"], cores=1, cwd=self.ours.place).seconds
        self.ours.remove(f"copy.{form}")
        self.figures[form]["cp"].setdefault(file, []).append(taken)
        self.figures[form]["sizes"][file] = self.ours.size(name)

    def turns(self, form, what):
        """Every number of cores, `runs` times, with what takes its figures."""
        for cores in (1, 2)[:len(CORES)]:
            for number in range(1, self.runs + 1):
                self.say(f"{form}: {what}, {cores} of {len(CORES)} cores, run {number} of {self.runs}")
                yield cores, self.figures[form].setdefault(what, {}).setdefault(str(cores), [])

    def prepare(self, form, what, data, column, request, retained):
        """Prepares a request `runs` times; the last one stays."""
        for cores, figures in self.turns(form, what):
            self.ours.remove(f"{request}.{form}", f"{retained}.{form}")
            took = self.ours.prepare(f"{data}.{form}", column, f"{request}.{form}", f"{retained}.{form}", cores)
            figures.append(took.figures())
            for file in (data, request, retained):
                self.copied(form, file)

    def run_ours(self, form, verb, event, request, result, cores):
        """One `code` or `renew`; its result stays under the name given, without waiting for `delivered`."""
        self.ours.put_back()
        self.ours.remove(f"{result}.{form}")
        # A place that waits for `delivered` cannot be taken again.
        self.results += 1
        fresh = f"run-{self.results}.{form}"
        took = self.ours.code(verb, f"{request}.{form}", fresh, cores)
        for suffix in ("", ".report.json"):
            (self.ours.place / f"{fresh}{suffix}").rename(self.ours.place / f"{result}.{form}{suffix}")
        return took.figures(took.between("intent", event))

    def check(self, *words):
        """What `check.py` found in a result; it fails where something is wrong."""
        found = json.loads(self.helper("check.py", *words).output)
        if found["rows"] != self.rows:
            raise Failure(f"{words[-1]} has {found['rows']} rows where {self.rows} were to be")
        return found

    def check_ours(self, form, verb, request, result):
        """Rows, indexes, and the codes of a sample: the same in every run and in both formats."""
        if verb == "code" and verb not in self.codes:
            sample = json.loads(self.helper("check.py", "people", f"data.{form}").output)["people"]
        else:
            sample = list(self.codes["code"] if verb == "code" else self.codes["code"].values())
        (self.ours.place / "sample.json").write_text(json.dumps(sample))
        found = self.check("ours", "sample.json", f"{request}.{form}", f"{result}.{form}")["codes"]
        if self.codes.setdefault(verb, found) != found:
            raise Failure(f"{verb} of {form} gives other codes than the runs before it")

    def code(self, form):
        """Ours, a peer, ours, the next peer …"""
        self.ours.keep()
        for cores, ours in self.turns(form, "code"):
            if self.peers:
                peers = self.figures[form].setdefault("peers", {}).setdefault(str(cores), {})
            for peer, mac in self.peers or [(None, None)]:
                ours.append(self.run_ours(form, "code", "coded", "request", "result", cores))
                if peer:
                    took = self.run_peer(form, peer, mac, cores)
                    took["ratio"] = took["seconds"] / ours[-1]["seconds"]
                    peers.setdefault(f"{peer} {mac}", []).append(took)
            self.check_ours(form, "code", "request", "result")
            self.copied(form, "request")
            self.copied(form, "result")

    def run_peer(self, form, peer, mac, cores):
        request, result = f"request.{form}", f"peer.{form}"
        took = self.helper("peers.py", peer, mac, form, request, result, cores, cores=cores)
        seconds = json.loads(took.output)["seconds"]
        found = self.check("peer", mac, request, result)
        self.ours.remove(result)
        return {**took.figures(seconds), "ordered": found["ordered"]}

    def attach(self, form):
        for cores, figures in self.turns(form, "attach"):
            self.ours.remove(f"attached.{form}")
            took = self.ours.attach(f"retained.{form}", f"result.{form}", f"attached.{form}", cores)
            figures.append(took.figures())
            self.copied(form, "attached")
        (self.ours.place / "codes.json").write_text(json.dumps(self.codes["code"]))
        self.check("attached", "codes.json", f"data.{form}", f"attached.{form}")

    def renew(self, form):
        self.ours.keep()
        for cores, figures in self.turns(form, "renew"):
            figures.append(self.run_ours(form, "renew", "renewed", "renew-request", "renew-result", cores))
            self.copied(form, "renew-request")
            self.copied(form, "renew-result")
        self.check_ours(form, "renew", "renew-request", "renew-result")

    def measure(self, formats):
        """All codes of the first generation, then a new key and the renewals."""
        for form in formats:
            self.figures[form] = {"sizes": {}, "cp": {}}
            self.say(f"{form}: the data are made")
            self.helper("make.py", self.rows, SEED, f"data.{form}")
            self.prepare(form, "prepare", "data", ["--identifier-column", "nir"], "request", "retained")
            self.code(form)
            self.ours.remove(f"request.{form}")
            self.attach(form)
            self.ours.remove(*(f"{file}.{form}" for file in ("data", "retained", "result")))
        self.ours.new_key()
        for form in formats:
            column = ["--code-column", "code"]
            self.prepare(form, "prepare-codes", "attached", column, "renew-request", "renew-retained")
            self.ours.remove(f"renew-retained.{form}", f"attached.{form}")
            self.renew(form)
            self.ours.remove(f"renew-request.{form}", f"renew-result.{form}")
        return {"rows": self.rows, "formats": self.figures}


def machine(directory):
    """What these figures depend on."""
    info = Path("/proc/cpuinfo").read_text()
    lines = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in lines.items()}
    flags = facts.get("flags", facts.get("Features", "")).split()
    known = {"avx512f": "AVX-512", "avx2": "AVX2", "sha_ni": "SHA instructions", "sha2": "SHA instructions"}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    instructions = ", ".join(name for flag, name in known.items() if flag in flags)
    return {
        "cpu": facts.get("model name", platform.machine()),
        "cores": len(CORES),
        "memory": memory,
        "instructions": instructions or "no vector instructions",
        "files": run(["stat", "-f", "-c", "%T", directory]).output.strip(),
        "system": f"{platform.system()} {platform.release()}",
        "load": os.getloadavg(),
    }


def versions(ours):
    pinned = [line.split("==") for line in (HERE / "requirements.txt").read_text().splitlines() if "==" in line]
    shown = {"polars": "polars", "polars-hash": "polars-hash", "duckdb": "DuckDB", "datafusion": "DataFusion"}
    return {"cstatns": ours.version(), "python": platform.python_version(),
            **{shown[name]: version for name, version in pinned if name in shown}}


def main():
    given = arguments()
    # A stop is an exception, so that what was begun is ended and removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # As the page shows it: without where the files lie.
    command = " ".join(["python3 tools/peers/run.py", f"--rows {given.rows}", f"--runs {given.runs}"]
                       + [f"--only {','.join(given.only)}"] * (set(given.only) != set(FORMATS))
                       + ["--ours"] * given.ours)
    if not given.dir.is_dir():
        raise Failure(f"there is no directory {given.dir}")
    if given.readme and not (given.readme.is_file() and table.has_place(given.readme.read_text())):
        raise Failure(f"{given.readme} must hold the lines {table.BEGIN} and {table.END}, once each, in this order")
    check_space(given)
    binary = program(given.program)
    country = given.rows > COUNTRY
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="cstatns-peers-") as place:
        place = Path(place)
        python = install(given.venv.absolute() if given.venv else place / "venv")
        peers = [] if given.ours or country else PEERS
        results = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "command": command, "runs": given.runs,
                   "machine": machine(given.dir), "sizes": []}
        for rows in [BASE, given.rows] if country else [given.rows]:
            ours = Ours(binary, place / f"at-{rows}")
            ours.place.mkdir()
            ours.found()
            ours.check_kept()
            results["versions"] = versions(ours)
            results["sizes"].append(Bench(ours, python, rows, given.runs, peers, country).measure(given.only))
            shutil.rmtree(ours.place)
    # A process begins as a copy of the one that starts it: less is not seen.
    results["machine"]["peak_floor"] = run(["true"]).peak
    results["goals"] = table.goals(results)
    text = table.markdown(results)
    print(text)
    print(f"bound to one core, a process ran for {table.share(results):.0%} of its time; in the rest it waited, for "
          "the disk or for other processes", file=sys.stderr)
    for goal in results["goals"]:
        limit = f"{'≥' if goal['at_least'] else '≤'} {goal['limit']}"
        reached = "reached" if goal["reached"] else "NOT reached"
        print(f"goal {goal['goal']}: {goal['figure']} ({limit}): {reached}", file=sys.stderr)
    figures = given.json or given.dir / "cstatns-peers.json"
    figures.write_text(json.dumps(results, indent=1) + "\n")
    print(f"every figure is in {figures}", file=sys.stderr)
    if given.readme:
        given.readme.write_text(table.replaced(given.readme.read_text(), text))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
