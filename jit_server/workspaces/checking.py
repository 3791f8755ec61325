"""Whether a text can be laid before its parties: every fault with its field, what is wrong and the remedy. Pure."""

from typing import Any

from pydantic import BaseModel, ValidationError

from jit_server.core import shapes
from jit_server.workspaces import clauses
from jit_server.workspaces.document import NewAgreement, missing

Fault = dict[str, str]


def fault(field: str, message: str, remedy: str = "") -> Fault:
    """One fault, in the form of a problem's `errors`."""
    return {"field": field, "message": message, "remedy": remedy}


def faults(agreement: NewAgreement) -> list[Fault]:
    """What a text of the right shape still lacks, and which of its clauses cannot stand."""
    return [fault(field, words) for field, words in [*missing(agreement), *clauses.faults(agreement)]]


def problems(document: dict[str, Any]) -> list[Fault]:
    """All that keeps a draft from being laid before the parties; empty when nothing does."""
    try:
        return faults(NewAgreement.model_validate(document))
    except ValidationError as error:
        return [_of_shape(one) for one in shapes.faults(error)]


def misshapen(shape: type[BaseModel], data: dict[str, Any]) -> list[Fault]:
    """Why one thing of a list is not of its shape."""
    try:
        shape.model_validate(data)
    except ValidationError as error:
        return [_of_shape(one) for one in shapes.faults(error)]
    return []


def _of_shape(one: Fault) -> Fault:
    """A fault of the shape; where it speaks of the whole text, its words begin with the field."""
    place, message = one["field"], one["message"]
    first, _, rest = message.partition(": ")
    if not place and first.split(" ")[0] in NewAgreement.model_fields:
        place, message = first.split(" ")[0], rest if first in NewAgreement.model_fields else message
    return fault(place or "body", message, one["remedy"] if one["remedy"] != shapes.CORRECT else "")
