"""From a declaration to an exhibit: declare, receive the bytes, register.

The key of the new object commits first; then its bytes go to the vault, encrypted, outside any transaction; then one
transaction makes the exhibit and its entry on the log. A row never points at bytes that are not there.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from jit_server import audit
from jit_server.access import OUTSIDE, Action, Gate, Handling, Standing
from jit_server.core.errors import Conflict, Invalid, JitError, Mismatch, NotFound, TooLarge
from jit_server.core.vault import COBBLESTONE, Stored
from jit_server.evidence import markings
from jit_server.evidence.keys import Place, new_place
from jit_server.evidence.lifecycle import State, advance
from jit_server.evidence.malware.verdicts import soon
from jit_server.evidence.models import EvidenceItem, Upload
from jit_server.evidence.outside import Marking
from jit_server.evidence.shapes import NewUpload
from jit_server.evidence.terms import EvidenceTerm, terms
from jit_server.evidence.usecases import deriving, room
from jit_server.evidence.usecases.describing import description
from jit_server.evidence.usecases.destroying import forget
from jit_server.evidence.usecases.room import BEAT_SECONDS, SILENT
from jit_server.work import UnitOfWork
from jit_server.workspaces import Party, Workspace
from jit_server.workspaces.compartments import Compartment

Begin = Callable[[], UnitOfWork]
"""Opens a unit of work of whoever sends; asked anew each time, so that a revoked sender is found out."""

CLOCKS_DIFFER = timedelta(minutes=5)

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 5))")
_NEXT_NUMBER = text(
    "INSERT INTO exhibit_counter (workspace_id, state, last) VALUES (:workspace, :state, 1)"
    " ON CONFLICT (workspace_id, state) DO UPDATE SET last = exhibit_counter.last + 1 RETURNING last"
)


def declare(uow: UnitOfWork, workspace_id: UUID, new: NewUpload) -> Upload:
    """Say what will be sent. The same `client_id` again answers with the upload that is there.

    Raises:
        TooLarge: more bytes than this server takes.
        QuotaFull: the workspace or the agency has no room for them.
        Invalid: collected in the future, marked by an unknown code, or for a compartment one's party is not in.
        Conflict: the `client_id` was used for another file.
    """
    workspace = uow.get(Workspace, workspace_id, to=Action.EVIDENCE_REGISTER)
    standing = uow.standing(workspace_id)
    if standing is None:
        raise NotFound
    _acceptable(uow, new)
    parent = deriving.parent_of(uow, standing, new.derived_from)
    stated = new.model_dump(exclude={"client_id", "derived_from"}) | {"workspace_id": workspace_id}
    stated |= _marked(new, workspace) if parent is None else deriving.marked(new, parent)
    _compartment_is_ours(uow, standing, stated["compartment_id"])
    uow.connection.execute(_ONE_AT_A_TIME, {"key": f"{uow.actor.person_id} {new.client_id}"})
    there = uow.find(Upload, declared_by=uow.actor.person_id, client_id=new.client_id)
    if there is not None:
        same = all(getattr(there, name) == value for name, value in stated.items())
        if not same or not deriving.is_from(uow, there, new.derived_from):
            raise Conflict("This client_id was used for another file: take a new one.")
        return there
    upload = Upload(
        **stated,
        gate=Gate.PENDING if standing.party_class in OUTSIDE else Gate.OPEN,
        party_id=standing.party_id,
        agency_id=uow.actor.agency_id,  # type: ignore[arg-type] # whoever has a standing is a person of an agency
        declared_by=uow.actor.person_id,  # type: ignore[arg-type] # the same
        declared_at=uow.now,
        client_id=new.client_id,
        beat_at=uow.now,
    )
    uow.require(Action.EVIDENCE_REGISTER, upload)
    room.require(uow, workspace_id, upload.size, hold=False)
    uow.add(upload)
    uow.record("evidence:declared", upload, size=upload.size, sha256=upload.declared_sha256)
    if parent is not None and new.derived_from is not None:
        deriving.keep(uow, upload, parent, new.derived_from)
    return upload


def _acceptable(uow: UnitOfWork, new: NewUpload) -> None:
    most = uow.house.settings.max_upload_bytes
    if new.size > most:
        raise TooLarge(f"The file has {new.size} bytes; this server takes {most}.", max_bytes=most)
    if new.collected_at > uow.now + CLOCKS_DIFFER:
        raise Invalid.field("collected_at", "lies in the future", "Correct the moment of collection or its zone.")


def _marked(new: NewUpload, workspace: Workspace) -> dict[str, str]:
    """Level, scheme and code of the new thing: as stated, or the workspace's default."""
    if (new.scheme is None) != (new.code is None):
        raise Invalid.field("code", "scheme and code belong together", "Give both, or handling alone.")
    level = new.handling or workspace.default_handling
    code = markings.code_of(new.scheme or markings.SIENA, new.code or str(level))
    if new.handling not in {None, code.level}:
        raise Invalid.field("code", f"{code.words} stands for {code.level}, not {new.handling}", "Leave handling out.")
    if code.level == Handling.H3 and not new.conditions_text:
        raise Invalid.field(
            "conditions_text",
            "H3 is another restriction, and its words are missing",
            "Write what it asks of the reader.",
        )
    return {"handling": code.level, "scheme": code.scheme, "code": code.code}


