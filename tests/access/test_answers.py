"""What a person is told: allowed or not, by which rule, and what would change a refusal."""

from dataclasses import dataclass, replace
from itertools import product
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest

from jit_server.access import (
    Action,
    Decision,
    Gate,
    Handling,
    Origin,
    PartyClass,
    Phase,
    Policy,
    Refusal,
    Remedy,
    Role,
    Room,
    Rule,
    Standing,
    baseline,
    baseline_policy,
    kinds_of,
    known_by,
    table_of,
)
from jit_server.evidence import EvidenceItem

MINE, THEIRS, ROOM, OTHER = (UUID(int=number) for number in (1, 2, 21, 22))
ROOMS = {ROOM: Room("room", frozenset({MINE})), OTHER: Room("other", frozenset({THEIRS}))}
LEADER = Standing(
    UUID(int=11), uuid4(), uuid4(), Role.LEADER, MINE, PartyClass.MS_AUTHORITY, Phase.OPERATIONAL, 1, 1, Handling.H1
)
READ = Action.EVIDENCE_READ


def thing(party: UUID | None = THEIRS, **more: Any) -> Any:
    return SimpleNamespace(party_id=party, **({"handling": "H2"} | more))


# --- kinds


def test_a_bare_row_counts_as_ones_own_unmarked_open_and_of_the_whole_team() -> None:
    bare = {"origin": Origin.OWN, "handling": Handling.H0, "gate": Gate.OPEN, "compartment": None}
    assert kinds_of(object(), LEADER) == bare
    assert kinds_of(SimpleNamespace(party_id=None, handling=None, gate=None, compartment_id=None), LEADER) == bare
    assert kinds_of(None, LEADER) == bare


def test_a_row_is_what_it_says_seen_from_whoever_asks() -> None:
    row = thing(handling="H3", gate="pending", compartment_id=ROOM)
    seen = {"origin": Origin.PARTNER, "handling": Handling.H3, "gate": Gate.PENDING, "compartment": ROOM}
    assert kinds_of(row, LEADER) == seen
    assert kinds_of(row, replace(LEADER, party_id=THEIRS)) == seen | {"origin": Origin.OWN}


def test_what_a_thing_is_known_by_stands_with_its_table() -> None:
    assert known_by("evidence_item") is Action.EVIDENCE_LIST
    assert table_of("evidence_item") is EvidenceItem
    assert (known_by("person"), table_of("person"), known_by("nothing")) == (None, None, None)


# --- questions


NARROW = Rule("7.1", "allow", (READ,), ("leader",), ("ms_authority",), ("partner",), ("H2",), ("operational",), "Why",
              ("pending",), ("de",), ("room",))  # fmt: skip
ASKED: dict[str, Any] = {"origin": Origin.PARTNER, "handling": Handling.H2, "gate": Gate.PENDING, "compartment": ROOM}


def narrow() -> Policy:
    return Policy((NARROW,), ROOMS, {MINE: "de"})


def test_a_clause_opens_what_it_names_and_the_answer_names_the_clause() -> None:
    assert narrow().judge(LEADER, READ, **ASKED) == Decision(allowed=True, clause="7.1", reason="Why")
    assert narrow().permits(LEADER, READ, **ASKED)
    heard = {"phase": Phase.OPERATIONAL, "party_id": THEIRS, "handling": Handling.H2, "gate": Gate.PENDING}
    assert narrow().hears(LEADER.profile, READ, compartment=ROOM, **heard)
    assert not narrow().hears(LEADER.profile, READ, **heard)


@pytest.mark.parametrize("word", ["origin", "handling", "gate", "compartment"])
def test_a_clause_opens_nothing_that_differs_in_one_word(word: str) -> None:
    """Left out means own, unmarked, open and of the whole team."""
    left = {key: value for key, value in ASKED.items() if key != word}
    assert narrow().judge(LEADER, READ, **left) == Decision(allowed=False, clause="", reason="")
    assert not narrow().permits(LEADER, READ, **left)


@pytest.mark.parametrize(
    "changes", [{"role": Role.MEMBER}, {"party_class": PartyClass.EPPO}, {"phase": Phase.EXPIRING}], ids=str
)
def test_a_clause_opens_nothing_to_anybody_else(changes: dict[str, Any]) -> None:
    assert not narrow().permits(replace(LEADER, **changes), READ, **ASKED)
    assert not narrow().permits(LEADER, Action.EVIDENCE_LIST, **ASKED)
    assert not Policy((NARROW,), ROOMS, {MINE: "fr"}).permits(LEADER, READ, **ASKED)
    assert not Policy((NARROW,), ROOMS).permits(LEADER, READ, **ASKED)


