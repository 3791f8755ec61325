"""The door at which other servers' heads are shown (C2SP tlog-witness): plain text, and its own codes."""

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from jit_server.web import context
from jit_server.web.declared import declare, machine
from jit_server.witnesses.usecases.seeing import OtherHead, add_checkpoint

pages = Blueprint("witnesses", __name__)


def cosign() -> ResponseReturnValue:
    """Cosign a head that continues what was seen of its log."""
    try:
        line = add_checkpoint(context.house(), request.get_data())
    except OtherHead as other:
        return Response(f"{other.members['size']}\n", status=other.status, content_type="text/x.tlog.size")
    return Response(line, content_type="text/plain; charset=utf-8")


pages.add_url_rule(
    "/witness/add-checkpoint",
    "cosign",
    declare(cosign, machine("a log proves itself by the signature under its checkpoint")),
    methods=["POST"],
)
