#!/usr/bin/env python3
"""No line of Rust is longer than it must be: rustfmt breaks code, this sees to what rustfmt leaves.

A comment has at most 100 columns; tables and code in comments may have more. Whatever stands in macros or strings has at most
125, tables and the text of pages apart. Each run first checks that it finds what it must.
"""

import re
import subprocess
import sys

COMMENT, OTHER = 100, 125


def long_lines(text):
    """The numbers of the lines that are too long."""
    found, fenced, in_text = [], False, False
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.match(r"\s*//[/!]? ?(.*)", line)
        said = comment.group(1) if comment else ""
        if said.startswith("```"):
            fenced = not fenced
        # A text of several lines: HTML and CSS are read as pages.
        is_page = re.match(r"\s*(<\w|@media|[\w,.:]+\{)", line) or (in_text and not comment)
        in_text = bool(re.match(r"\s*<p>", line)) or (in_text and "</p>" not in line and not line.startswith(" "))
        if comment and not said.startswith("|") and not fenced and len(line) > COMMENT:
            found.append(number)
        elif not comment and not is_page and len(line) > OTHER:
            found.append(number)
    return found


SAMPLES = [
    ("// " + "a" * 97, []),
    ("    /// " + "word " * 19, [1]),
    ("//! | " + "cell " * 40, []),
    ("/// ```\n/// " + "x" * 110 + "\n/// ```", []),
    ('    let text = "' + "x" * 115 + '";', [1]),
    ("fn short() {}", []),
]
for text, expected in SAMPLES:
    if long_lines(text) != expected:
        sys.exit(f"{text[:40]!r}…: found {long_lines(text)}, not {expected}")

files = subprocess.run(["git", "ls-files", "*.rs"], capture_output=True, text=True, check=True).stdout.split()
found = [f"{file}:{number}" for file in files for number in long_lines(open(file, encoding="utf-8").read())]
print("\n".join(found))
if found:
    sys.exit(f"{len(found)} lines are too long")
print(f"{len(files)} files: no line is too long")
