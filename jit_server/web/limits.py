"""How much one person, one agency and one address may ask for; more answers 429 and says when to come back.

Counted in each worker's memory (ADR 16, 26): with n workers up to n times as much may pass. What a person says over
sockets counts with their requests, however many connections they open. The doors by which one signs in have a limit of
their own for each address, whoever asks. So has the door of agencies' directories, a larger one: a directory that tells
of all its people must not be kept from telling who has left.
"""

import math
from typing import Final

from flask import Flask, request
from flask_limiter import ApplicationLimit, Limiter
from limits import RateLimitItem, parse_many

from jit_server.access import Actor
from jit_server.core import clock
from jit_server.core.errors import TooMany
from jit_server.core.settings import Settings
from jit_server.web import context

FREE = ("/assets/", "/healthz", "/readyz", "/livez", "/metrics", "/csp-report", "/favicon")
DOORS = ("/login", "/oauth/", "/step-up", "/logout")
DIRECTORIES = "/scim/"
_SCOPE: Final = "global"  # of Flask-Limiter's limits that hold for the whole application


class Counters:
    """What this worker has counted of each person and agency: requests, and what their sockets say."""

    def __init__(self, limiter: Limiter, settings: Settings) -> None:
        self._limiter = limiter
        self._person, self._agency = parse_many(settings.rate_person), parse_many(settings.rate_agency)

    def take(self, actor: Actor) -> None:
        """Count what somebody says over a socket, or that they open one, as one request of theirs.

        Raises:
            TooMany: they, or their agency's people together, ask too much; `retry_after` seconds later they may.
        """
        if self._limiter.enabled:
            self._count(_person_key(actor), self._person, "You ask more than one person may.")
            self._count(_agency_key(actor), self._agency, "Your agency's people together ask more than they may.")

    def _count(self, key: str, items: list[RateLimitItem], words: str) -> None:
        counted = self._limiter.limiter
        for item in items:
            if not counted.hit(item, key, _SCOPE):
                wait = max(
                    1, math.ceil(counted.get_window_stats(item, key, _SCOPE).reset_time - clock.now().timestamp())
                )
                raise TooMany(f"{words} Go on in {wait} seconds.", retry_after=wait)


def install(app: Flask, settings: Settings) -> Counters:
    """Count every request but those for assets and health; the counters are for what comes by other ways."""
    limits = [
        ApplicationLimit(settings.rate_person, key_function=_person, exempt_when=lambda: _free() or not _signed_in()),
        ApplicationLimit(settings.rate_agency, key_function=_agency, exempt_when=lambda: _free() or not _signed_in()),
        ApplicationLimit(settings.rate_address, key_function=_address, exempt_when=lambda: not _by_nobody_known()),
        ApplicationLimit(settings.rate_sign_in, key_function=_door, exempt_when=lambda: not _at_a_door()),
        ApplicationLimit(settings.rate_directory, key_function=_directory, exempt_when=lambda: not _of_a_directory()),
    ]
    limiter = Limiter(
        _address,
        app=app,
        application_limits=list(limits),
        storage_uri="memory://",
        strategy="sliding-window-counter",
        headers_enabled=True,
        enabled=settings.rates,
    )
    return Counters(limiter, settings)


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
    return _person_key(context.actor())


def _person_key(actor: Actor) -> str:
    return f"person:{actor.person_id}"


def _agency() -> str:
    return _agency_key(context.actor())


def _agency_key(actor: Actor) -> str:
    return f"agency:{actor.agency_id}"


def _address() -> str:
    return f"address:{request.remote_addr}"


def _door() -> str:
    return f"door:{request.remote_addr}"


def _directory() -> str:
    return f"directory:{request.remote_addr}"
