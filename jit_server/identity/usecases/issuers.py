"""An agency's issuers at run time: add, change, retire, and try one without signing anybody in.

The operator may do all of it; an administrator of the agency for their own agency, after a sign-in made just now.
For whoever is neither, no issuer is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from jit_server.core.errors import Conflict, Invalid, JitError, NotFound
from jit_server.identity import credentials, id_token, meaning
from jit_server.identity.id_token import Assertion
from jit_server.identity.models import Agency, AuthMethod, Issuer, Person, SignInTest
from jit_server.identity.shapes import AddedIssuer, ChangedIssuer, ClaimMap, StatedIssuer
from jit_server.identity.usecases import ways
from jit_server.identity.usecases.agencies import agency, entitled, looks_after, readable
from jit_server.identity.usecases.sign_in import NOT_INVITED, OUTSIDE, expected
from jit_server.identity.usecases.ways import Claimed, Departure, WayIn
from jit_server.work import UnitOfWork

KEPT: Final = timedelta(minutes=15)
LARGEST: Final = 60_000
RESERVED: Final = frozenset({"callback", "back-channel-logout"})
_FORGET: Final = (
    text("DELETE FROM login_transaction WHERE test_id IN (SELECT id FROM sign_in_test WHERE expires_at < :now)"),
    text("DELETE FROM sign_in_test WHERE expires_at < :now"),
)


@dataclass(frozen=True)
class TestResult:
    """What a test sign-in showed. `reason` and `detail` are empty when the answer was taken."""

    __test__ = False  # pytest would take it for a test

    id: UUID
    issuer_id: UUID
    finished: bool
    reason: str
    detail: str
    claims: dict[str, Any]
    read: tuple[meaning.Read, ...]
    enters: bool
    """Whether this person could sign in now."""
    why: str
    """Why not, in words; empty if they could."""


def of_agency(uow: UnitOfWork, slug: str) -> Sequence[Issuer]:
    """The agency's issuers: the live ones first, each by its key, then those that were retired."""
    mine = agency(uow, slug)
    readable(uow, mine)
    rows = uow.every(Issuer, Issuer.agency_id == mine.id)
    return sorted(rows, key=lambda one: (one.retired_at is not None, one.key, one.created_at))


def issuer(uow: UnitOfWork, issuer_id: UUID) -> tuple[Agency, Issuer]:
    """A live issuer and its agency, for somebody who may look after it.

    Raises:
        NotFound: none, or somebody else's.
    """
    found = uow.find(Issuer, id=issuer_id, retired_at=None)
    mine = uow.find(Agency, id=found.agency_id) if found else None
    if found is None or mine is None or not looks_after(uow, mine.id):
        raise NotFound
    return mine, found


def way(uow: UnitOfWork, issuer_id: UUID) -> WayIn:
    """The issuer as plain values, for the discovery check and for a test."""
    return ways.way_of(uow, *issuer(uow, issuer_id))


def add(uow: UnitOfWork, slug: str, new: AddedIssuer) -> Issuer:
    """Take one more issuer of the agency in. This server makes the key by which it proves itself there.

    Raises:
        Conflict: the address belongs to an issuer already, or the agency has one under this key.
        StepUp: the sign-in is too old for this.
    """
    mine = agency(uow, slug)
    entitled(uow, mine)
    uow.require_fresh_sign_in()
    if new.key in RESERVED:
        raise Invalid.field("key", f"{new.key} is taken by this server", "Choose another short name.")
    if uow.find(Issuer, url=new.url) is not None:
        raise Conflict("This issuer is registered here already.")
    if uow.find(Issuer, agency_id=mine.id, key=new.key, retired_at=None) is not None:
        raise Conflict("The agency has an issuer under this short name already.")
    facts = _facts(new) | {"agency_id": mine.id, "url": new.url, "key": new.key, "created_at": uow.now}
    made = uow.add(Issuer.model_validate(facts | _key(uow)))
    uow.record("issuer:added", made, agency=mine.slug, url=made.url, algorithms=made.algorithms)
    return made


def change(uow: UnitOfWork, issuer_id: UUID, new: ChangedIssuer) -> Issuer:
    """State anew what an issuer must assert. Its address stays: another address is another issuer.

    Raises:
        StepUp: the sign-in is too old for this.
    """
    mine, found = issuer(uow, issuer_id)
    uow.require_fresh_sign_in()
    if new.profile != "oidc" and found.auth_method is not AuthMethod.PRIVATE_KEY_JWT and not new.new_key:
        raise Invalid.field("profile", "FAPI 2.0 needs a key instead of the shared secret", "Have a new key made.")
    facts = _facts(new) | (_key(uow) if new.new_key else {})
    changed = sorted(name for name, value in facts.items() if getattr(found, name) != value)
    found.sqlmodel_update(facts)
    uow.add(found)
    uow.record("issuer:changed", found, agency=mine.slug, url=found.url, fields=changed)
    return found


