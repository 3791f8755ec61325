"""Puts the house together: the only module that knows every room."""

from datetime import UTC, timedelta
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, g, request
from flask_babel import Babel
from werkzeug.middleware.proxy_fix import ProxyFix

from jit_server import workspaces
from jit_server.access import Action
from jit_server.consents import day
from jit_server.core import bus, database, keyring, logs, vault
from jit_server.core import settings as settings_module
from jit_server.core.errors import JitError, NotPermitted
from jit_server.core.keys import SigningKey
from jit_server.core.settings import LOOPBACK, Settings
from jit_server.identity import LANGUAGES, agency_role, lookups, sessions
from jit_server.identity.programs.bearers import load_bearer
from jit_server.web import (
    assets,
    context,
    csrf,
    declared,
    display,
    headers,
    limits,
    openapi,
    ops,
    pages,
    problems,
    sockets,
)
from jit_server.web.api import Routes
from jit_server.work import House
from jit_server.workspaces.aliases import aliases

ROOMS = (
    "witnesses",
    "identity",
    "identity.office",
    "identity.programs",
    "identity.scim",
    "workspaces",
    "consents",
    "messaging",
    "evidence",
    "evidence.tus",
)
TRANSLATIONS = "web/translations"
SMALL_BODY = 256 * 1024


def create(settings: Settings | None = None, house: House | None = None) -> Flask:
    """The application, with every room's doors open.

    Args:
        settings: default: the environment's.
        house: what the process holds; made from the settings unless given (tests, demo).

    Raises:
        RuntimeError: a route declares no action.
    """
    logs.configure()
    settings = settings or settings_module.load()
    house = house or furnish(settings)
    app = Flask(__name__, static_folder=None, template_folder="web/templates")
    app.config.update(
        SECRET_KEY=csrf.token(house.key.sign(b"jit notices").hex()),
        SESSION_COOKIE_NAME="__Host-jit-notice" if settings.secure else "jit-notice",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=SMALL_BODY,
        MAX_FORM_MEMORY_SIZE=SMALL_BODY,
        TRUSTED_HOSTS=_hosts(settings),
    )
    load = partial(sessions.load, idle=timedelta(minutes=settings.session_idle_minutes))
    app.extensions["jit"] = context.Frame(house, load, _page_values, _banner, _ways_out, load_bearer)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    headers.install(app, secure=settings.secure)
    counters = limits.install(app, settings)
    _guard(app, settings)
    problems.install(app)
    ops.install(app)
    assets.install(app)
    display.install(app)
    Babel(app, locale_selector=_language, timezone_selector=_zone, default_translation_directories=TRANSLATIONS)
    app.context_processor(pages.page_values)
    openapi.install(app, _open_doors(app), _version())
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    alive = partial(lookups.alive, idle=timedelta(minutes=settings.session_idle_minutes))
    sockets.install(app, people=lookups.people, aliases=aliases, alive=alive, counters=counters)
    declared.insist(app)
    return app


def furnish(settings: Settings) -> House:
    """What one process holds for its whole life: engine, vault, key, bus."""
    bus.cooperative()
    keyring.of(settings).prepare()
    name = urlsplit(settings.base_url).hostname or "localhost"
    return House(
        settings,
        database.engine(settings.database_url, pool=settings.database_pool),
        vault.of(settings),
        SigningKey.load_or_create(settings.log_key, name),
        bus.Bus(settings.database_url),
    )


def _open_doors(app: Flask) -> list[Routes]:
    """Register each room's pages, JSON routes and socket events."""
    found: list[Routes] = []
    for room in ROOMS:
        for door in ("api", "pages", "events"):
            name = f"jit_server.{room}.{door}"
            if find_spec(name) is None:
                continue
            module = import_module(name)
            if door == "api":
                app.register_blueprint(module.routes)
                found.append(module.routes)
            elif door == "pages":
                app.register_blueprint(module.pages)
    return found


def _guard(app: Flask, settings: Settings) -> None:
    @app.before_request
    def refuse_forged() -> None:
        form_token = request.form.get("csrf") if request.mimetype == csrf.FORM else None
        session_token = pages.csrf_token() or None
        door = declared.declaration_of(app.view_functions.get(request.endpoint or ""))
        if request.path != "/csp-report" and not (door and door.machine):
            csrf.check(
                request.method,
                request.headers,
                request.content_type,
                form_token,
                session_token,
                settings.base_url,
                request.path,
            )
        _keep_programs_out(door)


def _keep_programs_out(door: declared.Declaration | None) -> None:
    """A program does what its scopes name; what belongs to a person it may look at, never change."""
    if door is None or door.kind == "action" or context.bearer() is None or request.method in {"GET", "HEAD"}:
        return
    raise NotPermitted("This is for people who signed in, not for a program's key.")


def _page_values() -> dict[str, Any]:
    who = context.actor()
    if who.kind != "person":
        return {"me": None, "my_workspaces": []}
    me = {
        "id": who.person_id,
        "name": who.name,
        "agency": who.agency_name,
        "state": who.state,
        "theme": who.preferences.get("theme", "auto"),
        "send_key": who.preferences.get("send_key", "ctrl_enter"),
        "shortcuts": who.preferences.get("shortcuts", "on") == "on",
    }
    with context.house().work(who) as uow:
        mine = workspaces.my_names(uow)
        me["agency_role"] = agency_role(uow)
    return {"me": me, "my_workspaces": [{"id": key, "name": name, "unread": 0} for key, name in mine.items()]}


def _banner(workspace_id: UUID, policy: dict[str, Any]) -> dict[str, Any] | None:
    """The identity bar of a workspace for the page of a refusal, and its words; None where there is none to show."""
    party_id = UUID(policy["originator"]) if policy["originator"] else None
    try:
        with context.house().work(context.actor()) as uow:
            shown = workspaces.banner(uow, workspace_id)
            asked = workspaces.action_words(Action(policy["action"]))
            supplier = workspaces.originator(uow, party_id) if party_id else None
            return {**shown, "originator": supplier, "asked_for": asked}
    except JitError:
        return None


def _ways_out(workspace_id: UUID, policy: dict[str, Any]) -> dict[str, Any] | None:
    """What a refusal leaves open; None where nothing can be asked for."""
    try:
        with context.house().work(context.actor()) as uow:
            return day.ways_out(uow, workspace_id, policy)
    except JitError:
        return None


def _hosts(settings: Settings) -> list[str]:
    host = urlsplit(settings.base_url).hostname or ""
    return sorted({host, *LOOPBACK}) if host in LOOPBACK else [host]


def _language() -> str:
    who = g.get("actor")
    wanted = who.preferences.get("language") if who is not None else None
    if wanted in LANGUAGES:
        return str(wanted)
    asked = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality)
    return next((language for language in asked if language in LANGUAGES), "en")  # de-AT before en reads German


def _zone() -> Any:
    who = g.get("actor")
    try:
        return ZoneInfo(who.preferences.get("zone", "UTC")) if who is not None else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _version() -> str:
    try:
        return version("jit-server")
    except PackageNotFoundError:
        return "0.1.0"
