"""Witnesses (PROOFS E2, E3, E4): no server shows two histories of a log while those that watch it are honest."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError
from werkzeug.serving import make_server

import jit_server
from jit_server import audit, evidence, witnesses
from jit_server.access import OPERATOR, SYSTEM
from jit_server.audit import notes
from jit_server.audit.cosignatures import WitnessKey
from jit_server.audit.notes import BadNote, Checkpoint, VerifierKey
from jit_server.core.errors import Invalid
from jit_server.core.keys import SigningKey
from jit_server.core.settings import Settings
from jit_server.evidence import EvidenceItem
from jit_server.witnesses.models import Cosignature, WitnessedLog
from jit_server.witnesses.usecases import asking, naming
from jit_server.witnesses.usecases.seeing import public_witness_key
from jit_server.work import House
from tests.builders import Team, World
from tests.evidence.builders import begins
from tests.evidence.packages import VERIFIER, exhibit, opened, packed
from tests.evidence.test_verify_page import NODE, STATIC
from tests.evidence.test_verify_page import judged as browsers_judgement

DOOR = "/witness/add-checkpoint"


class Log:
    """A log of another server, held in memory, whose keeper may lie."""

    def __init__(self, key: SigningKey, *leaves: bytes) -> None:
        self.key, self.leaves = key, list(leaves)
        self.origin = f"{key.name}/log/{uuid4()}"

    def note(self, size: int, *, name: str = "", key: SigningKey | None = None) -> str:
        head = Checkpoint(name or self.origin, size, root(self.leaves[:size]))
        return notes.sign(str(head), name or self.origin, key or self.key)

    def asks(self, old: int, size: int, *, proof: list[bytes] | None = None) -> bytes:
        shown = proof if proof is not None else consistency(old, self.leaves[:size])
        return f"old {old}\n{''.join(notes.based(one) + chr(10) for one in shown)}\n{self.note(size)}".encode()


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if len(leaves) < 2:
        return sha256(b"\0" + leaves[0]).digest() if leaves else sha256().digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


def consistency(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 6962, 2.1.2, word for word."""
    if old in (0, len(leaves)):
        return [] if whole or old == 0 else [root(leaves)]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    if old <= half:
        return [*consistency(old, leaves[:half], whole=whole), root(leaves[half:])]
    return [*consistency(old - half, leaves[half:], whole=False), root(leaves[:half])]


def entries(count: int, made: bytes = b"entry") -> list[bytes]:
    return [made + str(number).encode() for number in range(count)]


@pytest.fixture
def trusted(house: House) -> SigningKey:
    """The key of a server whose logs are cosigned here."""
    key = SigningKey.generate(f"partner-{uuid4().hex[:8]}.example")
    with house.work(OPERATOR) as uow:
        naming.trust(uow, str(VerifierKey(key.name, key.public_key)))
    return key


