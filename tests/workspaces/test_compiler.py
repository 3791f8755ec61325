"""The compiler: clauses mean exactly their rules, none opens what the baseline forbids, contradictions are shown."""

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jit_server.access import Action, Gate, Handling, Origin, PartyClass, Phase, Policy, Role, baseline, with_clauses
from jit_server.workspaces import NewAgreement, NewClause, checking, clauses
from jit_server.workspaces.usecases.amending import without

TODAY = date(2026, 11, 23)
OUT = (PartyClass.THIRD_COUNTRY, PartyClass.INTL_JUDICIAL_AUTHORITY)


def some(kind: Any) -> Any:
    return st.lists(st.sampled_from(list(kind)), max_size=3, unique=True).map(tuple)


clause = st.builds(
    NewClause,
    id=st.from_regex(r"\A[0-9]{1,2}\.[0-9]{1,2}\Z"),
    text=st.just("A clause."),
    effect=st.sampled_from(["allow", "deny"]),
    actions=st.lists(st.sampled_from(list(Action)), min_size=1, max_size=4, unique=True).map(tuple),
    roles=some(Role),
    party_classes=some(PartyClass),
    origins=some(Origin),
    handlings=some(Handling),
    phases=some(Phase),
)
cell = st.tuples(
    st.sampled_from(list(Role)), st.sampled_from(list(PartyClass)), st.sampled_from(list(Origin)),
    st.sampled_from(list(Handling)), st.sampled_from(list(Phase)), st.sampled_from(list(Action)),
)  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    """An agreement of DE, FR and what is added."""
    return {
        "reference": "R1",
        "name": "N",
        "purpose": "P",
        "legal_basis": "JFD 2002/465",
        "period_from": "2026-01-01",
        "period_to": "2027-01-01",
        "platform_use": True,
        "parties": [{"agency": slug, "signatory": "Head"} for slug in ("de", "fr")],
        "leaders": [
            {"agency": slug, "person_id": f"00000000-0000-0000-0000-00000000000{n}", "space_admin": slug == "de"}
            for n, slug in enumerate(("de", "fr"))
        ],
        **changes,
    }


def agreement(**changes: Any) -> NewAgreement:
    return NewAgreement.model_validate(document(**changes))


def with_us(**changes: Any) -> dict[str, Any]:
    """The same with a third country."""
    plain = document()
    return {
        **plain,
        "parties": [*plain["parties"], {"agency": "us", "party_class": "third_country", "signatory": "Head"}],
        "leaders": [*plain["leaders"], {"agency": "us", "person_id": "00000000-0000-0000-0000-000000000009"}],
        **changes,
    }


def names(one: NewClause, role: Role, party: PartyClass, origin: Origin, handling: Handling, phase: Phase) -> bool:
    """Whether the clause, read as the words it is, speaks of this case."""
    stated = (
        (one.roles, role), (one.party_classes, party), (one.origins, origin), (one.handlings, handling),
        (one.phases, phase),
    )  # fmt: skip
    return all(not words or word in words for words, word in stated)


@given(clause, cell)
def test_a_clause_decides_exactly_the_cases_it_names(one: NewClause, where: Any) -> None:
    *kinds, action = where
    found = Policy([clauses.compile_clause(one)]).decide(*kinds, action)
    spoken = action in one.actions and names(one, *kinds)
    assert found.allowed == (spoken and one.effect == "allow")
    assert (found.clause == one.id) == spoken


@given(st.lists(clause, min_size=1, max_size=4, unique_by=lambda one: one.id), cell)
@settings(max_examples=200)
def test_no_agreement_opens_what_the_baseline_forbids_nor_what_a_clause_forbids(
    many: list[NewClause], where: Any
) -> None:
    *kinds, action = where
    rules = with_clauses(clauses.compile_all(agreement().model_copy(update={"clauses": tuple(many)})))
    denied = any(rule.effect == "deny" for rule in baseline() if _speaks(rule, kinds, action))
    forbidden = any(one.effect == "deny" and action in one.actions and names(one, *kinds) for one in many)
    if denied or forbidden:
        assert not Policy(rules).decide(*kinds, action).allowed


