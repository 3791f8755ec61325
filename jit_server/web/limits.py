"""How much one person, one agency and one address may ask for; more answers 429 and says when to come back.

Counted in each worker's memory (ADR 16): with n workers up to n times as much may pass. The doors by which one signs in
have a limit of their own for each address, whoever asks. So has the door of agencies' directories, a larger one: a
directory that tells of all its people must not be kept from telling who has left. Socket events have theirs in
`web/sockets/wire.py`.
"""

from flask import Flask, request
from flask_limiter import ApplicationLimit, Limiter

from jit_server.core.settings import Settings
from jit_server.web import context

FREE = ("/assets/", "/healthz", "/readyz", "/livez", "/metrics", "/csp-report", "/favicon")
DOORS = ("/login", "/oauth/", "/step-up", "/logout")
DIRECTORIES = "/scim/"


def install(app: Flask, settings: Settings) -> None:
    """Count every request but those for assets and health."""
    limits = [
        ApplicationLimit(settings.rate_person, key_function=_person, exempt_when=lambda: _free() or not _signed_in()),
        ApplicationLimit(settings.rate_agency, key_function=_agency, exempt_when=lambda: _free() or not _signed_in()),
        ApplicationLimit(settings.rate_address, key_function=_address, exempt_when=lambda: not _by_nobody_known()),
        ApplicationLimit(settings.rate_sign_in, key_function=_door, exempt_when=lambda: not _at_a_door()),
        ApplicationLimit(settings.rate_directory, key_function=_directory, exempt_when=lambda: not _of_a_directory()),
    ]
    Limiter(
        _address,
        app=app,
        application_limits=list(limits),
        storage_uri="memory://",
        strategy="sliding-window-counter",
        headers_enabled=True,
        enabled=settings.rates,
    )


def _free() -> bool:
    return request.path.startswith(FREE)


def _by_nobody_known() -> bool:
    return not (_free() or _of_a_directory() or _signed_in())


def _of_a_directory() -> bool:
    return request.path.startswith(DIRECTORIES)


def _at_a_door() -> bool:
    return request.path.startswith(DOORS)


def _signed_in() -> bool:
    return context.actor().person_id is not None


def _person() -> str:
    return f"person:{context.actor().person_id}"


def _agency() -> str:
    return f"agency:{context.actor().agency_id}"


def _address() -> str:
    return f"address:{request.remote_addr}"


def _door() -> str:
    return f"door:{request.remote_addr}"


def _directory() -> str:
    return f"directory:{request.remote_addr}"
