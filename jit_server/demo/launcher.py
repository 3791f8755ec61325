"""`jit-server demo`: starts everything the product needs on one machine, seeds it, and stops it all again.

PostgreSQL, the agencies' issuers and the server are processes of their own. Whatever ends this process ends them: a
signal is answered by stopping each, and the kernel signals the children should this process die without a word.
"""

import fcntl
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from jit_server.core import database, keyring, schema, vault
from jit_server.core.errors import Unavailable
from jit_server.core.keys import SigningKey
from jit_server.core.postgres import EmbeddedPostgres, Urls
from jit_server.core.settings import Settings
from jit_server.demo import seed
from jit_server.demo.cast import AGENCIES, WORKSPACE
from jit_server.demo.issuers import Issuers
from jit_server.demo.processes import Processes, check_free, free_port, wait_for
from jit_server.work import House

HOST: Final = "127.0.0.1"


def run(data: Path, port: int, *, as_json: bool) -> None:
    """Start the demo, say how to sign in, and keep running until a signal comes.

    Args:
        data: folder for everything that lasts: database, evidence, keys, ports of the issuers.
        port: port of the server; 0 takes a free one.
        as_json: print one JSON object on one line instead of text.
    """
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupt)
    data = data.expanduser().absolute()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with ExitStack() as stack:
            stack.enter_context(_alone(data))
            started = time.perf_counter()
            processes, shown = _start(stack, data, port or free_port(HOST))
            click.echo(json.dumps(shown, ensure_ascii=False) if as_json else _text(shown))
            sys.stdout.flush()
            _tell(f"Ready in {time.perf_counter() - started:.1f} s. Ctrl-C stops it; the data stay in {data}")
            processes.wait()
    except KeyboardInterrupt:
        _tell("Stopped.")


def _start(stack: ExitStack, data: Path, port: int) -> tuple[Processes, dict[str, Any]]:
    base_url = f"http://{HOST}:{port}"
    check_free(HOST, port, "Choose another one: PORT=8090 make demo")
    issuers = Issuers.prepare(data / "demo", base_url, HOST, port)
    postgres = stack.enter_context(EmbeddedPostgres(data / "postgres"))
    processes = stack.enter_context(Processes(data))
    processes.start("the issuers", ["-m", "jit_server.demo.issuer", "--config", str(issuers.config)], {})
    urls = postgres.database()
    settings = _settings(data, port, base_url, urls)
    seeded = _seed(settings, urls, issuers)
    processes.start("the server", ["-m", "jit_server.cli", "serve"], _environment(settings))
    processes.start("the worker", ["-m", "jit_server.cli", "worker"], _environment(settings))
    for address in issuers.urls.values():
        wait_for(f"{address}/.well-known/openid-configuration", processes)
    wait_for(f"{base_url}/readyz", processes)
    return processes, _shown(base_url, issuers, seeded)


def _settings(data: Path, port: int, base_url: str, urls: Urls) -> Settings:
    """The demo's own settings, whatever the environment says about another installation."""
    return Settings(
        _env_file=None,
        base_url=base_url,
        host=HOST,
        port=port,
        workers=1,
        data=data,
        database_url=urls.app,
        database_owner_url="",
        vault="folder",
        key_file=data / "keys" / "log.key",
        trusted_proxies=0,
        oidc_allow_loopback=True,
        metrics_token_file=None,
        debug=False,
    )


def _environment(settings: Settings) -> dict[str, str]:
    stated = {name: getattr(settings, name) for name in settings.model_fields_set}
    environment = {f"JIT_{name.upper()}": str(value) for name, value in stated.items() if value is not None}
    return environment | {"GUNICORN_CMD_ARGS": "--graceful-timeout 2"}  # whoever presses Ctrl-C does not want to wait


def _seed(settings: Settings, urls: Urls, issuers: Issuers) -> seed.Seeded:
    schema.upgrade(urls.owner)
    store = vault.of(settings)
    store.prepare()
    keyring.of(settings).prepare()
    name = urlsplit(settings.base_url).hostname or HOST
    engine = database.engine(urls.app, pool=2)
    try:
        key = SigningKey.load_or_create(settings.log_key, name)
        return seed.seed(House(settings, engine, store, key), issuers.known())
    finally:
        engine.dispose()


def _shown(base_url: str, issuers: Issuers, seeded: seed.Seeded) -> dict[str, Any]:
    """What a person or a script needs in order to sign in."""
    return {
        "url": base_url,
        "agencies": [
            {
                "slug": agency.slug,
                "state": agency.state,
                "name": agency.own_name,
                "login_url": f"{base_url}/login/{agency.slug}",
                "issuer": issuers.urls[agency.slug],
            }
            for agency in AGENCIES
        ],
        "persons": [
            {
                "id": person.id,
                "name": person.name,
                "agency": agency.slug,
                "roles": [str(person.role)] if person.role else [],
                "function": person.function,
                "person_id": str(seeded.people[person.id].person_id),
            }
            for agency in AGENCIES
            for person in agency.people
        ],
        "workspaces": [{"id": str(seeded.workspace_id), "name": WORKSPACE}],
    }


def _text(shown: dict[str, Any]) -> str:
    lines = ["", f"  {shown['url']}", ""]
    for agency in shown["agencies"]:
        lines.append(f"  {agency['state']}  {agency['name']}  {agency['login_url']}")
        for person in (one for one in shown["persons"] if one["agency"] == agency["slug"]):
            role = ", ".join(person["roles"]).replace("_", " ") or "not in the case"
            lines.append(f"        {person['name']:<18} {person['function']:<22} {role}")
        lines.append("")
    lines.append(
        f"  Everybody meets in {shown['workspaces'][0]['name']}: {shown['url']}/w/{shown['workspaces'][0]['id']}"
    )
    lines.append("  Sign-in asks no password: the page of each agency's provider lists its people.")
    return "\n".join(lines)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the folder: two demos on one database folder would destroy it."""
    with (data / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(f"Another demo runs on {data}. Stop it, or set JIT_DATA to another folder.") from error
        yield


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _tell(text: str) -> None:
    click.echo(text, err=True)
