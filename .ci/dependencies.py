#!/usr/bin/env python3
"""Every dependency comes from the Rust registry, under a licence that the project's own can live with, once each where
the house says so. Reads `cargo metadata`; needs no network."""

import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC",
    "MIT", "MIT-0", "MPL-2.0", "Unicode-3.0", "Unlicense", "Zlib",
}
# One generation of each: two would have types that do not fit, and twice the code.
SINGLE = ["hmac", "sha2", "digest", "rand_core", "arrow-array", "parquet", "chacha20poly1305", "ed25519-dalek"]
# RUSTSEC-2024-0398: biased coefficients; its maintained fork is used under another name.
FORBIDDEN = {"sharks", "openssl", "openssl-sys"}

metadata = json.loads(subprocess.run(
    ["cargo", "metadata", "--format-version", "1", "--locked"], check=True, capture_output=True).stdout)
own = set(metadata["workspace_members"])
problems = []
versions = {}


def allowed(expression):
    """Whether one of the alternatives consists of allowed licences only."""
    expression = expression.replace("/", " OR ")
    tokens = re.findall(r"\(|\)|AND|OR|[A-Za-z0-9.\-+]+(?: WITH [A-Za-z0-9.\-]+)?", expression)
    text = " ".join({"AND": "and", "OR": "or", "(": "(", ")": ")"}.get(t, str(t in ALLOWED)) for t in tokens)
    return bool(eval(text, {"__builtins__": {}}))  # noqa: S307 - only True, False, and, or, parentheses


for package in metadata["packages"]:
    name = package["name"]
    versions.setdefault(name, []).append(package["version"])
    if package["id"] in own:
        continue
    if not (package["source"] or "").startswith("registry+"):
        problems.append(f"{name} {package['version']} does not come from the registry: {package['source']}")
    licence = package["license"]
    if not licence or not allowed(licence):
        problems.append(f"{name} {package['version']}: licence {licence!r} is not on the list")
for name in SINGLE:
    if len(versions.get(name, [])) != 1:
        problems.append(f"{name}: {versions.get(name)} where one version is wanted")
for name in FORBIDDEN & versions.keys():
    problems.append(f"{name} is not to be used")

# The check must be able to fail.
assert not allowed("GPL-3.0-only") and allowed("MIT OR GPL-2.0") and not allowed("MIT AND GPL-2.0")
print(f"{len(metadata['packages']) - len(own)} dependencies checked, {len(problems)} problems")
print("\n".join(problems))
sys.exit(bool(problems))
