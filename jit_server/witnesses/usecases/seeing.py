"""This server as a witness: it cosigns a head only where that continues what it has seen before (C2SP tlog-witness).

A second head of one size that the log's own key signed is kept beside the first: the two prove what its keeper did.
What was seen is on disk before the cosignature leaves. A process that dies in between has cosigned nothing; whoever
asks again gets the cosignature of the same head.
"""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from jit_server.access import SYSTEM
from jit_server.audit import cosignatures, notes, tree
from jit_server.audit.cosignatures import WitnessKey
from jit_server.audit.notes import BadNote, Checkpoint, VerifierKey
from jit_server.core.errors import JitError, Malformed, NotFound
from jit_server.core.keys import SigningKey
from jit_server.witnesses.models import WitnessedLog, WitnessedServer
from jit_server.work import House, UnitOfWork

PROOF_MOST: Final = 63
_OLD = re.compile("old (0|[1-9][0-9]{0,17})", re.ASCII)


class NotTheirs(JitError):
    """The checkpoint is of a log that is trusted here, but not signed by its key."""

    slug, status, title = "not-theirs", 403, "The checkpoint is not signed by the log's key"


class OtherHead(JitError):
    """Another head of this log was seen before: prove from there. `size` says where; an equal size is a split view."""

    slug, status, title = "other-head", 409, "Another head of this log was seen"


class NoContinuation(JitError):
    """The proof does not show that the head continues the one that was seen: the log was rewritten, or the proof is."""

    slug, status, title = "no-continuation", 422, "The head does not continue the one that was seen"


@dataclass(frozen=True)
class _Asked:
    old: int
    proof: list[bytes]
    note: str


def witness_key(key: SigningKey) -> SigningKey:
    """The key by which this server cosigns others' logs; nothing that it signs passes for a head of its own."""
    return key.other(b"jit-server witness v1", f"{key.name}/witness")


def public_witness_key(key: SigningKey) -> WitnessKey:
    """The same, as others name it."""
    mine = witness_key(key)
    return WitnessKey(mine.name, mine.public_key)


def add_checkpoint(house: House, body: bytes) -> str:
    """Cosign a head; the answer is the signature line, with its newline.

    Raises:
        Malformed: it is no such request, or asks from a larger head to a smaller one.
        NotFound: nobody here trusts that log.
        NotTheirs, OtherHead, NoContinuation: see there.
    """
    asked = _read(body)
    with house.work(SYSTEM) as uow:
        head = _theirs(uow, asked.note)
        if asked.old > head.size:
            raise Malformed("`old` is larger than the checkpoint.")
        seen = _seen(uow, head.origin)
        split = seen.size == head.size and bytes(seen.root) != head.root
        if split:
            _keep_proof(uow, seen, head, asked.note)
        else:
            _go_on(uow, seen, head, asked)
        at = uow.now
    if split:
        raise OtherHead(size=head.size)
    return cosignatures.cosign(str(head), witness_key(house.key), at) + "\n"


def _go_on(uow: UnitOfWork, seen: WitnessedLog, head: Checkpoint, asked: _Asked) -> None:
    if seen.size != asked.old:
        raise OtherHead(size=seen.size)
    if not tree.extends(asked.old, head.size, bytes(seen.root), head.root, asked.proof):
        raise NoContinuation
    if seen.size < head.size or not seen.note:
        seen.note = asked.note
    seen.size, seen.root, seen.seen_at = head.size, head.root, uow.now


def _keep_proof(uow: UnitOfWork, seen: WitnessedLog, head: Checkpoint, note: str) -> None:
    if not seen.against:
        seen.against = note
        uow.record("witness:contradicted", log=head.origin, size=head.size, seen=seen.note, shown=note)


def _read(body: bytes) -> _Asked:
    try:
        first, _, note = body.decode().partition("\n\n")
        old, *proof = first.split("\n")
        hashes = [notes.unbased(line) for line in proof]
        Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    except (UnicodeDecodeError, BadNote) as error:
        raise Malformed(f"Not an add-checkpoint request: {error}.") from error
    number = _OLD.fullmatch(old)
    if number is None or len(proof) > PROOF_MOST or any(len(one) != notes.HASH_BYTES for one in hashes):
        raise Malformed("The first line is `old <size>`; then come at most 63 hashes, then an empty line and the note.")
    return _Asked(int(number[1]), hashes, note)


def _theirs(uow: UnitOfWork, note: str) -> Checkpoint:
    """The head that the note states, signed by the log's own key."""
    origin = note.partition("\n")[0]
    name, _, log_id = origin.rpartition("/log/")
    keys = [VerifierKey.parse(one.key) for one in uow.every(WitnessedServer, col(WitnessedServer.until).is_(None))]
    signers = [VerifierKey(origin, key.public_key) for key in keys if key.name == name]
    try:
        known = bool(signers) and str(UUID(log_id)) == log_id
    except ValueError:
        known = False
    if not known:
        raise NotFound("No log of that name is trusted here.")
    try:
        text = notes.read(note, signers)
        head = Checkpoint.parse(text)
    except BadNote as error:
        raise NotTheirs(f"{error}.") from error
    if str(head) != text:
        raise Malformed("A checkpoint has three lines here: origin, size, root.")
    return head


def _seen(uow: UnitOfWork, origin: str) -> WitnessedLog:
    """The largest head seen of a log, held against everybody else until this transaction ends."""
    new = {"origin": origin, "size": 0, "root": tree.EMPTY_ROOT, "seen_at": uow.now, "note": "", "against": ""}
    uow.connection.execute(insert(WitnessedLog).values(new).on_conflict_do_nothing())
    held = select(WitnessedLog).where(col(WitnessedLog.origin) == origin).with_for_update()
    return uow.session.scalars(held).one()
