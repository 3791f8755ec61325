"""`jit-server`: the operator's door. It gathers each room's commands; same use-cases, same policy, same record.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 a verification failed. Problems are one line on stderr.
"""

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from jit_server import __version__
from jit_server.core.errors import JitError
from jit_server.safekeeping import backup, backup_keys, erase_again, erasures, restore
from jit_server.web.terminal import Terminal, Unverified, in_terminal

REFUSED: Final = 1
USAGE: Final = 2
UNVERIFIED: Final = 3

_ROOMS: Final = {
    "agency": ("identity", "Agencies and their identity providers."),
    "audit": ("workspaces", "The logs: are they whole, and what is their signed head?"),
    "clock": ("consents", "The server's clock: notices before an end, phases at the term, what lapses."),
    "evidence": ("evidence", "Exhibits in the vault."),
    "jobs": ("worker", "What the worker has to do: how it stands, what failed, a second chance for it."),
    "policy": ("workspaces", "The rules: the baseline and what signed agreements add to it."),
    "witness": ("witnesses", "Witnesses of the logs: other servers that cosign their heads."),
    "workspace": ("workspaces", "The workspaces of this server; never what is said or kept in them."),
}
"""Noun -> the room in whose `commands` it is a click group, and its line of help."""


class _House(click.Group):
    """A group whose every command takes `--json`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command and see that it takes `--json`."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _take_json(command)
        return command


class _Room(_House):
    """A room's group, imported only when one of its verbs is asked for: `--help` stays quick."""

    def __init__(self, noun: str, room: str, text: str) -> None:
        super().__init__(noun, help=text)
        self._room = room

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs, in order."""
        self._open()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a verb."""
        self._open()
        return super().get_command(ctx, cmd_name)

    def _open(self) -> None:
        if not self.commands:
            room = vars(import_module(f"jit_server.{self._room}.commands"))
            mine = next(one for one in room.values() if isinstance(one, click.Group) and one.name == self.name)
            self.commands.update(mine.commands)


def _speak_json(ctx: click.Context, _option: click.Parameter, chosen: bool) -> None:
    if chosen:
        ctx.ensure_object(Terminal).as_json = True


def _take_json(command: click.Command) -> None:
    if isinstance(command, click.Group):
        for verb in command.commands.values():
            _take_json(verb)
    elif not any("--json" in parameter.opts for parameter in command.params):
        option = click.Option(["--json"], is_flag=True, expose_value=False, callback=_speak_json,
                              help="Answer with one line of JSON.")  # fmt: skip
        command.params.append(option)


@click.group(cls=_House, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="jit-server")
def cli() -> None:
    """Run and look after a server for joint investigation teams."""


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, envvar="PORT")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=".jit", envvar="JIT_DATA", show_default=True
)
@in_terminal
def demo(terminal: Terminal, port: int, data: Path) -> None:
    """Show the product: embedded PostgreSQL, three agencies with an issuer each, a seeded case. Loopback only."""
    from jit_server.demo import launcher

    launcher.run(data, port, as_json=terminal.as_json)


@cli.command()
@click.option("--workers", type=click.IntRange(1, 64), help="Server processes [default: JIT_WORKERS].")
@in_terminal
def serve(terminal: Terminal, workers: int | None) -> None:
    """Serve on JIT_HOST:JIT_PORT with gunicorn and gevent, unless something is unsafe (see doctor)."""
    from jit_server import serving

    _insist_on_safety(serving.unsafe(terminal.house))
    serving.become_server(terminal.settings, workers or terminal.settings.workers)


@cli.command()
@click.option("--at-once", type=click.IntRange(1, 32), default=2, show_default=True, help="Jobs under way at once.")
@click.option("--once", is_flag=True, help="End when nothing is due any more.")
@in_terminal
def worker(terminal: Terminal, at_once: int, once: bool) -> None:
    """Do the jobs that acts and time put in the row; a signal lets what is under way end first."""
    from jit_server import serving
    from jit_server import worker as jobs

    _insist_on_safety(serving.unsafe(terminal.house))
    tasks = jobs.every_task()
    value = {"worker": "ready", "at_once": at_once, "tasks": [task.name for task in tasks]}

    def ready() -> None:
        terminal.say(value, f"Working: {', '.join(task.name for task in tasks)}")
        sys.stdout.flush()

    jobs.run(terminal.house, tasks, at_once=at_once, once=once, ready=ready)


def _insist_on_safety(unsafe: Sequence[Any]) -> None:
    """Say what is unsafe, and go no further."""
    for finding in unsafe:
        click.echo(f"jit-server: will not start: {finding.check}: {finding.detail}; {finding.remedy}", err=True)
    if unsafe:
        raise click.exceptions.Exit(REFUSED)


@cli.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 unless the schema is the newest.")
@click.option("--plan", is_flag=True, help="Change nothing; print the SQL that would run.")
@in_terminal
def migrate(terminal: Terminal, check: bool, plan: bool) -> None:
    """Bring the database's schema to this version (as JIT_DATABASE_OWNER_URL)."""
    from jit_server.core import schema

    url = _owner_url(terminal)
    current, newest = _revision(url), schema.head()
    if plan:
        click.echo(schema.plan(url, current))
        return
    if not check:
        schema.upgrade(url)
        before, current = current, _revision(url)
        terminal.say({"before": before, "now": current, "newest": newest}, f"{before} -> {current}")
        return
    terminal.say({"now": current, "newest": newest}, f"at {current}, newest is {newest}")
    if current != newest:
        raise click.exceptions.Exit(REFUSED)


