"""The log in PostgreSQL: appended by the database, read by position, closed to the app's role."""

from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from jit_server import audit
from jit_server.audit import tree
from jit_server.core.database import act_as
from tests.audit.conftest import an_entry, grow
from tests.builders import World


def test_an_entry_is_read_back_bit_for_bit_with_its_projection(connection: Connection, log_id: UUID) -> None:
    entry = an_entry(log_id, clause="7.2", why=audit.Why("disclosure", "asked\r\nby \x1b[31mcourt \N{GRINNING FACE}"))
    assert audit.append(connection, log_id, [entry]) == 1
    kept = audit.read(connection, log_id)[0]
    assert kept.canonical == entry.canonical(1)
    assert kept.leaf_hash == tree.leaf_hash(entry.canonical(1))
    assert (kept.position, kept.event, kept.at) == (1, "message:posted", entry.at)
    assert kept.content["verb"] == "disclosure"
    assert kept.content["why"]["text"] == entry.why.text
    row = connection.execute(text("SELECT * FROM audit_entry WHERE log_id = :log"), {"log": log_id}).one()
    assert (row.id, row.event, row.subject_kind, row.subject_id, row.actor_id, row.agency_id, row.at, row.result) == (
        entry.id, "message:posted", "message", entry.what.id, entry.who.person, entry.who.agency, entry.at, "ok",
    )  # fmt: skip


@pytest.mark.parametrize("batches", [[1] * 13, [13], [5, 1, 7]])
def test_the_database_keeps_the_same_tree_as_the_arithmetic(
    connection: Connection, log_id: UUID, batches: list[int]
) -> None:
    leaves: list[bytes] = []
    for batch in batches:
        entries = [an_entry(log_id) for _ in range(batch)]
        leaves += [tree.leaf_hash(entry.canonical(place)) for place, entry in enumerate(entries, len(leaves) + 1)]
        assert audit.append(connection, log_id, entries) == len(leaves)
        head = audit.head(connection, log_id)
        assert (head.size, head.root) == (len(leaves), mth(leaves))
        for position in range(1, head.size + 1):
            proof = audit.inclusion(connection, log_id, position, head.size)
            assert tree.includes(leaves[position - 1], position - 1, head.size, proof, head.root)
        for old in range(1, head.size):
            proof = audit.consistency(connection, log_id, old, head.size)
            assert tree.extends(old, head.size, mth(leaves[:old]), head.root, proof)


