"""Policies kept ready: built once for each committed version of a workspace's rules, never from what may be undone."""

from uuid import UUID

import pytest
from sqlalchemy import text

from jit_server import workspaces
from jit_server.access import (
    SYSTEM,
    Action,
    PartyClass,
    Policy,
    Role,
    Room,
    Rule,
    Standing,
    baseline,
    baseline_policy,
    policies_of,
    policy_of,
    standing,
    store,
    with_clauses,
)
from tests.builders import Team, World

DENIAL = workspaces.NewClause(
    id="8.1", text="Exhibits are not exported.", effect="deny", actions=(Action.EVIDENCE_EXPORT,), roles=(Role.LEADER,)
)


def seen(team: Team) -> Standing:
    with team.world.work(SYSTEM) as uow:
        found = standing(uow.connection, team.leaders["FR"].id, team.id)
    assert found is not None
    return found


def built(team: Team, version: int | None = None) -> Policy:
    with team.world.work(SYSTEM) as uow:
        return policy_of(uow.connection, team.id, version or seen(team).policy_version)


def test_without_clauses_and_compartments_every_workspace_shares_one_policy(world: World) -> None:
    assert built(world.workspace()) is built(world.workspace()) is baseline_policy() is baseline_policy()
    assert baseline_policy().rules == baseline()


def test_the_clauses_of_the_agreement_stand_beside_the_baseline_word_for_word(world: World) -> None:
    policy = built(world.workspace(clauses=(DENIAL,)))
    (clause,) = set(policy.rules) - set(baseline())
    assert set(policy.rules) > set(baseline())
    assert (clause.id, clause.effect, clause.actions) == ("8.1", "deny", ("evidence:export",))
    assert (clause.roles, clause.parties, clause.handlings) == (("leader",), (), ())
    assert clause.reason


def test_every_clause_of_a_version_counts_not_the_last_alone(world: World) -> None:
    other = DENIAL.model_copy(update={"id": "8.2", "actions": (Action.EVIDENCE_DOWNLOAD,)})
    policy = built(world.workspace(clauses=(DENIAL, other)))
    assert {rule.id: rule.actions for rule in set(policy.rules) - set(baseline())} == {
        "8.1": ("evidence:export",),
        "8.2": ("evidence:download",),
    }


def test_a_clause_about_one_party_binds_its_people_and_nobody_else(world: World) -> None:
    team = world.workspace(clauses=(DENIAL.model_copy(update={"parties": (world.slug("FR"),)}),))
    policy = built(team)
    with world.work(SYSTEM) as uow:
        german = standing(uow.connection, team.admin.id, team.id)
    assert german is not None
    assert policy.judge(seen(team), Action.EVIDENCE_EXPORT).clause == "8.1"
    assert policy.judge(german, Action.EVIDENCE_EXPORT).allowed


def test_a_policy_knows_the_compartments_of_its_workspace_and_of_no_other(world: World) -> None:
    team, other = (world.workspace(classes={"NL": PartyClass.MS_AUTHORITY}) for _ in range(2))
    rooms = [team.compartment("DE", "FR"), team.compartment("DE", "NL")]
    other.compartment("DE", "FR")
    with world.work(SYSTEM) as uow:
        keys = uow.connection.execute(
            text("SELECT id, key FROM compartment WHERE workspace_id = :id"), {"id": team.id}
        ).all()
        parties = {
            state: standing(uow.connection, who.id, team.id).party_id  # type: ignore[union-attr]
            for state, who in team.leaders.items()
        }
    named = {row.id: row.key for row in keys}
    assert built(team).compartments == {
        rooms[0]: Room(named[rooms[0]], frozenset({parties["DE"], parties["FR"]})),
        rooms[1]: Room(named[rooms[1]], frozenset({parties["DE"], parties["NL"]})),
    }


