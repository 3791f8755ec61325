"""The public page on which a package is checked, in the browser of whoever holds it."""

from flask.typing import ResponseReturnValue

from jit_server import audit
from jit_server.evidence.wire import pages
from jit_server.web import context
from jit_server.web.declared import public
from jit_server.web.pages import show


@pages.shows("/verify", to=public("checks a file where it lies; the server learns nothing and tells nothing"))
def verify_package() -> ResponseReturnValue:
    """Show the page; what is dropped on it never comes here."""
    return show("evidence/verify.html", seal=audit.Seal.of(context.house().key).fingerprint)
