#!/usr/bin/env python3
"""`service status --prometheus` is OpenMetrics text for a parser that is not ours.

    python3 .ci/metrics.py PROGRAM DEMO      DEMO is the directory of a demonstration

The parser is installed in an environment of its own, which is removed afterwards."""

import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = "prometheus-client==0.26.0"
READ = """
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
text = sys.stdin.read()
families = {family.name: family for family in parse(text)}
assert len(families) > 20, families
for name, kind, unit in [("cstatns_build", "info", ""), ("cstatns_in_order", "gauge", ""),
                         ("cstatns_ledger_events", "counter", ""), ("cstatns_ledger_bytes", "gauge", "bytes"),
                         ("cstatns_event_timestamp_seconds", "gauge", "seconds"), ("cstatns_domain_generation", "gauge", "")]:
    assert (families[name].type, families[name].unit) == (kind, unit), families[name]
    assert families[name].samples and families[name].documentation, families[name]
# The parser refuses what is not of this form.
for damaged in [text.removesuffix("# EOF\\n"), text.replace("cstatns_ledger_events_total", "cstatns_ledger_events")]:
    assert damaged != text
    try:
        list(parse(damaged))
    except ValueError:
        continue
    sys.exit("the parser takes a damaged text")
print(f"{len(families)} families")
"""

program, demo = sys.argv[1:]
homes = sorted(path.parent for path in Path(demo).rglob("places.json"))
assert homes, f"no home in {demo}"
with tempfile.TemporaryDirectory() as place:
    python = Path(place) / "bin/python"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", PACKAGE]
    subprocess.run([python, *install], check=True)
    for home in homes:
        shown = subprocess.run([program, "service", "status", home, "--prometheus"], check=True, capture_output=True)
        subprocess.run([python, "-c", READ], input=shown.stdout, check=True)
