"""Changes to the rules of access that no tool makes: in SQL, in constants, in the baseline, in the unit of work's gate.

Each is one rule broken on purpose. A test must notice; `make mutation` tries them all (`tests/access/mutation.py`).
"""

from dataclasses import dataclass

GATE = (
    "tests/access/test_grants.py",
    "tests/access/test_standing.py",
    "tests/consents/test_asking.py",
    "tests/consents/test_emergencies.py",
    "tests/evidence/test_third_countries.py",
    "tests/identity/test_programs.py",
)
"""Tests of what grants open, for changes to the unit of work."""


@dataclass(frozen=True)
class Change:
    """One rule broken: in this file, this text becomes that one."""

    breaks: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...] = ()
    """Where to look; by default what mutmut looks at."""


def _in(path: str, *changes: tuple[str, str, str], tests: tuple[str, ...] = ()) -> list[Change]:
    return [Change(breaks, path, old, new, tests) for breaks, old, new in changes]


CHANGES = [
    *_in(
        "jit_server/access/grants.py",
        ("a grant ends", " AND expires_at > now()", ""),
        ("a grant may be revoked", " AND revoked_at IS NULL", ""),
        ("a grant is for one party", "party_id = :party", "party_id IS NOT NULL"),
        ("a grant is for one person", "person_id = :person", "person_id IS NOT NULL"),
        ("a grant is for the actions it names", ":action = ANY(actions)", "true"),
        ("a consent is a grant", "'consent', ", ""),
        ("a verified release is a grant", "'outbound', ", ""),
        ("an emergency is a grant", ", 'break_glass'", ""),
        ("a grant is for one thing", " AND subject_id = :subject AND", " AND"),
        ("a grant is for one workspace", "workspace_id = :workspace AND subject_id", "subject_id"),
        ("a list keeps to its team", "workspace_id = :workspace AND {_LIVE}", ":workspace <> id AND {_LIVE}"),
        ("the longest grant is named", "DESC", "ASC"),
        ("a grant opens what it names", "ColumnElement[bool] = table.id.in_(", "ColumnElement[bool] = ~table.id.in_("),
    ),
    *_in(
        "jit_server/access/actors.py",
        ("a standing is of one workspace", "person_id = :person AND workspace_id = :workspace", "person_id = :person"),
        ("a standing is of one person", "WHERE person_id = :person AND workspace_id", "WHERE workspace_id"),
        ("standings are of one person", 'standing WHERE person_id = :person")', 'standing")'),
        ("standings are of the people named", ":workspace AND person_id = ANY(:people)", ":workspace"),
        ("standings among teams are of these people", "(:workspaces) AND person_id = ANY(:people)", "(:workspaces)"),
        ("standings are of the workspace", "workspace_id = :workspace AND person_id = ANY", "person_id = ANY"),
        ("standings among teams are of these teams", "workspace_id = ANY(:workspaces) AND ", ""),
        ("the second wall knows the operator", '{"system", "operator"}', '{"system"}'),
        ("the second wall knows people", "return str(self.person_id)", 'return "system"'),
        ("a party is part of a profile", "self.party_class, self.party_id", "self.party_class, self.workspace_id"),
    ),
    *_in(
        "jit_server/access/policy.py",
        ("an international court is outside", ", PartyClass.INTL_JUDICIAL_AUTHORITY})", "})"),
        ("a third country is outside", "frozenset({PartyClass.THIRD_COUNTRY, ", "frozenset({"),
        ("lines are found by their action", "found[line[8]]", "found[line[7]]"),
    ),
    *_in(
        "jit_server/access/store.py",
        ("a version's lines are its own", " AND l.policy_version = w.version", ""),
        ("a workspace's lines are its own", "l.workspace_id = w.id AND ", ""),
        ("a workspace's rooms are its own", " WHERE c.workspace_id = ANY(:workspaces)", ""),
        ("only what is settled is remembered", "xmin IS DISTINCT FROM", "xmin IS NOT DISTINCT FROM"),
        ("the secretariat's denial is D2", 'SECRETARIAT = "D2"', 'SECRETARIAT = "D5"'),
    ),
    *_in(
        "jit_server/work.py",
        ("a grant lifts no quarantine", "if not own.allowed or not policy", "if not policy"),
        ("a list's grants lift no quarantine", "and_(inside, access.granted(", "and_(True, access.granted("),
        ("lists hold what was granted", "found = or_(found, and_(inside", "found = and_(found, and_(inside"),
        ("a key does what it was given", "if scopes is not None and action not in scopes:", "if False:"),
        ("a key lists what it was given", "(scopes is not None and to not in scopes) or ", ""),
        ("what is hidden is absent", "if not decision.allowed and known_by is not", "if False and known_by is not"),
        ("a child belongs to its parent", "or (within is not None and log_of(row) != within)", ""),
        tests=GATE,
    ),
]  # fmt: skip


def denials(baseline: str) -> list[Change]:
    """Each denial of the baseline taken away."""
    lines = [line for line in baseline.splitlines(keepends=True) if ",deny," in line and not line.startswith("#")]
    return [Change(f"denial {line.partition(',')[0]}", "policies/baseline.csv", line, "") for line in lines]
