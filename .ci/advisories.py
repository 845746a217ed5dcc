#!/usr/bin/env python3
"""No version in Cargo.lock has a known vulnerability.

Compares Cargo.lock with the advisories of RustSec, as `advisories.json` in the folder that CSTATNS_VECTORS names gives them. An
advisory that only informs (unmaintained, unsound, notice) is shown and does not fail. Each run first looks for a version that is
known to be affected, and goes on only if it finds it.
"""

import json
import os
import re
import sys
import tomllib


def numbers(text):
    """A version as what can be compared: a pre-release comes before its release."""
    version, _, before = text.strip().partition("+")[0].partition("-")
    parts = [int(part) for part in version.split(".")]
    return tuple(parts + [0] * (3 - len(parts))), before == "", before


def fits(version, requirement):
    """Whether a version fits a requirement: comma-separated comparisons, all of which must hold."""
    for one in requirement.split(","):
        operator, bound = re.fullmatch(r"\s*(>=|<=|>|<|=|\^|~)?\s*([0-9][^\s]*)\s*", one).groups()
        found, least = numbers(version), numbers(bound)
        if operator in ("^", None):
            given = least[0]
            place = next((at for at, number in enumerate(given) if number), 2)
            above = given[:place] + (given[place] + 1,) + (0,) * (2 - place)
            holds = least <= found and found[0] < above
        elif operator == "~":
            holds = least <= found and found[0][:2] == least[0][:2]
        else:
            holds = {">=": found >= least, "<=": found <= least, ">": found > least, "<": found < least, "=": found == least}[operator]
        if not holds:
            return False
    return True


def affected(packages, advisories):
    """The advisories that speak of these packages: (serious, informational), as lines."""
    serious, informational = [], []
    for advisory in advisories:
        for name, version in packages:
            if name != advisory["package"]:
                continue
            if any(fits(version, range) for range in advisory["patched"] + advisory["unaffected"]):
                continue
            kind = advisory.get("informational")
            (informational if kind else serious).append(f"{advisory['id']}: {name} {version} {kind or ''}".rstrip())
    return serious, informational


def main():
    folder = os.environ.get("CSTATNS_VECTORS")
    if not folder:
        print("CSTATNS_VECTORS is unset: the advisories are not at hand", file=sys.stderr)
        return 1
    with open(os.path.join(folder, "advisories.json"), encoding="utf-8") as file:
        advisories = json.load(file)["advisories"]
    with open("Cargo.lock", "rb") as file:
        packages = [(package["name"], package["version"]) for package in tomllib.load(file)["package"]]
    # The control: the crate with biased coefficients.
    control, _ = affected([("sharks", "0.5.0")], advisories)
    assert control == ["RUSTSEC-2024-0398: sharks 0.5.0"], control
    assert fits("1.2.3", ">= 1.2, < 2") and not fits("2.0.0", "^1.2") and fits("0.2.9", "^0.2.1") and not fits("0.3.0", "^0.2.1")
    assert not fits("1.0.0-rc.1", ">= 1.0.0")
    serious, informational = affected(packages, advisories)
    for line in informational:
        print(f"note: {line}")
    for line in serious:
        print(f"{line}: update it, or stop using it", file=sys.stderr)
    print(f"{len(packages)} packages, {len(advisories)} advisories: {len(serious)} apply, {len(informational)} only inform")
    return 1 if serious else 0


if __name__ == "__main__":
    sys.exit(main())