@pytest.fixture
def itself(house: House, app: Flask) -> Iterator[WitnessKey]:
    """This server asks itself, over the wire: both halves, one database."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key = public_witness_key(house.key)
    with house.work(OPERATOR) as uow:
        naming.add_witness(uow, f"http://127.0.0.1:{server.server_port}/witness", str(key))
        if not naming.trusted(uow) or all(not one.key.startswith("jit.test+") for one in naming.trusted(uow)):
            naming.trust(uow, str(VerifierKey(house.key.name, house.key.public_key)))
    yield key
    with house.work(OPERATOR) as uow:
        naming.end_witness(uow, key.name)
        naming.distrust(uow, house.key.name)
    server.shutdown()
    server.server_close()


def seen(client: FlaskClient, body: bytes) -> tuple[int, str]:
    answer = client.post(DOOR, data=body)
    return answer.status_code, answer.text


def test_a_head_that_continues_what_was_seen_is_cosigned_under_a_key_of_its_own(
    client: FlaskClient, house: House, trusted: SigningKey
):
    log, key = Log(trusted, *entries(9)), public_witness_key(house.key)
    for old, size in ((0, 3), (3, 8), (8, 9), (9, 9)):
        status, line = seen(client, log.asks(old, size))
        assert status == 200, line
        text = log.note(size).partition("\n\n")[0] + "\n"
        assert abs((key.saw(text, line.rstrip("\n")) - datetime.now(UTC)).total_seconds()) < 3600
        with pytest.raises(BadNote):
            key.saw(text.replace(f"\n{size}\n", f"\n{size + 1}\n"), line.rstrip("\n"))
    assert key.public_key != house.key.public_key
    assert WitnessKey.parse(str(key)) == key


def test_e3_a_split_view_a_stale_or_smaller_head_a_bad_proof_and_an_unknown_log_get_their_own_codes(
    client: FlaskClient, trusted: SigningKey
):
    log = Log(trusted, *entries(8))
    assert seen(client, log.asks(0, 5))[0] == 200
    split = Log(trusted, *entries(8, b"other"))
    split.origin = log.origin
    assert seen(client, split.asks(5, 5)) == (409, "5\n")
    assert seen(client, split.asks(0, 5)) == (409, "5\n")
    assert seen(client, split.asks(5, 8))[0] == 422
    assert seen(client, log.asks(3, 8)) == (409, "5\n")
    assert seen(client, log.asks(3, 4)) == (409, "5\n")
    assert seen(client, log.asks(5, 8, proof=[b"\0" * 32]))[0] == 422
    assert seen(client, log.asks(5, 8, proof=[]))[0] == 422
    other = client.post(DOOR, data=log.asks(4, 8))
    assert other.content_type == "text/x.tlog.size"
    assert seen(client, Log(SigningKey.generate("unknown.example"), *entries(2)).asks(0, 2))[0] == 404
    assert seen(client, log.asks(5, 8))[0] == 200


def test_e3_two_signed_heads_of_one_size_are_kept_as_proof_against_their_keeper(
    client: FlaskClient, house: House, trusted: SigningKey
):
    log, split = Log(trusted, *entries(4)), Log(trusted, *entries(4, b"other"))
    split.origin = log.origin
    assert seen(client, log.asks(0, 4))[0] == 200
    for _ in range(2):
        assert seen(client, split.asks(4, 4)) == (409, "4\n")
    assert seen(client, log.asks(4, 4))[0] == 200
    with house.work(OPERATOR) as uow:
        (proof,) = [one for one in naming.contradicted(uow) if one.origin == log.origin]
        told = audit.read(uow.connection, audit.SERVER_LOG, events=["witness:contradicted"], limit=1000)
    signer = VerifierKey(log.origin, trusted.public_key)
    heads = [notes.checkpoint(note, [signer]) for note in (proof.note, proof.against)]
    assert [(one.size, one.root) for one in heads] == [(4, root(log.leaves)), (4, root(split.leaves))]
    assert len([one for one in told if one.content["facts"]["log"] == log.origin]) == 1


def test_e3_a_head_that_the_logs_key_did_not_sign_is_refused(client: FlaskClient, trusted: SigningKey):
    log = Log(trusted, *entries(4))
    forged = log.note(4, key=SigningKey.generate(trusted.name))
    assert seen(client, f"old 0\n\n{forged}".encode())[0] == 403
    elsewhere = log.note(4, name=f"{trusted.name}/log/not-a-log")
    assert seen(client, f"old 0\n\n{elsewhere}".encode())[0] == 404
    assert seen(client, log.asks(0, 4))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old",
        b"old 0",
        b"old -1\n\nx",
        b"old 01\n\nx",
        b"\xff\n\n",
        b"old 0\n\nno note",
        b"old 0\nAA==\n\nx\n1\nAA==\n",
    ],
)
def test_what_is_no_request_is_400(client: FlaskClient, body: bytes):
    assert seen(client, body)[0] == 400


def test_a_request_from_a_larger_head_to_a_smaller_one_is_400(client: FlaskClient, trusted: SigningKey):
    assert seen(client, Log(trusted, *entries(4)).asks(9, 4, proof=[]))[0] == 400


def test_a_server_that_is_no_longer_trusted_is_unknown(client: FlaskClient, house: House, trusted: SigningKey):
    with house.work(OPERATOR) as uow:
        naming.distrust(uow, trusted.name)
    assert seen(client, Log(trusted, *entries(2)).asks(0, 2))[0] == 404


def test_e4_of_a_hundred_at_once_with_two_histories_only_one_history_is_ever_cosigned(
    app: Flask, house: House, trusted: SigningKey
):
    one, other = Log(trusted, *entries(60)), Log(trusted, *entries(60, b"other"))
    other.origin = one.origin
    assert seen(app.test_client(), one.asks(0, 1))[0] == 200
    other.leaves[0] = one.leaves[0]

    def ask(number: int) -> tuple[bool, int, int]:
        log, size = (one, other)[number % 2], 2 + number // 2
        for old in (1, *range(2, size + 1)):
            status, said = seen(app.test_client(), log.asks(old, size))
            if status != 409 or int(said) > size:
                break
        return log is one, size, status

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(100)))
    assert len({history for history, _, status in answers if status == 200}) == 1
    with house.work(SYSTEM) as uow:
        last = uow.find(WitnessedLog, origin=one.origin)
    winner = one if next(history for history, _, status in answers if status == 200) else other
    assert last is not None
    assert bytes(last.root) == root(winner.leaves[: last.size])
    assert last.size == max(size for _, size, status in answers if status == 200)


KILLED = """
import os, signal, sys
from jit_server.audit import cosignatures
from jit_server.web.terminal import Terminal
from jit_server.witnesses.usecases import seeing
cosignatures.cosign = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
seeing.add_checkpoint(Terminal().house, sys.stdin.buffer.read())
"""


def test_e4_a_witness_killed_before_its_answer_has_seen_the_head_and_cosigns_no_other(
    client: FlaskClient, settings: Settings, trusted: SigningKey
):
    log, split = Log(trusted, *entries(4)), Log(trusted, *entries(4, b"other"))
    split.origin = log.origin
    stated = {"JIT_DATABASE_URL": settings.database_url, "JIT_DATA": str(settings.data), "PATH": os.environ["PATH"]}
    stated["PYTHONPATH"] = str(Path(jit_server.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", KILLED], env=stated, input=log.asks(0, 4), check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert seen(client, split.asks(0, 4)) == (409, "4\n")
    assert seen(client, split.asks(4, 4)) == (409, "4\n")
    assert seen(client, log.asks(4, 4))[0] == 200


def test_the_database_itself_lets_no_head_go_back(owner_engine: Engine, client: FlaskClient, trusted: SigningKey):
    log = Log(trusted, *entries(4))
    assert seen(client, log.asks(0, 4))[0] == 200
    for change in (
        "UPDATE witnessed_log SET size = 3",
        "UPDATE witnessed_log SET root = sha256('x')",
        "DELETE FROM witnessed_log",
    ):
        with pytest.raises(ProgrammingError, match="never unseen"), owner_engine.begin() as connection:
            connection.execute(text(f"{change} WHERE origin = :origin"), {"origin": log.origin})


def test_our_own_head_goes_to_the_witness_and_comes_back_cosigned(house: House, world: World, itself: WitnessKey):
    team = world.workspace()
    asking.ask_all(house, lambda: False)
    with house.work(SYSTEM) as uow:
        size = audit.head(uow.connection, team.id).size
        kept = uow.find(Cosignature, log_id=team.id, size=size)
        (state,) = witnesses.seen_by(uow, team.id)
    assert kept is not None
    assert (state.name, state.size) == (itself.name, size)
    exhibit(team, team.admin)
    asking.ask_all(house, lambda: False)
    with house.work(SYSTEM) as uow:
        assert witnesses.seen_by(uow, team.id)[0].size == audit.head(uow.connection, team.id).size


def test_a_log_behind_many_others_has_its_turn_and_one_refused_holds_up_none(
    house: House, world: World, itself: WitnessKey, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "TOGETHER", 1)
    teams = sorted((world.workspace() for _ in range(3)), key=lambda team: team.id)
    taken = Log(house.key, *entries(90, b"rewritten"))
    taken.origin = audit.origin(house.key, teams[0].id)
    assert seen(client, taken.asks(0, 90))[0] == 200  # the witness has seen a longer log of this name: it refuses ours
    asking.ask_all(house, lambda: False)
    with house.work(SYSTEM) as uow:
        for team, shown in zip(teams, (False, True, True), strict=True):
            (state,) = witnesses.seen_by(uow, team.id)
            assert (state.size == audit.head(uow.connection, team.id).size) is shown


def test_e2_a_log_that_was_put_back_or_built_anew_gets_no_cosignature_any_more(
    house: House, world: World, itself: WitnessKey, client: FlaskClient
):
    team = world.workspace()
    exhibit(team, team.admin)
    asking.ask_all(house, lambda: False)
    with house.work(SYSTEM) as uow:
        size = audit.head(uow.connection, team.id).size
    origin = audit.origin(house.key, team.id)
    rebuilt = Log(house.key, *entries(size + 2, b"rewritten"))
    rebuilt.origin = origin
    assert seen(client, rebuilt.asks(size - 1, size - 1)) == (409, f"{size}\n")
    assert seen(client, rebuilt.asks(size, size)) == (409, f"{size}\n")
    assert seen(client, rebuilt.asks(size, size + 2))[0] == 422


def verified(package: bytes, folder: Path, *options: str, name: str = "package.asice") -> tuple[int, dict]:
    (folder / name).write_bytes(package)
    words = [sys.executable, str(VERIFIER), str(folder / name), "--json", *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def test_a_package_bears_the_cosigned_head_and_both_verifiers_take_it(world: World, itself: WitnessKey, tmp_path: Path):
    team = world.workspace()
    package = packed(team, team.admin, exhibit(team, team.admin))
    note = opened(package).read("log/checkpoint.txt").decode()
    assert itself.saw(note.partition("\n\n")[0] + "\n", note.splitlines()[-1])
    code, said = verified(package, tmp_path)
    assert (code, said["witnesses"]) == (0, [{"name": itself.name, "at": None}])
    policy = tmp_path / "policy"
    stranger = SigningKey.generate("stranger.example/witness")
    other = WitnessKey(stranger.name, stranger.public_key)
    lines = f"# ours\nwitness one {itself}\nwitness two {other}\ngroup some 1 one two\ngroup both all one two\n"
    for quorum, expected in (("some", 0), ("one", 0), ("two", 3), ("both", 3), ("none", 0)):
        policy.write_text(f"{lines}quorum {quorum}\n")
        code, said = verified(package, tmp_path, "--policy", str(policy))
        assert code == expected, said
        assert said["witnesses"][0]["at"]
        wrong = [] if expected == 0 else [["log/checkpoint.txt", "quorum"]]
        assert browsers_judgement(tmp_path / "package.asice", (-1, 0), policy=policy.read_text()) == [wrong]
    for wrong in ("quorum nobody", "group x 3 one two\nquorum x", "witness one nonsense\nquorum none", "grant all", ""):
        policy.write_text(f"{lines}{wrong}\n")
        assert verified(package, tmp_path, "--policy", str(policy))[0] == 2, wrong
        with pytest.raises(AssertionError, match="Error"):
            browsers_judgement(tmp_path / "package.asice", (-1, 0), policy=policy.read_text())
    assert browsers_judgement(tmp_path / "package.asice", (-1, 0)) == [[]]


COSIGNED = """
    import { Policy, cosignatures } from './policy.js';
    const [head, lines] = process.argv[1].split('\\n\\n');
    const answer = cosignatures(lines.split('\\n').slice(1, -1), `${head}\\n`, new Policy(process.argv[2]));
    console.log(await answer.then(([{ at }]) => at.toISOString(), ({ what }) => what));
