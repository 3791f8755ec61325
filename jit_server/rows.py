"""Every room's tables in one import, for migrations and for tests that compare them with the database."""

from importlib import import_module
from importlib.util import find_spec

ROOMS = (
    "web.idempotency",
    "web.purpose",
    "identity.models",
    "identity.programs.models",
    "identity.scim.models",
    "identity.trust.models",
    "witnesses.models",
    "workspaces.models",
    "workspaces.compartments",
    "workspaces.restrictions",
    "workspaces.attestations",
    "consents.models",
    "audit.models",
    "messaging.models",
    "web.sockets.presence",
    "web.sockets.crowd",
    "evidence.models",
    "evidence.arrival.models",
    "evidence.custody.models",
    "evidence.derivation.models",
    "evidence.keys",
    "evidence.malware.models",
    "evidence.nature.models",
    "evidence.outside",
    "evidence.redaction.models",
    "evidence.saved.models",
    "evidence.story.models",
    "evidence.terms",
    "evidence.promotion.models",
    "evidence.release.models",
    "evidence.erasure.models",
    "evidence.stored",
    "evidence.tus.models",
)

for _room in ROOMS:
    if find_spec(f"jit_server.{_room}") is not None:
        import_module(f"jit_server.{_room}")
