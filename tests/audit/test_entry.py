"""Entries: one canonical form, nothing that could forge another line, and a processing operation for every event."""

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from jit_server import audit
from jit_server.audit import verbs
from jit_server.audit.entry import canonical
from jit_server.audit.verbs import EVENTS
from tests.audit.conftest import an_entry

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
FACT = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
FACTS = st.recursive(
    FACT,
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="\x00")), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), FACTS))
def test_canonical_bytes_are_those_of_rfc_8785(content: dict[str, object]) -> None:
    assert canonical(content) == rfc8785.dumps(content)


@given(TEXT, TEXT)
def test_e6_no_text_breaks_out_of_its_field(text: str, code: str) -> None:
    entry = an_entry(uuid4(), why=audit.Why(code, text), tz=text, clause=text, facts={"said": text, "list": [text]})
    data = entry.canonical(1)
    assert data == rfc8785.dumps(json.loads(data))
    content = json.loads(data)
    assert (content["why"], content["tz"], content["clause"]) == ({"code": code, "text": text}, text, text)
    assert content["facts"] == {"said": text, "list": [text]}
    assert not any(byte < 0x20 for byte in data)


@pytest.mark.parametrize(
    "hostile", ["\r\n", "\x1b[2J", '","result":"ok"}', "\\u0000", "\N{RIGHT-TO-LEFT OVERRIDE}", "\x7f"]
)
def test_e6_hostile_text_comes_back_as_it_was(hostile: str) -> None:
    assert json.loads(an_entry(uuid4(), facts={"name": hostile}).canonical(1))["facts"] == {"name": hostile}


@pytest.mark.parametrize("unfit", ["a\x00b", "\ud800", 1.5, float("nan"), 2**53, b"bytes", object(),
                                   {"k\N{LATIN SMALL LETTER E WITH ACUTE}y": 1},
                                   {1: 1}, [["\x00"]], {"\x00": 1}, {1, 2}])  # fmt: skip
def test_a_fact_without_one_canonical_form_is_refused(unfit: object) -> None:
    with pytest.raises(audit.Unfit):
        an_entry(uuid4(), facts={"fact": unfit}).canonical(1)


def test_ids_moments_and_enumerations_become_text() -> None:
    class Colour(StrEnum):
        RED = "red"

    some = uuid4()
    facts = {
        "id": some,
        "at": datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone(timedelta(hours=1))),
        "colour": Colour.RED,
        "more": (1, True),
    }
    content = json.loads(an_entry(uuid4(), facts=facts).canonical(1))
    assert content["facts"] == {"id": str(some), "at": "2026-01-02T02:04:05.678Z", "colour": "red", "more": [1, True]}


def test_an_entry_answers_who_what_when_why_for_whom_and_with_what_result() -> None:
    log = UUID(int=5)
    entry = audit.Entry(
        log=log, event="evidence:downloaded", at=datetime(2026, 11, 22, 9, 8, 7, 6_000, tzinfo=UTC), tz="Europe/Madrid",
        who=audit.Who(kind="person", agency=UUID(int=1), person=UUID(int=2), session=UUID(int=3), acr="high"),
        what=audit.What("evidence", UUID(int=4), UUID(int=7), "H2"), why=audit.Why("trial", "ordered"), clause="5.1",
        recipients=[UUID(int=8)], facts={"bytes": 12}, id=UUID(int=9),
    )  # fmt: skip
    assert json.loads(entry.canonical(17)) == {
        "v": 1, "log": str(log), "position": 17, "id": str(UUID(int=9)), "event": "evidence:downloaded",
        "verb": "disclosure",
        "at": "2026-11-22T09:08:07.006Z", "tz": "Europe/Madrid",
        "actor": {"kind": "person", "agency": str(UUID(int=1)), "person": str(UUID(int=2)),
                  "session": str(UUID(int=3)), "acr": "high"},
        "subject": {"kind": "evidence", "id": str(UUID(int=4)), "party": str(UUID(int=7)), "handling": "H2"},
        "why": {"code": "trial", "text": "ordered"}, "clause": "5.1", "recipients": [str(UUID(int=8))], "result": "ok",
        "facts": {"bytes": 12},
    }  # fmt: skip


def test_an_event_that_nobody_thought_about_cannot_be_recorded() -> None:
    with pytest.raises(audit.UnknownEvent, match="evidence:teleported"):
        an_entry(uuid4(), "evidence:teleported")
    with pytest.raises(audit.Unfit, match="zone"):
        an_entry(uuid4(), at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_every_event_is_noun_colon_past_tense_and_at_most_one_of_the_six_operations() -> None:
    for event, verb in EVENTS.items():
        noun, _, past = event.partition(":")
        assert noun.isalpha()
        assert past.replace("_", "").isalpha()
        assert verb is None or audit.verb_of(event) in set(audit.Verb)
    assert {str(verb) for verb in audit.Verb} == {
        "collection",
        "alteration",
        "consultation",
        "disclosure",
        "combination",
        "erasure",
    }


def test_every_event_that_is_listed_is_recorded_by_some_room() -> None:
    listing = Path(verbs.__file__)
    rooms = "".join(file.read_text() for file in listing.parents[1].rglob("*.py") if file != listing)
    assert [event for event in EVENTS if f'"{event}"' not in rooms] == []


def test_a_commitment_opens_only_with_its_salt_and_value() -> None:
    salt = audit.new_salt()
    seen = audit.commit("Maria Rossi", salt)
    assert len(salt) == 32
    assert seen == audit.commit("Maria Rossi", salt)
    assert seen not in {audit.commit("Maria Bianchi", salt), audit.commit("Maria Rossi", audit.new_salt())}
