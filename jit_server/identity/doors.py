"""HTML doors of sign-in: choose an agency, go to its issuer and come back, make a sign-in recent again, leave."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import current_app, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.wrappers import Response

from jit_server.access import SYSTEM
from jit_server.core.errors import JitError, SignInRefused, Unavailable
from jit_server.identity import logout_token, oidc, sessions
from jit_server.identity.id_token import Assertion
from jit_server.identity.provider import Provider, Providers
from jit_server.identity.redirects import local_path
from jit_server.identity.usecases import account, agencies, issuers, leaving, sign_in, ways
from jit_server.identity.usecases.ways import Claimed, Departure, WayIn
from jit_server.web.context import actor, cookie, house, work
from jit_server.web.declared import machine, own, public
from jit_server.web.display import state_name
from jit_server.web.pages import Pages, go, show
from jit_server.web.problems import in_words
from jit_server.work import UnitOfWork

pages = Pages("doors", __name__)
QUARTER_YEAR = 90 * 24 * 3600
RETURN_MINUTES = 10


@pages.shows("/login", to=public("nobody is signed in yet"))
def login() -> ResponseReturnValue:
    """Choose one's agency (E1)."""
    wanted = local_path(request.args.get("next"))
    if actor().kind == "person":
        return redirect(wanted, 303)
    if "state" in request.args:  # back from the agency's own sign-out
        return _signed_out_everywhere(request.args["state"])
    return _login_page(wanted=wanted, left=request.args.get("left") == "1")


@pages.shows("/login/<slug>", to=public("nobody is signed in yet"))
def start(slug: str) -> ResponseReturnValue:
    """Send the browser to the agency's identity provider."""
    return start_at(slug, "")


@pages.shows("/login/<slug>/<key>", to=public("nobody is signed in yet"))
def start_at(slug: str, key: str) -> ResponseReturnValue:
    """Send the browser to one of the agency's several identity providers."""
    wanted = request.args.get("next")
    with work() as uow:
        way = ways.way_in(uow, slug, key)
    try:
        return depart(way, lambda uow, browser: ways.begin(uow, way, browser, wanted))
    except Unavailable as error:
        return _login_page(wanted=local_path(wanted), problem=error)


@pages.shows("/step-up", to=own("one's own session"))
def step_up() -> ResponseReturnValue:
    """Sign in again at one's agency, for an act that asks for a recent sign-in; then go on where it was."""
    wanted, session = request.args.get("next"), actor().session_id
    with work() as uow:
        way = sign_in.way_up(uow)
    try:
        return depart(way, lambda uow, browser: ways.begin(uow, way, browser, wanted, session_id=session))
    except Unavailable as error:
        return _again_page(local_path(wanted), error)


@pages.shows("/login/<slug>/callback", to=public("the identity provider sends the browser back here"))
def callback(slug: str) -> ResponseReturnValue:
    """Take the identity provider's answer."""
    return callback_at(slug, "")


@pages.shows("/login/<slug>/<key>/callback", to=public("the identity provider sends the browser back here"))
def callback_at(slug: str, key: str) -> ResponseReturnValue:
    """Take the answer of one of the agency's identity providers."""
    with work() as uow:
        way = ways.way_in(uow, slug, key)
    with work() as uow:
        claimed = ways.claim(uow, way, request.args.get("state", ""), _cookie("login"))
    if claimed is None:  # not on the record: anybody could fill the log with it
        return _login_page(problem=oidc.refused("stale", ways.STALE))
    if claimed.test_id is not None:
        return _tested(claimed)
    return _arrive(claimed)


@pages.takes("/login/<slug>/back-channel-logout", to=machine("the issuer proves itself by its signed logout token"))
def back_channel_logout(slug: str) -> ResponseReturnValue:
    """End the sessions that the agency's issuer has ended."""
    return back_channel_logout_at(slug, "")


@pages.takes(
    "/login/<slug>/<key>/back-channel-logout", to=machine("the issuer proves itself by its signed logout token")
)
def back_channel_logout_at(slug: str, key: str) -> ResponseReturnValue:
    """End the sessions that one of the agency's issuers has ended (OpenID Connect Back-Channel Logout 1.0)."""
    with house().work(SYSTEM) as uow:
        way = ways.way_in(uow, slug, key)
    farewell = logout_token.verify(way.client, provider_of(way), request.form.get("logout_token", ""))
    with house().work(SYSTEM) as uow:
        leaving.obey(uow, way, farewell)
    return Response(status=200)


@pages.takes("/logout", to=own("everybody may leave"))
def logout() -> ResponseReturnValue:
    """End this session, here; the page then offers to end the one at the agency too.

    It is a link there and not a redirect: `form-action 'self'` stops a form's answer from leading elsewhere, and the
    ID token that could be shown to the provider was never kept.
    """
    with work() as uow:
        way = sign_in.way_up(uow)
        account.sign_out(uow)
    response = go("/login?left=1", gettext("You are signed out of this server."))
    settings = house().settings
    response.set_cookie(settings.cookie, "", max_age=0, secure=settings.secure, httponly=True, samesite="Lax")
    left = f"{sessions.new_secret()}{way.path.removeprefix('/login')}"
    _set(response, "left", left, max_age=RETURN_MINUTES * 60)
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


def depart(way: WayIn, begin: Callable[[UnitOfWork, str], Departure]) -> Response:
    """Keep what will be compared, and send the browser to the issuer.

    Args:
        way: the issuer's door.
        begin: keeps the transaction, given a unit of work and the browser's pre-session secret.

    Raises:
        Unavailable: the issuer does not answer, or does not take the request.
    """
    provider = provider_of(way)
    provider.metadata()  # now, so that no transaction waits for another server
    present = _cookie("login")  # the secret this browser has, so that two tabs may sign in
    browser = present if sessions.is_secret(present) else sessions.new_secret()
    with work() as uow:
        leaves = begin(uow, browser)
    target = oidc.authorization_url(way.client, provider, state=leaves.state, pending=leaves.pending)
    response = redirect(target, 303)
    _set(response, "login", browser, max_age=int(ways.MINUTES.total_seconds()))
    return response


