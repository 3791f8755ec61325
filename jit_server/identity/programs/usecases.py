"""What administrators do about their agency's programs."""

from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import col

from jit_server.core.errors import Conflict, NotFound
from jit_server.identity import sessions
from jit_server.identity.models import Issuer, Person
from jit_server.identity.programs import keys
from jit_server.identity.programs.models import ApiClient, ClientOut, KeyOut, NewClient, NewKeys, Shown
from jit_server.identity.usecases.administering import administered_agency, seen_agency
from jit_server.work import UnitOfWork

SUBJECT: Final = "program:"
"""How the person of a program is named; no identity provider can sign it in."""


def create_client(uow: UnitOfWork, new: NewClient) -> Shown:
    """Give the agency a program of its own: with the keys stated for it, else with a secret that is shown once.

    Raises:
        NotPermitted: the actor does not administer an agency.
        StepUp: the sign-in is too old.
        Conflict: the agency has no identity provider yet.
    """
    agency = administered_agency(uow)
    uow.require_fresh_sign_in()
    issuer = next(iter(uow.every(Issuer, col(Issuer.agency_id) == agency.id, col(Issuer.retired_at).is_(None))), None)
    if issuer is None or uow.actor.person_id is None:
        raise Conflict("Your agency has no identity provider yet.")
    key = uuid4()
    person = uow.add(
        Person(
            issuer_id=issuer.id,
            sub=f"{SUBJECT}{key}",
            agency_id=agency.id,
            name=new.name,
            service=True,
            created_at=uow.now,
        )
    )
    uow.session.flush()
    secret = sessions.new_secret() if new.jwks is None else ""
    client = uow.add(
        ApiClient(
            id=key,
            person_id=person.id,
            agency_id=agency.id,
            name=new.name,
            secret_hash=sessions.hashed(secret) if secret else None,
            jwks=new.jwks,
            scopes=sorted(str(scope) for scope in set(new.scopes)),
            created_by=uow.actor.person_id,
            created_at=uow.now,
            expires_at=uow.now + timedelta(days=new.days),
        )
    )
    shown = [one.thumbprint for one in _keys(client)]
    uow.record(
        "program:added", client, agency=agency.slug, scopes=client.scopes, expires_at=client.expires_at, keys=shown
    )
    return Shown(client, secret)


def rotate_secret(uow: UnitOfWork, client_id: UUID) -> Shown:
    """Give a program a new secret; the old one and all its tokens end now."""
    client = _mine(uow, client_id)
    uow.require_fresh_sign_in()
    if client.revoked_at is not None:
        raise Conflict("This key was revoked: make another.")
    if client.jwks is not None:
        raise Conflict("This program proves itself by a key of its own, which is stronger than a secret: replace that.")
    secret = sessions.new_secret()
    client.secret_hash = sessions.hashed(secret)
    _end_tokens(uow, client)
    uow.record("program:rotated", client, agency=administered_agency(uow).slug)
    return Shown(client, secret)


def replace_keys(uow: UnitOfWork, client_id: UUID, new: NewKeys) -> ApiClient:
    """Let a program prove itself by these keys from now on; its secret or old keys and all its tokens end.

    Raises:
        NotFound: no such program of the agency.
        StepUp: the sign-in is too old.
        Conflict: it was revoked.
    """
    client = _mine(uow, client_id)
    uow.require_fresh_sign_in()
    if client.revoked_at is not None:
        raise Conflict("This key was revoked: make another.")
    client.secret_hash, client.jwks = None, new.jwks
    _end_tokens(uow, client)
    agency = administered_agency(uow)
    uow.record("program:rotated", client, agency=agency.slug, keys=[one.thumbprint for one in _keys(client)])
    return client


def revoke_client(uow: UnitOfWork, client_id: UUID) -> ApiClient:
    """End a program's access for good, now."""
    client = _mine(uow, client_id)
    if client.revoked_at is None:
        client.revoked_at = uow.now
        person = uow.find(Person, id=client.person_id)
        if person is not None:
            person.disabled_at = uow.now
            person.epoch += 1
        _end_tokens(uow, client)
        uow.record("program:revoked", client, agency=administered_agency(uow).slug)
    return client


def list_clients(uow: UnitOfWork) -> list[ClientOut]:
    """The agency's programs, newest first; its auditors see them too."""
    agency = seen_agency(uow)
    found = uow.every(ApiClient, col(ApiClient.agency_id) == agency.id)
    return [_out(one) for one in sorted(found, key=lambda one: one.created_at, reverse=True)]


def client_of(uow: UnitOfWork, client_id: UUID) -> ClientOut:
    """One of the agency's programs.

    Raises:
        NotFound: another agency's, or none.
    """
    client = uow.find(ApiClient, id=client_id)
    if client is None or client.agency_id != seen_agency(uow).id:
        raise NotFound
    return _out(client)


def _out(one: ApiClient) -> ClientOut:
    return ClientOut(**one.model_dump(include=set(ClientOut.model_fields) - {"keys"}), keys=_keys(one))


def _keys(client: ApiClient) -> list[KeyOut]:
    stated = client.jwks["keys"] if client.jwks else ()
    return [
        KeyOut(kid=one["kid"], kind=keys.ALGORITHMS[one["kty"]][0], thumbprint=keys.thumbprint(one)) for one in stated
    ]


def _mine(uow: UnitOfWork, client_id: UUID) -> ApiClient:
    client = uow.find(ApiClient, id=client_id)
    if client is None or client.agency_id != administered_agency(uow).id:
        raise NotFound
    return client


def _end_tokens(uow: UnitOfWork, client: ApiClient) -> None:
    uow.connection.execute(text("DELETE FROM api_token WHERE client_id = :client"), {"client": client.id})
