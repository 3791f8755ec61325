"""HTML doors: the sign-in page, the way to an agency's identity provider and back, sign-out, one's own settings."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import current_app, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.wrappers import Response

from jit_server import identity
from jit_server.core.errors import Invalid, JitError, SignInRefused, Unavailable
from jit_server.identity import oidc, sessions
from jit_server.identity.provider import Provider, Providers
from jit_server.identity.redirects import local_path
from jit_server.identity.usecases import sign_in
from jit_server.web.context import actor, cookie, house, work
from jit_server.web.declared import own, public
from jit_server.web.display import state_name
from jit_server.web.pages import Pages, form, go, show
from jit_server.web.problems import in_words

pages = Pages("identity", __name__)
QUARTER_YEAR = 90 * 24 * 3600


@pages.shows("/login", to=public("nobody is signed in yet"))
def login() -> ResponseReturnValue:
    """Choose one's agency (E1)."""
    wanted = local_path(request.args.get("next"))
    if actor().kind == "person":
        return redirect(wanted, 303)
    return _login_page(wanted=wanted, left=request.args.get("left") == "1")


@pages.shows("/login/<slug>", to=public("nobody is signed in yet"))
def start(slug: str) -> ResponseReturnValue:
    """Send the browser to the agency's identity provider."""
    with work() as uow:
        way = sign_in.way_in(uow, slug)
    provider = _provider(way)
    try:
        provider.metadata()  # now, so that no transaction waits for another server
    except Unavailable as error:
        return _login_page(wanted=local_path(request.args.get("next")), problem=error)
    browser = _browser_secret()
    with work() as uow:
        target = sign_in.begin_sign_in(uow, way, provider, browser, request.args.get("next"))
    response = redirect(target, 303)
    _set(response, "login", browser, max_age=int(sign_in.MINUTES.total_seconds()))
    return response


@pages.shows("/login/<slug>/callback", to=public("the identity provider sends the browser back here"))
def callback(slug: str) -> ResponseReturnValue:
    """Take the identity provider's answer and begin a session."""
    with work() as uow:
        way = sign_in.way_in(uow, slug)
    with work() as uow:
        claimed = sign_in.claim_sign_in(uow, way, request.args.get("state", ""), _cookie("login"))
    if claimed is None:  # not on the record: anybody could fill the log with it
        return _login_page(problem=oidc.refused("stale", sign_in.STALE))
    try:
        assertion = oidc.complete(way.client, _provider(way), _single_values(), claimed.pending)
        with work() as uow:
            signed = sign_in.complete_sign_in(uow, claimed, assertion, request.user_agent.string, cookie())
    except SignInRefused as error:
        with work() as uow:
            sign_in.record_refusal(uow, way, error)
        return _login_page(wanted=claimed.next_path, problem=error)
    except Unavailable as error:
        return _login_page(wanted=claimed.next_path, problem=error)
    response = redirect(signed.next_path, 303)
    settings = house().settings
    response.set_cookie(settings.cookie, signed.cookie, secure=settings.secure, httponly=True, samesite="Lax")
    _set(response, "agency", slug, max_age=QUARTER_YEAR)
    _set(response, "login", "", max_age=0)
    return response


@pages.takes("/logout", to=own("everybody may leave"))
def logout() -> ResponseReturnValue:
    """End this session, here; the page then offers to end the one at the agency too.

    It is a link there and not a redirect: `form-action 'self'` stops a form's answer from leading elsewhere, and the
    ID token that could be shown to the provider was never kept.
    """
    with work() as uow:
        identity.sign_out(uow)
    response = go("/login?left=1", gettext("You are signed out of this server."))
    settings = house().settings
    response.set_cookie(settings.cookie, "", max_age=0, secure=settings.secure, httponly=True, samesite="Lax")
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


@pages.shows("/me", to=own("one's own settings"))
def me() -> ResponseReturnValue:
    """One's own settings and sessions (E5)."""
    return _me_page()


@pages.takes("/me", to=own("one's own settings"))
def change_me() -> ResponseReturnValue:
    """Save one's own settings."""
    try:
        with work() as uow:
            identity.change_settings(uow, form(identity.Preferences))
    except Invalid as error:
        return _me_page(error)
    return go("/me", gettext("Your settings are saved."))


