"""Real time over Socket.IO: a gate in front, one decorator for what clients say, one pump for what the log tells."""

from jit_server.web.sockets.events import handlers, on
from jit_server.web.sockets.present import WHOLE_TEAM, Shown, Whose, presented, presents
from jit_server.web.sockets.server import Sockets, install, running

__all__ = [
    "WHOLE_TEAM",
    "Shown",
    "Sockets",
    "Whose",
    "handlers",
    "install",
    "on",
    "presented",
    "presents",
    "running",
]
