"""What an issuer's logout token brings about: the sessions it names end, here and on every open socket."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text

from jit_server.identity import sessions
from jit_server.identity.logout_token import Farewell, malformed
from jit_server.identity.models import LoginSession, LogoutSeen, Person
from jit_server.identity.tokens import LEEWAY
from jit_server.identity.usecases.account import close
from jit_server.identity.usecases.ways import WayIn
from jit_server.work import UnitOfWork

_FORGET: Final = text(
    "DELETE FROM logout_seen WHERE expires_at < CAST(:now AS timestamptz) - make_interval(secs => :leeway)"
)


def obey(uow: UnitOfWork, way: WayIn, farewell: Farewell) -> int:
    """End the sessions that the logout token names; how many there were. None is no fault: they may have ended here.

    Raises:
        Malformed: this token was obeyed before (OpenID Connect Back-Channel Logout 1.0, 2.6).
        Conflict: the same token is being obeyed at this very moment.
    """
    uow.connection.execute(_FORGET, {"now": uow.now, "leeway": 2 * LEEWAY})
    seen = sessions.hashed(farewell.jti)
    if uow.find(LogoutSeen, issuer_id=way.issuer_id, jti_hash=seen) is not None:
        raise malformed("replayed")
    uow.add(LogoutSeen(issuer_id=way.issuer_id, jti_hash=seen, expires_at=farewell.expires_at))
    ended = _named(uow, way, farewell)
    for one in ended:
        close(uow, one, by="issuer")
    return len(ended)


def _named(uow: UnitOfWork, way: WayIn, farewell: Farewell) -> Sequence[LoginSession]:
    where = [LoginSession.issuer_id == way.issuer_id, LoginSession.ended_at.is_(None)]  # type: ignore[union-attr]
    if farewell.sid is not None:
        where.append(LoginSession.sid == farewell.sid)
    if farewell.sub is not None:
        person = uow.find(Person, issuer_id=way.issuer_id, sub=farewell.sub)
        if person is None:
            return ()
        where.append(LoginSession.person_id == person.id)
    return uow.every(LoginSession, *where)
