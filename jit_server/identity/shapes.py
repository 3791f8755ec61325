"""What callers state about agencies, issuers and people: nothing unknown is taken, nothing coerced away."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from jit_server.identity.models import LANGUAGE, SLUG, AuthMethod, Claim, Profile, SendKey, Theme, Trust

Text64 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Text120 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Text255 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
ClaimName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)]
Algorithm = Literal["ES256", "PS256", "EdDSA", "RS256"]
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


class StatedIssuer(_Stated):
    """What an issuer is known for here, and what it must assert: the part that its agency's administrators state."""

    client_id: Text255
    label: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("ES256", "PS256", "RS256")
    profile: Profile = Profile.OIDC
    acr_accepted: Annotated[tuple[Text255, ...], Field(max_length=20)] = ()
    amr_required: Annotated[tuple[Text64, ...], Field(max_length=20)] = ()
    step_up_acr: Annotated[tuple[Text255, ...], Field(max_length=20)] = ()
    claims: ClaimMap = ClaimMap()
    jwks_ttl: Annotated[int, Field(ge=60, le=86400)] = 3600

    @model_validator(mode="after")
    def _fapi_is_strict(self) -> Self:
        if self.profile is Profile.FAPI2 and "RS256" in self.algorithms:
            msg = "FAPI 2.0 takes no RS256: choose of PS256, ES256 and EdDSA"
            raise ValueError(msg)
        return self


class ChangedIssuer(StatedIssuer):
    """An issuer's registration as it should be from now on."""

    new_key: bool = False
    """Make this server a new key for proving itself there; the old one is no longer used."""


class AddedIssuer(StatedIssuer):
    """One more issuer of an agency. This server makes the key by which it proves itself there."""

    url: IssuerUrl
    key: Annotated[str, StringConstraints(pattern=f"^$|{SLUG}")] = ""


class NewIssuer(AddedIssuer):
    """An issuer as the operator states it, with a secret or key in a file of the server's own machine."""

    auth_method: AuthMethod
    credential_file: Path
    trust: Trust = Trust.MANUAL

    @model_validator(mode="after")
    def _fapi_takes_no_secret(self) -> Self:
        if self.profile is Profile.FAPI2 and self.auth_method is not AuthMethod.PRIVATE_KEY_JWT:
            msg = "under FAPI 2.0 this server proves itself by a key, not by a secret"
            raise ValueError(msg)
        return self


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
