"""`python -m bench [--quick] [--only NAME]`: every case file's cases, one JSON line a case on stdout."""

import argparse
import importlib
import json
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from bench.env import Env
from jit_server.core.postgres import EmbeddedPostgres

NOT_CASES = {"__init__", "__main__", "env"}
PREFIXES = (
    "fanout",
    "upload",
    "download",
    "audited",
    "decision",
    "verify",
    "rest",
    "explain",
    "revocation",
    "register",
    "scale",
    "noisy",
    "package",
)


def main() -> int:
    """Run the case files one after another; exit 1 if one broke, never because a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes: all of it within 3 minutes")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only these case files; repeat")
    arguments = parser.parse_args()
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_CASES)
    wanted = [name for name in names if not arguments.only or name in arguments.only]
    folder = Path(tempfile.mkdtemp(prefix="jit-bench-"))
    broken = 0
    try:
        with EmbeddedPostgres(folder / "pg") as postgres:
            for name in wanted:
                broken += not _run(name, Env(folder / name, postgres, name, arguments.quick))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if broken else 0


def _run(name: str, env: Env) -> bool:
    """One file; what goes wrong in it keeps the others from nothing."""
    started = time.perf_counter()
    env.folder.mkdir()
    try:
        for line in importlib.import_module(f"bench.{name}").cases(env.quick, env):
            assert line["case"].startswith(PREFIXES), line["case"]
            print(json.dumps(line), flush=True)
    except Exception:
        traceback.print_exc()
        print(f"bench: {name} broke", file=sys.stderr)
        return False
    finally:
        env.close()
    print(f"bench: {name} took {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return True


if __name__ == "__main__":
    sys.exit(main())
