"""What may go wrong between declaration and exhibit (PROOFS C1): nothing half recorded, every attempt on the log."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text

from jit_server import audit, evidence
from jit_server.access import Role
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, JitError, Mismatch, NotFound, NotPermitted, TooLarge, VaultDown
from jit_server.core.vault import BLOCK
from jit_server.evidence import NewUpload, State
from jit_server.evidence.usecases import uploads
from jit_server.work import House
from tests.builders import Team, World
from tests.evidence.builders import begins, custody, declare, events, exhibit, pieces, send, sha256, stated


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def state_of(team: Team, upload_id: object) -> str:
    with team.world.work(team.admin) as uow:
        return str(evidence.upload(uow, upload_id).state)


def entries(team: Team, upload_id: object) -> list[str]:
    with team.world.work(team.admin) as uow:
        return [one.event for one in audit.read(uow.connection, team.id, subject=upload_id)]


def objects(house: House, team: Team) -> int:
    folder = house.settings.data / "vault" / "objects" / str(team.id)
    return len([path for path in folder.rglob("*") if path.is_file()])


@pytest.mark.parametrize("size", [1, 1000, BLOCK, 3 * BLOCK + 17])
def test_an_exhibit_has_the_bytes_the_digest_and_the_words_it_was_declared_with(team: Team, size: int):
    content = os.urandom(size)
    item = exhibit(team, team.admin, content)
    assert (item.size, item.sha256, item.title) == (size, sha256(content), "Image of a phone")
    assert entries(team, item.id) == ["evidence:declared", "evidence:registered"]


def test_the_log_holds_digest_size_and_a_commitment_but_no_word_of_the_description(team: Team):
    item = exhibit(team, team.admin, title="Diary of Maria Example", collector="Inspector Secret")
    with team.world.work(team.admin) as uow:
        (entry,) = audit.read(uow.connection, team.id, subject=item.id, events=["evidence:registered"])
    facts = entry.content["facts"]
    assert (facts["sha256"], facts["size"], facts["number"]) == (item.sha256, item.size, item.number)
    assert entry.position == item.position
    assert not any(word in entry.canonical.decode() for word in ("Diary", "Maria", "Secret", "phone.img", "Aachen"))


def test_zero_bytes_prove_nothing():
    with pytest.raises(ValidationError) as refused:
        NewUpload.model_validate(stated(0))
    assert refused.value.errors()[0]["loc"] == ("size",)


def test_the_limit_is_taken_and_one_byte_more_is_not(team: Team, house: House):
    most = house.settings.max_upload_bytes
    assert state_of(team, declare(team, team.admin, most)) == State.DECLARED
    with pytest.raises(TooLarge):
        declare(team, team.admin, most + 1)


@pytest.mark.parametrize("off", [-1, +1, +1000])
def test_another_size_than_declared_makes_no_exhibit(team: Team, house: House, off: int):
    before, upload_id = objects(house, team), declare(team, team.admin, 5000 + off)
    with pytest.raises(Mismatch):
        send(team, team.admin, upload_id, pieces(os.urandom(5000), 512))
    assert objects(house, team) == before
    assert entries(team, upload_id) == ["evidence:declared", "evidence:rejected"]
    assert state_of(team, upload_id) == (State.DECLARED if off > 0 else State.REJECTED)


def test_another_digest_than_declared_is_rejected_for_good(team: Team, house: House):
    before, content = objects(house, team), os.urandom(100)
    upload_id = declare(team, team.admin, 100, declared_sha256=sha256(b"something else"))
    with pytest.raises(Mismatch) as refused:
        send(team, team.admin, upload_id, content)
    assert refused.value.members["sha256"] == sha256(content)
    assert objects(house, team) == before
    with pytest.raises(Conflict):
        send(team, team.admin, upload_id, content)


def test_a_declared_digest_that_is_right_is_kept_beside_ours(team: Team):
    content = os.urandom(100)
    item = exhibit(team, team.admin, content, declared_sha256=sha256(content).upper())
    assert item.declared_sha256 == item.sha256 == sha256(content)


def test_a_transfer_that_was_cut_can_be_sent_again(team: Team, house: House):
    content = os.urandom(3 * BLOCK)
    upload_id = declare(team, team.admin, len(content))
    with pytest.raises(Mismatch):
        send(team, team.admin, upload_id, pieces(content[:-1]))
    assert state_of(team, upload_id) == State.DECLARED
    item = send(team, team.admin, upload_id, pieces(content))
    assert item.sha256 == sha256(content)
    assert entries(team, upload_id) == ["evidence:declared", "evidence:rejected", "evidence:registered"]


def test_the_same_id_twice_is_one_upload_and_one_exhibit(team: Team, house: House):
    before, content, client_id = objects(house, team), b"once", uuid4().hex
    first = declare(team, team.admin, 4, client_id=client_id)
    again = declare(team, team.admin, 4, client_id=client_id)
    item = send(team, team.admin, first, content)
    assert first == again == item.id
    assert send(team, team.admin, again, content).position == item.position
    assert objects(house, team) == before + 1
    assert entries(team, first) == ["evidence:declared", "evidence:registered"]


def test_the_same_id_for_another_file_is_refused(team: Team):
    client_id = uuid4().hex
    declare(team, team.admin, 4, client_id=client_id)
    with pytest.raises(Conflict):
        declare(team, team.admin, 5, client_id=client_id)


def test_the_same_id_twenty_times_at_once_is_one_object_and_one_exhibit(team: Team, house: House):
    before, content, client_id = objects(house, team), os.urandom(2 * BLOCK), uuid4().hex
    declaration = stated(len(content), client_id=client_id)

    def attempt(_: int) -> object:
        try:
            with team.world.work(team.admin) as uow:
                upload_id = evidence.declare(uow, team.id, NewUpload.model_validate(declaration)).id
            return evidence.receive(begins(team, team.admin), upload_id, pieces(content)).id
        except Conflict as busy:
            return busy.slug

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(attempt, range(20)))
    (made,) = {one for one in outcomes if one != "conflict"}
    assert objects(house, team) == before + 1
    assert entries(team, made) == ["evidence:declared", "evidence:registered"]


def test_two_files_with_one_digest_are_two_exhibits_with_two_objects(team: Team, house: House):
    before = objects(house, team)
    first, second = exhibit(team, team.admin, b"same"), exhibit(team, team.admin, b"same")
    assert first.sha256 == second.sha256
    assert first.vault_key != second.vault_key
    assert first.number != second.number
    assert objects(house, team) == before + 2


def test_numbers_are_given_out_without_gap_or_double_to_each_state(world: World):
    team = world.workspace()
    with ThreadPoolExecutor(8) as pool:
        people = [team.admin, team.leaders["FR"]] * 8
        made = list(pool.map(lambda who: exhibit(team, who, os.urandom(10)).number, people))
    assert sorted(made) == [f"{state}-{serial:04}" for state in ("DE", "FR") for serial in range(1, 9)]


def test_a_store_that_is_down_leaves_an_upload_that_can_be_sent_again(team: Team, house: House):
    root = house.settings.data / "vault"
    upload_id = declare(team, team.admin, 4)
    root.rename(away := root.with_name("unmounted"))
    root.touch()
    try:
        with pytest.raises(VaultDown):
            send(team, team.admin, upload_id, b"four")
    finally:
        root.unlink()
        away.rename(root)
    assert state_of(team, upload_id) == State.DECLARED
    assert entries(team, upload_id) == ["evidence:declared", "evidence:rejected"]
    assert send(team, team.admin, upload_id, b"four").size == 4


def test_an_upload_left_by_a_killed_process_can_be_taken_over_after_a_minute(team: Team, owner_engine: Engine):
    upload_id = declare(team, team.admin, 4)

    def killed() -> Iterator[bytes]:
        yield b"fo"
        raise SystemExit

    with pytest.raises(SystemExit):
        send(team, team.admin, upload_id, killed())
    assert state_of(team, upload_id) == State.UPLOADING
    with pytest.raises(Conflict, match="at this moment"):
        send(team, team.admin, upload_id, b"four")
    with owner_engine.begin() as connection:
        earlier = {"at": clock.now() - timedelta(minutes=2), "id": upload_id}
        connection.execute(text("UPDATE upload SET beat_at = :at WHERE id = :id"), earlier)
    assert send(team, team.admin, upload_id, b"four").size == 4


def test_a_transfer_that_was_taken_over_registers_nothing(team: Team, owner_engine: Engine):
    upload_id = declare(team, team.admin, 4)

    def overtaken() -> Iterator[bytes]:
        yield b"fo"
        with owner_engine.begin() as connection:
            connection.execute(text("UPDATE upload SET attempt = attempt + 1 WHERE id = :id"), {"id": upload_id})
        yield b"ur"

    with pytest.raises(Conflict, match="taken over"):
        send(team, team.admin, upload_id, overtaken())
    assert "evidence:registered" not in entries(team, upload_id)


def test_a_sender_who_is_removed_while_sending_registers_nothing(world: World):
    team = world.workspace()
    who = team.join("FR")
    upload_id = declare(team, who, 4)

    def removed() -> Iterator[bytes]:
        yield b"fo"
        team.remove(who)
        yield b"ur"

    with pytest.raises(NotFound):
        send(team, who, upload_id, removed())
    with team.world.work(team.admin) as uow:
        names = [one.event for one in audit.read(uow.connection, team.id, subject=upload_id)]
    assert "evidence:registered" not in names


def test_a_long_transfer_shows_signs_of_life_and_stops_for_whoever_may_no_longer_send(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "BEAT_SECONDS", 0)
    team = world.workspace()
    who = team.join("FR")
    given = []

    def slow() -> Iterator[bytes]:
        for number in range(10):
            if number == 3:
                team.remove(who)
            given.append(number)
            yield b"x"

    with pytest.raises(JitError):
        send(team, who, declare(team, who, 10), slow())
    assert given[-1] <= 4


def test_an_upload_is_nobody_elses(team: Team):
    upload_id = declare(team, team.admin, 4)
    colleague, partner, outsider = team.join("DE"), team.leaders["FR"], team.world.person("NL")
    for who, refusal in ((colleague, NotFound), (partner, NotPermitted), (outsider, NotFound)):
        with pytest.raises(refusal):
            send(team, who, upload_id, b"four")
    with pytest.raises(NotFound):
        send(team, team.admin, uuid4(), b"four")


def test_an_observer_may_not_register_and_the_refusal_is_on_record(team: Team):
    observer = team.join("FR", Role.OBSERVER)
    with pytest.raises(NotPermitted):
        declare(team, observer, 4)
    with team.world.work(team.admin) as uow:
        (last,) = audit.read(uow.connection, team.id, latest=True, limit=1)
    assert (last.event, last.content["facts"]["action"]) == ("access:refused", "evidence:register")


def test_handling_comes_from_the_workspace_unless_stated(team: Team):
    assert exhibit(team, team.admin).handling == "H1"
    assert exhibit(team, team.admin, handling="H0").handling == "H0"
    assert exhibit(team, team.admin, handling="").handling == "H1"


def test_a_moment_without_offset_is_the_clock_on_the_wall_of_its_zone(team: Team):
    item = exhibit(team, team.admin, collected_at="2026-07-01T12:00", zone="Europe/Berlin")
    assert item.collected_at.isoformat() == "2026-07-01T10:00:00+00:00"


def test_what_was_collected_in_the_future_is_refused(team: Team):
    with pytest.raises(Invalid) as refused:
        declare(team, team.admin, 4, collected_at=(clock.now() + timedelta(days=1)).isoformat())
    assert refused.value.members["errors"][0]["field"] == "collected_at"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""), ("title", "x" * 201), ("title", "a\nb"), ("title", "a\0"), ("title", None),
        ("legal_basis", "   "), ("legal_basis", "x" * 301), ("method", "telepathy"), ("collector", ""), ("place", ""),
        ("collected_at", "yesterday"), ("collected_at", ""), ("zone", "Europe/Atlantis"), ("zone", "../../etc/passwd"),
        ("handling", "H9"), ("handling", "secret"), ("declared_sha256", "abc"), ("declared_sha256", "g" * 64),
        ("file_name", ""), ("file_name", "x" * 256), ("size", 0), ("size", -1), ("size", "5"), ("size", 1.5),
        ("size", 2**53), ("client_id", "short"), ("client_id", "../" * 5), ("media_type", "text/html; x=1"),
        ("unknown", "field"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(field: str, value: object):
    with pytest.raises(ValidationError) as refused:
        NewUpload.model_validate(stated(4) | {field: value})
    assert field in {str(one["loc"][0]) for one in refused.value.errors() if one["loc"]}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence_item SET sha256 = repeat('0', 64)",
        "UPDATE evidence_item SET handling = 'H0'",
        "DELETE FROM evidence_item",
        "TRUNCATE evidence_item",
        "DELETE FROM upload",
        "UPDATE upload SET size = 1",
        "UPDATE upload SET declared_sha256 = NULL",
    ],
)
def test_the_apps_role_can_alter_no_exhibit_and_no_declaration(engine: Engine, statement: str):
    with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute(text(statement))


def test_row_level_security_alone_hides_another_teams_exhibits(world: World, engine: Engine):
    mine, theirs = world.workspace(), world.workspace()
    hidden = exhibit(theirs, theirs.admin)
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(mine.admin.id)})
        for table in ("evidence_item", "upload", "exhibit_counter"):
            found = connection.execute(text(f"SELECT workspace_id FROM {table}")).scalars().all()
            assert theirs.id not in found, (table, hidden.id)
        connection.execute(text("SELECT set_config('jit.actor', '', true)"))
        assert connection.execute(text("SELECT count(*) FROM evidence_item")).scalar_one() == 0


def test_failed_attempts_stand_in_the_custody_of_the_exhibit_they_led_to(team: Team):
    upload_id = declare(team, team.admin, 4)
    with pytest.raises(Mismatch):
        send(team, team.admin, upload_id, b"fou")
    send(team, team.admin, upload_id, b"four")
    expected = ["evidence:declared", "evidence:rejected", "evidence:registered"]
    assert events(team, team.admin, upload_id) == expected
    rejected = custody(team, team.admin, upload_id)[1]
    assert (rejected.result, rejected.facts["size"], rejected.facts["final"]) == ("error", 3, False)
