"""Who people are: States, agencies with their own identity providers, people, sign-in and sessions."""

from jit_server.identity.models import (
    Agency,
    AgencyRole,
    AuthMethod,
    Claim,
    Invitation,
    Issuer,
    LoginSession,
    Person,
    Profile,
    SendKey,
    State,
    Theme,
    Trust,
)
from jit_server.identity.shapes import ClaimMap, NewAgency, NewInvitation, NewIssuer, NewPerson, Preferences
from jit_server.identity.usecases.account import (
    LANGUAGES,
    acting,
    change_settings,
    end_other_sessions,
    end_session,
    me,
    my_sessions,
    sign_out,
    zones,
)
from jit_server.identity.usecases.administering import administered_agency, agency_role, seen_agency
from jit_server.identity.usecases.agencies import (
    add_agency,
    agencies,
    agency,
    disable,
    end_sessions,
    enrol,
    invite,
    issuer_of,
    set_issuer,
)
from jit_server.identity.usecases.staffing import appoint

__all__ = [
    "LANGUAGES", "Agency", "AgencyRole", "AuthMethod", "Claim", "ClaimMap", "Invitation", "Issuer", "LoginSession",
    "NewAgency", "NewInvitation", "NewIssuer", "NewPerson", "Person", "Preferences", "Profile", "SendKey", "State",
    "Theme", "Trust", "acting", "add_agency", "administered_agency", "agencies", "agency", "agency_role", "appoint",
    "change_settings", "disable", "end_other_sessions", "end_session", "end_sessions", "enrol", "invite", "issuer_of",
    "me", "my_sessions", "seen_agency", "set_issuer", "sign_out", "zones",
]  # fmt: skip