@cli.command()
@in_terminal
def init(terminal: Terminal) -> None:
    """Make what a new server needs: data folder, log key, keys of the vault, schema. May be run again."""
    from jit_server.core import schema

    settings = terminal.settings
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    schema.upgrade(_owner_url(terminal))
    house = terminal.house
    house.vault.prepare()
    done = {
        "data": str(settings.data.resolve()),
        "log_key": house.key.name,
        "schema": schema.head(),
        "vault": house.vault.status().detail,
    }
    text = "\n".join(f"{name}: {value}" for name, value in done.items())
    terminal.say(done, f"{text}\nNext: jit-server agency add, then jit-server doctor, then jit-server serve")


@cli.command()
@in_terminal
def doctor(terminal: Terminal) -> None:
    """Look at everything the server stands on; exit 1 if it would refuse to start."""
    from jit_server import serving
    from jit_server.core import checks

    findings = serving.examine(terminal.house)
    marks = {checks.Grade.OK: "ok  ", checks.Grade.NOTE: "note", checks.Grade.REFUSED: "FAIL"}
    lines = [
        f"{marks[one.grade]}  {one.check}: {one.detail}" + (f" -> {one.remedy}" if one.remedy else "")
        for one in findings
    ]
    value = [{"check": one.check, "grade": one.grade, "detail": one.detail, "remedy": one.remedy} for one in findings]
    terminal.say(value, "\n".join(lines))
    if checks.refusals(findings):
        raise click.exceptions.Exit(REFUSED)


for _verb in (backup, backup_keys, erasures, erase_again, restore):
    cli.add_command(_verb)
for _noun, (_room, _text) in _ROOMS.items():
    cli.add_command(_Room(_noun, _room, _text))


@cli.group(cls=_House)
def config() -> None:
    """The settings of this installation."""


@config.command()
@in_terminal
def show(terminal: Terminal) -> None:
    """Print every setting, secrets masked."""
    shown = _masked(terminal.settings.model_dump(mode="json"))
    terminal.say(
        shown, "\n".join(f"JIT_{name.upper()}={'' if value is None else value}" for name, value in shown.items())
    )


@config.command("check")
@in_terminal
def check_config(terminal: Terminal) -> None:
    """Read and judge the settings without connecting anywhere."""
    from jit_server.core import checks

    wrong = checks.refusals(list(checks.judge_settings(terminal.settings)))
    value = [{"check": one.check, "detail": one.detail, "remedy": one.remedy} for one in wrong]
    terminal.say(value, "\n".join(f"{one.check}: {one.detail}; {one.remedy}" for one in wrong) or "all settings hold")
    if wrong:
        raise click.exceptions.Exit(REFUSED)


@cli.command()
@in_terminal
def openapi(terminal: Terminal) -> None:
    """Print the OpenAPI 3.1 description of /api/v1."""
    from jit_server import serving

    description = serving.openapi(terminal.settings)
    click.echo(json.dumps(description, ensure_ascii=False, indent=None if terminal.as_json else 2))


def _owner_url(terminal: Terminal) -> str:
    url = terminal.settings.database_owner_url
    if not url:
        raise click.UsageError("JIT_DATABASE_OWNER_URL is not set: migrations run as the owner of the tables")
    return url


def _revision(owner_url: str) -> str:
    from jit_server.core import database, schema

    engine = database.engine(owner_url, pool=2)
    try:
        with engine.connect() as connection:
            return schema.revision(connection)
    finally:
        engine.dispose()


def _masked(shown: dict[str, Any]) -> dict[str, Any]:
    from sqlalchemy import make_url

    for name in ("database_url", "database_owner_url"):
        if shown.get(name):
            shown[name] = make_url(shown[name]).render_as_string(hide_password=True)
    return shown


def _say_problem(problem: Exception, as_json: bool) -> int:
    """Put a failure into one line on stderr; answer the exit code it means."""
    code = REFUSED
    line = str(problem)
    if isinstance(problem, click.ClickException):
        code, line = problem.exit_code, problem.format_message()
    elif isinstance(problem, ValidationError):
        code = USAGE
        faults = ((".".join(map(str, one["loc"])) or "settings", one["msg"]) for one in problem.errors())
        line = "; ".join(f"{where}: {what}" for where, what in faults)
    elif isinstance(problem, JitError):
        code = UNVERIFIED if isinstance(problem, Unverified) else REFUSED
        line = json.dumps(problem.problem(), default=str) if as_json else f"{problem.title}: {problem.detail}"
    line = " ".join(line.split())
    click.echo(line if line.startswith("{") else f"jit-server: {line}", err=True)
    return code


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code."""
    terminal = Terminal()
    try:
        code = cli.main(args=arguments, prog_name="jit-server", standalone_mode=False, obj=terminal)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        return REFUSED
    except (click.ClickException, ValidationError, JitError, SQLAlchemyError) as problem:
        return _say_problem(problem, terminal.as_json)
    except BrokenPipeError:  # `jit-server ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    finally:
        terminal.close()


def main() -> None:
    """Entry point of the `jit-server` script."""
    sys.exit(run())


if __name__ == "__main__":
    main()
