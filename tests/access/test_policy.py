"""The policy itself: reasons, refusals of bad questions, threads, and clauses over the baseline."""

import threading
import time
from typing import Any

import pytest

from jit_server.access import (
    Action,
    Gate,
    Handling,
    Origin,
    PartyClass,
    Phase,
    Policy,
    Role,
    Rule,
    baseline,
    baseline_policy,
)
from jit_server.access.rules import policies, read_rules

MS = PartyClass.MS_AUTHORITY
LIVE = Phase.OPERATIONAL


def test_a_decision_names_the_rule_and_its_reason() -> None:
    decision = baseline_policy().decide(
        Role.MEMBER, PartyClass.THIRD_COUNTRY, Origin.PARTNER, Handling.H2, LIVE, Action.EVIDENCE_READ
    )
    assert not decision.allowed
    assert decision.clause == "D4"
    assert "verified release" in decision.reason


def test_a_clause_that_denies_overrides_the_baseline_and_is_named() -> None:
    clause = Rule("9.3", "deny", ("evidence:read",), origins=("partner",), handlings=("H1",), reason="Ask first.")
    decision = Policy((*baseline(), clause)).decide(
        Role.LEADER, MS, Origin.PARTNER, Handling.H1, LIVE, Action.EVIDENCE_READ
    )
    assert (decision.allowed, decision.clause, decision.reason) == (False, "9.3", "Ask first.")


def test_a_clause_that_allows_never_overrides_a_denial_of_the_baseline() -> None:
    clause = Rule("7.1", "allow", ("evidence:read",), reason="All see all.")
    policy = Policy((*baseline(), clause))
    question = (Role.MEMBER, PartyClass.SECRETARIAT, Origin.OWN, Handling.H0, LIVE, Action.EVIDENCE_READ)
    assert not policy.decide(*question).allowed


WIDE = Rule("7.9", "allow", tuple(Action), gates=tuple(Gate), reason="Everything, always, to everybody.")
MEMBER, LEADER, OWN, PARTNER, H0 = Role.MEMBER, Role.LEADER, Origin.OWN, Origin.PARTNER, Handling.H0
THIRD, COURT, HELPERS = PartyClass.THIRD_COUNTRY, PartyClass.INTL_JUDICIAL_AUTHORITY, PartyClass.SECRETARIAT
DISPUTE = Phase.SUSPENDED


@pytest.mark.parametrize(
    ("denial", "question"),
    [
        ("D1", (MEMBER, THIRD, PARTNER, Handling.H1, LIVE, Action.MESSAGE_READ)),
        ("D1", (LEADER, COURT, PARTNER, Handling.H3, LIVE, Action.MESSAGE_READ)),
        ("D2", (LEADER, HELPERS, OWN, H0, LIVE, Action.EVIDENCE_READ)),
        ("D3", (Role.OBSERVER, MS, OWN, H0, LIVE, Action.MESSAGE_POST)),
        ("D3", (Role.AUDITOR, MS, OWN, H0, LIVE, Action.EVIDENCE_DOWNLOAD)),
        ("D4", (LEADER, THIRD, PARTNER, H0, LIVE, Action.EVIDENCE_LIST)),
        ("D4", (LEADER, COURT, PARTNER, H0, LIVE, Action.EVIDENCE_DOWNLOAD)),
        ("D5", (Role.SPACE_ADMIN, HELPERS, PARTNER, H0, LIVE, Action.EVIDENCE_VERIFY_INBOUND)),
        ("D6", (LEADER, MS, OWN, H0, Phase.POST_OPERATIONAL, Action.EVIDENCE_REGISTER)),
        ("D7", (LEADER, MS, OWN, H0, Phase.CLOSED, Action.MESSAGE_READ)),
        ("D8", (LEADER, MS, OWN, H0, DISPUTE, Action.MESSAGE_POST)),
        ("D9", (LEADER, MS, PARTNER, H0, DISPUTE, Action.MESSAGE_READ)),
    ],
)
def test_no_clause_however_wide_lifts_a_denial_of_the_baseline(denial: str, question: tuple[Any, ...]) -> None:
    decision = Policy((*baseline(), WIDE)).decide(*question)
    assert (decision.allowed, decision.clause) == (False, denial)
    assert Policy((WIDE,)).decide(*question).clause == "7.9"


def test_no_rule_means_no() -> None:
    empty = Policy(())
    assert not empty.decide(Role.LEADER, MS, Origin.OWN, Handling.H0, LIVE, Action.WORKSPACE_READ).allowed


def test_an_incomplete_question_is_refused() -> None:
    policy = Policy((Rule("all", "allow", ("workspace:read",)),))
    assert not policy.decide("", MS, Origin.OWN, Handling.H0, LIVE, Action.WORKSPACE_READ).allowed  # type: ignore[arg-type]


def test_a_word_that_no_kind_knows_is_refused_when_rules_are_read() -> None:
    lines = [
        "id,effect,roles,party_classes,origins,handlings,gates,phases,actions,reason",
        "B1,allow,leeder,*,*,*,open,*,workspace:read,x",
    ]
    with pytest.raises(ValueError, match="unknown roles: leeder"):
        read_rules(lines)


def test_the_model_holds_equality_only() -> None:
    matcher = (policies() / "model.conf").read_text().split("[matchers]")[1]
    assert not {"eval(", "Match(", "regex", "g("} & {
        word for word in ("eval(", "Match(", "regex", "g(") if word in matcher
    }


def test_a5_a_policy_swapped_under_load_never_answers_wrong() -> None:
    """Four threads ask while 200 policies are swapped in; a role-based denial holds in each of them."""
    deny = Rule("X", "deny", ("evidence:read",), roles=("observer",), reason="never")
    allow = Rule("Y", "allow", ("evidence:read",), roles=("member",), reason="always")
    current = [Policy((*baseline(), deny, allow))]
    stop, wrong, failed, counts, slowest = threading.Event(), [], [], [0] * 4, [0.0] * 4
    member = (Role.MEMBER, MS, Origin.OWN, Handling.H0, LIVE, Action.EVIDENCE_READ)
    observer = (Role.OBSERVER, *member[1:])

    def ask(number: int) -> None:
        try:
            while not stop.is_set():
                started = time.thread_time()
                policy = current[0]
                if not policy.decide(*member).allowed or policy.decide(*observer).allowed:
                    wrong.append(number)
                slowest[number] = max(slowest[number], time.thread_time() - started)
                counts[number] += 2
        except BaseException as error:  # noqa: BLE001 - whatever a thread meets fails the test
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        current[0] = Policy((*baseline(), deny, allow))
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert not wrong
    assert sum(counts) >= 50_000, counts
