"""Exhibits as the tests prepare, declare and look for them."""

import hashlib
import re
import secrets
from pathlib import Path
from typing import Any
from uuid import UUID

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import text

from jit_server import audit, evidence
from jit_server.access import SYSTEM
from jit_server.core import clock
from jit_server.evidence import EvidenceItem
from tests.builders import Team, Who
from tests.journeys.visitor import Visitor

MIB = 2**20
_PIECES = text(
    "SELECT p.object_id, p.size FROM upload_piece p JOIN upload_part o ON o.id = p.part_id"
    " JOIN upload u ON u.id = o.upload_id WHERE u.workspace_id = :id"
)
_ONCE = re.compile(r'nonce="[^"]*"')
LARGE = 200 * MIB


def sparse(folder: Path, name: str = "phone.img", size: int = LARGE) -> Path:
    """A file with holes, as images of devices have; no two are alike."""
    path = folder / name
    with path.open("wb") as file:
        file.write(secrets.token_bytes(4096))
        file.truncate(size)
        file.seek(size // 2)
        file.write(secrets.token_bytes(4096))
    return path


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fill_in(page: Page, title: str = "Image of a phone") -> None:
    """Everything that W7 asks for, except the file and what the page fills in by itself."""
    page.get_by_label("Title").fill(title)
    page.get_by_label("Legal basis").fill("Search warrant 4 Gs 112/26")
    page.get_by_label("Method").select_option("seizure")
    page.get_by_label("Place", exact=True).fill("Hafenstraße 12, Rheinau")
    page.get_by_label("Moment of collection").fill("2026-11-20T06:10")
    page.get_by_label("Time zone of that place").select_option("Europe/Berlin")


def choose(page: Page, path: Path) -> None:
    """By the button."""
    page.get_by_label("File").set_input_files(path)


def drop(page: Page, path: Path) -> None:
    """By the mouse, as the desktop hands a file over: no page could make such a drop up."""
    zone = page.locator("[data-drop]")
    zone.scroll_into_view_if_needed()
    box = zone.bounding_box()
    assert box is not None
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})
    session.detach()


def registers(visitor: Visitor, team: Team, path: Path, title: str = "Image of a phone") -> str:
    """The person adds the file by the button; the exhibit's number."""
    page = visitor.go(f"/w/{team.id}/evidence/new").page
    fill_in(page, title)
    choose(page, path)
    page.get_by_role("button", name="Upload & register").click()
    return registered(page)


def registered(page: Page) -> str:
    """The number under which the page says that the exhibit was registered."""
    done = page.get_by_text(re.compile("Registered as exhibit"))
    expect(done).to_be_visible(timeout=60_000)
    return done.inner_text().split()[-1].rstrip(".")


def pieces(team: Team) -> dict[UUID, int]:
    """The pieces of this team's uploads that the server has: their names and sizes in bytes."""
    with team.world.work(SYSTEM) as uow:
        return {row.object_id: row.size for row in uow.connection.execute(_PIECES, {"id": team.id})}


def missing(page: Page) -> Locator:
    """What the button says is missing."""
    return page.locator("[data-why]")


def taken_in(team: Team, who: Who, content: bytes = b"seized", **stated: Any) -> str:
    """An exhibit that somebody has registered; its number."""
    new = evidence.NewUpload.model_validate(
        {
            "title": "Ledger", "legal_basis": "Warrant", "method": "seizure", "collector": who.name,
            "place": "Rheinau", "collected_at": clock.now(), "zone": "Europe/Berlin", "file_name": "ledger.bin",
            "size": len(content), "client_id": secrets.token_hex(8), **stated,
        }
    )  # fmt: skip
    with team.world.work(who) as uow:
        declared = evidence.declare(uow, team.id, new).id
    return evidence.receive(lambda: team.world.work(who), declared, [content]).number


def record(team: Team) -> list[dict[str, Any]]:
    """The workspace's log from its first entry, as kept."""
    with team.world.work(SYSTEM) as uow:
        return [one.content for one in audit.read(uow.connection, team.id, 0, 10_000)]


def item(team: Team, number: str) -> EvidenceItem:
    """The exhibit of this number."""
    with team.world.work(SYSTEM) as uow:
        found = uow.find(EvidenceItem, id=evidence.numbered(uow, team.id, number))
        assert found is not None
        return found


def without_nonce(page: str) -> str:
    """A page without what differs each time."""
    return _ONCE.sub("", page)
