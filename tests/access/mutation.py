"""`make mutation`: break the rules of access on purpose, one at a time, and count how often a test notices (A8).

mutmut changes every function of `jit_server/access/`; what it cannot reach stands in `tests/access/mutants.py`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from jit_server.core import schema
from jit_server.core.postgres import EmbeddedPostgres
from tests.access.mutants import CHANGES, Change, denials

WANTED = 90.0
"""Percent of mutants that a test must notice."""
LONGEST = 300
"""Seconds after which a mutant counts as noticed: it does not end any more."""
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
KILLED = {"killed", "timeout", "segfault"}
SETTINGS = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]


def by_mutmut(modules: list[str], children: int) -> dict[str, bool]:
    """Every mutant of these modules (all, if none is named) and whether a test noticed it."""
    wanted = [f"jit_server.access.{module}.*" for module in modules]
    subprocess.run([*_mutmut("run"), "--max-children", str(children), *wanted], check=True)
    told = subprocess.run([*_mutmut("results"), "--all", "true"], check=True, capture_output=True, text=True).stdout
    lines = (line.strip().partition(": ") for line in told.splitlines())
    found = {name: status in KILLED for name, _, status in lines if status and status != "not checked"}
    return {name: killed for name, killed in found.items() if not wanted or any(fnmatch(name, one) for one in wanted)}


def by_hand(modules: list[str]) -> Iterator[tuple[Change, bool]]:
    """Each change of our own list in a copy of the tree, and whether a test noticed it."""
    every = [*CHANGES, *denials(Path("policies/baseline.csv").read_text(encoding="utf-8"))]
    chosen = [one for one in every if not modules or Path(one.path).stem in modules]
    with tempfile.TemporaryDirectory(prefix="jit-mutants-") as folder:
        tree = _copy(Path(folder))
        for change in chosen:
            file, text = tree / change.path, Path(change.path).read_text(encoding="utf-8")
            file.write_text(text.replace(change.old, change.new), encoding="utf-8")
            yield change, _noticed(tree, change)
            file.write_text(text, encoding="utf-8")


def _mutmut(command: str) -> list[str]:
    return [sys.executable, "-m", "mutmut", command]


def _copy(tree: Path) -> Path:
    for name in ("jit_server", "tests", "pyproject.toml", *SETTINGS["also_copy"]):
        here = Path(name)
        (tree / here).parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, tree / here)
        else:
            shutil.copy(here, tree / here)
    return tree


def _noticed(tree: Path, change: Change) -> bool:
    tests = change.tests or SETTINGS["pytest_add_cli_args_test_selection"]
    how = ["-x", "-q", "-p", "no:randomly", *SETTINGS["pytest_add_cli_args"]]
    # What was compiled is copied too and saves seconds; what is changed is not kept, lest it pass for the next one,
    # written within the same second.
    world = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *how, *tests],
            cwd=tree,
            env=world,
            timeout=LONGEST,
            capture_output=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode > 1:
        raise SystemExit(f"The tests could not be run against {change.breaks!r}: {done.stdout.decode()[-2000:]}")
    return done.returncode == 1


def main() -> int:
    """Say the score and show who survived; 1 if too many did."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules of jit_server/access (policy, grants); all, if none")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--skip-mutmut", action="store_true", help="only the changes of our own list")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="jit-") as folder,
        EmbeddedPostgres(Path(folder) / "pg", CARELESS) as running,
    ):
        made = running.database("jit")
        schema.upgrade(made.owner)
        os.environ["JIT_TESTS_DATABASE"] = f"{made.owner} {made.app}"
        killed = tried(asked)
    score = 100 * sum(killed.values()) / max(1, len(killed))
    survivors = [name for name, noticed in killed.items() if not noticed]
    print(f"\n{len(survivors)} survived:", *survivors, sep="\n  ")
    print(f"{score:.1f} % of {len(killed)} mutants were noticed; at least {WANTED:.0f} % are wanted.")
    return score < WANTED


def tried(asked: argparse.Namespace) -> dict[str, bool]:
    """Every mutant asked for by its name, and whether a test noticed it; told as it goes."""
    killed = {} if asked.skip_mutmut else by_mutmut(asked.modules, asked.children)
    for name in [one for one, noticed in killed.items() if not noticed]:
        print(subprocess.run([*_mutmut("show"), name], check=True, capture_output=True, text=True).stdout)
    for change, noticed in by_hand(asked.modules):
        name = f"{change.breaks} ({change.path})"
        killed[name] = noticed
        print(f"{'noticed ' if noticed else 'SURVIVED'}  {name}", flush=True)
    return killed


if __name__ == "__main__":
    sys.exit(main())
