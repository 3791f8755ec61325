"""What is wrong with data that do not fit their shape, in words for whoever typed them."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from jit_server.core.errors import N_

MISSING: Final = N_("This is missing.")
UNCHOSEN: Final = N_("Nothing is chosen.")
SHORT: Final = N_("This is too short.")
_NUMBER: Final = (N_("This is no number."), N_("Write a number."))
_DAY: Final = (N_("This is no day."), N_("Write the day as in 2026-11-22."))
_MOMENT: Final = (N_("This is no moment."), N_("Write the moment as in 2026-11-22T09:30."))
_CHOICE: Final = N_("This is none of the choices.")
_LARGE: Final = N_("This number is too large.")
_SMALL: Final = N_("This number is too small.")
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": (MISSING, N_("Fill in this field.")),
    "extra_forbidden": (N_("This field is not known."), N_("Leave this field out.")),
    "uuid_parsing": (N_("This is no id."), N_("Give the id as the server gave it.")),
    "string_too_short": (SHORT, N_("Write something here.")),
    "string_too_long": (N_("This is too long."), "Shorten it to {max_length} characters."),
    "string_pattern_mismatch": (N_("This is not written as it must be."), ""),
    "too_short": (UNCHOSEN, N_("Choose at least one.")),
    "enum": (_CHOICE, "Choose one of {expected}."),
    "literal_error": (_CHOICE, "Choose one of {expected}."),
    "greater_than": (_SMALL, "Write more than {gt}."),
    "greater_than_equal": (_SMALL, "Write at least {ge}."),
    "less_than": (_LARGE, "Write less than {lt}."),
    "less_than_equal": (_LARGE, "Write at most {le}."),
    "int_parsing": _NUMBER,
    "float_parsing": _NUMBER,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "timezone_aware": (
        N_("This moment has no zone."),
        "Give the moment with its zone, as in 2026-11-22T09:30:00+01:00.",
    ),
}
CORRECT: Final = N_("Correct this field.")


def faults(error: ValidationError) -> list[dict[str, str]]:
    """Each wrong field {field, message, remedy}. The offending input is not repeated: it may be secret."""
    return [_fault(one) for one in error.errors(include_url=False, include_input=False)]


def _fault(one: Any) -> dict[str, str]:
    limits = one.get("ctx", {})
    message, remedy = _WORDS.get(one["type"], (one["msg"].removeprefix("Value error, "), CORRECT))
    field = ".".join(str(part) for part in one["loc"])
    return {"field": field, "message": message, "remedy": remedy.format(**limits) or CORRECT}
