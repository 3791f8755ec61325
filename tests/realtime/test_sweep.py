"""The sweep: whose session has ended is cut, and nobody else."""

from uuid import UUID, uuid4

from jit_server.access import Actor
from jit_server.web.sockets.floors import Floors, Guest


def _guest(floors: Floors, sid: str) -> UUID:
    session = uuid4()
    floors.guests[sid] = Guest(sid, Actor("person", person_id=uuid4(), session_id=session), "cookie", {})
    return session


def test_only_sessions_that_were_asked_about_and_count_no_more_are_cut():
    floors = Floors()
    _guest(floors, "dead")
    living = _guest(floors, "living")
    asked = floors.sessions()
    _guest(floors, "came meanwhile")
    assert [guest.sid for guest in floors.ended(asked, {living})] == ["dead"]
