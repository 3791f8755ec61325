"""Searches of a directory: the database finds whom the library would find, page by page, at a fixed cost."""

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scim2_models import InvalidFilterException
from scim2_models.path import ScimFilter
from sqlalchemy import event, select
from sqlmodel import col

from jit_server.access import OPERATOR
from jit_server.identity.models import Agency, Person
from jit_server.identity.scim import ScimUser, filters, people
from jit_server.identity.scim.offer import User
from jit_server.work import House
from tests.builders import World
from tests.identity.test_scim import Ask, asks, patch, token, user

NAMES = ("Zoë", "ÅNGSTRÖM", "strauß", "ada", "Ada", "", "%", "_a", "a\\b", "é")
STATED = [
    {"displayName": name, "externalId": f"X{number}", "userName": f"User{number}.{name or 'x'}"}
    | ({"name": {"familyName": name, "givenName": "G"}} if number % 2 else {})
    | ({"preferredLanguage": "fr-FR"} if number % 3 else {"timezone": "Europe/Paris"})
    for number, name in enumerate(NAMES)
]


@pytest.fixture(scope="module")
def listed(house: House, app: Flask) -> World:
    """An agency whose directory has told of a few people; nobody changes them."""
    world = World.create(house)
    directory = asks(app, token(world))
    for number, one in enumerate(STATED):
        made = directory("POST", "/Users", user(**one)).json
        if number % 4 == 0:
            directory("PATCH", f"/Users/{made['id']}", patch(active=False))
    return world


@pytest.fixture
def directory(app: Flask, listed: World) -> Ask:
    return asks(app, token(listed))


ATTRIBUTES = (
    "userName", "externalId", "displayName", "name.familyName", "NAME.GIVENNAME", "name.formatted", "preferredLanguage",
    "timezone", "meta.version", "meta.resourceType", "id", "urn:ietf:params:scim:schemas:core:2.0:User:displayName",
    "nickName", "meta.location", "schemas",
)  # fmt: skip
VALUES = st.sampled_from(
    [*NAMES, "a", "A", "user1.ångström", "X1", "x1", "g", 'W/"1"', "user", "\0", "a\0z", "fr-fr", "B"]
)
MOMENTS = st.sampled_from(["2020-01-01T00:00:00Z", "2099-01-01T00:00:00+02:00"])
TEXT_OPS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])


def _said(attribute: str, op: str, value: Any) -> str:
    return f"{attribute} {op} {ScimFilter.quote(value)}"


LEAVES = st.one_of(
    st.builds(_said, st.sampled_from(ATTRIBUTES), TEXT_OPS, VALUES),
    st.builds(_said, st.sampled_from(ATTRIBUTES), st.sampled_from(["eq", "ne"]), st.none()),
    st.builds(_said, st.just("active"), st.sampled_from(["eq", "ne"]), st.sampled_from([True, False, None])),
    st.builds(
        _said, st.sampled_from(["meta.created", "meta.lastModified"]), st.sampled_from(["gt", "le", "eq"]), MOMENTS
    ),
    st.builds("{} pr".format, st.sampled_from([*ATTRIBUTES, "name", "active", "meta", "meta.created"])),
    st.just('emails[type eq "work"]'),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
    ),
    max_leaves=5,
)


@given(FILTERS)
@example('userName gt "\\u0000"')
@example('displayName le "ada\\u0000z"')
@example('name.familyName ge "a\\udfff"')
@example('displayName lt "a\\udfff"')
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_finds_whom_the_library_finds(house: House, listed: World, said: str) -> None:
    wanted = ScimFilter[User](said)
    both = select(ScimUser, Person).join(Person, col(Person.id) == col(ScimUser.person_id))
    with house.work(OPERATOR) as uow:
        mine = uow.find(Agency, slug=listed.slug("FR"))
        assert mine is not None
        both = both.where(col(ScimUser.agency_id) == mine.id)
        every = {row.person_id: people.resource_of(row, person) for row, person in uow.session.execute(both)}
        found = {row.person_id for row, _ in uow.session.execute(both.where(filters.condition(wanted)))}
        counted = uow.session.execute(both.where(filters.condition(ScimFilter[User](f"not ({said})")))).all()
    assert found == {key for key, one in every.items() if wanted.match(one)}
    assert len(found) + len(counted) == len(every) == len(NAMES)


def _ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json["Resources"]]


def test_pages_follow_each_other_without_gap_or_repetition(directory: Ask) -> None:
    whole = directory("GET", "/Users")
    assert (whole.json["totalResults"], whole.json["itemsPerPage"]) == (len(NAMES), len(NAMES))
    pages = [_ids(directory("GET", f"/Users?startIndex={start}&count=3")) for start in (1, 4, 7, 10)]
    assert [one for page in pages for one in page] == _ids(whole)
    few = directory("GET", "/Users?count=2&filter=active eq true")
    assert (len(few.json["Resources"]), few.json["totalResults"]) == (2, 7)


@pytest.mark.parametrize(
    ("query", "shown"),
    [("count=0", 0), ("startIndex=11", 0), (f"startIndex={10**30}", 0), (f"count={10**30}", 10), ("startIndex=0", 10)],
)
def test_pages_outside_are_empty_and_none_is_larger_than_the_limit(directory: Ask, query: str, shown: int) -> None:
    answer = directory("GET", f"/Users?{query}")
    assert answer.json["totalResults"] == len(NAMES)
    assert len(answer.json.get("Resources", [])) == shown


def test_a_page_costs_the_same_queries_whatever_the_number_of_people(directory: Ask, house: House) -> None:
    def queries(path: str) -> int:
        seen: list[str] = []

        def note(_c: Any, _k: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        event.listen(house.engine, "before_cursor_execute", note)
        try:
            assert directory("GET", path).status_code == 200
        finally:
            event.remove(house.engine, "before_cursor_execute", note)
        return len(seen)

    queries("/Users?count=1")
    assert queries("/Users?count=1") == queries("/Users?count=10")


def test_a_filter_of_a_hundred_parts_is_the_longest(directory: Ask) -> None:
    parts = " or ".join(['userName eq "a"'] * 100)
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": parts}
    assert directory("POST", "/Users/.search", search).status_code == 200
    refused = directory("POST", "/Users/.search", search | {"filter": f'{parts} or userName eq "a"'})
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidFilter")
    with pytest.raises(InvalidFilterException):
        filters.condition(ScimFilter[User](f'{parts} or userName eq "a"'))


@pytest.mark.parametrize("value", ["\\u0000", "\\ud800", "%", "'; DROP TABLE person; --", "\\\\", "_" * 2000])
def test_a_value_that_is_nobodys_finds_nobody(directory: Ask, value: str) -> None:
    for op in ("eq", "co", "sw", "ew"):
        answer = directory("GET", "/Users?filter=" + quote(f'externalId {op} "{value}"'))
        assert answer.status_code == 200, answer.text
        assert answer.json["totalResults"] == 0


@pytest.mark.parametrize("path", ["/Groups", "/groups/1", '/Groups?filter=displayName eq "x"', "/Groups/.search"])
def test_groups_are_refused_with_what_decides_instead(directory: Ask, listed: World, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = directory(method, path, {} if method != "GET" else None)
        assert answer.status_code == 501
        assert "sign-in service asserts" in answer.json["detail"]
        assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    names = [one["name"] for one in directory("GET", "/ResourceTypes").json["Resources"]]
    assert names == ["User"]
