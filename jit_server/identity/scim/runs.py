"""What an agency's directory did when it last spoke: a run is what it says without a quarter of an hour of silence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel
from sqlalchemy import text

from jit_server.identity.models import Agency
from jit_server.identity.scim.models import ScimRun
from jit_server.work import UnitOfWork

SILENCE: Final = timedelta(minutes=15)
SIGN_OF_LIFE: Final = timedelta(minutes=1)
"""A request that changes nothing is noted this often at most."""
LONGEST: Final = 300


@dataclass
class Tally:
    """What one request did to the agency's people."""

    created: int = 0
    changed: int = 0
    deactivated: int = 0
    refused: int = 0
    error: str | None = None


class RunOut(BaseModel):
    """The last run of a directory; `error` is the last refusal in it, as the directory was told."""

    begun_at: datetime
    last_at: datetime
    created: int
    changed: int
    deactivated: int
    refused: int
    error: str | None


_NOTE: Final = text("""
    INSERT INTO scim_run AS run (agency_id, begun_at, last_at, created, changed, deactivated, refused, error)
    VALUES (:agency, :now, :now, :created, :changed, :deactivated, :refused, :error)
    ON CONFLICT (agency_id) DO UPDATE SET
        begun_at = CASE WHEN run.last_at < :silent THEN excluded.begun_at ELSE run.begun_at END,
        last_at = greatest(run.last_at, excluded.last_at),
        created = CASE WHEN run.last_at < :silent THEN 0 ELSE run.created END + excluded.created,
        changed = CASE WHEN run.last_at < :silent THEN 0 ELSE run.changed END + excluded.changed,
        deactivated = CASE WHEN run.last_at < :silent THEN 0 ELSE run.deactivated END + excluded.deactivated,
        refused = CASE WHEN run.last_at < :silent THEN 0 ELSE run.refused END + excluded.refused,
        error = coalesce(excluded.error, CASE WHEN run.last_at < :silent THEN NULL ELSE run.error END)
    WHERE excluded.created + excluded.changed + excluded.deactivated + excluded.refused > 0 OR run.last_at < :lately
""")


def note(uow: UnitOfWork, agency: Agency, tally: Tally) -> None:
    """Put a request on the run it belongs to, in the same transaction as what it did."""
    uow.session.flush()  # the run is locked last: two requests that meet at it wait for nothing else
    facts = {"created": tally.created, "changed": tally.changed, "deactivated": tally.deactivated}
    facts |= {"refused": tally.refused}
    error = tally.error and "".join(sign for sign in tally.error if sign.isprintable())[:LONGEST]
    moments = {"now": uow.now, "silent": uow.now - SILENCE, "lately": uow.now - SIGN_OF_LIFE}
    uow.connection.execute(_NOTE, {"agency": agency.id, "error": error, **facts, **moments})


def last_run(uow: UnitOfWork, agency: Agency) -> RunOut | None:
    """What the agency's directory did when it last spoke; None if it never has."""
    found = uow.find(ScimRun, agency_id=agency.id)
    return RunOut(**found.model_dump(exclude={"agency_id"})) if found is not None else None
