"""What this server's SCIM service is: one resource, few attributes, no bulk, no sorting."""

from typing import Annotated, Any

from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    External,
    Filter,
    Patch,
    Reference,
    Required,
    Resource,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_server.service import ScimService

MOST = 200
"""People on one page."""


class Name(ComplexAttribute):
    """A name in its parts, as the directory keeps it."""

    formatted: str | None = None
    """The whole name, as it is shown."""
    family_name: str | None = None
    """The family name."""
    given_name: str | None = None
    """The given name."""


class User(Resource[Any]):
    """A person of the agency. Nothing else of the core schema is kept: what a team need not know stays at home."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true, CaseExact.false] = None
    """The name by which the directory knows the person."""
    name: Name | None = None
    """The name in its parts."""
    display_name: str | None = None
    """The name as it is shown."""
    active: bool | None = None
    """Whether the person may sign in here."""
    preferred_language: str | None = None
    """A language tag, for the person's first pages here."""
    timezone: str | None = None
    """An Olson name, for the person's first pages here."""


CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MOST),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=True),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="A token of the agency, made by its administrators",
            spec_uri=Reference[External]("https://datatracker.ietf.org/doc/html/rfc6750"),
        )
    ],
)
POLICY = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)
"""Directories send what they have; what is not kept here is passed over."""
SERVICE = ScimService(ScimProvider(models=[User], config=CONFIG, policy=POLICY))
