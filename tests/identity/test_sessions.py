"""B6: a session lasts while nothing ended it, its cookie is new at each sign-in, and its form token is its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlmodel import Session

from jit_server import app as application
from jit_server import audit, identity
from jit_server.access import OPERATOR, Actor
from jit_server.core import clock
from jit_server.core.errors import NotFound, NotPermitted, SignInRefused
from jit_server.identity import sessions
from jit_server.identity.models import LoginSession, Person
from jit_server.identity.oidc import Assertion, Pending
from jit_server.identity.usecases import sign_in, ways
from jit_server.identity.usecases.ways import Claimed
from jit_server.web import csrf
from jit_server.work import SERVER_LOG, House
from tests.builders import Who, World
from tests.identity.signing_in import FIREFOX, Browser, signed_in


@dataclass
class Signed:
    """Somebody signed in, and the means to look at the session at any moment."""

    house: House
    who: Who
    cookie: str
    begun: datetime

    def at(self, moment: datetime, agent: str = FIREFOX) -> Actor | None:
        with Session(self.house.engine) as session:
            found = sessions.load(session, self.cookie, agent, moment)
            session.commit()
        return found

    def after(self, **time: float) -> Actor | None:
        return self.at(self.begun + timedelta(**time))

    @property
    def row(self) -> LoginSession:
        with self.house.work(OPERATOR) as uow:
            found = uow.find(LoginSession, token_hash=sessions.hashed(self.cookie))
        assert found is not None
        return found


def begin(house: House, who: Who, old_cookie: str = "") -> Signed:
    """Sign the person in as after the identity provider's answer."""
    with house.work(OPERATOR) as uow:
        person = uow.find(Person, id=who.id)
        way = ways.way_in(uow, who.agency)
    assertion = Assertion(way.client.issuer, person.sub, who.name, None, None, "sid-1", None, "high", ("hwk",), "", "")
    claimed = Claimed(way, Pending("n", "v", clock.now()), "/")
    with house.work(OPERATOR) as uow:
        signed = sign_in.complete_sign_in(uow, claimed, assertion, FIREFOX, old_cookie)
    return Signed(house, who, signed.cookie, uow.now)


@pytest.fixture
def signed(house: House, world: World) -> Signed:
    return begin(house, world.person("DE"))


def test_the_cookie_says_who_it_is(signed: Signed) -> None:
    found = signed.at(clock.now())
    assert (found.kind, found.person_id, found.state, found.name) == ("person", signed.who.id, "DE", signed.who.name)
    assert (found.session_id, found.acr) == (signed.row.id, "high")
    assert found.preferences["zone"] == "UTC"


