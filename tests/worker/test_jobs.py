"""Jobs: there if and only if the act committed, tried again, visible when they failed, never somebody else's to see."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import procrastinate
import pytest
from sqlalchemy import text

from jit_server import app as application
from jit_server import worker
from jit_server.access import SYSTEM, Action
from jit_server.core import jobs
from jit_server.core.errors import NotFound, VaultDown
from jit_server.core.jobs import Board, Job, Stopping, Task
from jit_server.evidence.usecases.reading_back import checks_of
from jit_server.work import House
from jit_server.workspaces import Workspace
from tests.builders import Team, World
from tests.evidence.builders import exhibit

ROOT = Path(__file__).parents[2]


class Seen:
    """A task that remembers what it was called with, and fails as often as it is told to."""

    def __init__(self, fails: int = 0, error: Exception | None = None) -> None:
        self.calls: list[dict[str, UUID]] = []
        self._fails, self._error = fails, error or VaultDown("The store is down.")

    def __call__(self, _house: House, _stopping: Stopping, **ids: UUID) -> None:
        self.calls.append(ids)
        if len(self.calls) <= self._fails:
            raise self._error


def board(house: House) -> Board:
    with house.work(SYSTEM) as uow:
        return jobs.board(uow.connection)


def listed(house: House, *, failed: bool = False) -> list[Job]:
    with house.work(SYSTEM) as uow:
        return jobs.listed(uow.connection, failed=failed)


def work_off(house: House, *tasks: Task) -> None:
    worker.run(house, tasks, once=True)


def make_due(house: House) -> None:
    """As if the pause after a failure were over."""
    with house.work(SYSTEM) as uow:
        uow.connection.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now()"))


def test_a_job_is_there_if_the_act_committed_and_is_done_once(team: Team, lonely: House):
    seen = Seen()
    with team.world.work(team.admin) as uow:
        uow.later("test:seen", workspace_id=team.id)
        assert board(lonely).counts == {}, "seen before the commit"
    assert board(lonely).counts == {("test:seen", "todo"): 1}
    work_off(lonely, Task("test:seen", seen))
    assert seen.calls == [{"workspace_id": team.id}]
    assert listed(lonely) == []


def test_no_job_is_there_if_the_act_failed(team: Team, lonely: House):
    def act() -> None:
        with team.world.work(team.admin) as uow:
            uow.later("test:seen", workspace_id=team.id)
            uow.get(Workspace, UUID(int=1), to=Action.WORKSPACE_READ)

    with pytest.raises(NotFound):
        act()
    assert listed(lonely) == []


def test_a_job_that_fails_is_tried_again_later_and_then_done(team: Team, lonely: House):
    seen = Seen(fails=1)
    with team.world.work(team.admin) as uow:
        uow.later("test:seen", workspace_id=team.id)
    task = Task("test:seen", seen, wait=3600)
    work_off(lonely, task)
    (waits,) = listed(lonely)
    assert (waits.state, waits.attempts, len(seen.calls)) == ("todo", 1, 1)
    assert waits.fault == f"{VaultDown.slug}: The store is down."
    work_off(lonely, task)
    assert len(seen.calls) == 1, "tried before its time"
    make_due(lonely)
    work_off(lonely, task)
    assert listed(lonely) == []
    assert len(seen.calls) == 2


def test_the_pauses_grow_to_an_hour_and_come_to_an_end():
    task = Task("test:seen", Seen())
    assert [task.again_in(failures) for failures in range(1, 11)] == [*(10 * 2**n for n in range(9)), None]
    assert Task("test:seen", Seen(), tries=99).again_in(50) == 3600
    assert Task("test:seen", Seen(), every="* * * * *").again_in(1) is None


def test_one_that_failed_for_good_stays_with_its_reason_until_it_is_tried_again(team: Team, lonely: House):
    seen = Seen(fails=2)
    with team.world.work(team.admin) as uow:
        uow.later("test:seen", workspace_id=team.id)
    task = Task("test:seen", seen, tries=2)
    work_off(lonely, task)
    make_due(lonely)
    work_off(lonely, task)
    (dead,) = listed(lonely, failed=True)
    assert (dead.task, dead.attempts, dead.ids) == ("test:seen", 2, {"workspace_id": str(team.id)})
    assert "The store is down." in str(dead.fault)
    with lonely.work(SYSTEM) as uow:
        assert jobs.retry(uow.connection, dead.id) == [dead.id]
    work_off(lonely, task)
    assert listed(lonely) == []
    with pytest.raises(NotFound), lonely.work(SYSTEM) as uow:
        jobs.retry(uow.connection, dead.id)


def test_what_went_wrong_is_kept_without_anybodys_words(team: Team, lonely: House):
    with team.world.work(team.admin) as uow:
        uow.later("test:seen", workspace_id=team.id)
    work_off(lonely, Task("test:seen", Seen(1, RuntimeError("the suspect is Anna B.")), tries=1))
    assert [one.fault for one in listed(lonely)] == ["RuntimeError"]


def test_a_job_no_worker_knows_is_visible_and_not_lost(team: Team, lonely: House):
    with team.world.work(team.admin) as uow:
        uow.later("test:unheard_of", workspace_id=team.id)
    work_off(lonely, Task("test:seen", Seen()))
    assert board(lonely).of("failed") == 1


def test_a_person_puts_and_sees_jobs_of_their_own_workspaces_only(team: Team, own_world: World, lonely: House):
    other = own_world.workspace()
    with other.world.work(other.admin) as uow:
        uow.later("test:theirs", workspace_id=other.id)
    with team.world.work(team.admin) as uow:
        uow.later("test:ours", workspace_id=team.id)
        assert list(jobs.board(uow.connection).counts) == [("test:ours", "todo")]
        assert uow.connection.execute(text("UPDATE procrastinate_jobs SET task_name = 'x'")).rowcount == 0
        assert uow.connection.execute(text("DELETE FROM procrastinate_jobs")).rowcount == 0
    foreign: dict[str, UUID] = {"workspace_id": other.id}
    for ids in (foreign, {}):
        with pytest.raises(NotFound), team.world.work(team.admin) as uow:
            uow.later("test:foreign", **ids)
    assert board(lonely).of("todo") == 2


@pytest.mark.parametrize(("attempts", "state"), [(0, "todo"), (jobs.DEADLY, "failed")])
def test_what_a_killed_worker_was_doing_is_taken_up_again_unless_it_kills(team: Team, lonely: House, attempts, state):
    with team.world.work(team.admin) as uow:
        uow.later("test:seen", workspace_id=team.id)
    with lonely.work(SYSTEM) as uow:
        gone = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
        number = uow.connection.execute(text(gone)).scalar_one()
        taken = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker, attempts = :attempts"
        uow.connection.execute(text(taken), {"worker": number, "attempts": attempts})
    with lonely.work(SYSTEM) as uow:
        assert len(jobs.rescue(uow.connection)) == 1
        assert jobs.rescue(uow.connection) == []
    assert [one.state for one in listed(lonely)] == [state]


def test_of_what_time_asks_for_only_the_latest_failure_is_kept(lonely: House):
    task = Task("test:often", Seen(fails=2), every="0 0 1 1 *")
    for _ in range(2):
        with lonely.work(SYSTEM) as uow:
            jobs.put(uow.connection, task.name)
        work_off(lonely, task)
    assert [(one.state, one.fault is not None) for one in listed(lonely)] == [("failed", True)]
    with lonely.work(SYSTEM) as uow:
        jobs.put(uow.connection, task.name)
    work_off(lonely, task)
    assert listed(lonely) == []


def test_the_figures_name_what_waits_what_failed_and_who_works(team: Team, lonely: House):
    with team.world.work(team.admin) as uow:
        uow.later("test:seen", workspace_id=team.id)
    client = application.create(lonely.settings, lonely).test_client()
    shown = client.get("/metrics", base_url=lonely.settings.base_url).get_data(as_text=True)
    assert 'jit_jobs{state="todo",task="test:seen"} 1.0' in shown
    assert "jit_job_workers 0.0" in shown
    assert re.search(r"^jit_job_wait_seconds [0-9.e-]+$", shown, re.MULTILINE)


def test_every_task_has_a_name_of_its_own_and_says_what_it_does():
    tasks = worker.every_task()
    assert len({task.name for task in tasks}) == len(tasks)
    found: list[Callable[..., None]] = [task.run for task in tasks]
    assert all(run.__doc__ for run in found)


def test_the_tables_are_those_of_the_library_in_use():
    steps = (Path(procrastinate.__file__).parent / "sql" / "migrations").glob("*.sql")
    revision = next((ROOT / "migrations" / "versions").glob("*_0018_jobs.py")).read_text()
    latest = max(step.name for step in steps)[:11]
    assert f'LATEST = "{latest}"' in revision, "the library changed its tables: migrate"


def test_whatever_an_exhibit_asks_for_is_done_by_the_worker_as_it_runs(team: Team, lonely: House):
    item = exhibit(team, team.admin)
    with team.world.work(team.admin) as uow:
        for name in ("evidence:hold", "evidence:scan"):
            uow.later(name, workspace_id=team.id, item_id=item.id)
    asked = {one.task for one in listed(lonely)}
    work_off(lonely, *(task for task in worker.every_task() if task.name in asked))
    assert listed(lonely) == []
    with team.world.work(team.admin) as uow:
        assert checks_of(uow, [item])[item.id].read_back_at is not None


@pytest.mark.parametrize("task", worker.every_task(), ids=lambda task: task.name)
def test_a_job_gets_its_ids_as_ids(task: Task):
    _house, _stopping, *ids = inspect.signature(task.run).parameters.values()
    assert {one.annotation for one in ids} <= {UUID, UUID | None}
