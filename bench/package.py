"""How fast a package for court is made and verified, beside a ZIP of the same files and SHA-256 of the same bytes."""

import hashlib
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from bench.env import Env, case, memory
from jit_server import evidence
from jit_server.audit import Seal
from jit_server.core import clock
from jit_server.core.keys import SigningKey
from jit_server.core.vault import BLOCK
from jit_server.evidence import EvidenceItem
from jit_server.evidence.court import report
from jit_server.evidence.court.papers import Occasion
from jit_server.evidence.court.report import ENGLISH
from tests.builders import Team
from tests.evidence.builders import begins, declare, send
from tests.evidence.packages import VERIFIER, asked, based

MAKE_BAR, VERIFY_BAR, FLAT, REPORT_BAR = 0.5, 0.7, 64.0, 3.0
ITEMS = 1000


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """1,000 exhibits of 2 MiB, and one file of 1 GiB; when quick a tenth of the exhibits and a quarter of the GiB."""
    yield _report()
    team = env.world.workspace()
    items = ITEMS // 10 if quick else ITEMS
    _fill(team, items, 2 * BLOCK)
    yield from _made(env, team, items)
    size = (256 if quick else 1024) * BLOCK
    large = env.world.workspace()
    item = _exhibit(large, size)
    yield _verified(env, large, item, size)


def _report() -> dict[str, Any]:
    """The PDF of 2,000 events, in one go."""
    occasion = Occasion("Person", "Agency", "DE", "Court", "1 KLs 1/26", "", clock.now(), "https://jit.example")
    item = {"number": "DE-0001", "title": "Phone", "legal_basis": "StPO", "size": 7, "sha256": "ab" * 32}
    line = ["1", "2026-11-23 04:00:00", "DE-0001", "evidence:read", "KHK Brandt, Anklage DE", "ok", "investigation"]
    seal, case_at = Seal.of(SigningKey.generate("bench.example")), ("JIT-1", 9)
    made = [
        _timed(lambda: report.Setting().begin(occasion, case_at, [item], [line] * 2000, ENGLISH, seal).finished())
        for _ in range(3)
    ]
    seconds = min(made)
    return case("package_report", seconds, "s", bar=REPORT_BAR, holds=seconds <= REPORT_BAR, events=2000)


def _exhibit(team: Team, size: int) -> EvidenceItem:
    block = os.urandom(BLOCK)
    item = send(team, team.admin, declare(team, team.admin, size), (block for _ in range(size // BLOCK)))
    based(team, team.admin, item)
    return item


def _fill(team: Team, count: int, size: int) -> None:
    for _ in range(count):
        _exhibit(team, size)


def _made(env: Env, team: Team, items: int) -> Iterator[dict[str, Any]]:
    """By turns with `zipfile`, stored, over the same stored files; each is written to a file.

    What a run leaves for the disk is flushed before the next begins, which would otherwise pay for it.
    """
    objects = env.folder / "data" / "vault" / "objects"
    files = [path for path in objects.rglob("*") if path.is_file()]
    before = memory(os.getpid())
    ours, theirs, most = [], [], before
    for _ in range(3):
        ours.append(_timed(lambda: _pack(team, env.folder / "package.asice")))
        most = max(most, memory(os.getpid()))
        theirs.append(_timed(lambda: _zip(files, env.folder / "plain.zip")))
    mib = sum(path.stat().st_size for path in files) / 2**20
    rate, beside = mib / min(ours), mib / min(theirs)
    holds = rate / beside >= MAKE_BAR
    yield case("package_made", rate, "MiB/s", beside=beside, bar=MAKE_BAR, holds=holds, items=items, mib=round(mib))
    grown = (most - before) / 2**20
    yield case("package_memory", grown, "MiB", bar=FLAT, holds=grown <= FLAT, items=items)


def _pack(team: Team, target: Path) -> None:
    _, pieces = evidence.pack(begins(team, team.admin), team.id, asked())
    with target.open("wb") as file:
        for piece in pieces:
            file.write(piece)


def _zip(files: list[Path], target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as file:
        for number, path in enumerate(files):
            file.write(path, str(number))


def _verified(env: Env, team: Team, item: EvidenceItem, size: int) -> dict[str, Any]:
    """The verifier's work on the file, without starting Python, beside a bare loop over the same bytes."""
    path = env.folder / "one.asice"
    _, pieces = evidence.pack(begins(team, team.admin), team.id, asked(item))
    with path.open("wb") as file:
        file.writelines(pieces)
    verifier = _verifier()
    assert verifier.check(str(path))["ok"]
    runs = [(_timed(lambda: verifier.check(str(path))), _timed(lambda: _hash(path))) for _ in range(4)]
    rate, beside = (size / 2**20 / min(side) for side in zip(*runs, strict=True))
    holds = rate / beside >= VERIFY_BAR
    return case("package_verified", rate, "MiB/s", beside=beside, bar=VERIFY_BAR, holds=holds, mib=size // 2**20)


def _verifier() -> Any:
    spec = spec_from_file_location("jit_verify", VERIFIER)
    module = module_from_spec(spec)
    sys.modules["jit_verify"] = module
    spec.loader.exec_module(module)
    return module


def _hash(path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)


def _timed(work: Callable[[], object]) -> float:
    os.sync()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
