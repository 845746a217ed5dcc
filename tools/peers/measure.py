"""Runs a process and tells what it took: seconds, peak memory, and when the ledger's events appeared."""

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

# How often the ledger is looked at. Its own times are whole seconds.
TICK = 0.0005
# What this process may use, and what it measures with.
CORES = sorted(os.sched_getaffinity(0))


class Failure(Exception):
    """One line for the person who runs this."""


@dataclass
class Measured:
    """`cpu` is in seconds, all threads together; `peak` in MiB, the process's largest resident size, mapped files
    included; `marks` gives the seconds at which an event of this type was first there."""

    seconds: float
    cpu: float
    peak: float
    output: str
    marks: dict = field(default_factory=dict)

    def figures(self, seconds=None):
        """What is kept: the seconds of the work itself, where they are known, beside those of the whole process."""
        return {"seconds": seconds or self.seconds, "process": self.seconds, "cpu": self.cpu, "peak": self.peak}

    def between(self, first, second):
        """Seconds from one event of the ledger to another."""
        if first not in self.marks or second not in self.marks:
            raise Failure(f"the ledger shows no {first} or no {second}: it holds {sorted(self.marks)}")
        return self.marks[second] - self.marks[first]


class Ledger:
    """The events that are added to a ledger while it is watched."""

    def __init__(self, path):
        self.path, self.read, self.rest = path, path.stat().st_size, b""

    def new(self):
        if self.path.stat().st_size == self.read:
            return []
        with open(self.path, "rb") as ledger:
            ledger.seek(self.read)
            added = ledger.read()
        self.read += len(added)
        *lines, self.rest = (self.rest + added).split(b"\n")
        return [json.loads(line)["event"]["type"] for line in lines]


def _wait(child, watch, marks, begun):
    """Waits for a process; notes in `marks` when events appear. Returns what it used."""
    if watch is None:
        _, status, usage = os.wait4(child.pid, 0)
    else:
        done = 0
        while not done:
            done, status, usage = os.wait4(child.pid, os.WNOHANG)
            for event in watch.new():
                marks.setdefault(event, time.perf_counter() - begun)
            time.sleep(TICK)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage


def run(command, cores=None, ledger=None, cwd=None):
    """Runs `command` on the first `cores` cores (on all if None) and waits for it, watching `ledger` if there is one.

    What it said on standard error is the failure's text if it fails."""
    command = [str(word) for word in command]
    mine = set(CORES[:cores])
    watch = Ledger(ledger) if ledger else None
    marks = {}
    # Whoever watches does not stand on the core that is measured, where there is another.
    os.sched_setaffinity(0, set(CORES) - mine or mine)
    try:
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as answered:
            begun = time.perf_counter()
            try:
                child = subprocess.Popen(command, stdout=answered, stderr=said, stdin=subprocess.DEVNULL, cwd=cwd,
                                         preexec_fn=lambda: os.sched_setaffinity(0, mine))
            except OSError as error:
                raise Failure(f"{command[0]} cannot be run: {error.strerror}") from None
            try:
                usage = _wait(child, watch, marks, begun)
            except BaseException:
                child.kill()
                child.wait()
                raise
            seconds = time.perf_counter() - begun
            error, output = _text(said), _text(answered)
    finally:
        os.sched_setaffinity(0, CORES)
    if child.returncode != 0:
        last = (error.strip() or f"exit {child.returncode}").splitlines()[-1]
        raise Failure(f"`{' '.join(command[:4])} …` failed: {last}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output, marks)


def _text(file):
    file.seek(0)
    return file.read().decode(errors="replace")
