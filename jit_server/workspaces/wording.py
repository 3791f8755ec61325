"""Rules and what they change, in the reader's language; outside a request (the terminal) in English."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext

from jit_server import access
from jit_server.access import Action, Origin, Phase, Role, Rule
from jit_server.workspaces.comparing import Effect, Profile
from jit_server.workspaces.views.frame import action_words


def role_words(role: str) -> str:
    """A role as a person would say it."""
    words = {
        Role.LEADER: gettext("Team leader"),
        Role.MEMBER: gettext("Member"),
        Role.SECONDED_MEMBER: gettext("Seconded member"),
        Role.PARTICIPANT: gettext("Participant"),
        Role.OBSERVER: gettext("Observer"),
        Role.SPACE_ADMIN: gettext("Space administrator"),
        Role.AUDITOR: gettext("Auditor"),
    }
    return str(words[Role(role)])


def class_words(name: str) -> str:
    """A class of party as a person would say it."""
    words = {
        "ms_authority": gettext("Member State authority"),
        "eppo": gettext("European Public Prosecutor\N{RIGHT SINGLE QUOTATION MARK}s Office"),
        "eu_body": gettext("Body of the Union"),
        "third_country": gettext("Third country"),
        "intl_judicial_authority": gettext("International judicial authority"),
        "secretariat": gettext("JITs Network Secretariat"),
    }
    return str(words[name])


def phase_words(phase: str) -> str:
    """A phase as a person would say it."""
    words = {
        Phase.PROPOSED: gettext("Proposed"),
        Phase.AGREEMENT_SIGNED: gettext("Agreement signed"),
        Phase.PROVISIONING: gettext("Being set up"),
        Phase.OPERATIONAL: gettext("Operational"),
        Phase.SUSPENDED: gettext("Suspended"),
        Phase.EXPIRING: gettext("Expiring"),
        Phase.POST_OPERATIONAL: gettext("Post-operational"),
        Phase.EVALUATING: gettext("Under evaluation"),
        Phase.EVALUATED: gettext("Evaluated"),
        Phase.NOT_EVALUATED: gettext("Not evaluated"),
        Phase.PURGING: gettext("Being purged"),
        Phase.CLOSED: gettext("Closed"),
        Phase.LOG_EXPIRED: gettext("Log expired"),
    }
    return str(words[Phase(phase)])


def origin_words(origin: str) -> str:
    """Whose things."""
    return str(gettext("one's own party's things") if origin == Origin.OWN else gettext("partners' things"))


def reason(rule: str, sentence: str) -> str:
    """A rule's sentence: the baseline's are translated, an agreement's stand as they were signed."""
    return gettext(sentence) if sentence and access.is_baseline(rule) else sentence


def meaning(rule: Rule) -> dict[str, Any]:
    """A rule in words: for whom, what, on which things, when. An empty list means all of its kind."""
    return {
        "id": rule.id,
        "allows": rule.effect == "allow",
        "sentence": reason(rule.id, rule.reason),
        "own": access.is_own(rule.id),
        "who": [*map(role_words, rule.roles), *map(class_words, rule.party_classes), *rule.parties],
        "what": [action_words(Action(action)) for action in rule.actions],
        "on": [
            *map(origin_words, rule.origins),
            *(gettext("marked %(code)s", code=code) for code in rule.handlings),
            *(gettext("in compartment %(key)s", key=key) for key in rule.compartments),
        ],
        "when": [phase_words(phase) for phase in rule.phases],
    }


def rule_line(rule: Rule) -> str:
    """A rule as one line of plain text."""
    said = meaning(rule)
    head = gettext("allows") if said["allows"] else gettext("forbids")
    who = ", ".join(said["who"]) or gettext("everybody")
    rest = "; ".join(filter(None, (", ".join(said["on"]), ", ".join(said["when"]))))
    return f"{rule.id} {head} {who}: {', '.join(said['what'])}" + (f" ({rest})" if rest else "") + f". {rule.reason}"


def profile_words(profile: Profile) -> str:
    """A sort of people."""
    return str(gettext("%(role)s, %(party)s", role=role_words(profile.role), party=profile.party))


def effect_line(one: Effect) -> str:
    """What changes for whom, as a sentence."""
    values = {
        "who": profile_words(one.profile),
        "what": action_words(one.action),
        "on": origin_words(one.origin),
        "codes": ", ".join(one.handlings),
    }
    if one.allowed:
        return str(gettext("%(who)s may from now on: %(what)s (%(on)s, marked %(codes)s).", **values))
    return str(gettext("%(who)s may no longer: %(what)s (%(on)s, marked %(codes)s).", **values))


def effect_lines(effects: Iterable[Effect]) -> list[dict[str, Any]]:
    """The sentences of a comparison, what is taken away first."""
    found = [{"allowed": one.allowed, "words": effect_line(one), "clause": one.clause} for one in effects]
    return sorted(found, key=lambda one: bool(one["allowed"]))
