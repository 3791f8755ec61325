"""Redaction in words: why something is blacked out, and why there is no copy."""

from flask_babel import gettext

from jit_server.evidence.redaction.shapes import Ground, Refusal


def ground_words(ground: Ground) -> str:
    """Why something is blacked out."""
    words = {
        Ground.PERSONAL_DATA: gettext("Personal data of others"),
        Ground.WITNESS: gettext("Protection of a witness"),
        Ground.SOURCE: gettext("Protection of a source"),
        Ground.PRIVILEGE: gettext("Legal privilege"),
        Ground.OTHER_PROCEEDINGS: gettext("Other proceedings"),
        Ground.SECURITY: gettext("Security of a State"),
        Ground.BEYOND_THE_ORDER: gettext("Beyond the order"),
    }
    return str(words[ground])


def refusal_words(why: Refusal) -> str:
    """Why there is no copy."""
    words = {
        Refusal.ENCRYPTED: gettext("The file is encrypted. Add a decrypted copy first."),
        Refusal.UNREADABLE: gettext("It cannot be read as a PDF or an image."),
        Refusal.TOO_LARGE: gettext("It is too large to be redacted here."),
        Refusal.TOO_MANY_PAGES: gettext("It has more than 300 pages. Add a part of it first."),
        Refusal.SEVERAL_FRAMES: gettext("The image has several frames. Add each of them first."),
        Refusal.NO_SUCH_PAGE: gettext("It has no such page."),
        Refusal.FAILED: gettext("The copy could not be made."),
        Refusal.NOT_ALLOWED: gettext("Whoever ordered it may not add it any more, or there is no room for it."),
    }
    return str(words[why])
