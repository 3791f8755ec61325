"""Every room's tables in one import, for migrations and for tests that compare them with the database."""

from importlib import import_module

ROOMS = ("web.idempotency", "identity.models", "workspaces.models", "audit.models", "messaging.models", "evidence.models")

for _room in ROOMS:
    import_module(f"jit_server.{_room}")

__all__ = ["ROOMS"]
