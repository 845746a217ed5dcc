#!/usr/bin/env python3
"""Each package contains what it needs and nothing else, says what it is, and gives again what its signatures take of others.

Reads `cargo package --list` and `cargo metadata`, offline. Each run first breaks every rule by hand and goes on only if each
breach is found.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys

# What cargo adds by itself.
CARGO = {".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"}
# What every package contains.
NEEDED = {"Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE"}
# What it may contain beside that and the sources: files of one package.
MORE = {
    "cstatns": [
        "SPEC.md", "spec/vectors/*.json", "CHANGELOG.md", "SECURITY.md", "benches/*.rs", "examples/*.rs",
        "tests/data/shamir/cross_0x11d_dev.json",
    ],
    "cstatns-base": ["tests/data/fi-hetu.json"],
    "cstatns-register": ["benches/*.rs"],
    "cstatns-parcel": ["benches/*.rs"],
    "cstatns-bulk": ["benches/*.rs"],
    "cstatns-terminal": ["src/advice/*.txt"],
    "cstatns-link": ["src/bin/cstatns-link/fr.txt"],
    "cstatns-cli": ["src/help/*.txt", "src/page/*.css", "src/service/script/*.txt"],
}
# The packages whose only target is a program: docs.rs has nothing to build for them.
PROGRAMS = {"cstatns-cli"}
EXPOSED = "# Exposed in the public API, and given again by `lib.rs`: an upgrade breaks users."
HEADINGS = [
    "# Of this workspace.",
    "# Required by the format: another version must read and write the same bytes.",
    EXPOSED,
    "# Internal.",
]
WORDS = "not yet reviewed by an independent cryptographer"
INCLUDED = re.compile(r'include_(?:str|bytes)!\(\s*"([^"]+)"')
SLUG = re.compile(r"[a-z][a-z0-9+-]{0,19}")


def hidden(manifest, library):
    """Dependencies that stand under the heading of those exposed and that the library does not give again; dependencies
    without a heading."""
    found, heading = [], None
    lines = manifest.split("\n[dependencies]\n")[1].split("\n[")[0].splitlines()
    given = {name for names in re.findall(r"^pub use \{?([\w, ]+)\}?;$", library, re.M) for name in names.split(", ")}
    for line in lines:
        if line in HEADINGS:
            heading = line
        elif line and not line.startswith("#"):
            name = re.match(r"[\w-]+", line).group()
            if heading is None:
                found.append(f"{name} stands under no heading")
            if heading == EXPOSED and name.replace("-", "_") not in given:
                found.append(f"{name} is exposed and src/lib.rs does not give it again")
    return found


def breaches(package, files, read):
    """What is wrong with a package: its metadata, the list of its files, and how to read one of them."""
    name = package["name"]
    found = []
    for field in ("description", "license", "readme", "documentation", "rust_version"):
        if not package.get(field):
            found.append(f"no {field}")
    for field, most in (("keywords", 5), ("categories", 5)):
        given = package.get(field) or []
        if not 1 <= len(given) <= most or not all(SLUG.fullmatch(word) or field == "categories" for word in given):
            found.append(f"{field}: {given}")
    if not (package.get("documentation") or "").startswith("https://docs.rs/cstatns"):
        found.append(f"documentation: {package.get('documentation')}")
    if name not in PROGRAMS and "docs" not in (package.get("metadata") or {}):
        found.append("no [package.metadata.docs.rs]")
    found += [f"{file} is missing" for file in sorted(NEEDED - set(files))]
    allowed = ["src/*.rs", *MORE.get(name, [])]
    for file in files:
        fits = any(fnmatch.fnmatchcase(file, pattern) for pattern in allowed)
        if file not in CARGO | NEEDED and not fits:
            found.append(f"{file} is not to be packaged")
        if file.endswith(".rs"):
            for included in INCLUDED.findall(read(file)):
                path = os.path.normpath(os.path.join(os.path.dirname(file), included))
                if path not in files:
                    found.append(f"{file} includes {path}, which is not packaged")
    for pattern in MORE.get(name, []):
        if not fnmatch.filter(files, pattern):
            found.append(f"{pattern} is allowed and not there: shorten the list")
    if name not in PROGRAMS:
        found += hidden(read("Cargo.toml"), read("src/lib.rs"))
    if "README.md" in files and WORDS not in " ".join(read("README.md").split()):
        found.append(f"README.md does not say: {WORDS}")
    return found


def packaged(package):
    """The files of a package, and how to read them where they lie."""
    command = ["cargo", "package", "--list", "--offline", "--allow-dirty", "-p", package["name"]]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    root = os.path.dirname(package["manifest_path"])

    def read(file):
        with open(os.path.join(root, file), encoding="utf-8") as stream:
            return stream.read()

    return listed, read


def control(package, files, read):
    """Breaks each rule by hand: everything that is not found."""
    broken = [({**package, field: None}, files, read) for field in (
        "description", "license", "readme", "documentation", "rust_version", "keywords", "categories")]
    broken.append(({**package, "keywords": ["two words"]}, files, read))
    broken.append(({**package, "documentation": "https://example.org"}, files, read))
    if package["name"] not in PROGRAMS:
        broken.append(({**package, "metadata": None}, files, read))
    broken += [(package, [file for file in files if file != gone], read) for gone in sorted(NEEDED)]
    readable = lambda file: read(file) if file in files else ""  # noqa: E731
    for extra in (".ci/run", "tools/peers/run.py", "fuzz/run", "docs/README.md", "tests/golden.rs", "tests/data/x.json",
                  "src/notes.txt", "README.fr.md"):
        broken.append((package, files + [extra], readable))
    broken.append((package, files, lambda file: "" if file == "README.md" else read(file)))
    broken.append((package, files, lambda file: 'include_str!("../nowhere")' if file.endswith(".rs") else read(file)))
    if package["name"] not in PROGRAMS:
        manifest = read("Cargo.toml").replace("\n[dependencies]\n", "\n[dependencies]\nbefore = 1\n")
        broken.append((package, files, lambda file: manifest if file == "Cargo.toml" else read(file)))
        more = read("Cargo.toml").replace("\n# Internal.\n", f"\n{EXPOSED}\nnowhere = 1\n")
        broken.append((package, files, lambda file: more if file == "Cargo.toml" else read(file)))
    for pattern in MORE.get(package["name"], []):
        broken.append((package, [file for file in files if not fnmatch.fnmatchcase(file, pattern)], read))
    return [case[0]["name"] for case in broken if not breaches(*case)], len(broken)


def main():
    command = ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    packages = sorted(metadata["packages"], key=lambda package: package["name"])
    assert len(packages) >= 10, "which workspace is this?"
    problems, tried = [], 0
    for package in packages:
        files, read = packaged(package)
        missed, cases = control(package, files, read)
        assert not missed, f"{package['name']}: a breach is not found"
        tried += cases
        problems += [f"{package['name']}: {problem}" for problem in breaches(package, files, read)]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    print(f"{len(packages)} packages checked, {len(problems)} problems; {tried} breaches made by hand, all found")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