def test_a_question_that_leaves_the_party_the_gate_or_the_compartment_out_means_none_the_open_one_and_the_team() -> (
    None
):
    question = (Role.LEADER, PartyClass.MS_AUTHORITY, Origin.PARTNER, Handling.H2, Phase.OPERATIONAL, READ)
    whole = {"party": "de", "gate": Gate.PENDING, "compartment": "room"}
    assert narrow().decide(*question, **whole).allowed
    for name in whole:
        assert not narrow().decide(*question, **{key: word for key, word in whole.items() if key != name}).allowed
    plain = Policy((Rule("7.2", "allow", (READ,), parties=("de",), compartments=("-",)),), ROOMS, {MINE: "de"})
    assert plain.permits(LEADER, READ)
    assert not plain.permits(LEADER, READ, compartment=ROOM)
    assert not plain.decide(*question).allowed


@pytest.mark.parametrize("place", range(9))
def test_a_question_with_any_word_missing_is_refused_and_says_so(place: int) -> None:
    """Casbin answers yes to empty words."""
    words: list[Any] = [Role.LEADER, PartyClass.MS_AUTHORITY, Origin.OWN, Handling.H0, Phase.OPERATIONAL, READ]
    more: dict[str, Any] = {"party": "de", "gate": Gate.OPEN, "compartment": "room"}
    if place < 6:
        words[place] = ""
    else:
        more[list(more)[place - 6]] = ""
    answer = Policy((Rule("all", "allow", tuple(Action)),)).decide(*words, **more)
    assert answer == Decision(allowed=False, clause="", reason="An incomplete question is refused.")


def test_a_compartment_does_not_exist_for_a_party_outside_it_whatever_the_rules_say() -> None:
    everything = Policy((Rule("all", "allow", tuple(Action)),), ROOMS)
    for compartment, inside in ((None, True), (ROOM, True), (OTHER, False), (uuid4(), False)):
        assert everything.permits(LEADER, READ, compartment=compartment) is inside
        heard = everything.hears(
            LEADER.profile, READ, phase=Phase.OPERATIONAL, party_id=None, handling=None, compartment=compartment
        )
        assert heard is inside
    assert everything.judge(LEADER, READ, compartment=OTHER) == Decision(allowed=False, clause="", reason="")


def test_what_has_no_owner_and_no_marking_is_heard_as_ones_own_and_unmarked() -> None:
    policy = Policy((Rule("7.1", "allow", (READ,), origins=("own",), handlings=("H0",)),))
    asked: dict[str, Any] = {"phase": Phase.OPERATIONAL, "party_id": None, "handling": None}
    assert policy.hears(LEADER.profile, READ, **asked)
    assert policy.hears(LEADER.profile, READ, **asked | {"party_id": MINE})
    assert not policy.hears(LEADER.profile, READ, **asked | {"party_id": THEIRS})
    assert not policy.hears(LEADER.profile, READ, **asked | {"handling": Handling.H1})
    assert not policy.hears(LEADER.profile, READ, **asked | {"gate": Gate.PENDING})


def test_the_same_question_gets_the_answer_that_was_remembered() -> None:
    policy = narrow()
    assert policy.judge(LEADER, READ, **ASKED) is policy.judge(replace(LEADER, member_id=uuid4()), READ, **ASKED)


def test_a_denial_of_another_role_or_class_or_gate_never_decides() -> None:
    denials = (
        Rule("r", "deny", (READ,), roles=("member",)),
        Rule("c", "deny", (READ,), party_classes=("eppo",)),
        Rule("g", "deny", (READ,), gates=("pending",)),
        Rule("a", "deny", (Action.EVIDENCE_LIST,)),
    )
    policy = Policy((Rule("all", "allow", (READ,)), *denials))
    assert policy.judge(LEADER, READ).clause == "all"
    assert policy.judge(replace(LEADER, role=Role.MEMBER), READ).clause == "r"
    assert policy.judge(replace(LEADER, party_class=PartyClass.EPPO), READ).clause == "c"
    assert policy.judge(LEADER, READ, gate=Gate.PENDING).clause == "g"


