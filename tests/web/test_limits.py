"""Nobody asks without end: a person, an agency, an address and the doors of sign-in each have a limit."""

from dataclasses import replace

import pytest
from flask import Flask

from jit_server import app as application
from jit_server.work import House
from tests.builders import World, browser


@pytest.fixture
def narrow(house: House) -> Flask:
    """An app whose limits are soon reached."""
    rates = {
        "rate_person": "5/minute",
        "rate_agency": "8/minute",
        "rate_address": "4/minute",
        "rate_sign_in": "3/minute",
        "rate_directory": "7/minute",
    }
    settings = house.settings.model_copy(update={"rates": True, **rates})
    return application.create(settings, replace(house, settings=settings))


def test_a_person_who_asks_too_much_is_told_when_to_come_back(narrow: Flask, house: House, world: World) -> None:
    who, colleague = world.person("DE"), world.person("FR")
    client = browser(narrow, house, who)
    answers = [client.get("/api/v1/me") for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert answers[-1].get_json()["type"] == "/problems/too-many"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert browser(narrow, house, colleague).get("/api/v1/me").status_code == 200


def test_one_agencys_people_together_have_a_limit_and_another_agency_has_its_own(
    narrow: Flask, house: House, world: World
) -> None:
    first, second = browser(narrow, house, world.person("DE")), browser(narrow, house, world.person("DE"))
    statuses = [client.get("/api/v1/me").status_code for client in (first, second) for _ in range(5)]
    assert statuses == [200] * 8 + [429] * 2
    assert browser(narrow, house, world.person("NL")).get("/api/v1/me").status_code == 200


def test_an_address_that_nobody_knows_has_a_limit_and_the_doors_a_lower_one(narrow: Flask) -> None:
    client = narrow.test_client()
    assert [client.get("/api/v1/me").status_code for _ in range(5)] == [401] * 4 + [429]
    other = {"REMOTE_ADDR": "192.0.2.7"}
    statuses = [client.post("/oauth/token", data={}, environ_base=other).status_code for _ in range(4)]
    assert statuses == [400] * 3 + [429]


def test_a_directory_has_a_larger_limit_of_its_own_and_is_told_when_to_come_back(narrow: Flask) -> None:
    answers = [narrow.test_client().get("/scim/v2/Users") for _ in range(8)]
    assert [one.status_code for one in answers] == [401] * 7 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert narrow.test_client().get("/api/v1/me").status_code == 401  # nothing of it counts elsewhere


def test_health_and_assets_are_never_refused(narrow: Flask) -> None:
    client = narrow.test_client()
    assert {client.get("/healthz").status_code for _ in range(20)} == {200}
