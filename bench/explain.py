"""How long it takes to tell somebody why they may, or may not: rule, clause, sentence, remedy and who can grant it."""

import time
from collections.abc import Iterator
from typing import Any

from bench.env import Env, case
from jit_server import workspaces
from jit_server.access import Action
from tests.evidence.builders import exhibit

LIMIT_MS = 5.0


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """A refusal of a marked exhibit, asked by its reader, in a unit of work of its own; the middle and the slow end."""
    team = env.world.workspace()
    asker = team.join("FR")
    item = exhibit(team, team.admin, handling="H2")
    taken = []
    for _ in range(100 if quick else 500):
        started = time.perf_counter()
        with env.house.work(asker.actor) as uow:
            found = workspaces.explain(uow, team.id, Action.EVIDENCE_READ, subject=("evidence_item", item.id))
        taken.append((time.perf_counter() - started) * 1e3)
        assert not found.allowed
    taken.sort()
    for name, share in (("explain_p50", 0.5), ("explain_p95", 0.95)):
        value = taken[int(share * len(taken))]
        bar = LIMIT_MS if share == 0.5 else None
        yield case(name, value, "ms", bar=bar, holds=None if bar is None else value <= bar)