def mth(leaves: list[bytes]) -> bytes:
    """Root of a tree, from its leaf hashes, by the definition."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return tree.node_hash(mth(leaves[:split]), mth(leaves[split:]))


def test_a_log_without_entries_has_the_empty_root(connection: Connection, log_id: UUID) -> None:
    assert audit.head(connection, log_id) == audit.Head(log_id, 0, tree.EMPTY_ROOT)
    assert audit.append(connection, log_id, []) == 0
    assert audit.read(connection, log_id) == []
    assert audit.consistency(connection, log_id, 0, 0) == []


def test_a_gap_or_a_second_writer_is_refused(engine: Engine, log_id: UUID) -> None:
    grow(engine, log_id, 3)
    for wrong in (0, 2, 4):
        with engine.begin() as connection, pytest.raises(OperationalError, match="has 3 entries, not"):
            audit.append(connection, log_id, [an_entry(log_id)], after=wrong)


def test_an_entry_cannot_be_put_in_a_place_or_log_that_it_does_not_name(engine: Engine, log_id: UUID) -> None:
    mine, other = an_entry(log_id).halves(), an_entry(uuid4()).halves()
    raw = text("SELECT audit_append(:log, NULL, :befores, :rests)")
    for before, rest in (
        (mine[0] + b"7", mine[1]),
        (mine[0], b"7" + mine[1]),
        other,
        (mine[0], b',"position":7' + mine[1]),
    ):
        with engine.begin() as connection, pytest.raises(DBAPIError, match="names another log or position"):
            connection.execute(raw, {"log": log_id, "befores": [before], "rests": [rest]})
    with engine.begin() as connection, pytest.raises(DBAPIError, match="half an entry is missing"):
        connection.execute(raw, {"log": log_id, "befores": [mine[0]], "rests": []})
    with engine.begin() as connection, pytest.raises(ValueError, match="another log"):
        audit.append(connection, log_id, [an_entry(uuid4())])


def test_a_writer_who_asked_for_the_size_holds_the_log_until_the_end(engine: Engine, log_id: UUID) -> None:
    with engine.begin() as first, engine.begin() as second:
        assert audit.lock(first, log_id) == 0
        second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            audit.append(second, log_id, [an_entry(log_id)])
        assert audit.append(first, log_id, [an_entry(log_id)], after=0) == 1


def test_a_session_serves_as_well_as_a_connection(engine: Engine, log_id: UUID) -> None:
    with Session(engine) as session:
        act_as(session.connection(), "system")
        assert audit.append(session, log_id, [an_entry(log_id)]) == 1
        assert audit.verify(session, log_id).ok


def test_an_entry_vanishes_with_the_transaction_it_belongs_to(engine: Engine, log_id: UUID) -> None:
    with engine.connect() as connection:
        act_as(connection, "system")
        audit.append(connection, log_id, [an_entry(log_id)])
        connection.rollback()
        assert audit.head(connection, log_id).size == 0


def test_many_writers_make_one_sequence_without_gaps(engine: Engine, log_id: UUID) -> None:
    """K24: concurrent appends never fork the log."""
    barrier, each = Barrier(8), 25

    def write() -> None:
        barrier.wait()
        for _ in range(each):
            with engine.begin() as connection:
                act_as(connection, "system")
                audit.append(connection, log_id, [an_entry(log_id)])

    writers = [Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with engine.begin() as connection:
        act_as(connection, "system")
        kept = audit.read(connection, log_id, limit=1000)
        assert [entry.position for entry in kept] == list(range(1, 8 * each + 1))
        assert audit.head(connection, log_id).root == mth([entry.leaf_hash for entry in kept])


def test_reading_goes_on_from_a_cursor_and_narrows(connection: Connection, log_id: UUID) -> None:
    entries = [an_entry(log_id, event) for event in ("message:posted", "evidence:read", "evidence:downloaded") * 3]
    entries.append(an_entry(log_id, "access:refused", result="denied"))
    audit.append(connection, log_id, entries)

    def places(**narrow: object) -> list[int]:
        return [kept.position for kept in audit.read(connection, log_id, **narrow)]

    assert places(after=4, limit=3) == [5, 6, 7]
    assert places(latest=True, limit=2) == [10, 9]
    assert places(latest=True, limit=2, before=9) == [8, 7]
    assert places(events=["evidence:read", "evidence:downloaded"]) == [2, 3, 5, 6, 8, 9]
    assert places(subject=entries[4].what.id) == [5]
    assert places(actor=entries[0].who.person) == [1]
    assert places(agency=entries[1].who.agency) == [2]
    assert places(result="denied") == [10]
    assert places(since=entries[0].at, until=entries[0].at) == []
    assert len(places(since=entries[0].at)) == 10


def test_proofs_of_what_is_not_there_are_refused(connection: Connection, log_id: UUID) -> None:
    audit.append(connection, log_id, [an_entry(log_id) for _ in range(5)])
    for position, size in ((0, 5), (6, 5), (1, 6)):
        with pytest.raises(audit.NoSuchEntry):
            audit.inclusion(connection, log_id, position, size)
    for old, new in ((-1, 5), (5, 4), (3, 6)):
        with pytest.raises(audit.NoSuchEntry):
            audit.consistency(connection, log_id, old, new)


@pytest.mark.parametrize("table", ["audit_entry", "audit_head", "audit_checkpoint"])
@pytest.mark.parametrize(
    "act", ["INSERT INTO {0} SELECT * FROM {0}", "UPDATE {0} SET log_id = log_id", "DELETE FROM {0}", "TRUNCATE {0}"]
)
def test_the_apps_role_cannot_write_the_log_but_by_appending(engine: Engine, table: str, act: str) -> None:
    with engine.begin() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(act.format(table)))


@pytest.mark.parametrize("act", [
    "UPDATE audit_entry SET event = event", "DELETE FROM audit_entry", "TRUNCATE audit_entry",
    "UPDATE audit_checkpoint SET note = note", "DELETE FROM audit_checkpoint", "TRUNCATE audit_checkpoint",
    "UPDATE audit_head SET link = link", "UPDATE audit_head SET size = size - 1", "DELETE FROM audit_head",
    "TRUNCATE audit_head",
])  # fmt: skip
def test_not_even_a_superuser_changes_the_log_by_mistake(superuser: Engine, engine: Engine, act: str) -> None:
    grow(engine, uuid4(), 2)
    with superuser.begin() as connection, pytest.raises(ProgrammingError, match=r"append-only|only grows"):
        connection.execute(text(act))


def test_only_members_read_a_log_and_only_the_system_reads_the_servers(engine: Engine, world: World) -> None:
    team = world.workspace()
    member, outsider = team.leaders["DE"].id, world.person("NL").id
    seen = {}
    for actor in (str(member), str(outsider), "", "system"):
        with engine.begin() as connection:
            act_as(connection, actor)
            seen[actor] = [bool(audit.read(connection, log)) for log in (team.id, audit.SERVER_LOG)]
            assert (audit.head(connection, team.id).size > 0) is seen[actor][0]
    assert seen == {str(member): [True, False], str(outsider): [False] * 2, "": [False] * 2, "system": [True, True]}


def test_the_functions_that_write_run_as_the_owner_with_a_fixed_path(superuser: Engine) -> None:
    with superuser.begin() as connection:
        rows = connection.execute(text(
            "SELECT proname, prosecdef, proconfig, proowner::regrole::text AS owner,"
            " has_function_privilege('public', oid, 'EXECUTE') AS anybody FROM pg_proc WHERE proname IN"
            " ('audit_lock', 'audit_append', 'audit_keep')"
        )).all()  # fmt: skip
    assert len(rows) == 3
    assert all(row.prosecdef and row.proconfig == ["search_path=pg_catalog, pg_temp"] for row in rows)
    assert {(row.owner, row.anybody) for row in rows} == {("jit_owner", False)}
