"""Verify a whole log: read every row in batches, recompute everything, compare with the signed checkpoints."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import itemgetter
from time import sleep
from typing import Any
from uuid import UUID

from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from jit_server.audit import notes
from jit_server.audit.models import audit_checkpoint
from jit_server.audit.notes import BadNote, Checkpoint, VerifierKey
from jit_server.audit.scan import CHUNK, Finding, Scan, Stored

# The columns beside the canonical bytes, written as `Scan` writes what the bytes say.
_BATCH = b"""
SELECT position,
       id::text || '|' || event || '|' || subject_kind || '|' || coalesce(subject_id::text, '') || '|' ||
       coalesce(party_id::text, '') || '|' || coalesce(handling, '') || '|' ||
       coalesce(compartment_id::text, '') || '|' || coalesce(actor_id::text, '') || '|' ||
       coalesce(agency_id::text, '') || '|' || result || '|' ||
       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
       canonical, leaf_hash, nodes, link
FROM audit_entry WHERE log_id = $1 AND position > $2 AND position <= $3
"""
_STRAYS = text(
    "SELECT min(e.position) AS first, max(e.position) AS last FROM"
    " (SELECT position FROM audit_entry WHERE log_id = :log AND position < 1 UNION ALL"
    " SELECT position FROM audit_entry WHERE log_id = :log"
    " AND position > coalesce((SELECT size FROM audit_head WHERE log_id = :log), 0)) e"
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    Attributes:
        size: entries that the log's head counts.
        root: recomputed root over them; None where one is missing.
        checkpoints: signed heads that were compared.
        findings: what does not fit, by position; empty when the log holds.
    """

    log_id: UUID
    size: int
    root: bytes | None
    checkpoints: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything fits."""
        return not self.findings

    @property
    def first(self) -> Finding | None:
        """The finding at the lowest position."""
        return self.findings[0] if self.findings else None


def verify(
    session: Session | Connection,
    log_id: UUID,
    trusted_checkpoints: Sequence[Checkpoint] = (),
    signers: Iterable[VerifierKey] = (),
) -> Report:
    """Recompute the whole log from its stored canonical bytes and name all that does not fit.

    Entries appended meanwhile are left for the next time. The log's own record of checkpoints can vanish with the rest
    of the database: only a checkpoint that was kept elsewhere shows a rewritten log or an old copy put back.

    Args:
        session: a transaction whose actor may read the log.
        log_id: which log.
        trusted_checkpoints: heads kept elsewhere, whose signatures were checked on reading (`notes.checkpoint`).
        signers: keys under which the checkpoints kept beside the log are checked; of other keys they are passed over.
    """
    connection = session.connection() if isinstance(session, Session) else session
    row = connection.execute(
        text("SELECT size, frontier, link FROM audit_head WHERE log_id = :log"), {"log": log_id}
    ).first()
    size = row.size if row else 0
    own, findings = _own_checkpoints(connection, log_id, list(signers))
    checkpoints = sorted({*own, *trusted_checkpoints}, key=lambda checkpoint: checkpoint.size)
    scan = Scan(log_id, [checkpoint.size for checkpoint in checkpoints if checkpoint.size <= size])
    for upto, rows in _batches(connection, log_id, size):
        scan.feed(rows, upto)
    if not size:
        scan.feed([], 0)
    findings += scan.finish()
    findings += _head_findings(row, scan)
    findings += _stray_findings(connection, log_id)
    findings += _checkpoint_findings(checkpoints, scan, findings)
    return Report(log_id, size, scan.root, len(checkpoints), tuple(sorted(findings)))


def _batches(connection: Connection, log_id: UUID, size: int) -> Iterator[tuple[int, list[Stored]]]:
    """Read the rows in order, the next batch while the present one is being checked.

    Past SQLAlchemy and below psycopg's cursors: their waiting loop needs Python's lock for each packet, and would wait
    for it behind the hashing. That is a quarter of the time of a large log.
    """
    driver: Any = connection.connection.driver_connection
    rows_of = Transformer(driver)

    def fetch(start: int) -> Any:
        places = (str(log_id), str(start), str(min(start + CHUNK, size)))
        return driver.pgconn.exec_params(_BATCH, [place.encode() for place in places], result_format=1)

    with ThreadPoolExecutor(1, "audit-verify") as reader:
        coming = reader.submit(fetch, 0)
        for start in range(0, size, CHUNK):
            result = coming.result()
            if result.status != ExecStatus.TUPLES_OK:
                raise error_from_result(result)
            if start + CHUNK < size:
                coming = reader.submit(fetch, start + CHUNK)
            rows_of.set_pgresult(result)
            rows: list[Stored] = rows_of.load_rows(0, result.ntuples, tuple)
            rows.sort(key=itemgetter(0))  # nearly sorted already; PostgreSQL would copy them through its own sort
            yield min(start + CHUNK, size), rows
            sleep(0)  # where threads are greenlets, others get their turn


def _own_checkpoints(
    connection: Connection, log_id: UUID, signers: list[VerifierKey]
) -> tuple[list[Checkpoint], list[Finding]]:
    """Read the checkpoints kept beside the log; those that our keys should have signed but did not are findings."""
    kept, good, findings = audit_checkpoint.c, [], []
    names = {str(signer): signer for signer in signers}
    rows = connection.execute(audit_checkpoint.select().where(kept.log_id == log_id, kept.key.in_(names)))
    for row in rows:
        try:
            checkpoint = notes.checkpoint(row.note, [names[row.key]])
        except BadNote as error:
            findings.append(
                Finding(row.size, row.size, "checkpoint", f"the checkpoint kept there does not hold: {error}")
            )
            continue
        if (checkpoint.size, checkpoint.root) != (row.size, bytes(row.root)):
            findings.append(Finding(row.size, row.size, "checkpoint", "the checkpoint kept there says something else"))
        good.append(checkpoint)
    return good, findings


def _head_findings(row: Any, scan: Scan) -> list[Finding]:
    """Compare the head with the recomputed tree."""
    if row is None or scan.root is None:
        return []
    stored = [(level, bytes(node)) for level, node in enumerate(row.frontier) if node is not None]
    if stored[::-1] == scan.frontier and bytes(row.link) == scan.link:
        return []
    if any(finding.kind == "tree" or finding.last == scan.size for finding in scan.findings):
        return []
    return [
        Finding(max(scan.size, 1), max(scan.size, 1), "head", "the head kept for the log is not that of its entries")
    ]


def _stray_findings(connection: Connection, log_id: UUID) -> list[Finding]:
    """Find rows beyond the head. One statement, hence one snapshot: an append in between cannot mislead it."""
    first, last = connection.execute(_STRAYS, {"log": log_id}).one()
    return [] if first is None else [Finding(first, last, "inserted", "the log's head does not count it")]


def _checkpoint_findings(checkpoints: list[Checkpoint], scan: Scan, findings: list[Finding]) -> list[Finding]:
    """Compare with the signed heads: a longer one shows what was cut, another root where the log was rewritten."""
    found: list[Finding] = []
    good = 0
    for checkpoint in checkpoints:
        if checkpoint.size > scan.size:
            detail = f"a checkpoint was signed over {checkpoint.size} entries"
            found = [f for f in found if f.kind != "missing"]
            found.append(Finding(scan.size + 1, checkpoint.size, "missing", detail))
            continue
        root = scan.roots[checkpoint.size]
        if root == checkpoint.root:
            good = checkpoint.size
        elif not any(f.first <= checkpoint.size for f in [*findings, *found] if f.kind != "checkpoint"):
            detail = f"another root was signed at {checkpoint.size} entries: the log was built anew"
            found.append(Finding(good + 1, checkpoint.size, "rewritten", detail))
    return found
