"""Rules as data: what a line of the baseline means, and what is refused before it could mean nothing."""

from pathlib import Path

import pytest

from jit_server.access import Action, Gate, Phase, Role, Rule, baseline, is_baseline
from jit_server.access.purposes import known, purposes
from jit_server.access.rules import policies, read_rules

HEADER = "id,effect,roles,party_classes,origins,handlings,gates,phases,actions,reason"


def read(*lines: str) -> tuple[Rule, ...]:
    return read_rules([HEADER, *lines])


def test_every_word_of_a_line_is_read_into_its_place() -> None:
    (rule,) = read(
        "B1,deny,leader|space_admin,eppo,own,H0 | H1,pending,closed|purging,log:read|log:verify,Because it is so."
    )
    assert rule == Rule(
        id="B1",
        effect="deny",
        actions=("log:read", "log:verify"),
        roles=("leader", "space_admin"),
        party_classes=("eppo",),
        origins=("own",),
        handlings=("H0", "H1"),
        phases=("closed", "purging"),
        reason="Because it is so.",
        gates=("pending",),
    )


def test_a_star_means_any_even_between_spaces_and_notes_are_passed_over() -> None:
    (rule,) = read("# a note, with commas", "", "   ", "B1,allow,*, * ,*,*,open,*,log:read,x")
    assert (rule.roles, rule.party_classes, rule.origins, rule.handlings, rule.phases) == ((),) * 5


def test_two_rules_of_one_name_are_refused() -> None:
    line = "B1,allow,*,*,*,*,open,*,log:read,x"
    with pytest.raises(ValueError, match=r"^two rules have the same id$"):
        read(line, line)
    assert [rule.id for rule in read(line, line.replace("B1", "B2"))] == ["B1", "B2"]


@pytest.mark.parametrize("line", ["B1,allow,*,*,*,*,open,*,log:read", "B1,allow,*,*,*,*,open,*,log:read,x,more"])
def test_a_line_with_a_cell_too_few_or_too_many_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="argument"):
        read(line)


@pytest.mark.parametrize(
    "missing", [{"id": ""}, {"effect": "maybe"}, {"effect": ""}, {"actions": ()}], ids=lambda one: next(iter(one))
)
def test_a_rule_without_a_name_an_effect_or_an_action_is_refused(missing: dict[str, object]) -> None:
    complete: dict[str, object] = {"id": "7.1", "effect": "allow", "actions": ("log:read",)}
    assert Rule(**complete)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^rule '.*': needs an id, an effect and at least one action$"):
        Rule(**{**complete, **missing})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", ["roles", "party_classes", "origins", "handlings", "phases", "gates", "actions"]
)  # fmt: skip
def test_a_word_that_its_kind_does_not_know_is_named_with_its_rule(kind: str) -> None:
    words: dict[str, tuple[str, ...]] = {"actions": ("log:read",), kind: ("zoo", "ape")}
    with pytest.raises(ValueError, match=f"^rule 7.1: unknown {kind}: ape, zoo$"):
        Rule("7.1", "deny", **words)  # type: ignore[arg-type]


def test_a_permission_that_names_no_gate_opens_none_but_the_open_one() -> None:
    lines = list(Rule("7.1", "allow", (Action.LOG_READ,)).lines())
    assert lines == [("*", "*", "*", "*", "*", "open", "*", "*", "log:read", "allow", "7.1")]


def test_a_denial_that_names_no_gate_holds_behind_all_of_them() -> None:
    (line,) = Rule("7.1", "deny", (Action.LOG_READ,)).lines()
    assert line == ("*", "*", "*", "*", "*", "*", "*", "*", "log:read", "deny", "7.1")


def test_a_rule_becomes_one_line_for_each_of_its_words_each_in_its_place() -> None:
    rule = Rule(
        "7.1",
        "allow",
        ("log:read", "log:verify"),
        roles=("leader", "member"),
        party_classes=("eppo",),
        parties=("de",),
        origins=("own",),
        handlings=("H0",),
        gates=("pending", "refused"),
        phases=("closed",),
        compartments=("room",),
    )
    assert set(rule.lines()) == {
        (role, "eppo", "de", "own", "H0", gate, "closed", "room", action, "allow", "7.1")
        for role in (Role.LEADER, Role.MEMBER)
        for gate in (Gate.PENDING, Gate.REFUSED)
        for action in (Action.LOG_READ, Action.LOG_VERIFY)
    }


def test_the_baseline_is_the_file_with_a_reason_for_each_rule() -> None:
    assert policies().is_absolute()
    assert (policies() / "baseline.csv").is_file()
    rules = {rule.id: rule for rule in baseline()}
    assert all(rule.reason for rule in rules.values())
    assert rules["D5"].actions == ("evidence:verify_inbound",)
    assert rules["D8"].phases == (Phase.SUSPENDED,)


def test_a_rule_of_the_baseline_is_told_from_a_clause() -> None:
    assert is_baseline("D5")
    assert not is_baseline("7.1")
    assert not is_baseline("")


def test_policies_inside_the_package_come_before_those_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel carries its own; a checkout has none inside."""
    found = Path(__file__).parents[2]
    assert policies() == found / "policies"
    inside = found / "jit_server" / "policies"
    monkeypatch.setattr(Path, "is_dir", lambda path: path == inside)
    assert policies() == inside


def test_a_purpose_is_one_of_the_file_or_refused_with_those_that_are() -> None:
    assert known("trial") == "trial"
    assert purposes()["trial"]
    with pytest.raises(ValueError, match=r"^is no purpose known here: choose one of .*, trial"):
        known("curiosity")