def _speaks(rule: Any, kinds: list[Any], action: Action) -> bool:
    stated = (rule.roles, rule.party_classes, rule.origins, rule.handlings, rule.phases)
    open_gate = not rule.gates or Gate.OPEN in rule.gates
    return action in rule.actions and open_gate and all(not w or k in w for w, k in zip(stated, kinds, strict=True))


@given(clause, cell)
def test_a_clause_that_is_not_refused_opens_something_in_each_word_it_names(one: NewClause, where: Any) -> None:
    if one.effect == "deny" or clauses.beyond(one):
        return
    policy = Policy([*(rule for rule in baseline() if rule.effect == "deny"), clauses.compile_clause(one)])
    every = product(
        one.roles or Role, one.party_classes or PartyClass, one.origins or Origin, one.handlings or Handling,
        one.phases or Phase, one.actions,
    )  # fmt: skip
    assert any(policy.decide(*case).allowed for case in every)


@given(st.lists(clause, max_size=4, unique_by=lambda one: one.id))
def test_the_same_text_has_the_same_bytes_and_compiles_to_the_same_rules(many: list[NewClause]) -> None:
    first = agreement().model_copy(update={"clauses": tuple(many)})
    again = NewAgreement.model_validate(clauses.canonical(first))
    assert clauses.digest(clauses.canonical(again)) == clauses.digest(clauses.canonical(first))
    assert clauses.compile_all(again) == clauses.compile_all(first)


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"actions": ("evidence:read",), "party_classes": (OUT[0],), "origins": ("partner",)}, "verified release"),
        ({"actions": ("message:read",), "party_classes": (OUT[1],), "origins": ("partner",), "handlings": ("H1",)},
         "restricted"),
        ({"actions": ("evidence:read",), "party_classes": ("secretariat",)}, "secretariat_scope"),
        ({"actions": ("message:post",), "roles": ("auditor",)}, "Who watches does not act"),
        ({"actions": ("evidence:register",), "phases": ("post_operational",)}, "after the team has ended"),
        ({"actions": ("evidence:read",), "phases": ("closed",)}, "no content"),
        ({"actions": ("evidence:verify_inbound",), "roles": ("member",)}, "space administrators verify"),
        ({"actions": ("agreement:sign",)}, "only leaders sign"),
        ({"actions": ("member:invite",)}, "Art. 14(1)"),
    ],
)  # fmt: skip
def test_what_no_agreement_can_open_is_refused_with_the_reason(stated: dict[str, Any], reason: str) -> None:
    one = NewClause(id="9.9", text="Too wide.", effect="allow", **stated)
    assert any(reason in words for words in clauses.beyond(one)), clauses.beyond(one)


def test_two_clauses_that_contradict_each_other_are_both_shown() -> None:
    may = {"id": "4.1", "text": "Members export.", "effect": "allow", "actions": ["evidence:export"],
           "roles": ["member"]}  # fmt: skip
    never = {"id": "4.2", "text": "Nobody exports.", "effect": "deny", "actions": ["evidence:export"]}
    found = checking.problems(document(clauses=[may, never]))
    assert [one["field"] for one in found] == ["clauses"]
    assert "4.1 (Members export.)" in found[0]["message"]
    assert "4.2 (Nobody exports.)" in found[0]["message"]


def test_a_denial_of_some_cases_beside_a_permission_of_more_is_an_exception_and_stands() -> None:
    may = {"id": "4.1", "text": "Members export.", "effect": "allow", "actions": ["evidence:export"],
           "roles": ["member"]}  # fmt: skip
    not_h1 = {"id": "4.2", "text": "Not H1.", "effect": "deny", "actions": ["evidence:export"], "handlings": ["H1"]}
    assert checking.problems(document(clauses=[may, not_h1])) == []


def test_an_unknown_code_names_its_field_and_a_clause_that_has_run_out_compiles_no_more() -> None:
    wrong = {"id": "4.1", "text": "x", "effect": "deny", "actions": ["evidence:eat"], "handlings": ["H7"]}
    fields = {one["field"] for one in checking.problems(document(clauses=[wrong]))}
    assert {"clauses.0.actions.0", "clauses.0.handlings.0"} <= fields
    past = {"id": "4.1", "text": "x", "effect": "deny", "actions": ["evidence:read"],
            "valid_until": str(TODAY - timedelta(days=1))}  # fmt: skip
    text = agreement(clauses=[past])
    assert clauses.compile_all(text, TODAY) == ()
    assert [rule.id for rule in clauses.compile_all(text)] == ["4.1"]


