"""Exhibits: taken in once, never altered, hashed on every read, with an unbroken record of who did what with each."""

from jit_server.evidence.court.shapes import NewPackage
from jit_server.evidence.custody.did import NewAct, NewBasis, NewPhysical
from jit_server.evidence.custody.models import CustodyAct
from jit_server.evidence.custody.shapes import ActOut, Answer, HandOverOut, NewHandOver
from jit_server.evidence.lifecycle import State
from jit_server.evidence.models import EvidenceItem, Upload
from jit_server.evidence.names import disposition
from jit_server.evidence.outside import (
    Inbound,
    InboundOut,
    MarkingOut,
    Mode,
    NewMarking,
    NewRecipient,
    NewRelease,
    RecipientOut,
    ReleaseOut,
    TransferBasis,
)
from jit_server.evidence.promotion.shapes import NewPromotion, PromotedOut
from jit_server.evidence.redaction.shapes import NewRedaction, RedactionOut
from jit_server.evidence.release.shapes import MineOut, NewReceipt, NewWindow, ReceiptFile
from jit_server.evidence.shapes import (
    Derived,
    ItemOut,
    KinOut,
    LineOut,
    Method,
    NewDerivation,
    NewUpload,
    RelatedOut,
    UploadOut,
)
from jit_server.evidence.stored import Condition, StoredCheck
from jit_server.evidence.tus.lying import Lump, lumps_of
from jit_server.evidence.usecases.authorizing import known_bases, record_basis, unbased
from jit_server.evidence.usecases.bundle import export
from jit_server.evidence.usecases.content import Check, download, stream, verify, verify_stored
from jit_server.evidence.usecases.deriving import kin, read_kin
from jit_server.evidence.usecases.descent import family
from jit_server.evidence.usecases.describing import item_out, upload_out
from jit_server.evidence.usecases.destroying import destroy
from jit_server.evidence.usecases.doing import Stands, act_out, badges, do, held, read_acts, seen_acts, stands
from jit_server.evidence.usecases.drawing import draw_page
from jit_server.evidence.usecases.erasing import erasure_of, erasure_receipts, propose_erasure, proposed_erasure
from jit_server.evidence.usecases.handing_over import (
    Waiting,
    answer,
    custodian,
    hand_over,
    hand_overs,
    handed_to,
    read_hand_overs,
    takers,
    waiting_hand_overs,
)
from jit_server.evidence.usecases.handing_over import out as hand_over_out
from jit_server.evidence.usecases.joining import join
from jit_server.evidence.usecases.packing import named, pack
from jit_server.evidence.usecases.parts import Checksum, PartNow, abandon, append, begin_part, end_part, part_now
from jit_server.evidence.usecases.physical import register_physical
from jit_server.evidence.usecases.previewing import preview
from jit_server.evidence.usecases.promoting import promote, promoted_from
from jit_server.evidence.usecases.quarantine import decision_on, quarantine, quarantined, verify_inbound, waiting
from jit_server.evidence.usecases.reading import (
    Wanted,
    custody,
    entries_about,
    known,
    last_check,
    look,
    numbered,
    read,
    register,
)
from jit_server.evidence.usecases.receiving import acknowledge, extend, receipt_of
from jit_server.evidence.usecases.recipients import agreed_basis, members_of, outsiders, partners
from jit_server.evidence.usecases.redacting import can as can_redact
from jit_server.evidence.usecases.redacting import mine as redactions_of
from jit_server.evidence.usecases.redacting import order as order_redaction
from jit_server.evidence.usecases.redacting import read_mine as my_redactions
from jit_server.evidence.usecases.released import released_to_me, releases_of
from jit_server.evidence.usecases.releasing import (
    propose_release,
    proposed_release,
    verify_outbound,
    waiting_releases,
    withdraw,
)
from jit_server.evidence.usecases.remarking import markings_of, remark
from jit_server.evidence.usecases.retaining import erases_at
from jit_server.evidence.usecases.room import of_workspace as room_of_workspace
from jit_server.evidence.usecases.room import shown as room_shown
from jit_server.evidence.usecases.rotation import needed
from jit_server.evidence.usecases.saving import forget_view, save_view, views
from jit_server.evidence.usecases.scrubbing import damaged, stored_check
from jit_server.evidence.usecases.scrubbing import figures as scrub_figures
from jit_server.evidence.usecases.telling_story import add_event, case_events, events_out, withdraw_event
from jit_server.evidence.usecases.unpacking import is_package, open_package, opening_of, origin_of
from jit_server.evidence.usecases.uploads import declare, receive, upload
from jit_server.evidence.usecases.uses import conditions_of
from jit_server.evidence.usecases.viewing import nature_of, read_text

