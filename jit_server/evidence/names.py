"""File names are data from a stranger: kept as they came, shown harmless, never a path."""

import unicodedata
from urllib.parse import quote

LIMIT = 255
"""Characters of a file name; no file system has longer ones."""

_UNSTORABLE = {0: "\N{REPLACEMENT CHARACTER}"} | dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a reader does not see as they are: controls, bidi overrides, joiners, unassigned."""
_NEVER_IN_A_NAME = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))


def storable(name: str) -> str:
    """The name as it came, in NFC; only what no database can hold (NUL, half a surrogate pair) is marked as lost."""
    return unicodedata.normalize("NFC", name.translate(_UNSTORABLE))


def shown(name: str) -> str:
    """The name for people: without characters that hide or reorder others, spaces single."""
    visible = "".join(" " if character.isspace() else character for character in name if _is_seen(character))
    return " ".join(visible.split()) or "unnamed"


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in _HIDDEN or character in "\t\n\r"


def saved_as(name: str) -> str:
    """The name proposed to a browser for saving: no path, no device, no hidden file."""
    plain = shown(name).translate(_NEVER_IN_A_NAME).strip(" .")
    return plain or "unnamed"


def disposition(name: str) -> str:
    """`Content-Disposition` of a download (RFC 6266): always an attachment, the full name in RFC 8187 form.

    The plain form is ASCII for old programs; whoever understands `filename*` prefers it.
    """
    proposed = saved_as(name)
    ascii_only = unicodedata.normalize("NFKD", proposed).encode("ascii", "ignore").decode()
    plain = "".join(letter if letter.isalnum() or letter in " ._-()" else "_" for letter in ascii_only).strip(" .")
    return f"attachment; filename=\"{plain or 'unnamed'}\"; filename*=UTF-8''{quote(proposed, safe='')}"
