"""The agreement's pages beside its text: what waits for a signature, every version, what differs."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from flask_babel import gettext

from jit_server.core.errors import NotFound
from jit_server.identity.models import Agency
from jit_server.work import UnitOfWork
from jit_server.workspaces import differences
from jit_server.workspaces.models import AgreementOut, NewAgreement, VersionKind
from jit_server.workspaces.usecases import agreements, signing
from jit_server.workspaces.views import editor
from jit_server.workspaces.views.frame import banner


def to_sign(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """The text that waits for the actor's signature, for a member or for a leader whom it brings in.

    Raises:
        NotFound: nothing waits for them.
    """
    inside = uow.standing(workspace_id) is not None
    if inside:
        waiting = agreements.offered(uow, workspace_id)
        before = agreements.in_force(uow, workspace_id)
    else:
        waiting, before = signing.offer(uow, workspace_id).agreement, None
    if waiting is None:
        raise NotFound("No text waits for signatures here.")
    mine = next((one for one in waiting.parties if one.slug == _own(uow)), None)
    told = sentences(
        differences.between(NewAgreement.model_validate(before.document), NewAgreement.model_validate(waiting.document))
        if before is not None
        else ()
    )
    values = {
        "agreement": shown(waiting),
        "workspace_id": workspace_id,
        "name": waiting.document["name"],
        "headings": editor.text(uow, waiting.document),
        "told": told if before is not None else None,
        "parties": [party.model_dump() | {"agency": party.authority} for party in waiting.parties],
        "can_sign": {"party": mine.authority} if mine is not None and mine.signs and mine.signed_at is None else None,
        "minutes": uow.house.settings.fresh_minutes,
    }
    return values | ({"workspace": banner(uow, workspace_id), "here": "agreement"} if inside else {})


def _own(uow: UnitOfWork) -> str | None:
    agency = uow.find(Agency, id=uow.actor.agency_id) if uow.actor.agency_id else None
    return agency.slug if agency is not None else None


def shown(one: AgreementOut) -> dict[str, Any]:
    """A version's line."""
    return {
        "version": one.version,
        "state": str(one.state),
        "kind": str(one.kind),
        "words": kind_words(one),
        "base": one.base_version,
        "digest": one.digest,
        "sha256": one.digest.removeprefix("sha256:"),
        "at": one.in_force_at or one.created_at,
        "signed": sum(party.signed_at is not None for party in one.parties if party.signs),
        "signs": sum(party.signs for party in one.parties),
    }


def kind_words(one: AgreementOut) -> str:
    """How a version comes into force."""
    if one.kind is VersionKind.LEAVING:
        return str(gettext("A party left"))
    if one.kind is VersionKind.MEMBERS:
        return str(gettext("A party named other members"))
    return str(gettext("Amendment") if one.base_version else gettext("First text"))


def every(uow: UnitOfWork, workspace_id: UUID) -> list[dict[str, Any]]:
    """Each version, newest first; the caller has asked who may know."""
    return [shown(agreements.shown(uow, one)) for one in agreements.versions_of(uow, workspace_id)]


def sentences(found: Iterable[differences.Difference]) -> list[str]:
    """What differs, in the reader's language."""
    return [gettext(one.words, **one.values) for one in found]


def lines(uow: UnitOfWork, workspaces: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """Lines of my day: texts that wait for the actor's signature, where they belong and where they would join."""
    found = [_line(gettext("Sign, to join the team"), one.name, one.id, "/sign") for one in signing.joining(uow)]
    for one in signing.waiting_for(uow, workspaces) if workspaces else ():
        amends = one.base_version is not None
        title = gettext("Sign the amendment") if amends else gettext("Sign the agreement")
        found.append(_line(title, workspaces[one.workspace_id], one.workspace_id, "/sign" if amends else ""))
    return found


def _line(title: str, name: str, workspace_id: UUID, page: str) -> dict[str, Any]:
    return {"kind": "sign", "title": title, "sub": name, "url": f"/w/{workspace_id}/agreement{page}", "at": None}
