"""`jit-server clock`: what time does by itself, done once from outside (a running server does it every minute)."""

from dataclasses import asdict

import click

from jit_server import consents
from jit_server.web.terminal import Terminal, in_terminal


@click.group()
def clock() -> None:
    """The server's clock: notices before an end, phases at the term, what lapses."""


@clock.command()
@in_terminal
def keep(terminal: Terminal) -> None:
    """Do whatever has fallen due; running it twice changes nothing more."""
    done = consents.keep_time(terminal.house)
    if done is None:
        terminal.say({"busy": True}, "A running server is keeping the time at this moment.")
        return
    text = f"{done.phases} phases, {done.notices} notices, {done.asks} asks and {done.proposals} proposals lapsed"
    terminal.say({"busy": False, **asdict(done)}, text)