def test_the_grid_holds_the_answer_to_everything_one_could_ask_for() -> None:
    observer = replace(LEADER, role=Role.OBSERVER)
    grid = baseline_policy().grid(observer)
    assert set(grid) == set(Action)
    assert grid[Action.EVIDENCE_LIST] == [
        (origin, code, baseline_policy().judge(observer, Action.EVIDENCE_LIST, origin=origin, handling=code))
        for origin, code in product(Origin, Handling)
    ]
    assert [code for _, code, answer in grid[Action.EVIDENCE_LIST] if answer.allowed] == [Handling.H0] * 2
    shut = [(origin, code) for origin, code, one in baseline_policy().grid(LEADER)[READ] if not one.allowed]
    assert shut == [(Origin.PARTNER, Handling.H2)]


# --- what would change a refusal


def explained(who: Standing, action: Action, row: Any, policy: Policy | None = None) -> Decision:
    policy = policy or baseline_policy()
    refused = policy.judge(who, action, **kinds_of(row, who))
    assert not refused.allowed
    return policy.explained(refused, who, action, row)


@pytest.mark.parametrize("code", Handling)
def test_where_only_the_marking_hinders_the_originator_may_be_asked(code: Handling) -> None:
    """The policy here allows one's own things alone and has no word about others'."""
    policy = Policy((Rule("7.1", "allow", (READ,), origins=("own",)),))
    answer = explained(LEADER, READ, thing(handling=str(code)), policy)
    assert answer == Decision(
        allowed=False,
        clause="",
        reason=f"Marked {code}: the originator must agree first.",
        remedy=Remedy.ASK_ORIGINATOR,
    )


def test_a_clause_that_refuses_keeps_its_name_and_its_own_reason() -> None:
    clause = Rule("9.3", "deny", (READ,), origins=("partner",), handlings=("H1",), reason="Ask first.")
    answer = explained(LEADER, READ, thing(handling="H1"), Policy((*baseline(), clause)))
    assert answer == Decision(allowed=False, clause="9.3", reason="Ask first.", remedy=Remedy.ASK_ORIGINATOR)


@pytest.mark.parametrize("kind", [PartyClass.THIRD_COUNTRY, PartyClass.INTL_JUDICIAL_AUTHORITY])
def test_outside_the_union_what_helps_is_a_verified_release(kind: PartyClass) -> None:
    answer = explained(replace(LEADER, party_class=kind), READ, thing())
    assert (answer.remedy, answer.clause) == (Remedy.VERIFICATION, "D4")
    assert answer.reason == {rule.id: rule.reason for rule in baseline()}["D4"]


def test_nobody_is_sent_to_the_originator_for_what_has_no_marking_or_is_ones_own() -> None:
    clause = Rule("9.4", "deny", (READ,), handlings=("H2",))
    policy = Policy((*baseline(), clause))
    assert explained(LEADER, READ, thing(MINE), policy).remedy is Remedy.PHASE
    assert explained(LEADER, READ, thing(None), policy).remedy is Remedy.PHASE
    shut = Policy((*baseline(), Rule("9.5", "deny", (READ,), origins=("partner",))))
    assert explained(LEADER, READ, SimpleNamespace(party_id=THEIRS, handling=None), shut).remedy is Remedy.PHASE


def test_what_another_phase_or_another_role_would_allow_is_said() -> None:
    closed = replace(LEADER, phase=Phase.CLOSED)
    assert explained(closed, READ, thing()).remedy is Remedy.PHASE
    assert explained(closed, READ, None).clause == "D7"
    assert explained(replace(LEADER, role=Role.MEMBER), Action.MEMBER_INVITE, None).remedy is Remedy.ROLE
    nowhere = Policy((Rule("7.1", "allow", (READ,), party_classes=("eppo",)),))
    assert explained(LEADER, READ, thing(), nowhere).remedy is Remedy.NONE


def test_a_grant_may_lift_only_what_one_may_do_to_ones_own_things_now() -> None:
    policy = baseline_policy()
    assert policy.liftable(LEADER, READ)
    assert not policy.liftable(replace(LEADER, phase=Phase.CLOSED), READ)
    assert not policy.liftable(replace(LEADER, party_class=PartyClass.SECRETARIAT), READ)
    assert not policy.liftable(replace(LEADER, role=Role.OBSERVER), Action.EVIDENCE_DOWNLOAD)


