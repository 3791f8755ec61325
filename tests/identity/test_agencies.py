"""Agencies, issuers and invitations: the operator's use-cases and their commands."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from pydantic import ValidationError
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from jit_server import audit, identity
from jit_server.access import OPERATOR
from jit_server.cli import cli
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, SignInRefused
from jit_server.identity.models import Issuer, Person
from jit_server.identity.oidc import Assertion, Pending
from jit_server.identity.usecases import sign_in, ways
from jit_server.identity.usecases.ways import Claimed
from jit_server.web.terminal import Terminal
from jit_server.work import SERVER_LOG, House
from tests.builders import World
from tests.identity.signing_in import add_agency, invite, new_slug


@pytest.fixture
def slug(house: House, secret: Path) -> str:
    made = new_slug("x")
    add_agency(house, made, f"https://idp.example/{made}", secret)
    return made


def issuer(secret: Path, **changes: Any) -> identity.NewIssuer:
    facts = {
        "url": f"https://idp.example/{uuid4()}",
        "client_id": "jit",
        "auth_method": "client_secret_basic",
        "credential_file": secret,
    }
    return identity.NewIssuer.model_validate(facts | changes)


def set_issuer(house: House, slug: str, new: identity.NewIssuer) -> Issuer:
    with house.work(OPERATOR) as uow:
        return identity.set_issuer(uow, slug, new)


def arrive(house: House, slug: str, sub: str, **claims: Any) -> Person:
    """Sign in as after the provider's answer."""
    with house.work(OPERATOR) as uow:
        way = ways.way_in(uow, slug)
    facts = {"name": sub, "email": None, "email_verified": None, "sid": None, "auth_time": None, "acr": None}
    facts |= {"amr": (), "locale": "", "zone": ""} | claims
    with house.work(OPERATOR) as uow:
        claimed = Claimed(way, Pending("n", "v", clock.now()), "/")
        assertion = Assertion(issuer=way.client.issuer, sub=sub, **facts)
        signed = sign_in.complete_sign_in(uow, claimed, assertion, "", "")
        return uow.find(Person, id=signed.person_id)


def test_an_issuer_belongs_to_one_agency_for_ever(house: House, slug: str, secret: Path) -> None:
    mine = issuer(secret)
    set_issuer(house, slug, mine)
    set_issuer(house, slug, issuer(secret))  # retires it
    other = new_slug("other")
    add_agency(house, other, f"https://idp.example/{other}", secret)
    with pytest.raises(Conflict, match="another agency"):
        set_issuer(house, other, mine)
    assert set_issuer(house, slug, mine).retired_at is None


def test_changing_the_registration_keeps_the_people_and_changing_the_issuer_does_not(
    house: House, slug: str, secret: Path
) -> None:
    url = f"https://idp.example/{slug}"
    invite(house, slug, "sub", "ann")
    ann = arrive(house, slug, "ann")
    set_issuer(house, slug, issuer(secret, url=url, client_id="jit-2", algorithms=["ES256"], jwks_ttl=60))
    assert arrive(house, slug, "ann").id == ann.id
    set_issuer(house, slug, issuer(secret))
    with pytest.raises(SignInRefused, match="nobody has invited you"):
        arrive(house, slug, "ann")


def test_the_change_works_at_run_time_for_the_next_sign_in(house: House, slug: str, secret: Path) -> None:
    set_issuer(house, slug, issuer(secret, url=f"https://idp.example/{slug}", client_id="jit-2", acr_accepted=["high"]))
    with house.work(OPERATOR) as uow:
        client = ways.way_in(uow, slug).client
    assert (client.client_id, client.acr_accepted) == ("jit-2", ("high",))


@pytest.mark.parametrize("value", ["ann@a.example", "Ann@A.Example", "ANN@A.EXAMPLE"])
def test_an_address_is_compared_without_regard_to_case(house: House, slug: str, value: str) -> None:
    invite(house, slug, "email", value)
    assert arrive(house, slug, "ann", email="aNN@a.example").agency_id is not None


def test_an_address_the_issuer_calls_unverified_takes_no_invitation(house: House, slug: str) -> None:
    invite(house, slug, "email", "ann@a.example")
    with pytest.raises(SignInRefused):
        arrive(house, slug, "ann", email="ann@a.example", email_verified=False)


def test_a_subject_is_compared_letter_by_letter(house: House, slug: str) -> None:
    invite(house, slug, "sub", "Ann")
    with pytest.raises(SignInRefused):
        arrive(house, slug, "ann")
    assert arrive(house, slug, "Ann").sub == "Ann"


def test_a_name_that_changes_at_the_agency_changes_here(house: House, slug: str) -> None:
    invite(house, slug, "sub", "ann")
    first = arrive(house, slug, "ann", name="Ann Brown")
    second = arrive(house, slug, "ann", name="Ann Green")
    assert (first.id, second.name) == (second.id, "Ann Green")


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ftp://x"},
        {"url": "https://user@idp.example"},
        {"url": "https://idp.example/?a=b"},
        {"url": "https://idp.example/#a"},
        {"url": "https://idp example"},
        {"client_id": ""},
        {"auth_method": "none"},
        {"auth_method": "client_secret_post"},
        {"algorithms": []},
        {"jwks_ttl": 0},
        {"jwks_ttl": 10**6},
        {"agency": "x"},
    ],
)
def test_an_unfit_registration_is_refused(secret: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        issuer(secret, **changes)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "es256"])
def test_an_algorithm_beyond_the_list_is_refused_as_input_and_by_the_database(
    house: House, slug: str, secret: Path, owner_engine: Engine, algorithm: str
) -> None:
    with pytest.raises(ValidationError):
        issuer(secret, algorithms=["ES256", algorithm])
    set_issuer(house, slug, issuer(secret, url=f"https://idp.example/{slug}"))
    with pytest.raises(IntegrityError), owner_engine.begin() as connection:
        connection.execute(
            text("UPDATE issuer SET algorithms = ARRAY[:algorithm] WHERE url = :url"),
            {"algorithm": algorithm, "url": f"https://idp.example/{slug}"},
        )


