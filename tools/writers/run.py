#!/usr/bin/env python3
"""Files as other programs write them, the whole way and back: equal value by value, as outside readers see them.

    python3 tools/writers/run.py --rows 300 --dir /tmp               pyarrow, polars, pandas, DuckDB, fastparquet, fixed bytes
    python3 tools/writers/run.py --rows 5000 --dir /tmp --release    also Spark, LibreOffice and R, which must be installed

Python 3.11 or later, standard library; the writers are installed in a virtual environment that is removed afterwards.
What is written and what is compared: README.md beside this file."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "peers"))
from measure import Failure, run
from ours import program

# What a release needs beside Python: the package, and a program of it.
NEEDED = {"soffice": "libreoffice-calc-nogui", "Rscript": "r-base-core", "java": "default-jre-headless"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300, help="rows of each file")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()), help="where the files lie")
    parser.add_argument("--program", type=Path, help="the program; else this checkout's release build")
    parser.add_argument("--venv", type=Path, help="a virtual environment to make or use again, and to keep")
    parser.add_argument("--release", action="store_true", help="also Spark, LibreOffice and R")
    given = parser.parse_args()
    if given.rows < 100:
        parser.error("at least 100 rows")
    return given


def install(place, release):
    """The writers, in an environment of their own. Returns its Python."""
    python = place / "bin/python"
    if not python.is_file():
        run([sys.executable, "-m", "venv", place])
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        run([*pip, "--only-binary", ":all:", "-r", HERE / "requirements.txt"])
        if release:
            run([*pip, "-r", HERE / "requirements-release.txt"])
    except Failure as failure:
        raise Failure(f"the writers cannot be installed: {failure}") from None
    return python


def main():
    given = arguments()
    # A stop is an exception, so that what was begun is ended and removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    missing = [package for command, package in NEEDED.items() if given.release and not shutil.which(command)]
    if missing:
        raise Failure(f"a release needs these packages: {' '.join(missing)}")
    binary = program(given.program)
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="cstatns-writers-") as place:
        place = Path(place)
        python = install(given.venv.absolute() if given.venv else place / "venv", given.release)
        words = [python, HERE / "whole.py", binary, place, str(given.rows), *["release"] * given.release]
        # Nothing is written beside the sources.
        done = subprocess.run(words, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
