"""How two versions of an agreement differ, sentence by sentence. Pure; pages translate the words and fill them in."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jit_server.core.errors import N_
from jit_server.workspaces.document import NewAgreement


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence: `words` with `values` filled in; `field` is the heading of the agreement that it belongs to."""

    field: str
    words: str
    values: dict[str, str]

    def sentence(self) -> str:
        """In English."""
        return self.words % self.values


FIELDS = {
    "name": N_("The name is “%(after)s” instead of “%(before)s”."),
    "purpose": N_("The purpose is worded anew: %(after)s"),
    "legal_basis": N_("The legal basis is %(after)s instead of %(before)s."),
    "period_from": N_("The term begins on %(after)s instead of %(before)s."),
    "period_to": N_("The term ends on %(after)s instead of %(before)s."),
    "default_handling": N_("Things are marked %(after)s by default instead of %(before)s."),
    "retention_profile": N_("Content is kept as “%(after)s” instead of “%(before)s”."),
    "working_language": N_("The working language is “%(after)s” instead of “%(before)s”."),
    "evidence_rules": N_("The rules on evidence are worded anew: %(after)s"),
    "use_limits": N_("The limits of use are worded anew: %(after)s"),
    "consent_deadline_days": N_("An originator has %(after)s days to answer instead of %(before)s."),
    "undertaking": N_("What members undertake is worded anew: %(after)s"),
    "third_country_liability": N_("The liability of third countries is worded anew: %(after)s"),
    "media": N_("The rules for the media are worded anew: %(after)s"),
}
NOTHING = "-"


def between(before: NewAgreement, after: NewAgreement) -> list[Difference]:
    """All that differs, in the order of the agreement."""
    return [*_fields(before, after), *_lists(before, after), *_platform(before, after)]


def _fields(before: NewAgreement, after: NewAgreement) -> Iterator[Difference]:
    for name, words in FIELDS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Difference(name, words, {"before": str(old or NOTHING), "after": str(new or NOTHING)})


def _lists(before: NewAgreement, after: NewAgreement) -> Iterator[Difference]:
    for name, key, words in LISTS:
        olds, news = ({key(one): one for one in getattr(text, name)} for text in (before, after))
        for mark, one in news.items():
            if mark not in olds:
                yield Difference(name, words[0], _values(one))
            elif olds[mark] != one:
                yield Difference(name, words[2], _values(one))
        for mark, one in olds.items():
            if mark not in news:
                yield Difference(name, words[1], _values(one))


def _values(one: Any) -> dict[str, str]:
    if isinstance(one, str):
        return {"text": one}
    return {name: _said(value) for name, value in one.model_dump(mode="json").items()}


def _said(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value) or NOTHING
    return NOTHING if value in (None, "") else str(value)


def _platform(before: NewAgreement, after: NewAgreement) -> Iterator[Difference]:
    old, new = before.controller_for_third_party_data, after.controller_for_third_party_data
    if old != new:
        words = N_("%(after)s is controller for what third countries supply, instead of %(before)s.")
        yield Difference("controller_for_third_party_data", words, {"before": old or NOTHING, "after": new or NOTHING})
    yield from _scope(
        set(after.secretariat_scope) - set(before.secretariat_scope), N_("The secretariat may now: %(actions)s.")
    )
    yield from _scope(
        set(before.secretariat_scope) - set(after.secretariat_scope), N_("The secretariat may no longer: %(actions)s.")
    )


def _scope(actions: Iterable[Any], words: str) -> Iterator[Difference]:
    listed = sorted(str(action) for action in actions)
    if listed:
        yield Difference("secretariat_scope", words, {"actions": ", ".join(listed)})


def _by(*names: str) -> Callable[[Any], tuple[Any, ...]]:
    return lambda one: tuple(getattr(one, name) for name in names)


def _itself(one: Any) -> tuple[Any, ...]:
    return (one,)


LISTS: tuple[tuple[str, Callable[[Any], tuple[Any, ...]], tuple[str, str, str]], ...] = (
    (
        "parties",
        _by("agency"),
        (
            N_("%(agency)s joins; %(signatory)s signs for it."),
            N_("%(agency)s leaves."),
            N_("%(agency)s is now %(party_class)s, signed for by %(signatory)s."),
        ),
    ),
    (
        "leaders",
        _by("agency", "person_id"),
        (
            N_("%(agency)s names another leader: %(person_id)s."),
            N_("%(agency)s no longer names this leader: %(person_id)s."),
            N_("The leader %(person_id)s of %(agency)s administers the space: %(space_admin)s."),
        ),
    ),
    (
        "members",
        _by("agency", "person_id"),
        (
            N_("%(agency)s names a member: %(function)s."),
            N_("%(agency)s no longer names this member: %(function)s."),
            N_("This member of %(agency)s is now %(function)s."),
        ),
    ),
    (
        "seconded",
        _by("agency", "name"),
        (
            N_("%(agency)s seconds %(name)s from %(period_from)s to %(period_to)s."),
            N_("%(agency)s no longer seconds %(name)s."),
            N_("The secondment of %(name)s by %(agency)s changes: powers %(powers)s; kept from %(exclusions)s."),
        ),
    ),
    (
        "participants",
        _by("agency"),
        (
            N_("%(agency)s takes part under %(founding_act)s: %(purpose)s"),
            N_("%(agency)s no longer takes part."),
            N_("%(agency)s takes part under %(founding_act)s; rights: %(rights)s; limits: %(limits)s"),
        ),
    ),
    (
        "compartments",
        _by("key"),
        (
            N_("A compartment “%(name)s” for %(parties)s."),
            N_("The compartment “%(name)s” is closed."),
            N_("The compartment “%(name)s” is now for %(parties)s."),
        ),
    ),
    (
        "clauses",
        _by("id"),
        (
            N_("Clause %(id)s is new (%(effect)s): %(text)s"),
            N_("Clause %(id)s is gone: %(text)s"),
            N_("Clause %(id)s now says (%(effect)s): %(text)s"),
        ),
    ),
    (
        "transfer_basis",
        _by("agency"),
        (
            N_("Transfers to %(agency)s rest on %(basis)s, %(article)s (%(document)s)."),
            N_("Transfers to %(agency)s no longer rest on %(article)s."),
            N_("Transfers to %(agency)s now rest on %(basis)s, %(article)s (%(document)s)."),
        ),
    ),
    ("offences", _itself, (N_("Offence added: %(text)s."), N_("Offence removed: %(text)s."), "")),
    (
        "persons_or_groups",
        _itself,
        (N_("Person or group added: %(text)s."), N_("Person or group removed: %(text)s."), ""),
    ),
    (
        "states_of_operation",
        _itself,
        (N_("State of operation added: %(text)s."), N_("State of operation removed: %(text)s."), ""),
    ),
)  # fmt: skip
