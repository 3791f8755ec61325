"""What the identity tests share: a controllable issuer, and this server as that issuer knows it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from jit_server.core import clock
from jit_server.identity import oidc
from jit_server.identity.models import AuthMethod
from jit_server.identity.oidc import Assertion, Client, Pending
from jit_server.identity.provider import Provider
from tests.identity.stub import Stub, running

VERIFIER = "v" * 64


@dataclass
class Meeting:
    """One sign-in between this server and the stub, after the person came back."""

    stub: Stub
    client: Client
    provider: Provider
    pending: Pending

    def complete(self, **answer: Any) -> Assertion:
        values = {"code": "the-code", "state": "checked elsewhere"} | answer
        return oidc.complete(self.client, self.provider, values, self.pending)

    def with_client(self, **changes: Any) -> "Meeting":
        return replace(self, client=replace(self.client, **changes))


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running() as made:
        yield made


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "client-secret"
    path.write_text("s" * 40 + "\n")
    return path


def meeting_of(stub: Stub, secret: Path) -> Meeting:
    client = Client(
        issuer=stub.url,
        client_id=stub.client_id,
        auth_method=AuthMethod.CLIENT_SECRET,
        credential_file=secret,
        redirect_uri="http://127.0.0.1:8080/login/a/callback",
        algorithms=("ES256", "PS256", "EdDSA", "RS256"),
        acr_accepted=("substantial", "high"),
    )
    pending = Pending(nonce=stub.nonce, verifier=VERIFIER, created_at=clock.now())
    return Meeting(stub, client, Provider(stub.url, ttl=3600, loopback=True), pending)


@pytest.fixture
def meeting(stub: Stub, secret: Path) -> Meeting:
    return meeting_of(stub, secret)