def test_a_version_is_built_once_and_a_later_one_anew(world: World) -> None:
    team = world.workspace(clauses=(DENIAL,), classes={"NL": PartyClass.MS_AUTHORITY})
    first, version = built(team), seen(team).policy_version
    assert built(team) is first
    with world.work(SYSTEM) as uow:
        assert policies_of(uow.connection, [(team.id, version)]) == {(team.id, version): first}
    team.compartment("DE", "FR")
    assert built(team) is not first
    assert built(team, version) is first
    assert set(built(team).rules) == set(first.rules)


def test_what_this_transaction_may_still_undo_is_never_remembered(world: World) -> None:
    team = world.workspace()
    team.compartment("DE", "FR")  # so that every version is built
    version = seen(team).policy_version
    with world.work(SYSTEM) as uow:
        uow.connection.execute(text("UPDATE workspace SET name = name WHERE id = :id"), {"id": team.id})
        assert policy_of(uow.connection, team.id, version + 1) is not policy_of(uow.connection, team.id, version + 1)
    assert built(team, version + 1) is built(team, version + 1)


def test_of_many_policies_the_one_kept_longest_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    team = world.workspace()
    team.compartment("DE", "FR")  # so that every version is built
    monkeypatch.setattr(store, "_ready", type(store._ready)())
    monkeypatch.setattr(store, "_KEEP", 2)
    first, second, third = (built(team, version) for version in (101, 102, 103))
    assert (built(team, 102), built(team, 103)) == (second, third)
    assert built(team, 101) is not first
    assert len(store._ready) == 2


# --- what an agreement delegates to the secretariat


def _by_id(*clauses: Rule) -> dict[str, Rule]:
    return {rule.id: rule for rule in with_clauses(clauses)}


def _to(kind: str, *actions: str, effect: str = "allow") -> Rule:
    return Rule("7.1", effect, actions, party_classes=(kind,))  # type: ignore[arg-type]


BASE = {rule.id: rule for rule in baseline()}


def test_what_is_delegated_in_so_many_words_is_no_longer_denied_and_the_rest_is() -> None:
    rules = _by_id(_to("secretariat", "message:read", "evidence:list"))
    assert set(BASE["D2"].actions) - set(rules["D2"].actions) == {"message:read", "evidence:list"}
    assert rules["D2"].party_classes == BASE["D2"].party_classes
    assert {key: rule for key, rule in rules.items() if key not in {"D2", "7.1"}} == {
        key: rule for key, rule in BASE.items() if key != "D2"
    }


@pytest.mark.parametrize(
    "clause",
    [
        _to("secretariat", "message:read", effect="deny"),
        _to("eu_body", "message:read"),
        Rule("7.1", "allow", ("message:read",)),
        Rule("7.1", "allow", ("message:read",), party_classes=("secretariat", "eu_body")),
        _to("secretariat", "log:read"),
    ],
    ids=["a denial", "another class", "everybody", "several classes", "nothing of it"],
)
def test_nothing_else_takes_a_word_out_of_the_denial(clause: Rule) -> None:
    assert _by_id(clause)["D2"] is BASE["D2"]


def test_the_verification_of_third_countries_things_is_never_delegated() -> None:
    assert _by_id(_to("secretariat", "evidence:verify_inbound"))["D5"] == BASE["D5"]


def test_a_denial_is_never_left_without_an_action() -> None:
    """A rule without actions cannot be; were all delegated, the denial would stay as it is."""
    assert _by_id(_to("secretariat", *BASE["D2"].actions))["D2"] == BASE["D2"]


def test_what_is_stored_is_read_from_json_and_from_text_alike() -> None:
    assert store._as_dict({"roles": ["leader"]}) == store._as_dict('{"roles": ["leader"]}') == {"roles": ["leader"]}


def test_a_policy_of_nobodys_workspace_is_the_baseline(world: World) -> None:
    with world.work(SYSTEM) as uow:
        assert policy_of(uow.connection, UUID(int=1), 1) is baseline_policy()
