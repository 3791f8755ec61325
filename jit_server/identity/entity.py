"""What this server says of itself in a federation (OpenID Federation 1.0, sections 3.1 and 9).

Identity providers learn from it, and from the superiors it names, where people come back to and by which keys this
server proves itself. Its federation key follows from the server's own; each issuer's is in the metadata.
"""

from datetime import timedelta
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives import serialization
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlmodel import col

from jit_server.access import SYSTEM
from jit_server.core.errors import NotFound, Unavailable
from jit_server.core.keys import SigningKey
from jit_server.identity import credentials
from jit_server.identity.models import Agency, AuthMethod, Issuer, Trust
from jit_server.identity.trust.resolver import WELL_KNOWN
from jit_server.identity.trust.statements import TYPE
from jit_server.identity.usecases.ways import door
from jit_server.web.context import house
from jit_server.web.declared import declare, public
from jit_server.work import UnitOfWork, rows_by_id

LIFE: Final = timedelta(days=1)
PURPOSE: Final = b"jit-server federation v1"

pages = Blueprint("entity", __name__)
_logger = structlog.get_logger(__name__)


def entity_key(key: SigningKey) -> ECKey:
    """The federation key of the server whose log this key signs; always the same for the same key."""
    plain = serialization.NoEncryption()
    pem = key.elliptic(PURPOSE).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return ECKey.import_key(pem)


def statement(uow: UnitOfWork) -> str:
    """This server's entity configuration, signed now.

    Raises:
        NotFound: it belongs to no federation (`JIT_FEDERATION_SUPERIORS`).
    """
    superiors = uow.house.settings.federation_superiors.split()
    if not superiors:
        raise NotFound("This server belongs to no federation.")
    key, entity = entity_key(uow.house.key), uow.house.settings.base_url.rstrip("/")
    claims = {
        "iss": entity,
        "sub": entity,
        "iat": int(uow.now.timestamp()),
        "exp": int((uow.now + LIFE).timestamp()),
        "jwks": {"keys": [public_jwk(key)]},
        "authority_hints": superiors,
        "metadata": {"federation_entity": {"organization_name": uow.house.key.name}} | _relying_party(uow, entity),
    }
    return jwt.encode({"typ": TYPE, "alg": "ES256", "kid": key.thumbprint()}, claims, key)


def public_jwk(key: ECKey) -> dict[str, Any]:
    """The public half, under its thumbprint."""
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "ES256"}


def _relying_party(uow: UnitOfWork, entity: str) -> dict[str, Any]:
    """As what this server signs people in: for the issuers that it believes by a chain, and for no others."""
    chosen = col(Issuer.trust) == Trust.FEDERATION, col(Issuer.auth_method) == AuthMethod.PRIVATE_KEY_JWT
    found = [(one, _key_at(one)) for one in uow.every(Issuer, col(Issuer.retired_at).is_(None), *chosen)]
    usable = [(issuer, key) for issuer, key in found if key is not None]
    if not usable:
        return {}
    agencies = rows_by_id(uow, Agency, {issuer.agency_id for issuer, _ in usable})
    doors = [f"{entity}{door(agencies[one.agency_id].slug, one.key)}/callback" for one, _ in usable]
    keys = {key["kid"]: key for _, key in usable}
    return {
        "openid_relying_party": {
            "client_name": uow.house.key.name,
            "client_registration_types": ["automatic"],
            "application_type": "web",
            "redirect_uris": sorted(doors),
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "private_key_jwt",
            "require_pushed_authorization_requests": True,
            "jwks": {"keys": [keys[name] for name in sorted(keys)]},
        }
    }


def _key_at(issuer: Issuer) -> dict[str, Any] | None:
    """The key by which this server proves itself there; an unreadable one must not silence it everywhere."""
    try:
        return credentials.public_jwk(issuer)
    except Unavailable:
        _logger.warning("client key unreadable", issuer=issuer.url)
        return None


def configuration() -> ResponseReturnValue:
    """The statement, for whoever asks."""
    with house().work(SYSTEM) as uow:
        return Response(statement(uow), mimetype=f"application/{TYPE}")


pages.add_url_rule(
    WELL_KNOWN,
    "configuration",
    declare(configuration, public("identity providers of a federation read what this server says of itself")),
)
