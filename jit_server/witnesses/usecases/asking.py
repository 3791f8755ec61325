"""This server's own heads, shown to the witnesses that its operator names.

One that does not answer holds nobody up but a package for court where a quorum is asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
import urllib3
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from jit_server import audit
from jit_server.access import SYSTEM
from jit_server.audit.cosignatures import WitnessKey, lines_by
from jit_server.audit.models import audit_head
from jit_server.audit.notes import Checkpoint
from jit_server.core.errors import N_, JitError
from jit_server.core.jobs import Stopping
from jit_server.witnesses.models import Cosignature, Witness
from jit_server.work import House, UnitOfWork

log = structlog.get_logger()
SECONDS: Final = 5
TOGETHER: Final = 200
TRIES: Final = 3
_OK, _CONFLICT = 200, 409
_ANSWER_MOST: Final = 4096


class NoQuorum(JitError):
    """Too few witnesses have cosigned the head of the log. Send again in a moment; the operator sees who is silent."""

    slug, status, title = "no-quorum", 503, N_("The log's head is not witnessed")


class _Silent(Exception):
    """A witness gives no answer that can be read, to whatever is asked."""


@dataclass(frozen=True)
class Seen:
    """What one witness has cosigned of a log at last: its name, how many entries, and when; nothing yet."""

    name: str
    size: int | None
    at: datetime | None


def cosigned(house: House, log_id: UUID, note: str) -> str:
    """The newest head of a log with the cosignatures of all witnesses that answer; `note` where there is none to ask.

    Raises:
        NoQuorum: fewer than the settings ask for.
    """
    witnesses = _active(house)
    if not witnesses:
        return _enough(house, note, [])
    lines: list[str] = []
    for _ in range(TRIES):
        with house.work(SYSTEM) as uow:
            note = audit.checkpoint(uow.connection, log_id, house.key)
        answers = [_line(house, one, log_id, note) for one in witnesses]
        lines = [line for line in answers if line]
        if len(lines) == len(witnesses):
            break
    return _enough(house, note, lines)


def insist(house: House, log_id: UUID) -> None:
    """Refuse before anything is put on record where a quorum is asked for and not to be had. Raises `NoQuorum`."""
    if house.settings.witness_quorum:
        with house.work(SYSTEM) as uow:
            note = audit.checkpoint(uow.connection, log_id, house.key)
        cosigned(house, log_id, note)


def ask_all(house: House, stopping: Stopping) -> None:
    """Show each witness the heads that it has not cosigned (a job of time; idempotent)."""
    for one in _active(house):
        for log_id in _behind(house, one):
            if stopping():
                return
            try:
                _show(house, one, log_id)
            except JitError as fault:  # this log is damaged: the others' heads go on
                log.error("witness_not_asked", log=str(log_id), fault=fault.slug)  # noqa: TRY400 - no traceback needed
            except _Silent:
                break  # its next turn comes


def _show(house: House, witness: Witness, log_id: UUID) -> None:
    with house.work(SYSTEM) as uow:
        note = audit.checkpoint(uow.connection, log_id, house.key)
    _given(house, witness, log_id, note)


def seen_by(uow: UnitOfWork, log_id: UUID) -> list[Seen]:
    """How far each witness has cosigned a log."""
    size, at = func.max(Cosignature.size), func.max(Cosignature.seen_at)
    wanted = (
        select(col(Witness.key), size, at)
        .outerjoin(Cosignature, (col(Cosignature.witness_id) == col(Witness.id)) & (col(Cosignature.log_id) == log_id))
        .where(col(Witness.until).is_(None))
        .group_by(col(Witness.key))
        .order_by(col(Witness.key))
    )
    return [Seen(key.partition("+")[0], size, at) for key, size, at in uow.session.execute(wanted)]


def _active(house: House) -> Sequence[Witness]:
    with house.work(SYSTEM) as uow:
        return uow.every(Witness, col(Witness.until).is_(None))


def _behind(house: House, witness: Witness) -> Iterator[UUID]:
    """Every log whose head this witness has not cosigned, a page at a time: none waits for ever behind busy others."""
    newest = (
        select(func.coalesce(func.max(Cosignature.size), 0))
        .where(col(Cosignature.log_id) == audit_head.c.log_id, col(Cosignature.witness_id) == witness.id)
        .scalar_subquery()
    )
    wanted = select(audit_head.c.log_id).where(audit_head.c.size > newest).order_by(audit_head.c.log_id)
    last = UUID(int=0)
    while True:
        with house.work(SYSTEM) as uow:
            some = list(uow.session.scalars(wanted.where(audit_head.c.log_id > last).limit(TOGETHER)))
        yield from some
        if len(some) < TOGETHER:
            return
        last = some[-1]


def _enough(house: House, note: str, lines: list[str]) -> str:
    if len(lines) < house.settings.witness_quorum:
        raise NoQuorum(
            f"{len(lines)} of {house.settings.witness_quorum} witnesses have cosigned the log. Send again in a moment.",
            cosigned=len(lines),
        )
    return note + "".join(f"{line}\n" for line in lines)


def _line(house: House, witness: Witness, log_id: UUID, note: str) -> str | None:
    """A witness's cosignature under this note; None where it gives none or is silent."""
    try:
        return _given(house, witness, log_id, note)
    except _Silent:
        return None