def test_only_the_hash_of_the_cookie_is_kept(signed: Signed, owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        rows = connection.execute(text("SELECT login_session::text FROM login_session")).scalars().all()
    assert not any(signed.cookie in row for row in rows)
    assert len(signed.cookie) == 43


@pytest.mark.parametrize("minutes", [0, 1, 29.9])
def test_a_session_in_use_goes_on(signed: Signed, minutes: float) -> None:
    assert signed.after(minutes=minutes) is not None


def test_the_idle_limit_is_the_settings(house: House, world: World, owner_engine: Engine) -> None:
    settings = house.settings.model_copy(update={"session_idle_minutes": 5})
    strict = application.create(settings, House(settings, house.engine, house.vault, house.key))
    browser = signed_in(strict, house, world.person("DE"))
    assert browser.me().status_code == 200
    with owner_engine.begin() as connection:
        connection.execute(
            text("UPDATE login_session SET last_seen_at = now() - interval '6 minutes' WHERE token_hash = :hash"),
            {"hash": sessions.hashed(browser.cookie())},
        )
    assert browser.me().status_code == 401


@pytest.mark.parametrize("minutes", [30, 31, 600])
def test_half_an_hour_without_a_request_ends_it(signed: Signed, minutes: float) -> None:
    assert signed.after(minutes=minutes) is None


def test_requests_keep_it_going_but_not_beyond_twelve_hours(signed: Signed) -> None:
    for step in range(1, 36):
        assert signed.after(minutes=20 * step) is not None
    assert signed.after(hours=12) is None
    assert signed.after(minutes=11 * 60 + 59) is not None


def test_the_last_use_is_written_at_most_once_a_minute(signed: Signed) -> None:
    signed.after(seconds=59)
    assert signed.row.last_seen_at == signed.begun
    signed.after(seconds=61)
    assert signed.row.last_seen_at == signed.begun + timedelta(seconds=61)
    signed.after(seconds=100)
    assert signed.row.last_seen_at == signed.begun + timedelta(seconds=61)


def test_a_browser_that_updates_itself_stays_signed_in_and_is_named_anew(signed: Signed) -> None:
    assert signed.row.browser == "Firefox, Linux"
    assert signed.at(signed.begun + timedelta(minutes=2), "Chrome/140.0 Windows") is not None
    assert signed.row.browser == "Chrome, Windows"


def _sql(statement: str) -> Callable[[Signed, Engine], None]:
    def end(signed: Signed, owner: Engine) -> None:
        facts = {"person": signed.who.id, "now": clock.now() + timedelta(seconds=1), "slug": signed.who.agency}
        with owner.begin() as connection:
            connection.execute(text(statement), {name: facts[name] for name in facts if f":{name}" in statement})

    return end


ENDS: dict[str, Callable[[Signed, Engine], None]] = {
    "the person's epoch goes up": _sql("UPDATE person SET epoch = epoch + 1 WHERE id = :person"),
    "the person is disabled": _sql("UPDATE person SET disabled_at = now() WHERE id = :person"),
    "the session is ended": _sql("UPDATE login_session SET ended_at = now() WHERE person_id = :person"),
    "its row is gone": _sql("DELETE FROM login_session WHERE person_id = :person"),
    "the agency's not-before passes it": _sql("UPDATE agency SET not_before = :now WHERE slug = :slug"),
    "the agency is switched off": _sql("UPDATE agency SET enabled = false WHERE slug = :slug"),
    "the issuer is retired": _sql(
        "UPDATE issuer SET retired_at = now() WHERE agency_id = (SELECT id FROM agency WHERE slug = :slug)"
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_it_ends_at_once_when(house: House, owner_engine: Engine, end: Callable[[Signed, Engine], None]) -> None:
    world = World.create(house)  # an agency of its own: some of these end all of its sessions
    signed = begin(house, world.person("FR"))
    assert signed.at(clock.now()) is not None
    end(signed, owner_engine)
    assert signed.at(clock.now()) is None


def test_the_operator_ends_every_session_of_an_agency_and_new_ones_begin(house: House) -> None:
    world = World.create(house)
    signed, other = begin(house, world.person("FR")), begin(house, world.person("DE"))
    with house.work(OPERATOR) as uow:
        identity.end_sessions(uow, signed.who.agency)
    assert signed.at(clock.now()) is None
    assert other.at(clock.now()) is not None
    assert begin(house, signed.who).at(clock.now()) is not None


def test_a_disabled_person_can_not_sign_in_again(house: House, signed: Signed) -> None:
    with house.work(OPERATOR) as uow:
        identity.disable(uow, signed.who.id)
    assert signed.at(clock.now()) is None
    with pytest.raises(SignInRefused, match="has ended"):
        begin(house, signed.who)


def test_only_the_operator_has_power_over_agencies(house: House, signed: Signed) -> None:
    with pytest.raises(NotPermitted), house.work(signed.who.actor) as uow:
        identity.end_sessions(uow, signed.who.agency)
    with pytest.raises(NotPermitted), house.work(signed.who.actor) as uow:
        identity.disable(uow, signed.who.id)


def test_each_sign_in_has_a_new_cookie_and_ends_the_one_before_in_this_browser(house: House, signed: Signed) -> None:
    again = begin(house, signed.who, old_cookie=signed.cookie)
    assert again.cookie != signed.cookie
    assert signed.at(clock.now()) is None
    assert again.at(clock.now()) is not None


def test_a_planted_cookie_is_not_taken_over(house: House, world: World) -> None:
    planted = sessions.new_secret()
    signed = begin(house, world.person("DE"), old_cookie=planted)
    assert signed.cookie != planted
    assert Signed(house, signed.who, planted, signed.begun).at(clock.now()) is None


def test_a_person_keeps_the_ten_newest_sessions(house: House, world: World) -> None:
    who = world.person("NL")
    all_of_them = [begin(house, who) for _ in range(12)]
    alive = [one.at(clock.now()) is not None for one in all_of_them]
    assert alive == [False, False, *[True] * 10]
    with house.work(OPERATOR) as uow:
        ended = audit.read(uow.connection, SERVER_LOG, events=["session:ended"], latest=True, limit=2)
    assert [entry.content["facts"] for entry in ended] == [{"by": "newer sign-in", "own": False}] * 2


def test_how_many_sessions_a_person_keeps_is_a_setting(house: House, world: World) -> None:
    few = replace(house, settings=house.settings.model_copy(update={"sessions_person": 2}))
    who = world.person("NL")
    all_of_them = [begin(few, who) for _ in range(3)]
    assert [one.at(clock.now()) is not None for one in all_of_them] == [False, True, True]


@pytest.mark.parametrize(
    "cookie", ["", "x", "a" * 42, "a" * 44, "a" * 42 + "\n", "' OR 1=1 --", "ü" * 43, "a" * 10_000]
)
def test_what_is_no_cookie_of_ours_asks_the_database_nothing(cookie: str) -> None:
    class Deaf:
        def execute(self, *_: object) -> None:
            pytest.fail("the database was asked")

    assert sessions.load(Deaf(), cookie, "", clock.now()) is None


def test_a_cookie_that_never_was_is_nobody(house: House) -> None:
    with Session(house.engine) as session:
        assert sessions.load(session, sessions.new_secret(), "", clock.now()) is None


def test_after_sign_out_the_old_cookie_is_worth_nothing(app: Flask, house: House, world: World) -> None:
    browser = signed_in(app, house, world.person("DE"))
    cookie = browser.cookie()
    assert browser.me().status_code == 200
    answer = browser.post("/logout")
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    assert browser.cookie() is None
    replay = Browser(app, browser.base)
    replay.client.set_cookie("jit", cookie, domain="127.0.0.1")
    assert replay.me().status_code == 401


@pytest.mark.parametrize("path", ["/logout", "/me", "/me/sessions/end-others", f"/me/sessions/{uuid4()}/end"])
@pytest.mark.parametrize("forged", ["no token", "another session's token", "another site", "no origin", "text"])
def test_no_forged_request_reaches_a_form(app: Flask, house: House, world: World, path: str, forged: str) -> None:
    browser = signed_in(app, house, world.person("DE"))
    headers, data, kind = {"Origin": browser.base}, {"csrf": browser.token()}, None
    match forged:
        case "no token":
            data = {}
        case "another session's token":
            data = {"csrf": csrf.token("x" * 43)}
        case "another site":
            headers |= {"Sec-Fetch-Site": "cross-site"}
        case "no origin":
            headers = {}
        case "text":
            data, kind = f"csrf={browser.token()}", "text/plain"
    answer = browser.client.post(path, base_url=browser.base, data=data, headers=headers, content_type=kind)
    assert answer.status_code == 403
    assert browser.me().status_code == 200


def test_one_sees_and_ends_ones_own_sessions_and_nobody_elses(app: Flask, house: House, world: World) -> None:
    who, other = world.person("DE"), world.person("DE")
    first, second, foreign = (signed_in(app, house, one) for one in (who, who, other))
    with house.work(OPERATOR) as uow:
        mine, theirs = (uow.find(LoginSession, token_hash=sessions.hashed(one.cookie())) for one in (second, foreign))
    page = first.get("/me").text
    assert str(mine.id) in page
    assert str(theirs.id) not in page
    assert first.post(f"/me/sessions/{theirs.id}/end").status_code == 404
    assert foreign.me().status_code == 200
    assert first.post(f"/me/sessions/{mine.id}/end").status_code == 303
    assert second.me().status_code == 401
    assert first.post(f"/me/sessions/{mine.id}/end").status_code == 404


def test_one_ends_all_others_at_once(app: Flask, house: House, world: World) -> None:
    who = world.person("DE")
    here, *others = (signed_in(app, house, who) for _ in range(3))
    assert here.post("/me/sessions/end-others").status_code == 303
    assert [one.me().status_code for one in (here, *others)] == [200, 401, 401]


GOOD = {"language": "fr", "zone": "Europe/Paris", "theme": "dark", "send_key": "enter"}


def test_settings_are_saved_and_shown(app: Flask, house: House, world: World) -> None:
    browser = signed_in(app, house, world.person("FR"))
    assert browser.post("/me", **GOOD).status_code == 303
    me = browser.me().json
    assert {name: me[name] for name in GOOD} == GOOD
    assert me["shortcuts"] is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("zone", "Mars/Olympus"),
        ("zone", "../../etc/passwd"),
        ("language", "tlh"),
        ("language", "<script>"),
        ("theme", "neon"),
        ("send_key", "space"),
        ("epoch", "7"),
        ("theme", ""),
    ],
)
def test_wrong_settings_are_named_and_nothing_is_saved(
    app: Flask, house: House, world: World, field: str, value: str
) -> None:
    browser = signed_in(app, house, world.person("FR"))
    answer = browser.post("/me", **(GOOD | {field: value}))
    assert answer.status_code == 422
    assert field in answer.text
    assert browser.me().json["theme"] == "auto"


def test_a_session_ends_once(house: House, signed: Signed) -> None:
    actor = signed.at(clock.now())
    with house.work(actor) as uow:
        identity.sign_out(uow)
    with pytest.raises(NotFound), house.work(actor) as uow:
        identity.sign_out(uow)
