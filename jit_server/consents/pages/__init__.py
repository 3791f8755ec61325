"""HTML doors of the room: asks, emergencies, acts of two people, the way in, and one's notices."""

from jit_server.consents.pages import approvals, asks, emergencies, own
from jit_server.consents.pages.base import pages

__all__ = ["approvals", "asks", "emergencies", "own", "pages"]
