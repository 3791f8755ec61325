"""Killed at any point of taking an exhibit in, the server has no row that points at missing or other bytes afterwards.

A fault point is a moment at which something lasting changes: before each call that writes, flushes, names or removes a
file of the vault, and before and after each commit. A child of the test takes one exhibit in and is killed at the nth
of them, without a word, as power cuts do it; then the reconciler has its turn and the bytes are sent again.
"""

import contextlib
import errno
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from jit_server.access import SYSTEM
from jit_server.core import clock, database
from jit_server.core.errors import VaultDown
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.core.vault import BLOCK
from jit_server.evidence.usecases import content as contents
from jit_server.evidence.usecases import reconciling
from jit_server.work import House
from tests.builders import Team, World
from tests.engines.apart import apart
from tests.evidence.builders import declare, pieces, send

CONTENT = os.urandom(BLOCK + 5)
ROUNDS = 3
FILES = ("write", "fsync", "rename", "unlink", "mkdir")


@pytest.fixture(scope="module")
def own_house(postgres: EmbeddedPostgres, settings: Settings, scratch: Path) -> Iterator[House]:
    """What is listed and swept is all that a server holds: these tests have a server to themselves."""
    with apart(postgres, settings, scratch, "crash") as made:
        yield made


@pytest.fixture(scope="module")
def team(own_house: House) -> Team:
    return World.create(own_house).workspace()


class Points:
    """Counts the fault points as they pass, and ends the process at one of them."""

    def __init__(self, fatal: int | None) -> None:
        self.count, self._fatal = 0, fatal

    def passes(self, *_: Any) -> None:
        if self.count == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*words: Any, **named: Any) -> Any:
            self.passes()
            return function(*words, **named)

        return watched


def takes_in(team: Team, upload_id: UUID, fatal: int | None) -> int | None:
    """Take the exhibit in, in a process of its own; how many points it passed, None where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _in_child(team, upload_id, fatal, writing)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    return int(said)


def _in_child(team: Team, upload_id: UUID, fatal: int | None, writing: int) -> None:
    """Never returns: nothing of the test run is ended twice."""
    points = Points(fatal)
    try:
        house = team.world.house
        house.engine.dispose(close=False)  # the connections are the parent's
        own = House(house.settings, database.engine(house.settings.database_url), house.vault, house.key)
        event.listen(own.engine, "commit", points.passes)
        for name in FILES:
            setattr(os, name, points.before(getattr(os, name)))
        there = replace(team, world=replace(team.world, house=own))
        send(there, there.admin, upload_id, pieces(CONTENT))
        points.passes()  # after the last commit
        told = str(points.count)
    except BaseException as fault:  # noqa: BLE001 - the parent says it
        told = repr(fault)
    with os.fdopen(writing, "w") as file:
        file.write(told)
    os._exit(0)


def in_time(house: House, upload_id: UUID) -> None:
    """As if the crash had been two days ago."""
    with house.work(SYSTEM) as uow:
        uow.connection.execute(
            text("UPDATE upload SET beat_at = beat_at - interval '2 days' WHERE id = :id"), {"id": upload_id}
        )
    then = (clock.now() - timedelta(days=9)).timestamp()
    for path in (house.settings.data / "vault").rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def test_at_every_fault_point_nothing_is_lost_or_half_there_and_the_upload_goes_on(team: Team, own_house: House):
    points = takes_in(team, declare(team, team.admin, len(CONTENT)), None)
    assert points is not None
    assert points >= 10, "the files and commits of an upload are seen"
    for _ in range(ROUNDS):
        for fatal in range(points):
            upload_id = declare(team, team.admin, len(CONTENT))
            assert takes_in(team, upload_id, fatal) is None, fatal
            in_time(own_house, upload_id)
            _is_sound(own_house, f"killed at {fatal} of {points}", upload_id)
            again = send(team, team.admin, upload_id, pieces(CONTENT))
            assert (again.id, again.size) == (upload_id, len(CONTENT)), fatal
    _is_sound(own_house, "in the end")


def test_at_every_file_call_that_fails_it_is_said_and_the_upload_goes_on(
    team: Team, own_house: House, monkeypatch: pytest.MonkeyPatch
):
    """X6: a disk that is full or breaks, at each call that writes, flushes, names, makes or removes a file."""
    count = _with_a_fault_at(team, declare(team, team.admin, len(CONTENT)), None, monkeypatch)
    assert count >= len(FILES)
    for fatal in range(count):
        upload_id = declare(team, team.admin, len(CONTENT))
        with contextlib.suppress(VaultDown):  # and nothing else
            _with_a_fault_at(team, upload_id, fatal, monkeypatch)
        in_time(own_house, upload_id)
        _is_sound(own_house, f"failed at {fatal} of {count}", upload_id)
        again = send(team, team.admin, upload_id, pieces(CONTENT))
        assert (again.id, again.size) == (upload_id, len(CONTENT)), fatal


def _with_a_fault_at(team: Team, upload_id: UUID, fatal: int | None, monkeypatch: pytest.MonkeyPatch) -> int:
    """Take the exhibit in; how many file calls that took."""
    passed = 0

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*words: Any, **named: Any) -> Any:
            nonlocal passed
            passed += 1
            if passed - 1 == fatal:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*words, **named)

        return called

    with monkeypatch.context() as patch:
        for name in FILES:
            patch.setattr(os, name, failing(getattr(os, name)))
        send(team, team.admin, upload_id, pieces(CONTENT))
    return passed


def _is_sound(house: House, when: str, upload_id: UUID | None = None) -> None:
    """What each row names is there and is what was sent; what no row names is listed, and nothing half done is left."""
    reconciling.reconcile(house, lambda: False)

    def begin() -> Any:
        return house.work(SYSTEM)

    items = list(contents.every_item(begin))
    for item in (one for one in items if upload_id in {None, one.id}):
        check = contents.verify_stored(begin, item)
        assert check.ok, (when, check.detail)
    named = {(item.vault_key, item.version_id) for item in items}
    lying = {(one.key, one.version_id) for one in house.vault.listing()}
    assert named <= lying, when
    assert {(one.key, one.version_id) for one in reconciling.orphans(house)} == lying - named, when
    assert not list((house.settings.data / "vault" / "staging").iterdir()), when
