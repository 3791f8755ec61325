"""Real time over Socket.IO: a gate in front, one decorator for what clients say, one pump for what the log tells."""

from jit_server.web.sockets.aliases import Alias
from jit_server.web.sockets.concern import TEAM, Concern, always, concerns, whoever_may
from jit_server.web.sockets.events import handlers, on
from jit_server.web.sockets.present import WHOLE_TEAM, Shown, Whose, presented, presents
from jit_server.web.sockets.server import Sockets, install, running

__all__ = [
    "TEAM",
    "WHOLE_TEAM",
    "Alias",
    "Concern",
    "Shown",
    "Sockets",
    "Whose",
    "always",
    "concerns",
    "handlers",
    "install",
    "on",
    "presented",
    "presents",
    "running",
    "whoever_may",
]
