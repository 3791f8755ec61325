"""Whom this server asks to witness its logs, and whose logs it witnesses: the operator's decision, on the record."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlmodel import col

from jit_server.audit.cosignatures import WitnessKey
from jit_server.audit.notes import BadNote, VerifierKey
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.core.settings import LOOPBACK
from jit_server.witnesses.models import Witness, WitnessedLog, WitnessedServer
from jit_server.work import UnitOfWork


def add_witness(uow: UnitOfWork, url: str, key: str) -> Witness:
    """Ask this witness from now on. Raises `Invalid`, or `Conflict` where it is asked already."""
    try:
        WitnessKey.parse(key)
    except BadNote as error:
        raise Invalid.field("key", f"is {error}", "Take it from `jit-server witness key` on the witness.") from error
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise Invalid.field("url", "is no https address", "Name the address before /add-checkpoint.")
    if uow.find(Witness, key=key, until=None) is not None:
        raise Conflict("This witness is asked already.")
    made = uow.add(Witness(key=key, url=url, since=uow.now))
    uow.record("witness:added", made, key=key, url=url)
    return made


def end_witness(uow: UnitOfWork, name: str) -> None:
    """Ask this witness no more. Raises `NotFound`."""
    for one in witnesses(uow):
        if one.key.partition("+")[0] == name:
            one.until = uow.now
            uow.record("witness:ended", one, key=one.key)
            return
    raise NotFound(f"No witness of the name {name} is asked.")


def witnesses(uow: UnitOfWork) -> Sequence[Witness]:
    """Those that are asked."""
    return uow.every(Witness, col(Witness.until).is_(None))


def trust(uow: UnitOfWork, key: str) -> WitnessedServer:
    """Cosign every log of the server with this key from now on. Raises `Invalid`, or `Conflict` where it is trusted."""
    try:
        VerifierKey.parse(key)
    except BadNote as error:
        raise Invalid.field("key", f"is {error}", "Take it from `jit-server witness key` on that server.") from error
    if uow.find(WitnessedServer, key=key, until=None) is not None:
        raise Conflict("This server is trusted already.")
    made = uow.add(WitnessedServer(key=key, since=uow.now))
    uow.record("witness:trusted", made, key=key)
    return made


def distrust(uow: UnitOfWork, name: str) -> None:
    """Cosign no log of this server any more. Raises `NotFound`."""
    for one in trusted(uow):
        if one.key.partition("+")[0] == name:
            one.until = uow.now
            uow.record("witness:distrusted", one, key=one.key)
            return
    raise NotFound(f"No server of the name {name} is trusted.")


def contradicted(uow: UnitOfWork) -> Sequence[WitnessedLog]:
    """Logs whose keeper signed two histories: each row holds the two notes that prove it."""
    return uow.every(WitnessedLog, col(WitnessedLog.against) != "")


def trusted(uow: UnitOfWork) -> Sequence[WitnessedServer]:
    """Those whose logs are cosigned."""
    return uow.every(WitnessedServer, col(WitnessedServer.until).is_(None))
