"""What is asked of a package: which exhibits, at which moment, for whom and on what order."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from jit_server.evidence.shapes import Line, keepable

MOST = 10_000
"""Exhibits of one package; a larger case goes in several."""

Order = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(keepable)]


class NewPackage(BaseModel):
    """A package as asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: tuple[UUID, ...] | None = Field(
        None, min_length=1, max_length=MOST, description="Ids of the exhibits; without it the whole case."
    )
    position: int | None = Field(
        None, ge=1, le=2**53 - 1, description="The moment: a position of the workspace's log; without it, now."
    )
    content: Literal["originals", "references"] = Field(
        "originals", description="The exhibits themselves, or their digests and sizes only."
    )
    recipient: Line = Field(description="The authority or court that receives it.")
    order: Order = Field(description="The order, request or proceedings it answers, with its reference.")
    remarks: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""
