"""From which original an exhibit comes, over how many copies, and what else was made of that original (MISSION D12)."""

from collections import defaultdict
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from jit_server.evidence.derivation.models import Derivation
from jit_server.evidence.erasure.models import Erasure
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.acting import known_among
from jit_server.work import UnitOfWork

MOST: Final = 200
LEVELS: Final = 10
_UP = text("""
    WITH RECURSIVE up AS (
        SELECT upload_id, parent_id, 1 AS level FROM derivation WHERE upload_id = :id
        UNION ALL
        SELECT d.upload_id, d.parent_id, up.level + 1 FROM derivation d JOIN up ON d.upload_id = up.parent_id
         WHERE up.level < :levels
    ) SELECT parent_id FROM up ORDER BY level
""")
_DOWN = text("""
    WITH RECURSIVE down AS (
        SELECT upload_id, parent_id, made_at, 1 AS level FROM derivation WHERE parent_id = :id
        UNION ALL
        SELECT d.upload_id, d.parent_id, d.made_at, down.level + 1 FROM derivation d
          JOIN down ON d.parent_id = down.upload_id WHERE down.level < :levels
    ) SELECT upload_id FROM down ORDER BY level, made_at LIMIT :most
""")


def family(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any] | None:
    """The original and all that was made of it, as a tree; None where there is nothing beyond parent and children.

    It begins with the earliest original that the actor may know of without a gap, and leaves out what hangs on
    something hidden: nothing tells of that.
    """
    above = list(uow.session.execute(_UP, {"id": item.id, "levels": LEVELS}).scalars())
    known = known_among(uow, above, [item.workspace_id])
    root = item.id
    for one in above:
        if one not in known:
            break
        root = one
    below = list(uow.session.execute(_DOWN, {"id": root, "levels": LEVELS, "most": MOST}).scalars())
    known |= known_among(uow, {*below, root, item.id}, [item.workspace_id])
    made = uow.session.scalars(
        select(Derivation).where(col(Derivation.upload_id).in_(below)).order_by(col(Derivation.made_at))
    )
    children: defaultdict[UUID, list[Derivation]] = defaultdict(list)
    for row in made:
        children[row.parent_id].append(row)
    if root == item.id and not any(children[row.upload_id] for row in children[root]):
        return None
    erased = set(uow.session.scalars(select(col(Erasure.item_id)).where(col(Erasure.item_id).in_(known))))

    def node(key: UUID, how: str) -> dict[str, Any]:
        below_it = [node(row.upload_id, str(row.kind)) for row in children[key] if row.upload_id in known]
        said = {"number": known[key].number, "title": known[key].title, "how": how}
        return said | {"here": key == item.id, "erased": key in erased, "children": below_it}

    tree = node(root, "")
    return tree if root != item.id or any(one["children"] for one in tree["children"]) else None
