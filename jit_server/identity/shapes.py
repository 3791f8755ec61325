"""What callers state about agencies, issuers and people: nothing unknown is taken, nothing coerced away."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from jit_server.identity.models import LANGUAGE, SLUG, AuthMethod, Claim, Profile, SendKey, Theme, Trust

Text64 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Text120 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Text255 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
ClaimName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)]
IssuerUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$", max_length=255)]


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewAgency(_Stated):
    """An agency as the operator states it."""

    state: Annotated[str, StringConstraints(to_upper=True, min_length=2, max_length=12)]
    name: Text120
    own_name: Text120
    language: Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)] = "en"
    slug: Annotated[str, StringConstraints(pattern=SLUG)]


class ClaimMap(_Stated):
    """Which claim of the ID token means what here; an empty name reads nothing. Read again at every sign-in."""

    name: ClaimName = "name"
    email: ClaimName = "email"
    locale: ClaimName = "locale"
    zone: ClaimName = "zoneinfo"
    groups: ClaimName = ""
    required_groups: Annotated[tuple[Text255, ...], Field(max_length=50)] = ()
    """One of these lets a person in; whoever has none is refused, and their sessions end."""
    admin_groups: Annotated[tuple[Text255, ...], Field(max_length=50)] = ()
    auditor_groups: Annotated[tuple[Text255, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _groups_need_their_claim(self) -> Self:
        if (self.required_groups or self.admin_groups or self.auditor_groups) and not self.groups:
            msg = "name the claim that lists a person's groups"
            raise ValueError(msg)
        return self


class NewIssuer(_Stated):
    """An identity provider: what this server knows of it, and what it must assert."""

    url: IssuerUrl
    client_id: Text255
    auth_method: AuthMethod
    credential_file: Path
    key: Annotated[str, StringConstraints(pattern=f"^$|{SLUG}")] = ""
    label: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)] = ("ES256", "PS256", "RS256")
    profile: Profile = Profile.OIDC
    trust: Trust = Trust.MANUAL
    acr_accepted: Annotated[tuple[Text255, ...], Field(max_length=20)] = ()
    amr_required: Annotated[tuple[Text64, ...], Field(max_length=20)] = ()
    step_up_acr: Annotated[tuple[Text255, ...], Field(max_length=20)] = ()
    claims: ClaimMap = ClaimMap()
    jwks_ttl: Annotated[int, Field(ge=60, le=86400)] = 3600


class NewInvitation(_Stated):
    """Whom an agency expects."""

    claim: Claim
    value: Text255
    days: Annotated[int, Field(ge=1, le=90)] = 14


class Preferences(_Stated):
    """What a person may change about their own pages (screen E5)."""

    language: Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)]
    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    theme: Theme
    send_key: SendKey
    shortcuts: bool = False


class NewPerson(_Stated):
    """Somebody enrolled before their first sign-in, by the subject their issuer will assert."""

    sub: Text255
    name: Text120
    language: Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)] = "en"
    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"
