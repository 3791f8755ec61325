"""Plain functions that make uploads and exhibits through the product's own use-cases."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID, uuid4

from jit_server import evidence
from jit_server.evidence import EvidenceItem, NewUpload
from jit_server.evidence.usecases.reading_back import read_back
from jit_server.web.purpose import Purpose
from jit_server.work import UnitOfWork
from jit_server.workspaces import EntryOut
from tests.builders import Team, Who


def stated(size: int, **changes: Any) -> dict[str, Any]:
    """A declaration as the API takes it."""
    return (
        {
            "title": "Image of a phone",
            "legal_basis": "Section 94 StPO, order of 12 November 2026",
            "method": "forensic_image",
            "collector": "KHK Brandt",
            "place": "Aachen, Jülicher Straße 1",
            "collected_at": "2026-11-12T06:40:00+01:00",
            "zone": "Europe/Berlin",
            "file_name": "phone.img",
            "size": size,
            "client_id": uuid4().hex,
        }
        | ({"conditions_text": "Not to be shown to the suspect's counsel"} if changes.get("handling") == "H3" else {})
        | changes
    )


PURPOSE = Purpose("investigation", "following the money", acknowledged=True)


def begins(team: Team, who: Who, purpose: Purpose | None = PURPOSE) -> Callable[[], UnitOfWork]:
    """What opens units of work for this person, who says what for."""
    return lambda: purpose.on(team.world.work(who)) if purpose else team.world.work(who)


def declare(team: Team, who: Who, size: int, **changes: Any) -> UUID:
    with team.world.work(who) as uow:
        return evidence.declare(uow, team.id, NewUpload.model_validate(stated(size, **changes))).id


def send(team: Team, who: Who, upload_id: UUID, content: bytes | Iterable[bytes]) -> EvidenceItem:
    return evidence.receive(begins(team, who), upload_id, [content] if isinstance(content, bytes) else content)


def exhibit(team: Team, who: Who, content: bytes = b"bytes that prove something", **changes: Any) -> EvidenceItem:
    """A registered exhibit."""
    return send(team, who, declare(team, who, len(content), **changes), content)


def kept(team: Team, who: Who, content: bytes = b"bytes that prove something", **changes: Any) -> EvidenceItem:
    """A registered exhibit that the store gave back."""
    item = exhibit(team, who, content, **changes)
    read_back(begins(team, who), item)
    return item


def pieces(content: bytes, length: int = 65536) -> Iterator[bytes]:
    for start in range(0, len(content), length):
        yield content[start : start + length]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def custody(team: Team, who: Who, item_id: UUID) -> list[EntryOut]:
    with begins(team, who)() as uow:
        return evidence.custody(uow, item_id)


def events(team: Team, who: Who, item_id: UUID) -> list[str]:
    """The names of the events about one exhibit so far, without this look at it."""
    return [one.event for one in custody(team, who, item_id)]
