"""The register is searched by words, kept as views, narrowed to what content is, and acted on by several at once."""

import re
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import evidence
from jit_server.access import PartyClass, Role
from jit_server.core import schema
from jit_server.core.database import act_as
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.evidence.saved.models import Place
from jit_server.evidence.terms import terms, words
from jit_server.evidence.usecases.recognising import recognise
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.engines.apart import apart
from tests.evidence.builders import custody, exhibit
from tests.evidence.media import sound
from tests.evidence.test_nature import EXE
from tests.evidence.test_reading import numbers
from tests.evidence.test_redactions import pdf, photo


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


def test_words_are_compared_without_case_accents_and_signs():
    assert words("Été à Fère, N° 12/26_b") == ["ete", "a", "fere", "n", "12", "26", "b"]
    assert words("STRASSE straße") == ["strasse"]
    assert words("%%") == []


def test_a_compound_is_found_by_its_inner_words_and_a_digest_is_not_cut():
    assert {"telefonrechnung", "rechnung"} <= terms("Telefonrechnung")
    assert terms("0123456789ab") == {"0123456789ab"}
    assert "件" in terms("事件")
    assert len(terms(" ".join(f"wort{n}" for n in range(999)))) == 200


@pytest.mark.parametrize(
    "asked",
    ["Telefon", "rechnung", "MÜLLER", "muller", "müll zandv", "zandvoort rech", "de-0001", "rechnung.pdf", "هاتف"],
)
def test_an_exhibit_is_found_by_beginnings_of_its_words(team: Team, asked: str):
    made = exhibit(team, team.admin, title="Telefonrechnung Müller (Zandvoort) هاتف", file_name="rechnung.pdf").number
    exhibit(team, team.leaders["FR"], title="Something else", file_name="x.bin")
    assert numbers(team, team.admin, words=asked) == [made]


@pytest.mark.parametrize("asked", ["rechnung Berlin", "elefant", "%", "--", "' OR 1=1", "\\"])
def test_what_does_not_fit_every_word_is_not_found(team: Team, asked: str):
    exhibit(team, team.admin, title="Telefonrechnung", file_name="a.pdf")
    assert numbers(team, team.admin, words=asked) == []


def test_nobody_finds_by_words_what_they_may_not_know_of(team: Team):
    observer = team.join("FR", Role.OBSERVER)
    hidden = exhibit(team, team.admin, title="Zandvoort", handling="H2").number
    shown = exhibit(team, team.admin, title="Zandvoort", handling="H0").number
    assert numbers(team, observer, words="zandvoort") == [shown]
    assert numbers(team, team.admin, words="zandvoort") == [shown, hidden]


def test_words_in_a_compartment_are_found_by_its_parties_alone(world: World):
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    room = team.compartment("DE", "FR")
    inside = exhibit(team, team.admin, title="Zandvoort", compartment_id=room).number
    assert numbers(team, team.leaders["FR"], words="zandvoort") == [inside]
    assert numbers(team, team.leaders["NL"], words="zandvoort") == []


def test_a_search_asks_the_index_of_words(team: Team):
    exhibit(team, team.admin, title="Zandvoort")
    with team.world.work(team.admin) as uow:
        uow.connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = uow.connection.execute(
            text(
                "EXPLAIN SELECT item_id FROM evidence_term"
                " WHERE workspace_id = :team AND term >= 'zand' AND term < 'zane'"
            ),
            {"team": team.id},
        ).scalars()
        told = "\n".join(plan)
    assert "ix_evidence_term_term" in told
    assert "term >= 'zand'" in told.partition("Index Cond:")[2].partition("\n")[0]


def test_the_database_itself_shows_words_to_members_only_and_takes_none_back(team: Team, world: World):
    item = exhibit(team, team.admin, title="Zandvoort")
    seen = text("SELECT count(*) FROM evidence_term WHERE item_id = :id")
    for who, count in ((team.admin, True), (world.person("NL"), False)):
        with world.work(who) as uow:
            assert bool(uow.connection.scalar(seen, {"id": item.id})) is count
    with world.work(team.admin) as uow:
        rights = text(
            "SELECT has_table_privilege('evidence_term', 'UPDATE'), has_table_privilege('evidence_term', 'DELETE')"
        )
        assert uow.connection.execute(rights).one() == (False, False)


def test_words_of_what_was_there_before_are_taken_by_the_migration(
    postgres: EmbeddedPostgres, settings: Settings, scratch: Path
):
    with apart(postgres, settings, scratch, "words") as house:
        team = World.create(house).workspace()
        for title in ("Telefonrechnung Müller", "رسالة", "Disk 7"):
            exhibit(team, team.admin, title=title)

        def kept() -> list[Any]:
            with house.engine.begin() as connection:
                act_as(connection, "system")
                return list(connection.execute(text("SELECT item_id, term FROM evidence_term ORDER BY 1, 2")).all())

        before, config = kept(), schema.config(str(house.settings.database_owner_url))
        command.downgrade(config, "0042")
        command.upgrade(config, "head")
        assert kept() == before
        assert len(before) > 10


def test_no_policy_reads_a_whole_table_to_show_a_row(owner_engine: Engine):
    asked = text(
        "SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'"
        " AND concat(qual, with_check) ~ 'IN \\( SELECT [a-z_]+\\.'"
    )
    with owner_engine.connect() as connection:
        assert connection.execute(asked).all() == []


