"""What the room's pages show, worked out from its use-cases; templates state the shapes at their top."""

from jit_server.workspaces.views.day import my_day
from jit_server.workspaces.views.frame import action_words, banner, days_left, may, originator
from jit_server.workspaces.views.home import agreement, home
from jit_server.workspaces.views.log import check, log, signed_head, timeline, who_could
from jit_server.workspaces.views.people import member, members

__all__ = [
    "action_words",
    "agreement",
    "banner",
    "check",
    "days_left",
    "home",
    "log",
    "may",
    "member",
    "members",
    "my_day",
    "originator",
    "signed_head",
    "timeline",
    "who_could",
]
