"""`make test`: side by side what can be, then, alone, what measures time. A skipped test proves nothing: it fails."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

RECORDS = Path("build")
MOST = 4
"""Processes; each has a database, a server and perhaps a browser of its own."""
NO_TESTS = 5
"""pytest's status when nothing was chosen: all that was asked for may be in the other half."""


def run(name: str, *how: str) -> int:
    """One half of the suite; what happened goes to a record of this name."""
    return subprocess.call([sys.executable, "-m", "pytest", f"--junit-xml={RECORDS / name}.xml", *how])


def skipped() -> int:
    """How many tests the records call skipped."""
    suites = [suite for file in RECORDS.glob("tests*.xml") for suite in ET.parse(file).getroot().iter("testsuite")]
    return sum(int(suite.get("skipped", 0)) for suite in suites)


def main() -> int:
    """0 if every test that was asked for ran and passed."""
    parser = argparse.ArgumentParser(prog="make test", description=__doc__)
    parser.add_argument("--jobs", type=int, default=min(MOST, os.cpu_count() or 1), help="processes, side by side")
    asked, others = parser.parse_known_args()
    for file in RECORDS.glob("tests*.xml"):
        file.unlink()
    # A file stays whole: its fixtures are made once. Files are dealt out in the random order they have anyway.
    beside = ["-n", str(asked.jobs), "--dist", "loadfile", "--no-loadscope-reorder"] if asked.jobs > 1 else []
    statuses = {run("tests", "-m", "not alone", *beside, *others), run("tests-alone", "-m", "alone", *others)}
    if unproved := skipped():
        print(f"{unproved} tests were skipped: a skipped test proves nothing")
        return 1
    return max(statuses - {NO_TESTS}, default=NO_TESTS)


if __name__ == "__main__":
    sys.exit(main())
