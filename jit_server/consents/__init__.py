"""Consent, emergencies and acts of two people: how a refusal is answered, and by whom, until when."""

from jit_server.consents.approvals import Act, register
from jit_server.consents.closing import remains
from jit_server.consents.models import (
    Approval,
    ApprovalOut,
    AskOut,
    Because,
    BreakGlass,
    Closing,
    Consent,
    Deciding,
    Emergency,
    EmergencyOut,
    Grantee,
    Granting,
    NewAsk,
    NewEmergency,
    Notice,
    NoticeKind,
    Reviewing,
)
from jit_server.consents.usecases.asking import ask, asks, visible, withdraw
from jit_server.consents.usecases.deciding import grant, refuse, revoke
from jit_server.consents.usecases.emergencies import break_glass, emergencies, emergency, review
from jit_server.consents.usecases.keeping_time import Kept, keep_time
from jit_server.consents.usecases.notices import acknowledge, unseen
from jit_server.consents.usecases.two_people import approvals, decide, propose, propose_closing, take_back

__all__ = [
    "Act",
    "Approval",
    "ApprovalOut",
    "AskOut",
    "Because",
    "BreakGlass",
    "Closing",
    "Consent",
    "Deciding",
    "Emergency",
    "EmergencyOut",
    "Grantee",
    "Granting",
    "Kept",
    "NewAsk",
    "NewEmergency",
    "Notice",
    "NoticeKind",
    "Reviewing",
    "acknowledge",
    "approvals",
    "ask",
    "asks",
    "break_glass",
    "decide",
    "emergencies",
    "emergency",
    "grant",
    "keep_time",
    "propose",
    "propose_closing",
    "refuse",
    "register",
    "remains",
    "review",
    "revoke",
    "take_back",
    "unseen",
    "visible",
    "withdraw",
]
