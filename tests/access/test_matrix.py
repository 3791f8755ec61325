"""A1: every cell of the hand-written matrix against the policy, and a sample of it over HTTP."""

import csv
from itertools import product
from pathlib import Path

import pytest
from flask import Flask

from jit_server.access import Action, Gate, Handling, Origin, PartyClass, Phase, Role, baseline_policy
from jit_server.work import House
from tests.builders import World, browser

CLASSES = {
    "ms": {PartyClass.MS_AUTHORITY, PartyClass.EPPO},
    "eu": {PartyClass.EU_BODY},
    "third": {PartyClass.THIRD_COUNTRY, PartyClass.INTL_JUDICIAL_AUTHORITY},
    "sec": {PartyClass.SECRETARIAT},
}
TAKE = {Phase.OPERATIONAL, Phase.EXPIRING}
TALK = TAKE | {Phase.POST_OPERATIONAL, Phase.EVALUATING}
SIGNED = {Phase.AGREEMENT_SIGNED, Phase.PROVISIONING}
ENDED = {Phase.EVALUATED, Phase.NOT_EVALUATED}
PHASES = {
    "draft": {Phase.PROPOSED},
    "signed": SIGNED,
    "take": TAKE,
    "talk": TALK,
    "known": {Phase.PROPOSED, Phase.SUSPENDED} | SIGNED | TALK | ENDED,
    "ever": set(Phase),
}
Cell = tuple[Action, Role, PartyClass, Origin, Handling, Phase, Gate]


def _codes(cell: str) -> set[tuple[Origin, Handling]]:
    found: set[tuple[Origin, Handling]] = set()
    origin = Origin.OWN
    for sign in cell.replace("-", ""):
        if sign in "op":
            origin = Origin.OWN if sign == "o" else Origin.PARTNER
        else:
            found |= {(origin, code) for code in Handling if sign == "*" or code.value == f"H{sign}"}
    return found


def _matrix() -> set[Cell]:
    """Every cell in which the matrix allows something."""
    path = Path(__file__).parents[2] / "policies" / "MATRIX.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    allowed: set[Cell] = set()
    for row in csv.DictReader(lines):
        classes = set().union(*(CLASSES[word] for word in row["classes"].split()))
        phases = set().union(*(PHASES.get(word) or {Phase(word)} for word in row["phases"].split()))
        gates = [Gate(word) for word in row["gates"].split()]
        for role in Role:
            cells = product(_codes(row[role.value]), classes, phases, gates)
            for (origin, code), party_class, phase, gate in cells:
                allowed.add((Action(row["action"]), role, party_class, origin, code, phase, gate))
    return allowed


def test_a1_every_cell_of_the_matrix_is_what_the_policy_answers() -> None:
    expected, policy = _matrix(), baseline_policy()
    wrong: list[str] = []
    asked = 0
    for cell in product(Action, Role, PartyClass, Origin, Handling, Phase, Gate):
        action, role, kind, origin, code, phase, gate = cell
        asked += 1
        decided = policy.decide(role, kind, origin, code, phase, action, gate=gate).allowed
        if decided != (cell in expected):
            wrong.append(f"{' '.join(cell)}: policy says {decided}")
    assert asked >= 20_000
    assert not wrong, "\n".join([f"{len(wrong)} of {asked} cells differ", *wrong[:20]])


def test_every_action_stands_in_the_matrix() -> None:
    assert {cell[0] for cell in _matrix()} == set(Action)


ROUTES = {
    "/api/v1/workspaces/{id}": Action.WORKSPACE_READ,
    "/api/v1/workspaces/{id}/agreement": Action.AGREEMENT_READ,
    "/api/v1/workspaces/{id}/members": Action.MEMBER_LIST,
    "/api/v1/workspaces/{id}/log": Action.LOG_READ,
    "/api/v1/workspaces/{id}/checkpoint": Action.LOG_VERIFY,
    "/api/v1/workspaces/{id}/proof?position=1": Action.LOG_VERIFY,
    "/api/v1/workspaces/{id}/channels": Action.CHANNEL_READ,
    "/api/v1/workspaces/{id}/evidence": Action.EVIDENCE_LIST,
    "/api/v1/policy/explain?workspace={id}&action=log:read": Action.POLICY_EXPLAIN,
}
JOINABLE = [role for role in Role if role not in {Role.PARTICIPANT, Role.SPACE_ADMIN}]


@pytest.mark.parametrize("role", JOINABLE)
def test_a1_the_routes_answer_as_the_matrix_says(app: Flask, house: House, world: World, role: Role) -> None:
    expected = _matrix()
    team = world.workspace()
    person = browser(app, house, team.join("FR", role))
    for address, action in ROUTES.items():
        kinds = product(Origin, Handling)
        allowed = any(
            (action, role, PartyClass.MS_AUTHORITY, origin, code, Phase.OPERATIONAL, Gate.OPEN) in expected
            for origin, code in kinds
        )
        status = person.get(address.format(id=team.id)).status_code
        assert status == (200 if allowed else 403), f"{role} {address}"


def test_a1_nobody_outside_the_team_gets_anything(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    removed = team.join("FR")
    strangers = {"outsider": world.person("NL"), "same agency": world.person("DE"), "removed": removed}
    browsers = {name: browser(app, house, who) for name, who in strangers.items()}
    team.remove(removed)
    absent = "00000000-0000-4000-8000-000000000000"
    for address in ROUTES:
        assert app.test_client().get(address.format(id=team.id)).status_code == 401
        for name, one in browsers.items():
            hidden, missing = one.get(address.format(id=team.id)), one.get(address.format(id=absent))
            assert (hidden.status_code, hidden.data) == (404, missing.data), f"{name} {address}"
