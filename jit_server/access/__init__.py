"""Who may do what: actors and their standing, the kinds rules speak of, and Casbin's answer with its reason."""

from jit_server.access.actors import (
    ANONYMOUS,
    OPERATOR,
    SYSTEM,
    Actor,
    Standing,
    standing,
    standings_among,
    standings_in,
    standings_of,
)
from jit_server.access.grants import granted, live_grant
from jit_server.access.kinds import Action, Gate, Handling, Origin, PartyClass, Phase, Remedy, Role
from jit_server.access.policy import OUTSIDE, Decision, Policy, Room
from jit_server.access.rows import Refusal, kinds_of, known_by, table_of
from jit_server.access.rules import Rule, Source, baseline, is_baseline, is_own, source_of
from jit_server.access.store import baseline_policy, policies_of, policy_of, with_clauses

__all__ = [
    "ANONYMOUS",
    "OPERATOR",
    "OUTSIDE",
    "SYSTEM",
    "Action",
    "Actor",
    "Decision",
    "Gate",
    "Handling",
    "Origin",
    "PartyClass",
    "Phase",
    "Policy",
    "Refusal",
    "Remedy",
    "Role",
    "Room",
    "Rule",
    "Source",
    "Standing",
    "baseline",
    "baseline_policy",
    "granted",
    "is_baseline",
    "is_own",
    "kinds_of",
    "known_by",
    "live_grant",
    "policies_of",
    "policy_of",
    "source_of",
    "standing",
    "standings_among",
    "standings_in",
    "standings_of",
    "table_of",
    "with_clauses",
]
