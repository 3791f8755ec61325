"""Sets one report and ends: a program of its own, run by its path, because Typst never gives its memory back.

Reads `{"data": ..., "at": seconds since 1970}` from standard input, writes the PDF to standard output. Exit code 1 says
that the page could not be set as both standards want it.
"""

import json
import sys
from pathlib import Path

import typst


def main() -> int:
    """Set the page that lies beside this file."""
    asked = json.load(sys.stdin)
    try:
        made = typst.compile(
            Path(__file__).with_name("report.typ").read_bytes(),
            format="pdf",
            sys_inputs={"data": asked["data"]},
            pdf_standards=["a-2a", "ua-1"],
            timestamp=asked["at"],
        )
    except typst.TypstError as fault:
        sys.stderr.write(str(fault))
        return 1
    sys.stdout.buffer.write(bytes(made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
