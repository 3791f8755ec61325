"""`jit-server backup`, `restore` and what goes with them: keys apart, erasures kept, and all of it proved again."""

import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from jit_server import audit
from jit_server.audit import notes
from jit_server.core import backups, schema
from jit_server.core.keys import SigningKey
from jit_server.core.settings import Settings
from jit_server.evidence.usecases import content, restoring
from jit_server.web.terminal import Terminal, Unverified, in_terminal

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_URL = click.option(
    "--database", "url", envvar="JIT_BACKUP_DATABASE_URL", required=True,
    help="PostgreSQL as a role that row-level security does not bind [env: JIT_BACKUP_DATABASE_URL].",
)  # fmt: skip
_ROWS = restoring.KEYS + backups.ROWS


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--since", type=_FOLDER, help="An earlier backup on the same disk: what it holds is linked.")
@_URL
@in_terminal
def backup(terminal: Terminal, folder: Path, since: Path | None, url: str) -> None:
    """Write database and folder vault into a new FOLDER with a signed list. No key file: see backup-keys."""
    settings = terminal.settings
    for other in (settings.log_key.parent, settings.kek.parent, _objects(settings)):
        backups.keep_apart(other, folder)
    backups.must_be_empty(folder)
    key = _signing_key(settings)
    with backups.in_words():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with backups.snapshot(url) as seen:  # the rows first: what they name lies in the vault already
            about = _about(seen, settings)
            seen.dump(folder / backups.DUMP, without=restoring.KEYS)
            seen.rows(restoring.kept_keys(), folder / _ROWS)
        if settings.vault == "folder":
            backups.copy_objects(_objects(settings), folder / backups.OBJECTS, since)
        listed = backups.seal(folder, key, about)
    count = len(listed["parts"])
    beside = "" if settings.vault == "folder" else " The bucket is not in it: keep its replica."
    terminal.say({"folder": str(folder), "parts": count}, f"{count} parts in {folder}, no key file.{beside}")


def _about(seen: backups.Snapshot, settings: Settings) -> dict[str, Any]:
    logs = seen.connection.exec_driver_sql("SELECT log_id FROM audit_head").scalars().all()
    heads = {str(log_id): audit.head(seen.connection, log_id) for log_id in logs}
    return {
        "schema": schema.revision(seen.connection),
        "vault": settings.vault,
        "logs": {log_id: {"size": one.size, "root": one.root.hex()} for log_id, one in heads.items()},
    }


@click.command("backup-keys")
@click.argument("folder", type=_FOLDER)
@in_terminal
def backup_keys(terminal: Terminal, folder: Path) -> None:
    """Copy the keys to a FOLDER of their own, which is no backup and lies in none."""
    keys, wrapping = terminal.settings.log_key.parent, terminal.settings.kek
    if wrapping.parent.resolve() != keys.resolve():
        raise backups.BackupRefused(f"JIT_KEK_FILE lies apart from {keys}: copy {wrapping} yourself, and {keys} too.")
    with backups.in_words():
        names = backups.copy_keys(keys, folder)
    terminal.say({"folder": str(folder), "keys": names}, f"{', '.join(names)} in {folder}.")


@click.command()
@click.argument("file", type=_FILE)
@in_terminal
def erasures(terminal: Terminal, file: Path) -> None:
    """Write into FILE, signed, what was erased here: a restore erases it again. Make it often; keep it elsewhere."""
    with backups.in_words():
        listed = list(restoring.erasures(terminal.house))
        backups.write_signed(file, {"erased": listed}, _signing_key(terminal.settings))
    terminal.say({"file": str(file), "erased": len(listed)}, f"{len(listed)} erasures in {file}.")


@click.command("erase-again")
@click.argument("file", type=_FILE)
@in_terminal
def erase_again(terminal: Terminal, file: Path) -> None:
    """Erase what FILE lists and is still here; for a restore that holds had stopped. Done twice, it does no more."""
    _erase_again(terminal, _read_erasures(terminal.settings, file, None))


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--erasures", "file", type=_FILE, help="What was erased here, as `erasures` wrote it after the backup.")
@click.option("--none-erased", is_flag=True, help="There is no such list: nothing was erased since the backup.")
@click.option("--kept", type=_FILE, multiple=True, help="A checkpoint kept elsewhere; what the log lacks is named.")
@click.option("--verify/--no-verify", default=True, help="Prove every log and every exhibit [default: yes].")
@_URL
@in_terminal
def restore(
    terminal: Terminal, folder: Path, file: Path | None, kept: tuple[Path, ...], url: str, *, none_erased: bool,
    verify: bool,
) -> None:  # fmt: skip
    """Put a backup into an empty database and vault, erase again what was erased since, prove all of it.

    Put the keys back first. Exit code 3 where something does not hold: it is named.
    """
    if (file is None) is not none_erased:
        raise click.UsageError("name --erasures FILE, or say --none-erased")
    settings = terminal.settings
    listed = _checked(terminal, folder)
    again = _read_erasures(settings, file, listed["made"]) if file else []
    with backups.in_words():
        backups.must_be_one_empty_database(url, str(settings.database_url))
        _put_back(settings, folder, url)
    _erase_again(terminal, again)
    wrong = _unproved(terminal, listed, kept) if verify else []
    proved = "Every log and exhibit is proved." if verify else "Next: jit-server audit verify, evidence verify."
    terminal.say({"restored": True, "faults": wrong}, "\n".join(wrong) or f"Restored. {proved}")
    if wrong:
        raise Unverified(f"Restored, but {len(wrong)} things do not hold: {wrong[0]}")


