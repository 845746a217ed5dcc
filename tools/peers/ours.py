"""The program that is measured, driven as a person would: a demonstration service, its runs, the controller's steps."""

import datetime
import shutil
import sys
from pathlib import Path

from measure import Failure, run

DOMAIN = "population"
KITS = ("alice", "bruno", "chloe")
ROOT = Path(__file__).resolve().parents[2]
# Identifiers of the service that the tests keep (tests/common/mod.rs, PEOPLE), in the order of its files of codes.
KEPT = ("284052A321025", "2840519321025", "171010272891067", "247011431265227")


def program(given):
    """The program to measure: the one named, or the release build of this checkout, brought up to date."""
    if given:
        if not given.is_file():
            raise Failure(f"there is no program {given}")
        return given.resolve()
    print("the release build is brought up to date, which can take minutes", file=sys.stderr, flush=True)
    run(["cargo", "build", "--release", "--locked", "-p", "cstatns-cli", "--target-dir", ROOT / "target"], cwd=ROOT)
    return ROOT / "target/release/cstatns"


class Ours:
    """The program in a directory of its own. Files are named from there."""

    def __init__(self, program, place):
        self.program, self.place, self.ledger = program, place, place / "home/ledger.jsonl"
        self.kits = [word for kit in KITS[:2] for word in ("--kit", kit)]
        self.takes = {}

    def play(self, *words, cores=None, ledger=None):
        return run([self.program, *words], cores=cores, ledger=ledger, cwd=self.place)

    def threads(self, role, verb, cores):
        """`--threads`, for a verb that knows it."""
        if (role, verb) not in self.takes:
            self.takes[role, verb] = "--threads" in self.play(role, verb, "--help").output
        return ["--threads", str(cores)] if self.takes[role, verb] else []

    def found(self):
        """A demonstration service, two of three, kits without passphrases, with one statistical domain."""
        for kit in KITS:
            self.play("custodian", "new", kit, "--name", kit, "--no-passphrase")
        cards = [word for kit in KITS for word in ("--custodian", f"{kit}/card.json")]
        self.play("service", "init", "home", "--name", "bench", "--threshold", "2", *cards,
                  "--shares", "shares", "--demo")
        for kit in KITS:
            self.play("custodian", "accept", kit, f"shares/{kit}.1.share", "--ledger", self.ledger, "--yes")
        self.play("service", "receipt", "home", *(f"{kit}/receipt-1-held.json" for kit in KITS))
        self.play("service", "open", "home", DOMAIN, "--kind", "statistics", *self.kits)

    def new_key(self):
        self.play("service", "new-key", "home", DOMAIN, "--reason", "scheduled", *self.kits)

    def prepare(self, data, column, request, retained, cores, home="home"):
        return self.play("controller", "prepare", data, *column, "--service", f"{home}/card.json", "--domain", DOMAIN,
                         "--request", request, "--retained", retained,
                         *self.threads("controller", "prepare", cores), cores=cores)

    def attach(self, retained, result, out, cores):
        return self.play("controller", "attach", "--retained", retained, "--result", result, "--out", out,
                         *self.threads("controller", "attach", cores), cores=cores)

    def keep(self):
        """Keeps the service and its kits as they are: a request is coded once, and each run is of the same one."""
        shutil.rmtree(self.place / "before", ignore_errors=True)
        for part in ("home", *KITS):
            shutil.copytree(self.place / part, self.place / "before" / part)

    def put_back(self):
        """Puts the service and its kits back as they were kept."""
        for part in ("home", *KITS):
            shutil.rmtree(self.place / part)
            shutil.copytree(self.place / "before" / part, self.place / part)

    def code(self, verb, request, result, cores, home="home", kits=None):
        """`code` or `renew`, its request kept; the ledger tells when it began and when the result was there."""
        ledger = self.place / home / "ledger.jsonl"
        return self.play("service", verb, home, DOMAIN, "--request", request, "--result", result, "--purpose", "bench",
                         "--keep-request", *(kits or self.kits), *self.threads("service", verb, cores),
                         cores=cores, ledger=ledger)

    def check_kept(self):
        """The kept service, whose codes are known, codes its four people many times over; every row must be right."""
        kept, copies = ROOT / "tests/data/golden", 5000
        shutil.copytree(kept, self.place / "kept")
        # Version control keeps no empty directory, and no mode.
        (self.place / "kept/home/outbox").mkdir(exist_ok=True)
        for private in [*self.place.glob("kept/kit-*/*"), *self.place.glob("kept/home/**/*")]:
            private.chmod(0o700 if private.is_dir() else 0o600)
        rows = [f"{identifier},{row}" for row in range(copies) for identifier in KEPT]
        (self.place / "kept.csv").write_text("\n".join(["nir,row", *rows, ""]))
        self.prepare("kept.csv", ["--identifier-column", "nir"], "kept.request.csv", "kept.retained.csv", 1,
                     "kept/home")
        # Its time stands still since it was kept.
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        self.code("code", "kept.request.csv", "kept.result.csv", 1, "kept/home",
                  ["--kit", "kept/kit-1", "--kit", "kept/kit-3", "--confirm-clock", today])
        right = dict(zip(KEPT, (kept / "population-2.codes").read_text().split(), strict=True))
        request, result = (self.rows(f"kept.{file}.csv") for file in ("request", "result"))
        if len(result) != len(rows) or any(
                (index, right[sent]) != (back, code)
                for (index, sent), (back, code, _) in zip(request, result, strict=True)):
            raise Failure("the program does not give the codes of the service that the tests keep")
        for file in self.place.glob("kept*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()

    def rows(self, file):
        return [line.split(",") for line in (self.place / file).read_text().splitlines()[1:]]

    def remove(self, *files):
        """Removes files and what lies beside them."""
        for file in files:
            for name in [file, *(f"{file}.{kind}.json" for kind in ("manifest", "report", "request", "receipt"))]:
                (self.place / name).unlink(missing_ok=True)

    def size(self, file):
        return (self.place / file).stat().st_size

    def version(self):
        return self.play("--version").output.strip()