def test_while_a_dispute_lasts_no_grant_lifts_what_it_keeps_from_partners() -> None:
    """One's own things stay in sight then, so `own and unmarked` alone would let a grant through."""
    policy, disputed = baseline_policy(), replace(LEADER, phase=Phase.SUSPENDED)
    assert policy.permits(disputed, READ)
    assert not policy.liftable(disputed, READ)
    assert explained(disputed, READ, thing(handling="H0")).remedy is Remedy.PHASE
    assert explained(disputed, READ, thing(handling="H0")).clause == "D9"


@pytest.mark.parametrize(
    "clause",
    [
        Rule("9.1", "allow", (READ,), phases=("operational",)),
        Rule("9.1", "deny", (READ,), phases=("suspended",)),
        Rule("9.1", "deny", (Action.EVIDENCE_LIST,), phases=("operational",)),
        Rule("9.1", "deny", (READ,), origins=("partner",)),
        Rule("9.1", "deny", (READ,), phases=("operational",), handlings=("H1",)),
        Rule("9.1", "deny", (READ,), phases=("operational",), roles=("member",)),
        Rule("9.1", "deny", (READ,), phases=("operational",), party_classes=("eppo",)),
        Rule("9.1", "deny", (READ,), phases=("operational",), parties=("fr",)),
        Rule("9.1", "deny", (READ,), phases=("operational",), gates=("pending",)),
        Rule("9.1", "deny", (READ,), phases=("operational",), compartments=("other",)),
    ],
)
def test_other_clauses_leave_the_originator_a_say(clause: Rule) -> None:
    assert Policy((*baseline(), clause), ROOMS, {MINE: "de"}).liftable(LEADER, READ)


def test_a_clause_that_stops_partners_in_a_phase_is_lifted_by_no_grant() -> None:
    clause = Rule("9.1", "deny", (READ,), phases=("operational",), origins=("partner",))
    policy = Policy((*baseline(), clause))
    assert policy.permits(LEADER, READ)
    assert not policy.liftable(LEADER, READ)
    assert policy.liftable(replace(LEADER, phase=Phase.EXPIRING), READ)


# --- what a refusal carries


@dataclass
class Grantable:
    """A row that a grant can open."""

    __grantable__: ClassVar[bool] = True
    __tablename__: ClassVar[str] = "evidence_item"
    id: UUID
    party_id: UUID
    handling: str = "H2"


def test_a_refusal_says_who_asked_for_what_and_names_what_may_be_asked_for() -> None:
    row = Grantable(UUID(int=5), THEIRS)
    decision = Decision(allowed=False, clause="9.3", reason="Ask first.", remedy=Remedy.ASK_ORIGINATOR)
    refusal = Refusal(READ, row, LEADER, decision)
    assert refusal.detail == "Ask first."
    assert (refusal.workspace_id, refusal.subject) == (LEADER.workspace_id, row)
    assert refusal.members == {
        "workspace": str(LEADER.workspace_id),
        "policy": {
            "action": "evidence:read",
            "clause": "9.3",
            "role": "leader",
            "party_class": "ms_authority",
            "origin": "partner",
            "handling": "H2",
            "phase": "operational",
            "source": "agreement",
            "originator": str(THEIRS),
            "remedy": "ask_originator",
            "subject": {"kind": "evidence_item", "id": str(row.id)},
        },
    }


@pytest.mark.parametrize(
    ("clause", "source"), [("D5", "baseline"), ("", "baseline"), ("7.1", "agreement"), ("fr-pg:1", "own")]
)
def test_a_refusal_says_whether_the_agreement_or_the_baseline_refused(clause: str, source: str) -> None:
    refusal = Refusal(READ, None, LEADER, Decision(allowed=False, clause=clause, reason=""))
    policy = refusal.members["policy"]
    assert (policy["clause"], policy["source"], policy["originator"], policy["subject"]) == (clause, source, "", None)
    assert refusal.detail == "No rule of the agreement or of the baseline allows this to your role."


def test_a_thing_that_no_grant_can_open_is_not_named_in_a_refusal() -> None:
    refusal = Refusal(READ, thing(id=uuid4()), LEADER, Decision(allowed=False, clause="", reason="x"))
    assert refusal.members["policy"]["subject"] is None
    assert refusal.members["policy"]["originator"] == str(THEIRS)
