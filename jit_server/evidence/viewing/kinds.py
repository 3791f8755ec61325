"""How an exhibit's content is shown, by what its bytes are: never by its name, never by what was declared."""

from enum import StrEnum
from typing import Final

from jit_server.evidence.nature.models import EvidenceNature, Outcome


class Shown(StrEnum):
    """How content is shown."""

    PAGES = "pages"
    """The server draws it: an image or a PDF."""
    TEXT = "text"
    PLAYED = "played"
    NOT = "not"


_DRAWN: Final = frozenset({"PDF", "JPEG", "PNG", "GIF", "TIFF", "BMP"})
_PLAYED: Final = {"MP3": "audio/mpeg", "FLAC": "audio/flac", "Ogg": "audio/ogg"}


def how(nature: EvidenceNature | None) -> Shown:
    """How it is shown; what is of no kind that we know may still be text."""
    if nature is None or nature.outcome == Outcome.UNREAD or nature.kind is None:
        return Shown.TEXT
    if nature.kind in _DRAWN or (nature.kind == "RIFF" and nature.media_type == "image/webp"):
        return Shown.PAGES
    return Shown.PLAYED if played_as(nature) else Shown.NOT


def played_as(nature: EvidenceNature | None) -> str | None:
    """The media type under which a browser gets it to be played, one of a short list; None for all else."""
    kind, said = (nature.kind or "", nature.media_type or "") if nature is not None else ("", "")
    if kind == "Ogg" and said.startswith("video/"):
        return "video/ogg"
    if kind == "RIFF":
        return "audio/wav" if "wav" in said else None
    if kind == "MP4":
        return None if said.startswith("image/") else "audio/mp4" if said.startswith("audio/") else "video/mp4"
    if kind == "Matroska":
        return said if said in {"video/webm", "audio/webm"} else None
    return _PLAYED.get(kind)
