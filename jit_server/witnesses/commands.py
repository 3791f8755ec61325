"""`jit-server witness`: who cosigns the heads of our logs, and whose heads we cosign."""

import click

from jit_server import audit
from jit_server.audit.notes import VerifierKey
from jit_server.web.terminal import Terminal, in_terminal
from jit_server.witnesses.usecases import naming
from jit_server.witnesses.usecases.asking import ask_all, seen_by
from jit_server.witnesses.usecases.seeing import public_witness_key


@click.group()
def witness() -> None:
    """Witnesses of the logs: other servers that cosign their heads."""


@witness.command("key")
@in_terminal
def key(terminal: Terminal) -> None:
    """Print this server's two keys: the one it cosigns with, and the one of its own logs, for others to trust."""
    mine = terminal.house.key
    value = {"witness": str(public_witness_key(mine)), "logs": str(VerifierKey(mine.name, mine.public_key))}
    terminal.say(value, f"witness  {value['witness']}\nlogs     {value['logs']}")


@witness.command("add")
@click.argument("url")
@click.argument("key")
@in_terminal
def add(terminal: Terminal, url: str, key: str) -> None:
    """Ask the witness at URL (all before /add-checkpoint) that has this KEY."""
    with terminal.work() as uow:
        made = naming.add_witness(uow, url, key)
    terminal.say({"id": made.id, "key": made.key}, "It is asked from now on.")


@witness.command("remove")
@click.argument("name")
@in_terminal
def remove(terminal: Terminal, name: str) -> None:
    """Ask the witness NAME no more; what it cosigned stays."""
    with terminal.work() as uow:
        naming.end_witness(uow, name)
    terminal.say({"removed": name}, f"{name} is asked no more.")


@witness.command("trust")
@click.argument("key")
@in_terminal
def trust(terminal: Terminal, key: str) -> None:
    """Cosign the heads of every log of the server with this KEY."""
    with terminal.work() as uow:
        made = naming.trust(uow, key)
    terminal.say({"id": made.id, "key": made.key}, "Its logs are cosigned from now on.")


@witness.command("distrust")
@click.argument("name")
@in_terminal
def distrust(terminal: Terminal, name: str) -> None:
    """Cosign no head of the server NAME any more."""
    with terminal.work() as uow:
        naming.distrust(uow, name)
    terminal.say({"distrusted": name}, f"No head of {name} is cosigned any more.")


@witness.command("list")
@in_terminal
def show(terminal: Terminal) -> None:
    """List who cosigns our logs, how far the server's own has come, and whose logs we cosign."""
    with terminal.work() as uow:
        asked = [one.key for one in naming.witnesses(uow)]
        seen = {one.name: one for one in seen_by(uow, audit.SERVER_LOG)}
        trusted = [one.key for one in naming.trusted(uow)]
        split = [{"log": one.origin, "seen": one.note, "shown": one.against} for one in naming.contradicted(uow)]
    states = {key: seen[key.partition("+")[0]] for key in asked}
    value = {"asked": [{"key": key, "size": one.size, "at": one.at} for key, one in states.items()], "trusted": trusted}
    value["split"] = split
    lines = [f"asked    {key}  " + (f"{one.size} entries at {one.at}" if one.size else "nothing yet")
             for key, one in states.items()]  # fmt: skip
    terminal.say(
        value,
        "\n".join(
            [
                *lines,
                *(f"trusted  {key}" for key in trusted),
                *(f"TWO HISTORIES  {one['log']}\n{one['seen']}\n{one['shown']}" for one in split),
            ]
        )
        or "None.",
    )


@witness.command("ask")
@in_terminal
def ask(terminal: Terminal) -> None:
    """Show each witness the heads that it has not cosigned; the worker does so every minute."""
    ask_all(terminal.house, lambda: False)
    terminal.say({"asked": True}, "Asked: see `jit-server witness list`.")
