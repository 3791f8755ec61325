"""W18: the log's lines say what they are about, and only to whoever may know of it."""

from flask import Flask

from jit_server.access import Role
from jit_server.web import csrf
from jit_server.work import House
from tests.access.test_foreign_ids import filled
from tests.builders import World, browser


def test_the_logs_lines_name_what_they_are_about(app: Flask, house: House, world: World) -> None:
    case = filled(world, "mine")
    page = browser(app, house, case.team.admin).get(f"/w/{case.team.id}/audit").get_data(as_text=True)
    for named in ("DE-0001", "# Channel mine", "Topic mine"):
        assert f">{named}</a>" in page, named


def test_an_auditor_reads_that_something_happened_and_not_what_it_is_called(
    app: Flask, house: House, world: World
) -> None:
    case = filled(world, "secretname")
    auditor = case.team.join("FR", Role.AUDITOR)
    page = browser(app, house, auditor).get(f"/w/{case.team.id}/audit").get_data(as_text=True)
    for what in ("Channel", "Topic", "Text", "Exhibit", "Purpose"):
        assert f"{what} secretname" not in page


def test_a_reason_of_blanks_is_named_and_ends_nothing(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    member = team.join("FR")
    admin = browser(app, house, team.admin)
    token = csrf.token(admin.get_cookie(house.settings.cookie).value)  # type: ignore[union-attr]
    where = f"/w/{team.id}/members/{team.members[member.id]}/end"
    assert admin.post(where, data={"csrf": token, "reason": "   "}).status_code == 422
    with world.work(member) as uow:
        assert uow.standing(team.id) is not None