def test_a_ceiling_means_all_markings_up_to_it_and_not_both_ways_to_name_them() -> None:
    one = NewClause(id="1", text="x", effect="deny", actions=("evidence:read",), ceiling=Handling.H1)
    assert clauses.compile_clause(one).handlings == ("H0", "H1")
    with pytest.raises(ValidationError, match="either handlings or a ceiling"):
        NewClause(id="1", text="x", effect="deny", actions=("evidence:read",), ceiling="H1", handlings=("H2",))


def test_nothing_comes_in_from_a_third_country_before_a_controller_is_designated() -> None:
    question = (Role.LEADER, PartyClass.THIRD_COUNTRY, Origin.OWN, Handling.H0, Phase.OPERATIONAL,
                Action.EVIDENCE_REGISTER)  # fmt: skip
    for controller, open_ in ((None, False), ("de", True)):
        text = NewAgreement.model_validate(with_us(controller_for_third_party_data=controller))
        policy = Policy(with_clauses(clauses.compile_all(text)))
        assert policy.decide(*question, gate=Gate.PENDING).allowed is open_


def test_what_is_delegated_opens_to_the_secretariat_and_the_verification_never() -> None:
    parties = [*document()["parties"], {"agency": "net", "party_class": "secretariat", "signatory": "Head"}]
    text = agreement(parties=parties, secretariat_scope=["message:read"])
    policy = Policy(with_clauses(clauses.compile_all(text)))
    where = (Role.OBSERVER, PartyClass.SECRETARIAT, Origin.PARTNER, Handling.H0, Phase.OPERATIONAL)
    assert policy.decide(*where, Action.MESSAGE_READ).allowed
    assert not policy.decide(*where, Action.EVIDENCE_READ).allowed
    found = checking.problems(document(parties=parties, secretariat_scope=["evidence:verify_inbound"]))
    assert [one["field"] for one in found] == ["secretariat_scope"]
    for role, handling, gate in product(Role, Handling, Gate):
        asked = (role, PartyClass.SECRETARIAT, Origin.PARTNER, handling, Phase.OPERATIONAL)
        assert not policy.decide(*asked, Action.EVIDENCE_VERIFY_INBOUND, gate=gate).allowed


def test_a_third_country_needs_a_liability_clause_and_a_transfer_basis() -> None:
    assert {one["field"] for one in checking.problems(with_us())} == {"third_country_liability", "transfer_basis"}
    basis = {"agency": "us", "basis": "adequacy", "article": "Art. 36", "document": "D 1"}
    assert checking.problems(with_us(third_country_liability="Each its own.", transfer_basis=[basis])) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"compartments": [{"key": "x", "name": "X", "parties": ["de", "nl"]}]}, "compartments"),
        ({"clauses": [{"id": "1", "text": "x", "effect": "deny", "actions": ["log:read"], "parties": ["nl"]}]},
         "clauses"),
        ({"clauses": [{"id": "1", "text": "x", "effect": "deny", "actions": ["log:read"], "compartments": ["y"]}]},
         "clauses"),
        ({"period_to": "2025-01-01"}, "period_to"),
        ({"controller_for_third_party_data": "nl"}, "controller_for_third_party_data"),
    ],
)  # fmt: skip
def test_what_refers_to_nothing_is_named(changes: dict[str, Any], field: str) -> None:
    assert field in {one["field"] for one in checking.problems(document(**changes))}


def test_when_a_party_leaves_a_clause_for_it_alone_goes_rather_than_mean_everybody() -> None:
    allows = {"id": "1", "text": "US exports.", "effect": "allow", "actions": ["evidence:export"], "parties": ["us"]}
    both = {"id": "2", "text": "Both.", "effect": "deny", "actions": ["log:read"], "parties": ["us", "fr"]}
    left = without(with_us(clauses=[allows, both], controller_for_third_party_data="us"), "us")
    assert [(one["id"], one["parties"]) for one in left["clauses"]] == [("2", ["fr"])]
    assert left["controller_for_third_party_data"] is None
    assert checking.problems(left) == []
