r"""The third door: what a room's `commands.py` shares, as doors for HTTP and sockets share the rest of this package.

A room's commands are plain click groups. They take `@in_terminal`, make one call to a use-case and `say` what came:

    @click.group()
    def agency() -> None:
        "Agencies and their issuers."

    @agency.command("list")
    @in_terminal
    def list_agencies(terminal: Terminal) -> None:
        "List the agencies."
        with terminal.work() as uow:
            found = identity.agencies(uow)
        terminal.say([row.model_dump(mode="json") for row in found], "\n".join(row.name for row in found))

`jit_server.cli` finds the group by its name, gives every command `--json`, and turns a `JitError` into one line on
stderr and exit code 1; `Unverified` means exit code 3.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import click

from jit_server.access import OPERATOR, Actor
from jit_server.core import database, keyring, vault
from jit_server.core.bus import Herald
from jit_server.core.errors import JitError
from jit_server.core.keys import SigningKey
from jit_server.core.settings import Settings, load
from jit_server.work import House, UnitOfWork


class Unverified(JitError):
    """What was checked does not hold: a log, an exhibit or a bundle has been changed."""

    slug, status, title = "unverified", 409, "Verification failed"


@dataclass
class Terminal:
    """One run of the command line: its settings, its way to the use-cases, its way to speak."""

    as_json: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load()

    @cached_property
    def house(self) -> House:
        """Database, vault and key, opened when a command first needs them."""
        settings = self.settings
        if not settings.database_url:
            raise click.UsageError("JIT_DATABASE_URL is not set: which database?")
        name = urlsplit(settings.base_url).hostname or "localhost"
        keyring.of(settings).prepare()
        return House(
            settings,
            database.engine(settings.database_url, pool=2),
            vault.of(settings),
            SigningKey.load_or_create(settings.log_key, name),
            Herald(settings.database_url),
        )

    def close(self) -> None:
        """Give the connections back, if any were opened."""
        if "house" in self.__dict__:
            self.house.engine.dispose()

    def work(self, actor: Actor = OPERATOR) -> UnitOfWork:
        """A unit of work; the actor is the operator unless the command says otherwise."""
        return self.house.work(actor)

    def say(self, value: Any, text: str | None = None) -> None:
        """Answer: `value` as one line of JSON with `--json`, else `text` (or the value as it is)."""
        if self.as_json:
            click.echo(json.dumps(value, ensure_ascii=False, default=str))
        else:
            click.echo(str(value) if text is None else text)


in_terminal = click.make_pass_decorator(Terminal, ensure=True)
