"""Verbs: which trust anchors count for which State, and how a federated issuer is described by them."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col

from jit_server.core.errors import Invalid, NotFound, NotPermitted
from jit_server.identity import transport
from jit_server.identity.models import Agency, Issuer, State, Trust
from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.models import NewAnchor, TrustAnchor
from jit_server.identity.trust.resolver import Anchor
from jit_server.identity.trust.source import Federated
from jit_server.identity.trust.statements import federation_keys
from jit_server.work import UnitOfWork


def _operator(uow: UnitOfWork) -> None:
    if uow.actor.kind not in {"operator", "system"}:
        raise NotPermitted("Trust anchors are the operator's affair: jit-server agency anchor --help")


def add_anchor(uow: UnitOfWork, new: NewAnchor) -> TrustAnchor:
    """Let an entity vouch for the identity providers of a State's agencies.

    The same entity again replaces its keys and the marks it demands: the row before is retired, and stays on record.

    Raises:
        Invalid: an unknown State, an address that is not spoken to, or keys that cannot be used.
    """
    _operator(uow)
    if uow.find(State, code=new.state) is None:
        raise Invalid.field("state", f"{new.state} is no State or body known here", "Use the ISO 3166-1 alpha-2 code.")
    loopback = uow.house.settings.oidc_allow_loopback
    try:
        transport.allow(new.entity_id, new.entity_id, loopback=loopback)
    except transport.Refusal as error:
        raise Invalid.field("entity_id", str(error), "State the anchor's https address.") from error
    _check_keys(new.jwks)
    before = uow.find(TrustAnchor, state=new.state, entity_id=new.entity_id, retired_at=None)
    if before is not None:
        _retire(uow, before)
        uow.session.flush()
    made = uow.add(TrustAnchor.model_validate(new, update={"added_at": uow.now, "marks": list(new.marks)}))
    uow.record(
        "anchor:added", made, state=made.state, entity=made.entity_id, replaced=before is not None, marks=made.marks
    )
    return made


def _check_keys(jwks: dict[str, Any]) -> None:
    try:
        federation_keys(jwks)
    except Broken as error:
        raise Invalid.field(
            "jwks", error.detail, "Give the public JWK set that the anchor's operator handed over."
        ) from error
    if any("d" in key for key in jwks["keys"]):
        raise Invalid.field("jwks", "it holds a private key", "Give the public JWK set only.")


def anchors(uow: UnitOfWork, state: str | None = None, *, retired: bool = False) -> Sequence[TrustAnchor]:
    """The trust anchors, by State and entity."""
    where: list[ColumnElement[bool]] = [] if retired else [col(TrustAnchor.retired_at).is_(None)]
    if state is not None:
        where.append(col(TrustAnchor.state) == state)
    return sorted(uow.every(TrustAnchor, *where), key=lambda one: (one.state, one.entity_id, one.added_at))


def retire_anchor(uow: UnitOfWork, state: str, entity_id: str) -> TrustAnchor:
    """Take an entity's word no longer. Sign-ins by its chains end at once; sessions end by `agency end-sessions`."""
    _operator(uow)
    found = uow.find(TrustAnchor, state=state, entity_id=entity_id, retired_at=None)
    if found is None:
        raise NotFound(f"{entity_id} is no trust anchor of {state}.")
    _retire(uow, found)
    return found


def _retire(uow: UnitOfWork, anchor: TrustAnchor) -> None:
    anchor.retired_at = uow.now
    uow.add(anchor)
    uow.record("anchor:retired", anchor, state=anchor.state, entity=anchor.entity_id)


def anchors_of(uow: UnitOfWork, state: str) -> tuple[Anchor, ...]:
    """The State's anchors as the resolver needs them."""
    return tuple(
        Anchor(one.entity_id, json.dumps(one.jwks, sort_keys=True), tuple(one.marks)) for one in anchors(uow, state)
    )


def source_of(uow: UnitOfWork, agency: Agency, issuer: Issuer) -> Federated | None:
    """Where the issuer's description comes from; None for one that was registered here by hand."""
    if issuer.trust != Trust.FEDERATION:
        return None
    return Federated(issuer.url, anchors_of(uow, agency.state), loopback=uow.house.settings.oidc_allow_loopback)


def rely_on(uow: UnitOfWork, issuer_id: UUID, why: Trust) -> Issuer:
    """Believe an issuer by its trust chain from now on, or again by its registration here.

    Raises:
        NotFound: no live issuer has this id.
        Invalid: no anchor of the agency's State could vouch for it.
    """
    _operator(uow)
    found = uow.find(Issuer, id=issuer_id, retired_at=None)
    mine = uow.find(Agency, id=found.agency_id) if found else None
    if found is None or mine is None:
        raise NotFound(f"There is no issuer {issuer_id} here.")
    if why is Trust.FEDERATION and not anchors_of(uow, mine.state):
        remedy = "Register one first: jit-server agency anchor add --help"
        raise Invalid.field("trust", f"no trust anchor of {mine.state} is registered", remedy)
    found.trust = why
    uow.add(found)
    uow.record("issuer:changed", found, agency=mine.slug, url=found.url, fields=["trust"], trust=str(why))
    return found
