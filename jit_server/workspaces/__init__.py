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
from jit_server.workspaces.usecases.agreements import agreement, propose, sign
from jit_server.workspaces.usecases.explaining import Explanation, explain, rights
from jit_server.workspaces.usecases.members import end, invitable, invite, members
from jit_server.workspaces.usecases.overseeing import SightOut, who_could
from jit_server.workspaces.usecases.phases import change_phase, open_workspace
from jit_server.workspaces.usecases.reading import compartments, my_workspaces, standing_of, workspace
from jit_server.workspaces.usecases.record import EntryOut, ProofOut, checkpoint, names, prove, read_log
from jit_server.workspaces.views import banner, originator

__all__ = [
    "AccessGrant",
    "Agreement",
    "AgreementOut",
    "Compartment",
    "CompartmentParty",
    "End",
    "EntryOut",
    "Explanation",
    "GrantKind",
    "Member",
    "MemberOut",
    "MemberStatus",
    "NewAgreement",
    "NewClause",
    "NewLeader",
    "NewMember",
    "NewParty",
    "Party",
    "PhaseChange",
    "ProofOut",
    "SightOut",
    "Signing",
    "Workspace",
    "WorkspaceOut",
    "agreement",
    "banner",
    "change_phase",
    "checkpoint",
    "compartments",
    "end",
    "explain",
    "invitable",
    "invite",
    "members",
    "my_workspaces",
    "names",
    "open_workspace",
    "originator",
    "propose",
    "prove",
    "read_log",
    "rights",
    "sign",
    "standing_of",
    "who_could",
    "workspace",
]