def _checked(terminal: Terminal, folder: Path) -> dict[str, Any]:
    """The backup's list, once every part is known to be what was signed."""
    settings, key = terminal.settings, _signing_key(terminal.settings)
    if not settings.kek.exists():
        raise backups.BackupRefused(f"The keys are missing: {settings.kek} is not there. Put their copy back first.")
    with backups.in_words():
        bad = backups.faults(folder, key.public_key)
    if bad:
        terminal.say({"restored": False, "faults": bad}, "\n".join(bad))
        raise Unverified(f"{len(bad)} parts of the backup are missing, altered or added. Nothing was restored.")
    listed = backups.read_signed(folder / backups.LIST, key.public_key)
    if listed["schema"] != schema.head():
        raise backups.BackupRefused(f"It has schema {listed['schema']}: restore with that version, then migrate.")
    if listed["vault"] != settings.vault:
        raise backups.BackupRefused(f"It was made of a vault of the kind {listed['vault']}: set JIT_VAULT to that.")
    return listed


def _put_back(settings: Settings, folder: Path, url: str) -> None:
    objects = _objects(settings)
    coming = objects.with_name("restoring")
    if settings.vault == "folder":
        backups.must_be_empty(objects)
        shutil.rmtree(coming, ignore_errors=True)  # of a restore that did not end
        coming.mkdir(parents=True, mode=0o700)
        if (folder / backups.OBJECTS).exists():
            shutil.copytree(folder / backups.OBJECTS, coming, dirs_exist_ok=True)
    backups.load(url, folder / backups.DUMP, {folder / _ROWS: restoring.KEY_COLUMNS})
    if settings.vault == "folder":
        if objects.exists():
            objects.rmdir()
        coming.rename(objects)


def _erase_again(terminal: Terminal, listed: list[dict[str, Any]]) -> None:
    terminal.house.vault.prepare()
    again = restoring.erase_again(terminal.house, listed)
    for item_id in again.held:
        click.echo(f"{item_id}: a hold stands in the backup; lift it, then erase-again", err=True)
    click.echo(f"{len(again.erased)} erased again.", err=True)
    if again.held:
        raise Unverified(f"Holds that stood in the backup keep {len(again.held)} exhibits that were erased since.")


def _unproved(terminal: Terminal, listed: dict[str, Any], kept: Iterable[Path]) -> list[str]:
    """What does not hold: entries of the logs, and exhibits."""
    wrong = []
    elsewhere = [path.read_text() for path in kept]
    for log_id, head in listed["logs"].items():
        with terminal.work() as uow:
            signer = audit.verifier(uow.house.key, log_id)
            trusted = [audit.Checkpoint(signer.name, head["size"], bytes.fromhex(head["root"]))]
            trusted += [notes.checkpoint(one, [signer]) for one in elsewhere if one.startswith(f"{signer.name}\n")]
            report = audit.verify(uow.connection, log_id, trusted, [signer])
        wrong += [f"log {log_id}: {finding}" for finding in report.findings]
    for item in content.every_item(terminal.work, None, None):
        check = content.verify_stored(terminal.work, item)
        if not check.ok and not check.destroyed:
            wrong.append(f"{item.workspace_id} {item.number} {item.id}: {check.detail}")
    return wrong


def _read_erasures(settings: Settings, file: Path, since: datetime | None) -> list[dict[str, Any]]:
    with backups.in_words():
        listed = backups.read_signed(file, _signing_key(settings).public_key)
    if since is not None and listed["made"] < since:
        raise backups.BackupRefused(f"{file} is older than the backup: it cannot tell what was erased since.")
    found: list[dict[str, Any]] = listed["erased"]
    return found


def _objects(settings: Settings) -> Path:
    return settings.data / "vault" / "objects"


def _signing_key(settings: Settings) -> SigningKey:
    """The key there is; a new one would sign for another server."""
    if not settings.log_key.exists():
        raise backups.BackupRefused(
            f"The keys are missing: {settings.log_key} is not there. Put their copy back first."
        )
    return SigningKey.load(settings.log_key)
