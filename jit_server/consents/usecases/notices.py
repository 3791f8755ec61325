"""Lines on a person's day: what has happened that concerns them and that they have not seen yet."""

from uuid import UUID

from sqlmodel import col

from jit_server.consents.models import Notice
from jit_server.core.errors import NotFound
from jit_server.work import UnitOfWork


def unseen(uow: UnitOfWork) -> list[Notice]:
    """The actor's notices that they have not acknowledged: of several about one thing only the latest."""
    found = uow.every(Notice, Notice.person_id == uow.actor.person_id, col(Notice.seen_at).is_(None))
    latest = {(one.kind, one.subject_id): one for one in sorted(found, key=lambda one: one.made_at)}
    return sorted(latest.values(), key=lambda one: one.made_at, reverse=True)


def acknowledge(uow: UnitOfWork, notice_id: UUID) -> Notice:
    """The actor has seen it (and the earlier ones about the same thing); that is on the record too."""
    notice = uow.find(Notice, id=notice_id, person_id=uow.actor.person_id)
    if notice is None:
        raise NotFound
    same = (Notice.person_id == notice.person_id, Notice.kind == notice.kind, Notice.subject_id == notice.subject_id)
    for one in uow.every(Notice, *same, col(Notice.seen_at).is_(None)):
        one.seen_at = uow.now
        uow.record("notice:seen", workspace_id=one.workspace_id, kind=str(one.kind), about=one.subject_id)
    return notice
