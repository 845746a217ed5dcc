#!/usr/bin/env python3
"""Parcels and another implementation of age: it opens what the program made, tar unpacks it, and the program opens what it made.

    python3 tools/age/run.py --dir /tmp --program target/debug/cstatns

Python 3.11 or later, standard library; node, npm and tar must be installed. The implementation is the npm package that
package-lock.json names."""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32(label, data):
    """Bech32 (BIP 173) without its limit on the length."""
    value, bits, words = 0, 0, []
    for byte in data:
        value, bits = value << 8 | byte, bits + 8
        while bits >= 5:
            bits -= 5
            words.append(value >> bits & 31)
    if bits:
        words.append(value << 5 - bits & 31)

    def polymod(values):
        check = 1
        for value in values:
            top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
            for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                check ^= generator if top >> bit & 1 else 0
        return check

    expanded = [ord(letter) >> 5 for letter in label] + [0] + [ord(letter) & 31 for letter in label]
    check = polymod(expanded + words + [0] * 6) ^ 1
    words += [check >> 5 * (5 - place) & 31 for place in range(6)]
    return label + "1" + "".join(LETTERS[word] for word in words)


def run(*command, where=None, fails=False):
    done = subprocess.run([str(part) for part in command], cwd=where, capture_output=True, text=True)
    if (done.returncode != 0) != fails:
        sys.exit(f"{' '.join(map(str, command[:3]))} …: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()), help="where the files lie")
    parser.add_argument("--program", type=Path, required=True, help="the program")
    given = parser.parse_args()
    program = given.program.resolve()
    with tempfile.TemporaryDirectory(dir=given.dir) as folder:
        place = Path(folder)
        for file in ("package.json", "package-lock.json", "other.mjs"):
            shutil.copy(HERE / file, place)
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", where=place)
        for name in ("sender", "receiver"):
            run(program, "party", "new", place / name, "--name", name, "--no-passphrase")
        # The second seed of a party is that of its X-Wing key, which is what an age identity holds.
        seeds = bytes.fromhex(json.loads((place / "receiver/identity").read_text())["seeds"])
        key = bech32("age-secret-key-pq-", seeds[32:]).upper()
        for bytes_ in (0, 1, 65_536, 2_500_000):
            work = place / f"of-{bytes_}"
            work.mkdir()
            data = hashlib.shake_256(bytes_.to_bytes(4, "big")).digest(bytes_)
            (work / "data.bin").write_bytes(data)
            (work / "data.bin.report.json").write_text('{"rows":2}\n')
            made, text = work / "data.bin.age", work / "data.tar"
            run(program, "parcel", "make", work / "data.bin", "--to", place / "receiver/card.json",
                "--as", place / "sender", "--out", made)

            # The other implementation opens it, and tar unpacks what it holds.
            run("node", place / "other.mjs", "open", key, made, text, where=place)
            parts = max(1, -(-bytes_ // (1 << 20)))
            members = ["head.json", *(f"data/{number:06}" for number in range(1, parts + 1)), "about.json", "seal.json"]
            listed = run("tar", "--list", "--file", text).split()
            assert listed == members, listed
            (work / "unpacked").mkdir()
            run("tar", "--extract", "--file", text, "--directory", work / "unpacked")
            unpacked = b"".join((work / "unpacked" / name).read_bytes() for name in members[1:-2])
            assert unpacked == data, bytes_
            assert (work / "unpacked/about.json").read_text() == '{"rows":2}\n'

            # It encrypts the same archive; the program opens that.
            other = work / "other.bin.age"
            run("node", place / "other.mjs", "seal", key, text, other, where=place)
            run(program, "parcel", "open", other, "--as", place / "receiver", "--out", work / "arrived",
                "--from", place / "sender/card.json")
            assert (work / "arrived/other.bin").read_bytes() == data, bytes_

            # The control: an archive that is not what was sealed is refused.
            changed = bytearray(text.read_bytes())
            changed[changed.index(b'"rows"') + 1] ^= 1
            text.write_bytes(changed)
            run("node", place / "other.mjs", "seal", key, text, work / "changed.bin.age", where=place)
            run(program, "parcel", "open", work / "changed.bin.age", "--as", place / "receiver", "--out",
                work / "changed", "--from", place / "sender/card.json", fails=True)
            assert not (work / "changed/changed.bin").exists()
    print("4 parcels opened by another implementation of age and unpacked by tar, and 4 of its own opened")


if __name__ == "__main__":
    main()