def _compartment_is_ours(uow: UnitOfWork, standing: Standing, compartment_id: UUID | None) -> None:
    if compartment_id is None:
        return
    known = compartment_id in uow.policy(standing).compartments_of(standing.party_id)
    found = uow.find(Compartment, id=compartment_id, workspace_id=standing.workspace_id) if known else None
    if found is None or found.closed_at is not None:
        raise Invalid.field("compartment_id", "is no open compartment of your party", "Choose one, or the whole team.")


def upload(uow: UnitOfWork, upload_id: UUID) -> Upload:
    """One's own upload and where it stands; other people's are absent."""
    found = uow.get(Upload, upload_id, to=Action.EVIDENCE_REGISTER)
    if found.declared_by != uow.actor.person_id:
        raise NotFound
    return found


def receive(begin: Begin, upload_id: UUID, content: Iterable[bytes]) -> EvidenceItem:
    """Take the bytes of an upload and register the exhibit; sent again after that, it answers with the exhibit.

    Raises:
        Mismatch: other bytes than declared. Too few: send again. Otherwise: rejected, declare anew. On the record.
        VaultDown: nothing is recorded but the attempt; send again.
        Conflict: it is being sent at this moment, or was rejected.
    """
    with begin() as uow:
        taken = upload(uow, upload_id)
        if taken.state == State.AVAILABLE:
            return exhibit_of(uow, taken)
        _start(uow, taken)
        place = new_place(uow, taken.workspace_id, taken.compartment_id)
    stored = _stored(begin, taken, place, content)
    with begin() as uow:
        return register_stored(uow, taken, stored)


def _stored(begin: Begin, taken: Upload, place: Place, content: Iterable[bytes]) -> Stored:
    """The bytes in the vault, encrypted and read back; where that fails, the attempt is on the record."""
    try:
        moving = _alive(begin, taken, content)
        return place.vault.put(place.key, moving, size=taken.size, sha256=taken.declared_sha256)
    except Mismatch as other:
        is_cut = other.members.get("size", taken.size) < taken.size
        give_up(begin, taken, State.DECLARED if is_cut else State.REJECTED, other)
        raise
    except JitError as fault:
        give_up(begin, taken, State.DECLARED, fault)
        raise


def exhibit_of(uow: UnitOfWork, sent: Upload) -> EvidenceItem:
    """The exhibit that an upload has become."""
    item = uow.find(EvidenceItem, id=sent.id)
    if item is None:
        raise NotFound
    return item


def _start(uow: UnitOfWork, sent: Upload) -> None:
    uow.session.refresh(sent, with_for_update=True)
    if sent.state == State.UPLOADING:
        if sent.beat_at > uow.now - SILENT:
            raise Conflict("Its bytes are being sent at this moment.", state=str(sent.state))
    else:
        next_state = advance(State(sent.state), State.UPLOADING)
        room.require(uow, sent.workspace_id, sent.size, hold=True)
        sent.state = next_state
    sent.attempt += 1
    sent.beat_at = uow.now