def retire(uow: UnitOfWork, issuer_id: UUID) -> Issuer:
    """End trust in an issuer: nobody signs in there from now on, and the sessions begun there end.

    Raises:
        Conflict: it is the one by which this administrator is signed in.
        StepUp: the sign-in is too old for this.
    """
    mine, found = issuer(uow, issuer_id)
    uow.require_fresh_sign_in()
    if uow.actor.kind == "person" and uow.actor.issuer == found.url:
        raise Conflict("You are signed in by this issuer. Sign in by another one first, or ask the operator.")
    found.retired_at = uow.now
    uow.add(found)
    uow.record("issuer:retired", found, agency=mine.slug, url=found.url)
    return found


def begin_test(uow: UnitOfWork, way: WayIn, browser: str, wanted: str) -> Departure:
    """Begin a test sign-in in this browser; `doors.depart` sends it off.

    Args:
        uow: of somebody who may look after the issuer.
        way: of `issuers.way`, asked for before the talk to the issuer.
        browser: the pre-session secret.
        wanted: the page that shows the result; `{test}` in it becomes the test's id.
    """
    issuer(uow, way.issuer_id)
    for statement in _FORGET:
        uow.connection.execute(statement, {"now": uow.now})
    made = SignInTest(
        issuer_id=way.issuer_id, begun_by=uow.actor.person_id, begun_at=uow.now, expires_at=uow.now + KEPT
    )
    uow.add(made)
    uow.session.flush()
    return ways.begin(uow, way, browser, wanted.replace("{test}", str(made.id)), test_id=made.id)


def finish_test(uow: UnitOfWork, claimed: Claimed, outcome: Assertion | JitError) -> None:
    """Keep what the issuer asserted, or why it was not taken. Nobody is signed in and nobody becomes known."""
    found = uow.find(SignInTest, id=claimed.test_id)
    if found is None or found.begun_by != uow.actor.person_id:
        raise NotFound
    found.finished_at = uow.now
    if isinstance(outcome, JitError):
        found.reason = str(outcome.members.get("reason", outcome.slug))[:80]
        found.detail = outcome.detail[:500]
    else:
        found.claims = meaning.kept(outcome.claims, LARGEST)
    uow.add(found)
    tried = uow.find(Issuer, id=found.issuer_id)
    uow.record("issuer:tested", tried, agency=claimed.way.slug, taken=not found.reason, reason=found.reason)


def test_result(uow: UnitOfWork, test_id: UUID) -> TestResult:
    """What the test showed, for the one who began it, while it is kept.

    Raises:
        NotFound: no such test, somebody else's, or one that was forgotten.
    """
    found = uow.find(SignInTest, id=test_id)
    if found is None or found.begun_by != uow.actor.person_id or found.expires_at <= uow.now:
        raise NotFound("This test has been forgotten: begin it again.")
    _, tried = issuer(uow, found.issuer_id)
    means = ClaimMap.model_validate(tried.claims)
    taken = found.finished_at is not None and not found.reason
    said = id_token.asserted(tried.url, means, found.claims) if taken else None
    why = _why_not(uow, tried, means, said) if said else found.detail
    return TestResult(
        found.id,
        found.issuer_id,
        found.finished_at is not None,
        found.reason,
        found.detail,
        found.claims,
        meaning.read(means, said) if said else (),
        taken and not why,
        why,
    )


def _why_not(uow: UnitOfWork, tried: Issuer, means: ClaimMap, asserted: Assertion) -> str:
    """Why this person could not sign in now, by the same rules as a sign-in; empty if they could."""
    if not meaning.admits(means, asserted.groups):
        return OUTSIDE
    known = uow.find(Person, issuer_id=tried.id, sub=asserted.sub)
    if known is not None:
        return "" if known.disabled_at is None else OUTSIDE
    return "" if expected(uow, tried.agency_id, asserted) else NOT_INVITED


def _facts(new: StatedIssuer) -> dict[str, Any]:
    """What is stated, as the columns keep it."""
    facts = new.model_dump(mode="json", include=set(StatedIssuer.model_fields))
    return facts | {"profile": new.profile}


def _key(uow: UnitOfWork) -> dict[str, Any]:
    file = credentials.make(uow.house.settings.data)
    return {"auth_method": AuthMethod.PRIVATE_KEY_JWT, "credential_file": str(file)}
