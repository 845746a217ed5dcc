#!/usr/bin/env python3
"""A crate is what its code can do: who must not be able to code, or to open a share, does not depend on what can.

Reads `cargo metadata`: exact names, normal and build dependencies, through any number of crates, with every feature. Each run
first breaks the rule by hand, once for each line of it, and goes on only if that is found.
"""

import json
import subprocess
import sys

# Crates, and what none of them may depend on.
FORBIDDEN = [
    (
        ["base", "keys", "record", "rows", "register", "controller", "parcel", "terminal", "link"],
        ["cstatns", "blahaj"],
    ),
    (["record"], ["hpke", "argon2", "chacha20poly1305"]),
    (["rows", "register"], ["hpke", "ed25519-dalek"]),
]


def graph(metadata):
    """The names of the packages that each package depends on, by its name."""
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    edges = {name: set() for name in names.values()}
    for node in metadata["resolve"]["nodes"]:
        for dependency in node["deps"]:
            if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"]):
                edges[names[node["id"]]].add(names[dependency["pkg"]])
    return edges


def path(edges, start, goal):
    """The way from one package to another, or none."""
    ways = [[start]]
    seen = {start}
    for way in ways:
        if way[-1] == goal:
            return way
        for name in sorted(edges[way[-1]] - seen):
            seen.add(name)
            ways.append(way + [name])
    return None


def breaches(edges):
    """Every way that there must not be."""
    found = []
    for crates, forbidden in FORBIDDEN:
        for crate in crates:
            for goal in forbidden:
                way = path(edges, f"cstatns-{crate}", goal)
                if way:
                    found.append(" → ".join(way))
    return found


def main():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--all-features"]
    edges = graph(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    # The control: a forbidden dependency, direct and behind another crate, is found.
    for crates, forbidden in FORBIDDEN:
        for crate in crates:
            for goal in forbidden:
                name = f"cstatns-{crate}"
                assert goal in edges, f"{goal} is no longer used: the rule names it"
                for between in (name, "serde"):
                    broken = {**edges, between: edges[between] | {goal}}
                    ways = [way for way in breaches(broken) if way.startswith(name) and way.endswith(goal)]
                    assert ways or (between == "serde" and not path(edges, name, "serde")), (name, goal)
    found = breaches(edges)
    for way in found:
        print(f"{way}: must not be", file=sys.stderr)
    print(f"{sum(len(c) * len(f) for c, f in FORBIDDEN)} ways looked for, {len(found)} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