def _given(house: House, witness: Witness, log_id: UUID, note: str) -> str | None:
    """A witness's cosignature under this note; None where it refuses this head. Raises `_Silent`."""
    text = note.partition("\n\n")[0] + "\n"
    head = Checkpoint.parse(text)
    key = WitnessKey.parse(witness.key)
    with house.work(SYSTEM) as uow:
        mine = col(Cosignature.witness_id) == witness.id, col(Cosignature.log_id) == log_id
        there = uow.session.scalars(select(Cosignature).where(*mine, col(Cosignature.size) == head.size)).first()
        old = uow.session.execute(select(func.max(Cosignature.size)).where(*mine)).scalar_one() or 0
    if there is not None and lines_by(key, text, [there.line]):
        return there.line
    try:
        line = _asked(house, witness, log_id, head, note, min(old, head.size))
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        log.warning("witness_silent", witness=key.name, fault=type(error).__name__)
        raise _Silent from error
    found = lines_by(key, text, line.splitlines())
    if not found:
        log.warning("witness_unfit", witness=key.name)
        return None
    _keep(house, witness, log_id, head, found[0], key.saw(text, found[0]))
    return found[0]


def _asked(house: House, witness: Witness, log_id: UUID, head: Checkpoint, note: str, old: int) -> str:
    """Ask from where we believe it stands, and once more from where it says it does."""
    status, answer = _post(witness.url, _request(house, log_id, old, head.size, note))
    if status == _CONFLICT and answer.strip().isdigit():
        known = int(answer)
        if known > head.size:  # others' entries came meanwhile, or our log was put back from an older copy
            log.warning("witness_ahead", log=str(log_id), size=head.size, seen=known)
            return ""
        status, answer = _post(witness.url, _request(house, log_id, known, head.size, note))
    if status != _OK:
        log.error("witness_refused", witness=witness.key.partition("+")[0], log=str(log_id), status=status)
        return ""
    return answer


def _request(house: House, log_id: UUID, old: int, size: int, note: str) -> bytes:
    with house.work(SYSTEM) as uow:
        proof = audit.consistency(uow.connection, log_id, old, size) if 0 < old < size else []
    hashes = "".join(f"{audit.notes.based(one)}\n" for one in proof)
    return f"old {old}\n{hashes}\n{note}".encode()


def _post(url: str, body: bytes) -> tuple[int, str]:
    timeout = urllib3.Timeout(total=SECONDS)
    with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
        address = f"{url.rstrip('/')}/add-checkpoint"
        answer = pool.request("POST", address, body=body, redirect=False, preload_content=False)
        data = answer.read(_ANSWER_MOST)
        answer.close()
    return answer.status, data.decode()


def _keep(house: House, witness: Witness, log_id: UUID, head: Checkpoint, line: str, at: datetime) -> None:
    made = Cosignature(log_id=log_id, size=head.size, witness_id=witness.id, line=line, seen_at=at)
    with house.work(SYSTEM) as uow:
        uow.connection.execute(insert(Cosignature).values(made.model_dump()).on_conflict_do_nothing())