def test_an_agency_needs_a_known_state_and_a_free_short_name(house: House, slug: str) -> None:
    facts = {"name": "A", "own_name": "A"}
    with pytest.raises(Invalid, match="ZZ"), house.work(OPERATOR) as uow:
        identity.add_agency(uow, identity.NewAgency(state="ZZ", slug=new_slug("z"), **facts))
    with pytest.raises(Conflict), house.work(OPERATOR) as uow:
        identity.add_agency(uow, identity.NewAgency(state="FR", slug=slug, **facts))
    for code in ("EPPO", "XK", "fr"):
        with house.work(OPERATOR) as uow:
            made = identity.add_agency(uow, identity.NewAgency(state=code, slug=new_slug("s"), **facts))
        assert made.state == code.upper()


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a b", "a/b", "../x", "a" * 41, "é"])
def test_a_short_name_is_fit_for_an_address(name: str) -> None:
    with pytest.raises(ValidationError):
        identity.NewAgency(state="FR", name="A", own_name="A", slug=name)


def test_all_states_of_iso_3166_are_known(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        known = set(connection.execute(text("SELECT code FROM state WHERE kind = 'state'")).scalars())
    table = files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text()
    assert known == {line.split("\t")[0] for line in table.splitlines() if not line.startswith("#")} | {"XK"}


def test_only_the_operator_adds_invites_or_enrols(house: House, world: World, slug: str, secret: Path) -> None:
    someone = world.person("DE").actor
    attempts = [
        lambda uow: identity.add_agency(uow, identity.NewAgency(state="FR", name="A", own_name="A", slug="aa")),
        lambda uow: identity.set_issuer(uow, slug, issuer(secret)),
        lambda uow: identity.invite(uow, slug, identity.NewInvitation(claim="sub", value="me")),
        lambda uow: identity.enrol(uow, slug, identity.NewPerson(sub="me", name="Me")),
    ]
    for attempt in attempts:
        with pytest.raises(NotPermitted), house.work(someone) as uow:
            attempt(uow)


@pytest.mark.parametrize("table", ["agency", "issuer", "person", "invitation", "login_session", "state"])
def test_the_apps_role_deletes_none_of_it(house: House, table: str) -> None:
    with pytest.raises(Exception, match="permission denied"), house.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM {table}"))


def test_an_agency_that_is_switched_off_is_absent(house: House, slug: str, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("UPDATE agency SET enabled = false WHERE slug = :slug"), {"slug": slug})
    with pytest.raises(NotFound), house.work(OPERATOR) as uow:
        ways.way_in(uow, slug)
    with house.work(OPERATOR) as uow:
        assert slug not in [row.slug for row in identity.agencies(uow)]
        assert slug in [row.slug for row in identity.agencies(uow, disabled=True)]


@pytest.fixture
def run(house: House) -> Callable[..., Result]:
    """Run `jit-server agency ...` in the test's house."""

    def call(*arguments: str) -> Result:
        terminal = Terminal()
        terminal.house = house
        return CliRunner().invoke(cli, ["agency", *arguments], obj=terminal)

    return call


def test_the_operator_does_all_of_it_at_the_command_line(
    run: Callable[..., Result], house: House, secret: Path
) -> None:
    slug = new_slug("cli")
    added = run(
        "add", slug, "--state", "pt", "--name", "Public Prosecutor", "--own-name", "Ministério Público", "--json"
    )
    assert json.loads(added.stdout)["state"] == "PT"
    url = f"https://idp.example/{slug}"
    done = run("set-issuer", slug, "--url", url, "--client-id", "jit", "--secret-file", str(secret), "--json")
    assert json.loads(done.stdout)["url"] == url
    assert run("invite", slug, "--email", "rui@p.example").exit_code == 0
    assert arrive(house, slug, "rui", email="rui@p.example").sub == "rui"
    listed = {one["slug"]: one for one in json.loads(run("list", "--json").stdout)}
    assert (listed[slug]["issuer"], listed[slug]["state"]) == (url, "PT")
    assert slug in run("list").stdout
    assert run("end-sessions", slug).exit_code == 0
    with house.work(OPERATOR) as uow:
        last = audit.read(uow.connection, SERVER_LOG, latest=True, limit=1)[0].content
    assert (last["event"], last["actor"]["kind"]) == ("agency:changed", "operator")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["add", "x", "--state", "ZZ", "--name", "A"], 1),
        (["add", "Not A Slug", "--state", "FR", "--name", "A"], 1),
        (["add", "x", "--state", "FR"], 2),
        (["invite", "nobody", "--email", "a@b"], 1),
        (["invite", "nobody"], 2),
        (["invite", "nobody", "--email", "a@b", "--sub", "a"], 2),
        (["set-issuer", "nobody", "--url", "https://x", "--client-id", "j"], 2),
        (["set-issuer", "nobody", "--url", "https://x", "--client-id", "j", "--secret-file", "/x"], 1),
        (["set-issuer", "nobody", "--url", "x", "--client-id", "j", "--key-file", "/x"], 1),
        (["end-sessions", "nobody"], 1),
    ],
)
def test_a_refused_command_changes_nothing_and_says_why(
    run: Callable[..., Result], arguments: list[str], code: int
) -> None:
    answer = run(*arguments)
    assert isinstance(answer.exception, SystemExit) or code == 1
    assert answer.exit_code == code