"""


def browser_says(note: str, policy: str) -> str:
    words = [NODE, "--input-type=module", "--eval", COSIGNED, "--", note, policy]
    done = subprocess.run(words, cwd=STATIC / "js", capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_a_cosignature_that_does_not_hold_and_a_log_that_is_not_named_are_told(
    world: World, itself: WitnessKey, tmp_path: Path
):
    team = world.workspace()
    package = packed(team, team.admin, exhibit(team, team.admin))
    note = opened(package).read("log/checkpoint.txt").decode()
    at = next(at for at in range(len(note) - 40, len(note)) if note[at] in "bdfhjlnprtvx")  # each has a neighbour
    changed = note[:at] + chr(ord(note[at]) ^ 1) + note[at + 1 :]
    policy = tmp_path / "policy"
    policy.write_text(f"witness one {itself}\nquorum one\n")
    code, said = verified(package.replace(note.encode(), changed.encode()), tmp_path, "--policy", str(policy))
    assert code == 3
    wrong = {"where": "log/checkpoint.txt", "what": f"the cosignature of {itself.name} does not hold"}
    assert wrong in said["findings"]
    assert browser_says(changed, policy.read_text()) == "cosignature"
    code, said = verified(package, tmp_path, "--policy", str(policy))
    assert browser_says(note, policy.read_text())[:19] == said["witnesses"][0]["at"][:19]
    ours = audit.verifier(team.world.house.key, team.id)
    for log, expected in ((ours, []), (audit.verifier(team.world.house.key, team.admin.id), ["unlisted"])):
        policy.write_text(f"log {log} https://log.example\nwitness one {itself}\nquorum one\n")
        assert (verified(package, tmp_path, "--policy", str(policy))[0] == 0) is not bool(expected)
        (found,) = browsers_judgement(tmp_path / "package.asice", (-1, 0), policy=policy.read_text())
        assert [what for _, what in found] == expected


def wanting(team: Team, quorum: int) -> Team:
    """The same team on a server whose operator wants so many witnesses."""
    house = team.world.house
    strict = replace(house, settings=house.settings.model_copy(update={"witness_quorum": quorum}))
    return replace(team, world=replace(team.world, house=strict))


def test_no_package_leaves_without_the_quorum_and_nothing_of_it_is_on_record(
    house: House, world: World, itself: WitnessKey
):
    team = world.workspace()
    item = exhibit(team, team.admin)
    with house.work(SYSTEM) as uow:
        before = audit.head(uow.connection, team.id).size
    with pytest.raises(witnesses.NoQuorum, match="1 of 2"):
        packed(wanting(team, 2), team.admin, item)
    with house.work(SYSTEM) as uow:
        events = [one.content["event"] for one in audit.read(uow.connection, team.id, before)]
    assert "evidence:exported" not in events
    assert opened(packed(wanting(team, 1), team.admin, item)).read("log/checkpoint.txt").decode().count("\u2014") == 2


def bundled(team: Team, item: EvidenceItem) -> bytes:
    _, pieces = evidence.export(begins(team, team.admin), item.id)
    return b"".join(pieces)


def test_the_bundle_of_one_exhibit_bears_cosignatures_and_needs_the_quorum_too(
    house: House, world: World, itself: WitnessKey, tmp_path: Path
):
    team = world.workspace()
    item = exhibit(team, team.admin)
    with house.work(SYSTEM) as uow:
        before = audit.head(uow.connection, team.id).size
    with pytest.raises(witnesses.NoQuorum, match="1 of 2"):
        bundled(wanting(team, 2), item)
    with house.work(SYSTEM) as uow:
        events = [one.content["event"] for one in audit.read(uow.connection, team.id, before)]
    assert "evidence:exported" not in events
    made = bundled(wanting(team, 1), item)
    policy = tmp_path / "policy"
    for key, expected in ((itself, 0), (WitnessKey(itself.name, bytes(31) + b"\1"), 3)):
        policy.write_text(f"witness one {key}\nquorum one\n")
        code, said = verified(made, tmp_path, "--policy", str(policy), name="bundle.zip")
        assert code == expected, said


def test_a_witness_that_is_silent_or_speaks_for_another_holds_up_nothing(house: House, world: World):
    team = world.workspace()
    silent = SigningKey.generate(f"silent-{uuid4().hex[:8]}.example/witness")
    with house.work(OPERATOR) as uow:
        naming.add_witness(uow, "http://127.0.0.1:9/witness", str(WitnessKey(silent.name, silent.public_key)))
    try:
        asking.ask_all(house, lambda: False)
        note = opened(packed(team, team.admin, exhibit(team, team.admin))).read("log/checkpoint.txt").decode()
        assert note.count("\u2014") == 1
        with house.work(SYSTEM) as uow:
            assert [(one.name, one.size) for one in witnesses.seen_by(uow, team.id)] == [(silent.name, None)]
    finally:
        with house.work(OPERATOR) as uow:
            naming.end_witness(uow, silent.name)


def test_what_is_no_key_or_no_safe_address_is_refused_in_words(house: House):
    key = str(public_witness_key(house.key))
    for url, stated in (("http://witness.example", key), ("ftp://x", key), ("https://witness.example", "x+1+AA==")):
        with pytest.raises(Invalid), house.work(OPERATOR) as uow:
            naming.add_witness(uow, url, stated)
    with pytest.raises(Invalid), house.work(OPERATOR) as uow:
        naming.trust(uow, key)
