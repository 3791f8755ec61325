"""How plain values look to a person: moments with their zone, sizes, States, the direction of the script."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from babel.dates import format_date, format_datetime, format_time, get_timezone_name
from babel.numbers import format_decimal
from flask import Flask
from flask_babel import get_locale, get_timezone, gettext

from jit_server.core.errors import N_

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
_BODIES = {"EU", "EPPO", "EUROJUST", "EUROPOL", "OLAF", "ICC"}


@dataclass(frozen=True)
class Moment:
    """One moment, ready to be shown: in the reader's zone with its offset, and in UTC."""

    iso: str
    day: str
    time: str
    zone: str
    utc: str


def moment(value: datetime, zone: tzinfo | None = None) -> Moment:
    """Show a moment in a zone, the reader's unless told; a naive datetime is a programming error."""
    if value.tzinfo is None:
        message = "a moment without a zone has no place on a page"
        raise ValueError(message)
    locale, zone = get_locale(), zone or get_timezone()
    local = value.astimezone(zone)
    return Moment(
        iso=value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        day=format_date(local, "medium", locale=locale),
        time=format_time(local, "HH:mm", tzinfo=zone, locale=locale),
        zone=_offset(local.utcoffset()),
        utc=format_datetime(value, "yyyy-MM-dd HH:mm:ss", tzinfo=UTC, locale="en"),
    )


def _offset(offset: timedelta | None) -> str:
    minutes = int((offset or timedelta()).total_seconds()) // 60
    sign = "+" if minutes >= 0 else "\N{MINUS SIGN}"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "UTC"


def zone_name() -> str:
    """The reader's zone in words; UTC has no region and keeps its name."""
    if str(get_timezone()) == "UTC":
        return "UTC"
    return get_timezone_name(get_timezone(), width="long", locale=get_locale())


def day(value: date) -> str:
    """A calendar day in the reader's language."""
    return format_date(value, "long", locale=get_locale())


def filesize(size: int) -> str:
    """A size with binary units, and the exact count of bytes stays the caller's to show."""
    amount, unit = float(size), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    pattern = "#,##0" if unit == 0 else "#,##0.0"
    return f"{format_decimal(amount, pattern, locale=get_locale())}\N{NO-BREAK SPACE}{_UNITS[unit]}"


def count(number: int) -> str:
    """A whole number, grouped as the reader's language does it."""
    return format_decimal(number, "#,##0", locale=get_locale())


def state_name(code: str) -> str:
    """A State's name in the reader's language; bodies of the Union and courts keep their own short name."""
    if code in _BODIES:
        return gettext("European Union") if code == "EU" else code.title() if len(code) > len("EPPO") else code
    name: str = get_locale().territories.get(code, code)
    return name


def fault_words(fault: Mapping[str, str]) -> str:
    """What is wrong with a field and what mends it, in the reader's language where the words are fixed."""
    return " ".join(gettext(words) for words in (fault["message"], fault.get("remedy")) if words)


def language() -> str:
    """The page's language as a BCP 47 tag."""
    return str(get_locale()).replace("_", "-")


def direction() -> str:
    """`ltr` or `rtl`, from the language."""
    text_direction: str = get_locale().text_direction
    return text_direction


def install(app: Flask) -> None:
    """Let every template say these."""
    app.jinja_env.globals.update(moment=moment, zone_name=zone_name, state_name=state_name)
    app.jinja_env.globals.update(language=language, direction=direction, N_=N_)
    app.jinja_env.filters.update(filesize=filesize, day=day, count=count, fault_words=fault_words)
