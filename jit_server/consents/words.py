"""The room's codes and clocks as a person would say them, in the reader's language."""

from datetime import datetime

from flask_babel import gettext, ngettext

from jit_server.access import purposes
from jit_server.consents.models import Notice, NoticeKind


def days_left(then: datetime, now: datetime) -> int:
    """Whole days until then; negative once it is past."""
    return (then - now).days


def clock_words(then: datetime, now: datetime) -> str:
    """How long there is, in words."""
    left = days_left(then, now)
    if then <= now:
        return str(gettext("time is up"))
    return str(ngettext("%(num)d day left", "%(num)d days left", left) if left else gettext("less than a day left"))


def notice_words(one: Notice, now: datetime) -> str:
    """What a notice says."""
    if one.kind in {NoticeKind.TERM_ENDS, NoticeKind.MEMBERSHIP_ENDS} and one.ends_at is not None:
        days = max(days_left(one.ends_at, now), 0)
        if one.kind is NoticeKind.TERM_ENDS:
            return str(ngettext("The agreement ends in %(num)d day", "The agreement ends in %(num)d days", days))
        return str(ngettext("A membership ends in %(num)d day", "A membership ends in %(num)d days", days))
    words: dict[str, str] = {
        NoticeKind.GLASS_BROKEN: gettext("Something of yours was opened in an emergency"),
        NoticeKind.GLASS_REVIEWED: gettext("The originator has reviewed your emergency"),
        NoticeKind.ANSWERED: gettext("What you asked for has been answered"),
    }
    return words[one.kind]


def purpose_words(code: str) -> str:
    """A purpose as a sentence in the reader's language."""
    words: dict[str, str] = {
        "investigation": gettext("Investigating the offences that the team works on"),
        "prosecution": gettext("Deciding on or preparing charges"),
        "trial": gettext("Presenting or testing evidence in court"),
        "assistance": gettext("Answering or making a request to another authority"),
        "defence": gettext("Giving the defence what it may see"),
        "threat": gettext("Averting an immediate and serious threat"),
        "rights": gettext("Answering a person's request about data on them"),
        "supervision": gettext("Inspection or audit by whoever supervises"),
    }
    return words.get(code) or purposes.purposes().get(code, code)


def reason_words(code: str) -> str:
    """The reason of an emergency."""
    words: dict[str, str] = {
        "life": gettext("Danger to life or limb"),
        "victim": gettext("Protection of a victim or witness"),
        "flight": gettext("A suspect is about to flee"),
        "evidence_loss": gettext("Evidence is about to be lost"),
    }
    return words[code]