__all__ = [
    "ActOut",
    "Answer",
    "Check",
    "Checksum",
    "Condition",
    "CustodyAct",
    "Derived",
    "EvidenceItem",
    "HandOverOut",
    "Inbound",
    "InboundOut",
    "ItemOut",
    "KinOut",
    "LineOut",
    "Lump",
    "MarkingOut",
    "Method",
    "MineOut",
    "Mode",
    "NewAct",
    "NewBasis",
    "NewDerivation",
    "NewHandOver",
    "NewMarking",
    "NewPackage",
    "NewPhysical",
    "NewPromotion",
    "NewReceipt",
    "NewRecipient",
    "NewRedaction",
    "NewRelease",
    "NewUpload",
    "NewWindow",
    "PartNow",
    "PromotedOut",
    "ReceiptFile",
    "RecipientOut",
    "RedactionOut",
    "RelatedOut",
    "ReleaseOut",
    "Stands",
    "State",
    "StoredCheck",
    "TransferBasis",
    "Upload",
    "UploadOut",
    "Waiting",
    "Wanted",
    "abandon",
    "acknowledge",
    "act_out",
    "add_event",
    "agreed_basis",
    "answer",
    "append",
    "badges",
    "begin_part",
    "can_redact",
    "case_events",
    "conditions_of",
    "custodian",
    "custody",
    "damaged",
    "decision_on",
    "declare",
    "destroy",
    "disposition",
    "do",
    "download",
    "draw_page",
    "end_part",
    "entries_about",
    "erases_at",
    "erasure_of",
    "erasure_receipts",
    "events_out",
    "export",
    "extend",
    "family",
    "forget_view",
    "hand_over",
    "hand_over_out",
    "hand_overs",
    "handed_to",
    "held",
    "is_package",
    "item_out",
    "join",
    "kin",
    "known",
    "known_bases",
    "last_check",
    "look",
    "lumps_of",
    "markings_of",
    "members_of",
    "my_redactions",
    "named",
    "nature_of",
    "needed",
    "numbered",
    "open_package",
    "opening_of",
    "order_redaction",
    "origin_of",
    "outsiders",
    "pack",
    "part_now",
    "partners",
    "preview",
    "promote",
    "promoted_from",
    "propose_erasure",
    "propose_release",
    "proposed_erasure",
    "proposed_release",
    "quarantine",
    "quarantined",
    "read",
    "read_acts",
    "read_hand_overs",
    "read_kin",
    "read_text",
    "receipt_of",
    "receive",
    "record_basis",
    "redactions_of",
    "register",
    "register_physical",
    "released_to_me",
    "releases_of",
    "remark",
    "room_of_workspace",
    "room_shown",
    "save_view",
    "scrub_figures",
    "seen_acts",
    "stands",
    "stored_check",
    "stream",
    "takers",
    "unbased",
    "upload",
    "upload_out",
    "verify",
    "verify_inbound",
    "verify_outbound",
    "verify_stored",
    "views",
    "waiting",
    "waiting_hand_overs",
    "waiting_releases",
    "withdraw",
    "withdraw_event",
]
