"""Exhibits: taken in once, never altered, hashed on every read, with an unbroken record of who did what with each."""

from jit_server.evidence.lifecycle import State
from jit_server.evidence.models import EvidenceItem, Upload
from jit_server.evidence.names import disposition
from jit_server.evidence.shapes import ItemOut, LineOut, Method, NewUpload, UploadOut
from jit_server.evidence.usecases.bundle import export
from jit_server.evidence.usecases.content import Check, download, verify, verify_stored
from jit_server.evidence.usecases.describing import item_out, upload_out
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
from jit_server.evidence.usecases.uploads import declare, receive, upload

__all__ = [
    "Check",
    "EvidenceItem",
    "ItemOut",
    "LineOut",
    "Method",
    "NewUpload",
    "State",
    "Upload",
    "UploadOut",
    "Wanted",
    "custody",
    "declare",
    "disposition",
    "download",
    "entries_about",
    "export",
    "item_out",
    "known",
    "last_check",
    "look",
    "numbered",
    "read",
    "receive",
    "register",
    "upload",
    "upload_out",
    "verify",
    "verify_stored",
]
