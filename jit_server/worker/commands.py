"""`jit-server jobs`: how the jobs stand, and a second chance for those that failed."""

from dataclasses import asdict

import click

from jit_server.core import jobs
from jit_server.web.terminal import Terminal, in_terminal


@click.group("jobs")
def jobs_group() -> None:
    """What the worker has to do: how it stands, what failed, a second chance for it."""


@jobs_group.command()
@in_terminal
def status(terminal: Terminal) -> None:
    """Say how many workers live, what waits, runs and has failed."""
    with terminal.work() as uow:
        board = jobs.board(uow.connection)
    counts = [{"task": task, "state": state, "count": count} for (task, state), count in board.counts.items()]
    short = {"workers": board.workers, "waiting": board.of("todo"), "running": board.of("doing")}
    value = short | {"failed": board.of("failed"), "oldest_waits_seconds": round(board.waits, 1), "tasks": counts}
    lines = [f"{name.replace('_', ' ')}: {number}" for name, number in value.items() if name != "tasks"]
    terminal.say(value, "\n".join(lines + [f"  {one['task']}: {one['count']} {one['state']}" for one in counts]))


@jobs_group.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that wait or run.")
@click.option("--after", type=int, default=0, help="Go on after this number.")
@in_terminal
def list_jobs(terminal: Terminal, every: bool, after: int) -> None:
    """List the jobs that failed for good, with why; at most 1,000."""
    with terminal.work() as uow:
        found = jobs.listed(uow.connection, failed=not every, after=after)
    lines = (f"{one.id}  {one.task}  {one.state}  tried {one.attempts} times  {one.fault or ''}" for one in found)
    terminal.say([asdict(one) for one in found], "\n".join(lines) or "None.")


@jobs_group.command()
@click.argument("job", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="All that failed, at most 1,000.")
@in_terminal
def retry(terminal: Terminal, job: int | None, every: bool) -> None:
    """Put a failed job back in the row, once what made it fail is mended."""
    if every == (job is not None):
        raise click.UsageError("Name one job, or say --all.")
    with terminal.work() as uow:
        found = jobs.retry(uow.connection, job)
    terminal.say({"retried": found}, f"{len(found)} put back in the row.")
