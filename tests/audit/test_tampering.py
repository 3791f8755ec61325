"""E2: whoever changes the log with a superuser's hands is found, and the entry or the missing range is named."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from jit_server import audit
from jit_server.audit import notes, tree
from jit_server.audit.log import root_at
from jit_server.audit.scan import CHUNK, LEVELS
from jit_server.core.database import act_as
from jit_server.core.keys import SigningKey
from tests.audit.conftest import an_entry, grow

TRIALS = 200
KEY = SigningKey.generate("jit.example")
SIZES = (1, 2, 3, 8, 17, 33, 40, 64, 65, 100)


@dataclass
class Scene:
    """A log about to be tampered with, by the hand of somebody whom no trigger stops."""

    connection: Connection
    log: UUID
    size: int
    random: Random

    def run(self, statement: str, **values: Any) -> Any:
        return self.connection.execute(text(statement), {"log": self.log, **values})

    def somewhere(self) -> int:
        return self.random.randint(1, self.size)

    def row(self, position: int) -> Any:
        return self.run("SELECT * FROM audit_entry WHERE log_id = :log AND position = :p", p=position).one()

    def forged(self, position: int) -> bytes:
        return an_entry(self.log, "evidence:downloaded").canonical(position)


Claim = tuple[int, int]
Trick = Callable[[Scene], Claim]
TRICKS: list[Trick] = []


def trick(function: Trick) -> Trick:
    """Take a way of tampering into the trials; it answers which positions must be named."""
    TRICKS.append(function)
    return function


@trick
def other_bytes(scene: Scene) -> Claim:
    place = scene.somewhere()
    data = bytearray(scene.row(place).canonical)
    data[scene.random.randrange(len(data))] ^= 1 << scene.random.randrange(8)
    scene.run(
        "UPDATE audit_entry SET canonical = :data WHERE log_id = :log AND position = :p", p=place, data=bytes(data)
    )
    return place, place


@trick
def other_bytes_and_their_hash(scene: Scene) -> Claim:
    place = scene.somewhere()
    data = scene.row(place).canonical.replace(b'"result":"ok"', b'"result":"denied"')
    scene.run(
        "UPDATE audit_entry SET canonical = :data, leaf_hash = :leaf, result = 'denied'"
        " WHERE log_id = :log AND position = :p",
        p=place, data=data, leaf=tree.leaf_hash(data),
    )  # fmt: skip
    return place, place


@trick
def another_entry_in_its_place(scene: Scene) -> Claim:
    place = scene.somewhere()
    data = scene.forged(place)
    scene.run(
        "UPDATE audit_entry SET canonical = :data, leaf_hash = :leaf WHERE log_id = :log AND position = :p",
        p=place, data=data, leaf=tree.leaf_hash(data),
    )  # fmt: skip
    return place, place


@trick
def another_column(scene: Scene) -> Claim:
    place = scene.somewhere()
    change = scene.random.choice([
        "event = 'message:read'", "subject_kind = 'person'", "subject_id = gen_random_uuid()", "subject_id = NULL",
        "actor_id = gen_random_uuid()", "actor_id = agency_id, agency_id = actor_id", "agency_id = NULL",
        "at = at + interval '1 microsecond'", "at = at - interval '1 hour'", "at = 'infinity'", "result = 'error'",
        "id = gen_random_uuid()", "party_id = gen_random_uuid()", "handling = 'H3'",
    ])  # fmt: skip
    scene.run(f"UPDATE audit_entry SET {change} WHERE log_id = :log AND position = :p", p=place)
    return place, place


@trick
def another_leaf_hash(scene: Scene) -> Claim:
    place = scene.somewhere()
    scene.run("UPDATE audit_entry SET leaf_hash = sha256(leaf_hash) WHERE log_id = :log AND position = :p", p=place)
    return place, place


@trick
def another_link(scene: Scene) -> Claim:
    place = scene.somewhere()
    scene.run("UPDATE audit_entry SET link = sha256(link) WHERE log_id = :log AND position = :p", p=place)
    return place, place


@trick
def deleted(scene: Scene) -> Claim:
    first = scene.somewhere()
    last = min(scene.size, first + scene.random.randrange(4))
    scene.run("DELETE FROM audit_entry WHERE log_id = :log AND position BETWEEN :a AND :b", a=first, b=last)
    return first, last


@trick
def deleted_and_closed_up(scene: Scene) -> Claim:
    """The entries after it are moved down, the head is put right."""
    place = scene.random.randint(1, max(1, scene.size - 2))
    scene.run("DELETE FROM audit_entry WHERE log_id = :log AND position = :p", p=place)
    scene.run("UPDATE audit_entry SET position = position + 1000 WHERE log_id = :log AND position > :p", p=place)
    scene.run("UPDATE audit_entry SET position = position - 1001 WHERE log_id = :log AND position > 1000")
    scene.run("UPDATE audit_head SET size = size - 1 WHERE log_id = :log")
    return (place, place) if scene.size > 2 else (1, scene.size)


@trick
def inserted_between(scene: Scene) -> Claim:
    """The entries after it are moved up to make room, the head is put right."""
    place = scene.random.randint(1, max(1, scene.size - 1))
    scene.run("UPDATE audit_entry SET position = position + 1000 WHERE log_id = :log AND position >= :p", p=place)
    scene.run("UPDATE audit_entry SET position = position - 999 WHERE log_id = :log AND position > 1000")
    insert(scene, place)
    scene.run("UPDATE audit_head SET size = size + 1 WHERE log_id = :log")
    return place, place


@trick
def inserted_behind_the_end(scene: Scene) -> Claim:
    place = scene.size + scene.random.randint(1, 3)
    insert(scene, place)
    return place, place


def insert(scene: Scene, place: int) -> None:
    data = scene.forged(place)
    scene.run(
        "INSERT INTO audit_entry SELECT log_id, :p, gen_random_uuid(), 'evidence:downloaded', subject_kind, subject_id,"
        " party_id, handling, actor_id, agency_id, at, result, :data, :leaf, '', link"
        " FROM audit_entry WHERE log_id = :log LIMIT 1",
        p=place, data=data, leaf=tree.leaf_hash(data),
    )  # fmt: skip


@trick
def swapped(scene: Scene) -> Claim:
    if scene.size < 2:
        return other_bytes(scene)
    first, second = sorted(scene.random.sample(range(1, scene.size + 1), 2))
    for old, new in ((first, 1000), (second, first), (1000, second)):
        scene.run("UPDATE audit_entry SET position = :new WHERE log_id = :log AND position = :old", old=old, new=new)
    return first, first


@trick
def cut_tail(scene: Scene) -> Claim:
    first = scene.somewhere()
    scene.run("DELETE FROM audit_entry WHERE log_id = :log AND position >= :p", p=first)
    return first, scene.size


@trick
def cut_tail_with_its_head(scene: Scene) -> Claim:
    """The head is set back too, and the checkpoints beside the log are gone: only one kept elsewhere tells."""
    keep = scene.random.randrange(scene.size)
    rebuild(scene, same, keep)
    return keep + 1, scene.size


@trick
def rebuilt(scene: Scene) -> Claim:
    """One entry is changed and everything that depends on it computed anew, as the database itself would."""
    place = scene.somewhere()
    rebuild(scene, lambda position, data: scene.forged(position) if position == place else data, scene.size)
    return 1, scene.size


@trick
def old_backup(scene: Scene) -> Claim:
    """The log of some time ago is put back, and has gone on since then."""
    keep = scene.random.randrange(scene.size)
    rebuild(scene, same, keep)
    entries = [an_entry(scene.log, "message:read") for _ in range(scene.size - keep + scene.random.randrange(3))]
    audit.append(scene.connection, scene.log, entries, after=keep)
    return 1, scene.size


def same(_position: int, data: bytes) -> bytes:
    return data


def rebuild(scene: Scene, change: Callable[[int, bytes], bytes], keep: int) -> None:
    rows = scene.run("SELECT position, canonical FROM audit_entry WHERE log_id = :log ORDER BY position").all()
    for table in ("audit_entry", "audit_head", "audit_checkpoint"):
        scene.run(f"DELETE FROM {table} WHERE log_id = :log")
    kept = [change(position, bytes(data)) for position, data in rows[:keep]]
    if kept:
        halves = [data.split(b'"position":%d' % place) for place, data in enumerate(kept, 1)]
        befores, rests = [before + b'"position":' for before, _ in halves], [rest for _, rest in halves]
        scene.run("SELECT audit_append(:log, 0, :befores, :rests)", befores=befores, rests=rests)


@trick
def another_subtree(scene: Scene) -> Claim:
    if scene.size < 2:
        return other_bytes(scene)
    place = 2 * scene.random.randint(1, scene.size // 2)
    scene.run(
        "UPDATE audit_entry SET nodes = sha256(nodes) || substring(nodes, 33) WHERE log_id = :log AND position = :p",
        p=place,
    )
    return place - 1, place


@trick
def another_head(scene: Scene) -> Claim:
    change = scene.random.choice(["link = sha256(link)", "frontier = array_append(frontier, sha256(link))"])
    scene.run(f"UPDATE audit_head SET {change} WHERE log_id = :log")
    return scene.size, scene.size


@trick
def forgotten_head(scene: Scene) -> Claim:
    scene.run("DELETE FROM audit_head WHERE log_id = :log")
    return 1, scene.size


@pytest.fixture
def root(superuser: Engine) -> Iterator[Connection]:
    """A superuser who has switched the triggers off; what is done here is undone afterwards."""
    with superuser.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        act_as(connection, "system")
        connection.commit()
        yield connection
        connection.rollback()
        connection.execute(text("RESET session_replication_role"))
        connection.commit()


@pytest.mark.parametrize("trial", range(TRIALS))
def test_e2_every_tampering_is_found_and_located(root: Connection, trial: int) -> None:
    random = Random(trial)
    log, size = uuid4(), random.choice(SIZES)
    audit.append(root, log, [an_entry(log) for _ in range(size)])
    trusted = notes.checkpoint(audit.checkpoint(root, log, KEY), [audit.verifier(KEY, log)])
    assert audit.verify(root, log, [trusted], [audit.verifier(KEY, log)]).ok
    first, last = TRICKS[trial % len(TRICKS)](Scene(root, log, size, random))
    report = audit.verify(root, log, [trusted], [audit.verifier(KEY, log)])
    assert not report.ok
    assert (report.first.first, report.first.last) == (first, last), [str(finding) for finding in report.findings]


@pytest.mark.parametrize("tamper", TRICKS, ids=lambda function: function.__name__)
def test_without_a_checkpoint_kept_elsewhere_only_a_whole_rebuilding_passes(root: Connection, tamper: Trick) -> None:
    """What the tree alone can show, and where its limit is: the reason why others keep our checkpoints."""
    log = uuid4()
    audit.append(root, log, [an_entry(log) for _ in range(40)])
    tamper(Scene(root, log, 40, Random(7)))
    assert audit.verify(root, log).ok is (tamper in {cut_tail_with_its_head, rebuilt, old_backup})


def test_checkpoints_in_between_narrow_down_where_a_log_was_rebuilt(root: Connection) -> None:
    log, kept = uuid4(), []
    for _ in range(5):
        audit.append(root, log, [an_entry(log) for _ in range(10)])
        kept.append(notes.checkpoint(audit.checkpoint(root, log, KEY), [audit.verifier(KEY, log)]))
    scene = Scene(root, log, 50, Random(1))
    rebuild(scene, lambda position, data: scene.forged(position) if position == 34 else data, 50)
    report = audit.verify(root, log, kept)
    assert [(f.first, f.last, f.kind) for f in report.findings] == [(31, 40, "rewritten")]


def test_a_server_does_not_sign_a_head_that_contradicts_its_last(root: Connection) -> None:
    log = uuid4()
    audit.append(root, log, [an_entry(log) for _ in range(20)])
    audit.checkpoint(root, log, KEY)
    row = root.execute(text("SELECT * FROM audit_checkpoint WHERE log_id = :log"), {"log": log}).one()
    for keep in (20, 10):  # rebuilt with the same length; set back
        rebuild(Scene(root, log, 20, Random(3)), lambda position, _: an_entry(log).canonical(position), keep)
        root.execute(text("INSERT INTO audit_checkpoint VALUES (:l, :s, :k, :r, :n, now())"),
                     {"l": log, "s": row.size, "k": row.key, "r": row.root, "n": row.note})  # fmt: skip
        with pytest.raises(audit.LogDamaged, match="signed at 20 entries"):
            audit.checkpoint(root, log, KEY)


def test_a_forged_checkpoint_beside_the_log_is_named(root: Connection) -> None:
    log, signer = uuid4(), audit.verifier(KEY, log_id := uuid4())
    log = log_id
    audit.append(root, log, [an_entry(log) for _ in range(9)])
    forged = notes.sign(f"{signer.name}\n4\n{'A' * 43}=\n", signer.name, SigningKey.generate("jit.example"))
    mine = notes.sign(f"{signer.name}\n5\n{'A' * 43}=\n", signer.name, KEY)
    for size, note in ((4, forged), (5, mine)):
        root.execute(text("INSERT INTO audit_checkpoint VALUES (:l, :s, :k, :r, :n, now())"),
                     {"l": log, "s": size, "k": str(signer), "r": b"\0" * 32, "n": note})  # fmt: skip
    found = [(f.first, f.last, f.kind) for f in audit.verify(root, log, [], [signer]).findings]
    assert (4, 4, "checkpoint") in found
    assert (1, 5, "rewritten") in found


def test_a_log_that_grows_meanwhile_is_not_taken_for_tampered(engine: Engine, superuser: Engine) -> None:
    log = uuid4()
    grow(engine, log, 30)
    with engine.connect() as reader:
        act_as(reader, "system")
        head = audit.head(reader, log)
        grow(engine, log, 5)
        assert audit.verify(reader, log, [audit.Checkpoint("x", head.size, head.root)]).ok


def test_what_spans_more_than_one_batch_of_the_pass_is_compared_too(root: Connection) -> None:
    log, size = uuid4(), 2 * CHUNK + 7
    for start in range(0, size, 2000):
        audit.append(root, log, [an_entry(log) for _ in range(min(2000, size - start))])
    head = audit.head(root, log)
    at_batch = audit.Checkpoint("x", CHUNK, root_at(root, log, CHUNK))
    report = audit.verify(root, log, [at_batch, audit.Checkpoint("x", size, head.root)])
    assert (report.ok, report.root, report.checkpoints) == (True, head.root, 2)
    scene = Scene(root, log, size, Random(1))
    for level, place, first in ((LEVELS + 1, 2 * CHUNK, 1), (LEVELS, 2 * CHUNK, CHUNK + 1), (1, CHUNK + 2, CHUNK + 1)):
        with root.begin_nested() as point:
            scene.run(
                "UPDATE audit_entry SET nodes = overlay(nodes placing sha256('') from :from for 32)"
                " WHERE log_id = :log AND position = :p", **{"from": level * 32 - 31}, p=place,
            )  # fmt: skip
            found = audit.verify(root, log).findings
            assert [(f.first, f.last, f.kind) for f in found] == [(first, place, "tree")]
            point.rollback()
    with root.begin_nested() as point:
        scene.run("UPDATE audit_entry SET nodes = nodes || sha256('') WHERE log_id = :log AND position = :p", p=CHUNK)
        assert [(f.first, f.last) for f in audit.verify(root, log).findings] == [(CHUNK, CHUNK)]
        point.rollback()
    scene.run("DELETE FROM audit_entry WHERE log_id = :log AND position IN (3, 4, :p)", p=CHUNK + 1)
    found = audit.verify(root, log, [at_batch]).findings
    assert [(f.first, f.last, f.kind) for f in found] == [(3, 4, "missing"), (CHUNK + 1, CHUNK + 1, "missing")]


def test_a_checkpoint_row_that_says_something_else_than_its_note_is_named(root: Connection) -> None:
    log = uuid4()
    audit.append(root, log, [an_entry(log) for _ in range(3)])
    audit.checkpoint(root, log, KEY)
    signer = audit.verifier(KEY, log)
    root.execute(text("UPDATE audit_checkpoint SET size = 2 WHERE log_id = :log"), {"log": log})
    found = audit.verify(root, log, [], [signer]).findings
    assert [(f.first, f.last, f.kind) for f in found] == [(2, 2, "checkpoint")]
    assert str(found[0]).startswith("entry 2: checkpoint: ")


def test_nothing_is_appended_to_a_head_that_cannot_be_right(root: Connection) -> None:
    log = uuid4()
    audit.append(root, log, [an_entry(log) for _ in range(4)])
    root.execute(text("UPDATE audit_head SET size = 5 WHERE log_id = :log"), {"log": log})
    with pytest.raises(DBAPIError, match="is damaged"):
        audit.append(root, log, [an_entry(log)])


def test_a_reading_that_fails_is_an_error_not_a_finding(root: Connection) -> None:
    log = uuid4()
    audit.append(root, log, [an_entry(log)])
    root.execute(text("ALTER TABLE audit_entry RENAME COLUMN nodes TO elsewhere"))  # undone with the transaction
    with pytest.raises(psycopg.errors.UndefinedColumn):
        audit.verify(root, log)
