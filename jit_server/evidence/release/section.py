"""What W8 says of an exhibit's releases: to whoever released it, and to whoever it was released to."""

from typing import Any

from jit_server import evidence
from jit_server.evidence import EvidenceItem
from jit_server.work import UnitOfWork


def about(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any]:
    """The values of `evidence/_releases.html`."""
    proposed = evidence.proposed_release(uow, item)
    return {
        "releases": [one.model_dump() for one in evidence.releases_of(uow, item)],
        "released": [one.model_dump() for one in evidence.released_to_me(uow, item)],
        "proposed": proposed.id if proposed else None,
        "partners": any(party.id != item.party_id for party in evidence.partners(uow, item.workspace_id)),
    }
