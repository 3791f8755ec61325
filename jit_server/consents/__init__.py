"""Consent, emergencies and acts of two people: how a refusal is answered, and by whom, until when."""

from jit_server.consents.acts import Act, register
from jit_server.consents.closing import remains, tombstoned
from jit_server.consents.models import (
    Approval,
    Because,
    BreakGlass,
    Closing,
    Consent,
    Deciding,
    Emergency,
    Grantee,
    Granting,
    Kind,
    NewAsk,
    NewEmergency,
    Notice,
    NoticeKind,
    Reviewing,
)
from jit_server.consents.shapes import ApprovalOut, AskOut, EmergencyOut
from jit_server.consents.usecases.asking import ask, asks, visible, withdraw
from jit_server.consents.usecases.deciding import grant, refuse, revoke
from jit_server.consents.usecases.describing import approvals_out, asks_out, emergencies_out, subject_names, subject_out
from jit_server.consents.usecases.emergencies import break_glass, emergencies, emergency, review
from jit_server.consents.usecases.keeping_time import Kept, keep_time
from jit_server.consents.usecases.notices import acknowledge, unseen
from jit_server.consents.usecases.two_people import approval, approvals, decide, propose, propose_closing, take_back

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
    "Kind",
    "NewAsk",
    "NewEmergency",
    "Notice",
    "NoticeKind",
    "Reviewing",
    "acknowledge",
    "approval",
    "approvals",
    "approvals_out",
    "ask",
    "asks",
    "asks_out",
    "break_glass",
    "decide",
    "emergencies",
    "emergencies_out",
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
    "subject_names",
    "subject_out",
    "take_back",
    "tombstoned",
    "unseen",
    "visible",
    "withdraw",
]
