"""Real time over Socket.IO: a gate in front, one decorator for what clients say, one pump for what the log tells."""

from jit_server.web.sockets.events import handlers, on
from jit_server.web.sockets.present import Shown, presented, presents
from jit_server.web.sockets.server import Sockets, install, running

__all__ = ["Shown", "Sockets", "handlers", "install", "on", "presented", "presents", "running"]
