"""What W8 shows of an exhibit's parent and children, and what W7 asks of a copy made from an exhibit."""

from typing import Any
from uuid import UUID

from jit_server import evidence, workspaces
from jit_server.access import Action
from jit_server.evidence import Derived, EvidenceItem
from jit_server.evidence.custody.words import derived_words
from jit_server.evidence.decisions import brief
from jit_server.work import UnitOfWork


def about(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any]:
    """The values of `evidence/_derivations.html`."""
    found = evidence.kin(uow, item)
    parent = found.parent.model_dump() | {"how": derived_words(found.parent.kind)} if found.parent else None
    children = [one.model_dump() | {"how": derived_words(one.kind)} for one in found.children]
    standing = workspaces.standing_of(uow, item.workspace_id)
    may = uow.permits(Action.EVIDENCE_DOWNLOAD, item) and uow.decide(Action.EVIDENCE_REGISTER, None, standing).allowed
    tree = evidence.family(uow, item)
    return {"kin": {"parent": parent, "children": children, "may": may, "family": _worded(tree) if tree else None}}


def _worded(node: dict[str, Any]) -> dict[str, Any]:
    """The same tree, with words for how each copy was made."""
    how = derived_words(Derived(node["how"])) if node["how"] else ""
    return node | {"how": how, "children": [_worded(one) for one in node["children"]]}


def asked(uow: UnitOfWork, workspace_id: UUID, number: str) -> dict[str, Any]:
    """What W7 shows of the exhibit with this number, from which the new one was made; nothing where none is named."""
    if not number:
        return {"parent": None, "derived": []}
    item_id = evidence.numbered(uow, workspace_id, number)
    parent = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_DOWNLOAD, within=workspace_id)
    uow.record("evidence:listed", parent)
    ways = [(str(one), derived_words(one)) for one in Derived]
    return {"parent": brief(parent) | {"id": str(parent.id)}, "derived": ways}