@pages.takes("/me/sessions/<uuid:session_id>/end", to=own("one's own sessions"))
def end_session(session_id: UUID) -> ResponseReturnValue:
    """End one of one's own sessions."""
    with work() as uow:
        identity.end_session(uow, session_id)
    return go("/me", gettext("The session has ended."))


@pages.takes("/me/sessions/end-others", to=own("one's own sessions"))
def end_others() -> ResponseReturnValue:
    """End all one's other sessions."""
    with work() as uow:
        identity.end_other_sessions(uow)
    return go("/me", gettext("All other sessions have ended."))


def _login_page(*, wanted: str = "/", problem: JitError | None = None, left: bool = False) -> ResponseReturnValue:
    with work() as uow:
        rows = identity.agencies(uow)
    by_state: dict[str, list[Any]] = {}
    for row in rows:
        if row.issuer is not None:
            by_state.setdefault(row.state, []).append(row)
    last = next((row for row in rows if row.issuer is not None and row.slug == _cookie("agency")), None)
    return show(
        "identity/login.html",
        problem.status if problem else 200,
        last=last,
        countries=[{"code": code, "agencies": by_state[code]} for code in sorted(by_state, key=state_name)],
        next=None if wanted == "/" else wanted,
        problem=in_words(problem.problem()) if problem else None,
        still_in=_still_in(last.slug, last.own_name) if left and last is not None else None,
    )


def _still_in(slug: str, name: str) -> dict[str, str] | None:
    """Where the person may end their sign-in at the agency, if its provider is known to offer that."""
    with work() as uow:
        way = sign_in.way_in(uow, slug)
    try:
        url = _provider(way).end_session_endpoint()
    except Unavailable:
        return None
    return {"name": name, "url": f"{url}?{urlencode({'client_id': way.client.client_id})}"} if url else None


def _me_page(problem: Invalid | None = None) -> ResponseReturnValue:
    with work() as uow:
        person, live = identity.me(uow), identity.my_sessions(uow)
    who = actor()
    values = person.model_dump(include={"language", "zone", "theme", "send_key", "shortcuts"})
    if problem is not None:  # what was typed stays
        values |= {"shortcuts": "shortcuts" in request.form} | {
            name: request.form[name] for name in values.keys() & request.form.keys() if name != "shortcuts"
        }
    return show(
        "identity/me.html",
        problem.status if problem else 200,
        values=values,
        languages=list(identity.LANGUAGES.items()),
        zones=identity.zones(),
        person={
            "name": person.name,
            "agency": who.agency_name,
            "state": who.state,
            "issuer": who.issuer,
            "email": None,
        },
        sessions=[
            {
                "id": one.id,
                "current": one.current,
                "started_at": one.issued_at,
                "seen_at": one.last_seen_at,
                "expires_at": one.not_after,
                "browser": one.browser or gettext("Unknown browser"),
            }
            for one in live
        ],
        errors=problem.members.get("errors", []) if problem else [],
    )


def _provider(way: sign_in.WayIn) -> Provider:
    """The issuer's metadata and keys as this app knows them."""
    loopback = house().settings.oidc_allow_loopback
    known: Providers = current_app.extensions.setdefault("jit.providers", Providers(loopback=loopback))
    return known.of(way.client.issuer, way.jwks_ttl)


def _single_values() -> dict[str, str]:
    """The callback's parameters. One that comes twice makes the answer ambiguous (RFC 6749 section 3.1)."""
    if any(len(values) != 1 for values in request.args.listvalues()):
        raise oidc.refused("doubled")
    return request.args.to_dict()


def _browser_secret() -> str:
    """The pre-session cookie's secret: the one this browser has, so that two tabs may sign in, or a new one."""
    present = _cookie("login")
    return present if sessions.is_secret(present) else sessions.new_secret()


def _cookie(name: str) -> str:
    return request.cookies.get(f"{house().settings.cookie}-{name}", "")


def _set(response: Response, name: str, value: str, *, max_age: int) -> None:
    settings = house().settings
    response.set_cookie(
        f"{settings.cookie}-{name}", value, max_age=max_age, secure=settings.secure, httponly=True, samesite="Lax"
    )
