"""Rules as data: the baseline file and compiled clauses, both as lines that Casbin reads."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Literal

from jit_server.access.kinds import Action, Gate, Handling, Origin, PartyClass, Phase, Role

Source = Literal["baseline", "agreement", "own", "none"]
"""Where a rule comes from: every workspace's, the signed agreement, or a party that restricts its own people."""
ANY = "*"
NONE = "-"
"""A thing of the whole team (no compartment), a person of a party that no rule names."""
_WORDS = {
    "roles": frozenset(Role),
    "party_classes": frozenset(PartyClass),
    "origins": frozenset(Origin),
    "handlings": frozenset(Handling),
    "phases": frozenset(Phase),
    "gates": frozenset(Gate),
    "actions": frozenset(Action),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule about kinds. Empty tuples mean any; `actions` is never empty.

    No gates mean any for a denial, and the open one for a permission: quarantine is never passed by silence.

    `id` is the clause it comes from. `parties` are agencies' slugs and `compartments` their keys, as the agreement
    of one workspace names them; the baseline names neither.
    """

    id: str
    effect: Literal["allow", "deny"]
    actions: tuple[str, ...]
    roles: tuple[str, ...] = ()
    party_classes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    handlings: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    reason: str = ""
    gates: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    compartments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a word that no kind knows: a typing error must not silently mean nothing."""
        if self.effect not in {"allow", "deny"} or not self.id or not self.actions:
            msg = f"rule {self.id!r}: needs an id, an effect and at least one action"
            raise ValueError(msg)
        for name, known in _WORDS.items():
            unknown = set(getattr(self, name)) - known
            if unknown:
                msg = f"rule {self.id}: unknown {name}: {', '.join(sorted(unknown))}"
                raise ValueError(msg)

    def lines(self) -> Iterator[tuple[str, ...]]:
        """The Casbin lines of this rule, in the order of `policies/model.conf`."""
        kinds = (self.roles, self.party_classes, self.parties, self.origins, self.handlings)
        gates = self.gates or ((Gate.OPEN.value,) if self.effect == "allow" else ())
        alternatives = (*kinds, gates, self.phases, self.compartments)
        for act in self.actions:
            for cells in product(*(words or (ANY,) for words in alternatives)):
                yield (*cells, act, self.effect, self.id)


def _words(cell: str) -> tuple[str, ...]:
    return () if cell.strip() == ANY else tuple(word.strip() for word in cell.split("|"))


def read_rules(lines: Iterable[str]) -> tuple[Rule, ...]:
    """Parse the text of `policies/baseline.csv`.

    Raises:
        ValueError: an unknown word, a missing cell or a doubled id.
    """
    rows = csv.reader(line for line in lines if line.strip() and not line.startswith("#"))
    header = next(rows)
    rules: list[Rule] = []
    for cells in rows:
        row = dict(zip(header, cells, strict=True))
        kinds = {name: _words(row[name]) for name in _WORDS}
        rules.append(Rule(id=row["id"], effect=row["effect"], reason=row["reason"], **kinds))  # type: ignore[arg-type]
    if len({rule.id for rule in rules}) != len(rules):
        msg = "two rules have the same id"
        raise ValueError(msg)
    return tuple(rules)


def policies() -> Path:
    """The folder of the policy files: beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parent.parent / "policies"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "policies"


@cache
def baseline() -> tuple[Rule, ...]:
    """The rules every workspace starts from."""
    return read_rules((policies() / "baseline.csv").read_text(encoding="utf-8").splitlines())


def is_baseline(rule: str) -> bool:
    """Whether a rule is one of every workspace rather than a clause of an agreement."""
    return any(one.id == rule for one in baseline())


def is_own(rule: str) -> bool:
    """Whether a rule is a restriction that a party laid on its own people (`fr-pg:1`); no clause has a colon."""
    return ":" in rule


def source_of(rule: str) -> Source:
    """Where a rule comes from; `none` where no rule spoke."""
    if not rule:
        return "none"
    return "baseline" if is_baseline(rule) else "own" if is_own(rule) else "agreement"