def _alive(begin: Begin, sent: Upload, content: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes; every few seconds a sign of life, at which a sender who may no longer send is stopped."""
    last = time.monotonic()
    for block in content:
        yield block
        if time.monotonic() - last > BEAT_SECONDS:
            with begin() as uow:
                still_ours(uow, sent).beat_at = uow.now
            last = time.monotonic()


def still_ours(uow: UnitOfWork, sent: Upload) -> Upload:
    """The upload, locked, if this transfer is still the one under way."""
    now = upload(uow, sent.id)
    uow.session.refresh(now, with_for_update=True)
    if now.state != sent.state or now.attempt != sent.attempt:
        raise Conflict("Another transfer of this upload has taken over.", state=str(now.state))
    return now


def give_up(begin: Begin, sent: Upload, to: State, why: JitError) -> None:
    """Put the attempt on the record, also when the sender may meanwhile do nothing here any more."""
    with begin() as uow, uow.as_system():
        now = uow.find(Upload, id=sent.id, attempt=sent.attempt, state=str(sent.state))
        if now is None:
            return
        now.state = advance(State(sent.state), to)
        if to is State.REJECTED:
            forget(uow, now)
        seen = {name: why.members[name] for name in ("size", "sha256") if name in why.members}
        uow.record(
            "evidence:rejected", now, result="error", reason=why.slug, final=to == State.REJECTED,
            attempt=now.attempt, announced_size=now.size, announced_sha256=now.declared_sha256, **seen,
        )  # fmt: skip


def register_stored(uow: UnitOfWork, sent: Upload, stored: Stored, seal: str = COBBLESTONE) -> EvidenceItem:
    """Make the exhibit and its entry on the log, in one transaction."""
    now = still_ours(uow, sent)
    received = State.RECEIVED if now.state == State.RECEIVED else advance(State(now.state), State.RECEIVED)
    now.state = advance(received, State.AVAILABLE)
    made = deriving.origin_of(uow, now)
    declared = {name: getattr(now, name) for name in ("id", *Upload.declared_names())}
    declared |= deriving.inherited(now, made.parent) if made else {}
    party = uow.find(Party, id=declared["party_id"])
    if party is None:
        raise NotFound
    place = {"workspace": now.workspace_id, "state": party.state}
    item = EvidenceItem(
        **declared,
        state=party.state,
        serial=uow.connection.execute(_NEXT_NUMBER, place).scalar_one(),
        sha256=stored.sha256,
        seal=seal,
        vault=uow.house.settings.vault,
        vault_key=stored.key,
        version_id=stored.version_id,
        salt=audit.new_salt(),
        registered_by=now.declared_by,
        registered_at=uow.now,
    )
    uow.add(item)
    uow.add(marking_of(item, now.declared_by, uow.now))
    for term in sorted(terms(item.title, item.file_name, item.number)):
        uow.add(EvidenceTerm(item_id=item.id, term=term, workspace_id=item.workspace_id))
    uow.record(
        "evidence:registered", item, number=item.number, sha256=item.sha256, size=item.size, seal=item.seal,
        vault=item.vault, version_id=item.version_id,
        description=audit.commit(description(item), item.salt), **facts_of(item),
    )  # fmt: skip
    if made is not None:
        deriving.link(uow, item, made)
    soon(uow, item.workspace_id, item.id)
    for task in ("evidence:read_back", "evidence:recognise"):
        uow.later(task, workspace_id=item.workspace_id, item_id=item.id)
    return item


def marking_of(item: EvidenceItem, by: UUID, at: datetime, reason: str = "") -> Marking:
    """The row that says how an exhibit is marked from now on."""
    names = ("handling", "scheme", "code", "source_reliability", "information_accuracy", "conditions_text")
    said = {name: getattr(item, name) for name in names}
    return Marking(
        **said, workspace_id=item.workspace_id, item_id=item.id, party_id=item.party_id, set_by=by, set_at=at,
        reason=reason,
    )  # fmt: skip


def facts_of(item: EvidenceItem) -> dict[str, Any]:
    """What the log says of marking and gate; of the conditions only a commitment, for they are words."""
    return {
        "handling": str(item.handling), "scheme": item.scheme, "code": item.code, "gate": str(item.gate),
        "source_reliability": item.source_reliability, "information_accuracy": item.information_accuracy,
        "conditions": audit.commit(item.conditions_text, item.salt) if item.conditions_text else None,
    }  # fmt: skip