@pytest.mark.parametrize(("kind", "place"), [("pdf", 0), ("image", 1), ("audio", 2), ("program", 3), ("archive", None)])
def test_it_is_narrowed_to_what_the_content_is_whatever_the_name_says(team: Team, kind: str, place: int | None):
    made = [exhibit(team, team.admin, content, file_name="a.txt") for content in (pdf(1), photo(), sound(), EXE)]
    for item in made:
        recognise(team.world.house, lambda: False, team.id, item.id)
    assert numbers(team, team.admin, kind=kind) == ([made[place].number] if place is not None else [])


# --- views


def save(team: Team, who: Who, name: str, **filters: str) -> None:
    with team.world.work(who) as uow:
        evidence.save_view(uow, team.id, Place.REGISTER, name, filters)


def kept(team: Team, who: Who) -> list[tuple[str, dict[str, str]]]:
    with team.world.work(who) as uow:
        return [(one.name, one.filters) for one in evidence.views(uow, team.id, Place.REGISTER)]


def test_a_view_is_its_owners_alone(team: Team):
    save(team, team.admin, "French phones", q="phone", state="FR")
    assert kept(team, team.admin) == [("French phones", {"q": "phone", "state": "FR"})]
    assert kept(team, team.leaders["FR"]) == []
    with team.world.work(team.admin) as uow:
        (mine,) = evidence.views(uow, team.id, Place.REGISTER)
    with pytest.raises(NotFound), team.world.work(team.leaders["FR"]) as uow:
        evidence.forget_view(uow, team.id, mine.id)
    with team.world.work(team.admin) as uow:
        evidence.forget_view(uow, team.id, mine.id)
    assert kept(team, team.admin) == []


def test_a_name_stands_for_one_view_and_a_view_for_a_filter(team: Team):
    save(team, team.admin, "Mine", q="phone")
    with pytest.raises(Conflict):
        save(team, team.admin, " Mine ", q="disk")
    for name, filters in (("", {"q": "x"}), ("x" * 81, {"q": "x"}), ("None", {})):
        with pytest.raises(Invalid):
            save(team, team.admin, name, **filters)


def test_who_left_keeps_no_view_of_it(team: Team):
    who = team.join("DE")
    save(team, who, "Mine", q="phone")
    team.remove(who)
    assert kept(team, who) == []
    with pytest.raises(NotFound):
        save(team, who, "Again", q="phone")


def token_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def test_the_page_saves_offers_and_forgets_a_view(app: Flask, house: House, team: Team):
    exhibit(team, team.admin, title="Phone")
    client, address = browser(app, house, team.admin), f"/w/{team.id}/evidence"
    page = client.get(f"{address}?q=phone&handling=H1").text
    assert "Save this view" in page
    said = {"csrf": token_of(page), "name": "<b>Phones</b>", "q": "phone", "handling": "H1"}
    led = client.post(f"/w/{team.id}/views/register", data=said)
    assert led.headers["Location"].endswith("?q=phone&handling=H1")
    page = client.get(address).text
    assert "&lt;b&gt;Phones&lt;/b&gt;" in page
    page = client.get(led.headers["Location"]).text
    (view_id,) = re.findall(r"/views/([0-9a-f-]{36})/forget", page)
    client.post(f"/w/{team.id}/views/{view_id}/forget", data={"csrf": token_of(page)})
    assert "Phones" not in client.get(address).text.replace("The view is forgotten", "")


# --- several at once


def on_several(client: Any, team: Team, verb: str, made: list[str], **said: str) -> Any:
    address = f"/w/{team.id}/evidence/several/{verb}?" + "&".join(f"number={one}" for one in made)
    page = client.get(address)
    return client.post(address, data={"csrf": token_of(page.text), **said}) if page.status_code == 200 else page


def test_a_note_is_recorded_on_each_chosen_exhibit(app: Flask, house: House, team: Team):
    items = [exhibit(team, team.admin) for _ in range(3)]
    answered = on_several(
        browser(app, house, team.admin), team, "annotate", [one.number for one in items[:2]], text="Seen by the expert"
    )
    assert answered.status_code == 303
    noted = [[one.event for one in custody(team, team.admin, item.id)].count("custody:annotated") for item in items]
    assert noted == [1, 1, 0]


def test_what_cannot_stand_on_one_is_recorded_on_none_and_the_one_is_named(app: Flask, house: House, team: Team):
    first, second = (exhibit(team, team.admin) for _ in range(2))
    client = browser(app, house, team.admin)
    held = {"reason": "the appeal is pending", "authority": "LG Aachen", "reference": "60 KLs 1/26"}
    assert on_several(client, team, "hold", [second.number], **held).status_code == 303
    answered = on_several(client, team, "hold", [first.number, second.number], **held)
    assert answered.status_code == 422
    assert f"{second.number}: " in answered.text
    assert "the appeal is pending" in answered.text
    assert "custody:held" not in [one.event for one in custody(team, team.admin, first.id)]


def test_nobody_acts_on_several_with_one_that_is_hidden_or_not_theirs_to_decide(app: Flask, house: House, team: Team):
    mine, hidden = exhibit(team, team.leaders["FR"]).number, exhibit(team, team.admin, handling="H3").number
    observer = browser(app, house, team.join("FR", Role.OBSERVER))
    assert on_several(observer, team, "annotate", [mine, hidden], text="x").status_code in {403, 404}
    assert on_several(browser(app, house, team.admin), team, "accept", [mine]).status_code == 404
    many = "&".join(f"number=DE-{number:04}" for number in range(1, 202))
    assert browser(app, house, team.admin).get(f"/w/{team.id}/evidence/several/hold?{many}").status_code == 422
    empty = browser(app, house, team.admin).get(f"/w/{team.id}/evidence/several/hold")
    assert "Nothing is chosen" in empty.text
