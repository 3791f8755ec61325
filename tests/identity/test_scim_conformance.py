"""The suite of scim2-tester against our SCIM service, over its own client and our whole application."""

from flask import Flask
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from jit_server.work import House
from tests.builders import World
from tests.identity.test_scim import token

BAD = {Status.ERROR, Status.CRITICAL}


def test_the_conformance_suite_finds_no_error(app: Flask, house: House) -> None:
    world = World.create(house)
    headers = {"Authorization": f"Bearer {token(world)}"}
    client = WSGISCIMClient(app.wsgi_app, base_url=f"{house.settings.base_url}/scim/v2", headers=headers)
    results = check_server(client)
    assert len(results) > 40
    assert [f"{one.title}: {one.reason}" for one in results if one.status in BAD] == []