def provider_of(way: WayIn) -> Provider:
    """The issuer's metadata and keys as this app knows them."""
    loopback = house().settings.oidc_allow_loopback
    known: Providers = current_app.extensions.setdefault("jit.providers", Providers(loopback=loopback))
    return known.of(way.client.issuer, way.jwks_ttl, way.source)


def _arrive(claimed: Claimed) -> ResponseReturnValue:
    """Begin a session, or strengthen the one that asked."""
    way, assertion = claimed.way, None
    try:
        assertion = _assertion(claimed)
        with work() as uow:
            signed = sign_in.complete_sign_in(uow, claimed, assertion, request.user_agent.string, cookie())
    except SignInRefused as error:
        with work() as uow:
            sign_in.record_refusal(uow, way, error, assertion)
        return _refused(claimed, error)
    except Unavailable as error:
        return _refused(claimed, error)
    response = redirect(signed.next_path, 303)
    settings = house().settings
    response.set_cookie(settings.cookie, signed.cookie, secure=settings.secure, httponly=True, samesite="Lax")
    _set(response, "agency", way.path.removeprefix("/login/"), max_age=QUARTER_YEAR)
    _set(response, "login", "", max_age=0)
    return response


def _tested(claimed: Claimed) -> ResponseReturnValue:
    """Keep what a test sign-in showed, for the one who began it; nobody is signed in."""
    try:
        outcome: Assertion | JitError = _assertion(claimed)
    except (SignInRefused, Unavailable) as error:
        outcome = error
    with work() as uow:
        issuers.finish_test(uow, claimed, outcome)
    return redirect(claimed.next_path, 303)


def _assertion(claimed: Claimed) -> Assertion:
    return oidc.complete(claimed.way.client, provider_of(claimed.way), _single_values(), claimed.pending)


def _refused(claimed: Claimed, error: JitError) -> ResponseReturnValue:
    if claimed.session_id is not None:
        return _again_page(claimed.next_path, error)
    return _login_page(wanted=claimed.next_path, problem=error)


def _login_page(
    *, wanted: str = "/", problem: JitError | None = None, left: bool = False, everywhere: bool = False
) -> ResponseReturnValue:
    with work() as uow:
        rows = agencies.agencies(uow)
    shown = [_door(row) for row in rows if row.issuer is not None]
    by_state: dict[str, list[Any]] = {}
    for one in shown:
        by_state.setdefault(one["state"], []).append(one)
    return show(
        "identity/login.html",
        problem.status if problem else 200,
        last=next((one for one in shown if one["path"] == f"/login/{_cookie('agency')}"), None),
        countries=[{"code": code, "agencies": by_state[code]} for code in sorted(by_state, key=state_name)],
        next=None if wanted == "/" else wanted,
        problem=in_words(problem.problem()) if problem else None,
        still_in=_still_in(shown) if left else None,
        everywhere=everywhere,
    )


def _door(row: Any) -> dict[str, Any]:
    """One line of the page: an agency, or one of its several issuers."""
    shown = {name: getattr(row, name) for name in ("state", "slug", "name", "own_name", "language")}
    label = row.issuer_label or urlsplit(row.issuer).netloc
    return shown | {"path": ways.door(row.slug, row.issuer_key), "label": label if row.several else ""}


def _still_in(shown: list[dict[str, Any]]) -> dict[str, str] | None:
    """Where the person may end their sign-in at the agency, if its provider is known to offer that.

    OpenID Connect RP-Initiated Logout 1.0, without the ID token: it was never kept, so the provider asks the person.
    """
    state, _, path = _cookie("left").partition("/")
    mine = next((one for one in shown if one["path"] == f"/login/{path}"), None)
    if mine is None:
        return None
    try:
        with work() as uow:
            way = ways.way_in(uow, *path.split("/", 1))
        url = provider_of(way).end_session_endpoint()
    except JitError:
        return None
    back = f"{house().settings.base_url.rstrip('/')}/login"
    asked = {"client_id": way.client.client_id, "post_logout_redirect_uri": back, "state": state}
    return {"name": mine["own_name"], "url": f"{url}?{urlencode(asked)}"} if url else None


def _signed_out_everywhere(state: str) -> ResponseReturnValue:
    expected = _cookie("left").partition("/")[0]
    page = _login_page(everywhere=bool(expected) and expected == state)
    response: Response = current_app.make_response(page)
    _set(response, "left", "", max_age=0)
    return response


def _again_page(wanted: str, problem: JitError) -> ResponseReturnValue:
    """Why a session was not made recent again; it goes on as it was."""
    again = f"/step-up?{urlencode({'next': wanted})}"
    return show("identity/step_up.html", problem.status, problem=in_words(problem.problem()), again=again, back=wanted)


def _single_values() -> dict[str, str]:
    """The callback's parameters. One that comes twice makes the answer ambiguous (RFC 6749 section 3.1)."""
    if any(len(values) != 1 for values in request.args.listvalues()):
        raise oidc.refused("doubled")
    return request.args.to_dict()


def _cookie(name: str) -> str:
    return request.cookies.get(f"{house().settings.cookie}-{name}", "")


def _set(response: Response, name: str, value: str, *, max_age: int) -> None:
    settings = house().settings
    response.set_cookie(
        f"{settings.cookie}-{name}", value, max_age=max_age, secure=settings.secure, httponly=True, samesite="Lax"
    )
