"""Two states of a policy side by side: which rules differ, and what that means for whom. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from jit_server.access import Action, Handling, Origin, PartyClass, Phase, Policy, Role, Rule
from jit_server.access.rules import NONE


@dataclass(frozen=True, slots=True)
class Profile:
    """A sort of people in a team: a role of one party, named by its agency's slug."""

    role: Role
    party_class: PartyClass
    party: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What such people may now do, or no longer do, to things of such an origin and marking; `clause` decides."""

    profile: Profile
    action: Action
    origin: Origin
    handlings: tuple[Handling, ...]
    allowed: bool
    clause: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one state of a policy differs from an earlier one."""

    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]
    changed: tuple[tuple[Rule, Rule], ...]
    effects: tuple[Effect, ...]

    @property
    def loosens(self) -> bool:
        """Whether anybody may do something that they might not do before."""
        return any(effect.allowed for effect in self.effects)


def compare(
    before: Policy, after: Policy, profiles: Iterable[Profile], phase: Phase, *, hidden: frozenset[str] = frozenset()
) -> Comparison:
    """Compare two policies.

    Args:
        before: the earlier one.
        after: the later one.
        profiles: for whom effects are worked out.
        phase: the workspace's, in which the effects are worked out.
        hidden: ids of rules that the reader may not know (another party's own restrictions).
    """
    old = {rule.id: rule for rule in before.rules if rule.id not in hidden}
    new = {rule.id: rule for rule in after.rules if rule.id not in hidden}
    added = tuple(rule for key, rule in new.items() if key not in old)
    removed = tuple(rule for key, rule in old.items() if key not in new)
    changed = tuple((old[key], rule) for key, rule in new.items() if key in old and old[key] != rule)
    touched = (*added, *removed, *(rule for pair in changed for rule in pair))
    actions = sorted({Action(action) for rule in touched for action in rule.actions})
    rooms = sorted({NONE, *(key for rule in touched for key in rule.compartments)})
    found = _merged(
        one
        for profile in profiles
        for action in actions
        for one in _effects(before, after, profile, action, phase, rooms)
    )
    return Comparison(added, removed, changed, tuple(found))


def _effects(
    before: Policy, after: Policy, profile: Profile, action: Action, phase: Phase, rooms: Sequence[str]
) -> Iterator[Effect]:
    for room, origin, handling in product(rooms, Origin, Handling):
        first, second = (
            policy.decide(
                profile.role,
                profile.party_class,
                origin,
                handling,
                phase,
                action,
                party=profile.party,
                compartment=room,
            )
            for policy in (before, after)
        )
        if first.allowed != second.allowed:
            yield Effect(profile, action, origin, (handling,), second.allowed, second.clause or first.clause)


def _merged(effects: Iterable[Effect]) -> list[Effect]:
    """One line where only the marking differs."""
    found: dict[tuple[object, ...], Effect] = {}
    for one in effects:
        key = (one.profile, one.action, one.origin, one.allowed, one.clause)
        known = found.get(key)
        codes = sorted({*(known.handlings if known else ()), *one.handlings})
        found[key] = Effect(one.profile, one.action, one.origin, tuple(codes), one.allowed, one.clause)
    return list(found.values())
