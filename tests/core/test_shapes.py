"""What is told about data that do not fit: plain words, no pattern of a validator, none of what was typed."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from jit_server.core import shapes

JARGON = re.compile(r"\b(string|tuple|input|validation|pattern|literal|integer|datetime)\b|[\^{}\\]", re.IGNORECASE)


class Colour(StrEnum):
    RED = "red"


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=5)] = "a"
    link: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] = "https://a"
    many: Annotated[tuple[str, ...], Field(min_length=1)] = ("a",)
    number: Annotated[int, Field(ge=1, le=9)] = 1
    day: date = date(2026, 1, 1)
    at: AwareDatetime | None = None
    colour: Colour = Colour.RED
    needed: str

    @field_validator("needed")
    @classmethod
    def kind(cls, needed: str) -> str:
        if needed == "secret":
            msg = "is not for here"
            raise ValueError(msg)
        return needed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "secret"), ("link", "secret"), ("many", ()), ("number", "secret"), ("number", 0),
        ("number", 99), ("day", "secret"), ("at", "2026-11-22T09:30"), ("colour", "secret"), ("other", "secret"),
        ("needed", "secret"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_told_in_plain_words_with_its_remedy_and_without_what_was_typed(field, value):
    with pytest.raises(ValidationError) as wrong:
        Shape.model_validate({"needed": "x", field: value})
    (told,) = shapes.faults(wrong.value)
    words = f"{told['message']} {told['remedy']}"
    assert told["field"] == field
    assert told["message"]
    assert told["remedy"]
    assert not JARGON.search(words), words
    assert "secret" not in words


def test_what_was_left_open_is_missing():
    with pytest.raises(ValidationError) as wrong:
        Shape.model_validate({})
    assert shapes.faults(wrong.value) == [
        {"field": "needed", "message": "This is missing.", "remedy": "Fill in this field."}
    ]
