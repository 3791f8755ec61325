"""Words by which exhibits are found: of title, file name and number, folded so that a search does not stumble on marks.

An index over words is the only one that serves here: `ILIKE` may not use one below row-level security, since it could
tell of rows that are hidden (ADR 45).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts that set no spaces between words."""
_LONGEST: Final = 60
MOST: Final = 200
"""Terms of one exhibit."""
ASKED: Final = 8
"""Words of one search that are heeded."""
_COMPOUND: Final = 8
_PART: Final = 4
"""From how many letters on a word is also found by its inner parts, and how many these have at least."""
END: Final = "\U0010ffff"


class EvidenceTerm(SQLModel, table=True):
    """A word of an exhibit, or the rest of a long one from one of its letters on; in the order of code points."""

    __tablename__ = "evidence_term"
    __table_args__: ClassVar = (Index("ix_evidence_term_term", "workspace_id", "term", "item_id"),)

    item_id: UUID = Field(foreign_key="evidence_item.id", primary_key=True)
    term: str = Field(sa_type=Text(collation="C"), primary_key=True)
    workspace_id: UUID = Field(foreign_key="workspace.id")


def words(text: str) -> list[str]:
    """The words of a text: without case, accents and signs, each once and in their order."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(one for one in folded if not unicodedata.combining(one))
    return list(dict.fromkeys(one[:_LONGEST] for one in _WORD.findall(bare)))


def terms(*texts: str) -> set[str]:
    """By what an exhibit with these texts is found: its words, and the parts of compounds."""
    found: set[str] = set()
    for text in texts:
        for word in words(text):
            for term in (word, *_inner(word)):
                if len(found) < MOST:
                    found.add(term)
    return found


def _inner(word: str) -> Iterator[str]:
    """What is left of a word from its second letter on, and so on: `telefonrechnung` is found by `rechnung`."""
    if not word.isalpha():
        return
    if _UNSPACED.search(word):
        yield from (word[place:] for place in range(1, len(word)))
    elif len(word) >= _COMPOUND:
        yield from (word[place:] for place in range(1, len(word) - _PART + 1))
