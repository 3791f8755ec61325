"""Who may do what: actors and their standing, the kinds rules speak of, and Casbin's answer with its reason."""

from jit_server.access.actors import (
    ANONYMOUS,
    OPERATOR,
    SYSTEM,
    Actor,
    Standing,
    standing,
    standings_in,
    standings_of,
)
from jit_server.access.kinds import Action, Handling, Origin, PartyClass, Phase, Role
from jit_server.access.policy import Decision, Policy
from jit_server.access.rows import Refusal, kinds_of, known_by
from jit_server.access.rules import Rule, baseline, is_baseline
from jit_server.access.store import baseline_policy, policy_of

__all__ = [
    "ANONYMOUS",
    "OPERATOR",
    "SYSTEM",
    "Action",
    "Actor",
    "Decision",
    "Handling",
    "Origin",
    "PartyClass",
    "Phase",
    "Policy",
    "Refusal",
    "Role",
    "Rule",
    "Standing",
    "baseline",
    "baseline_policy",
    "is_baseline",
    "kinds_of",
    "known_by",
    "policy_of",
    "standing",
    "standings_in",
    "standings_of",
]
