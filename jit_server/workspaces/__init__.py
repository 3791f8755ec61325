"""Joint investigation teams: agreements and their clauses, parties, members, phases, and the log as members read it."""

from jit_server.workspaces.compartments import AccessGrant, Compartment, CompartmentParty, GrantKind
from jit_server.workspaces.models import (
    Agreement,
    AgreementOut,
    End,
    Member,
    MemberOut,
    MemberStatus,
    NewAgreement,
    NewClause,
    NewLeader,
    NewMember,
    NewParty,
    Party,
    PhaseChange,
    Signing,
    Workspace,
    WorkspaceOut,
)
from jit_server.workspaces.usecases.agreements import agreement, offered, versions
from jit_server.workspaces.usecases.amending import OwnMembers, amend, changes, leave, name_members, withdraw
from jit_server.workspaces.usecases.drafting import DraftOut, DraftText, Laid, NewDraft
from jit_server.workspaces.usecases.explaining import Explanation, explain, rights
from jit_server.workspaces.usecases.members import end, invitable, invite, members
from jit_server.workspaces.usecases.overseeing import SightOut, who_could
from jit_server.workspaces.usecases.phases import change_phase, open_workspace
from jit_server.workspaces.usecases.proposing import propose
from jit_server.workspaces.usecases.reading import compartments, my_names, my_workspaces, standing_of, workspace
from jit_server.workspaces.usecases.record import EntryOut, ProofOut, checkpoint, names, prove, read_log
from jit_server.workspaces.usecases.signing import OfferOut, offer, offers, sign
from jit_server.workspaces.views import action_words, banner, originator

__all__ = [
    "AccessGrant",
    "Agreement",
    "AgreementOut",
    "Compartment",
    "CompartmentParty",
    "DraftOut",
    "DraftText",
    "End",
    "EntryOut",
    "Explanation",
    "GrantKind",
    "Laid",
    "Member",
    "MemberOut",
    "MemberStatus",
    "NewAgreement",
    "NewClause",
    "NewDraft",
    "NewLeader",
    "NewMember",
    "NewParty",
    "OfferOut",
    "OwnMembers",
    "Party",
    "PhaseChange",
    "ProofOut",
    "SightOut",
    "Signing",
    "Workspace",
    "WorkspaceOut",
    "action_words",
    "agreement",
    "amend",
    "banner",
    "change_phase",
    "changes",
    "checkpoint",
    "compartments",
    "end",
    "explain",
    "invitable",
    "invite",
    "leave",
    "members",
    "my_names",
    "my_workspaces",
    "name_members",
    "names",
    "offer",
    "offered",
    "offers",
    "open_workspace",
    "originator",
    "propose",
    "prove",
    "read_log",
    "rights",
    "sign",
    "standing_of",
    "versions",
    "who_could",
    "withdraw",
    "workspace",
]
