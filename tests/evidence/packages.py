"""Plain functions that make a package and let the offline verifier judge it."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from jit_server import evidence
from jit_server.evidence import EvidenceItem, NewPackage
from tests.builders import Team, Who
from tests.evidence import builders
from tests.evidence.builders import begins

VERIFIER = Path(__file__).parents[2] / "static" / "verify" / "jit-verify.py"


BASIS = {
    "verb": "authorize",
    "kind": "warrant",
    "authority": "Amtsgericht Aachen",
    "state": "DE",
    "identifier": "12 Gs 4/26",
    "valid_from": "2026-11-01",
}


def based(team: Team, who: Who, *items: EvidenceItem) -> None:
    """Record what these exhibits rest on, by whoever supplied them."""
    new = evidence.NewBasis.model_validate({"items": [item.id for item in items], "basis": BASIS})
    with begins(team, who)() as uow:
        evidence.record_basis(uow, team.id, new)


def exhibit(team: Team, who: Who, content: bytes = b"bytes that prove something", **changes: Any) -> EvidenceItem:
    """A registered exhibit that rests on a warrant: only such go into packages."""
    item = builders.exhibit(team, who, content, **changes)
    based(team, who, item)
    return item


def asked(*items: EvidenceItem, **changes: Any) -> NewPackage:
    """A package of these exhibits; of the whole case where none is named."""
    stated = {"recipient": "Landgericht Aachen, 1. Strafkammer", "order": "1 KLs 12/26", **changes}
    return NewPackage.model_validate(stated | ({"items": [item.id for item in items]} if items else {}))


def packed(team: Team, who: Who, *items: EvidenceItem, **changes: Any) -> bytes:
    """The whole container."""
    _, pieces = evidence.pack(begins(team, who), team.id, asked(*items, **changes))
    return b"".join(pieces)


def opened(package: bytes) -> zipfile.ZipFile:
    """The container as any ZIP program reads it."""
    return zipfile.ZipFile(io.BytesIO(package))


def judged(package: bytes, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What the offline verifier says: another process, in isolated mode, far from our packages."""
    path = folder / "package.asice"
    path.write_bytes(package)
    command = [sys.executable, "-I", str(VERIFIER), str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder, check=False)
