"""Acts that take two people: each kind says who may propose it, whether it still holds, and how it is done.

Rooms above register their kinds (a release, an erasure); this room knows closing a workspace.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jit_server.access import Action
from jit_server.consents.models import Approval
from jit_server.core.errors import Invalid
from jit_server.work import UnitOfWork


@dataclass(frozen=True)
class Act:
    """One kind of act.

    `find` fetches its subject for whoever may propose it. `stands` raises when the payload no longer fits the world,
    with what is in the way. `perform` does it, once, inside the second person's unit of work.
    """

    kind: str
    propose: Action
    find: Callable[[UnitOfWork, UUID, UUID], Any]
    stands: Callable[[UnitOfWork, Any, dict[str, Any]], None]
    perform: Callable[[UnitOfWork, Any, dict[str, Any], str], None]


_acts: dict[str, Act] = {}


def register(act: Act) -> Act:
    """Take a kind in."""
    _acts[act.kind] = act
    return act


def act_of(kind: str) -> Act:
    """The kind of that name.

    Raises:
        Invalid: there is none.
    """
    if kind not in _acts:
        raise Invalid.field("kind", f"{kind} is no act known here", f"Choose one of {', '.join(sorted(_acts))}.")
    return _acts[kind]


def digest_of(approval: Approval) -> str:
    """What both people mean: SHA-256 over kind, subject and payload in a fixed shape."""
    meant = [approval.kind, str(approval.workspace_id), str(approval.subject_id), approval.payload]
    text = json.dumps(meant, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
