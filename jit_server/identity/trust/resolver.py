"""From an identity provider up to an anchor of its State: fetch, bound, and hand the chain to `chain.resolve`.

What is bounded, since the lower end names where to ask next: depth (`chain.LONGEST`), superiors tried of one entity,
requests and seconds of a whole resolution, bytes and seconds of each (`transport`). No entity is asked twice, none
stands twice on a path, redirects are refused, and only https is spoken, save on loopback where that is allowed. Shorter
chains are tried first and the first that holds is taken (10.3 leaves the choice open).
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import quote

from joserfc.jwk import KeySet

from jit_server.core import clock
from jit_server.core.errors import Unavailable
from jit_server.identity import transport
from jit_server.identity.trust import marks
from jit_server.identity.trust.asking import ask
from jit_server.identity.trust.chain import LONGEST, Resolved, resolve
from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.statements import TYPE, Signed, federation_keys, read

SUPERIORS: Final = 4
REQUESTS: Final = 24
SECONDS: Final = 20.0
WELL_KNOWN: Final = "/.well-known/openid-federation"


@dataclass(frozen=True)
class Anchor:
    """A trust anchor as the resolver needs it; `jwks` is JSON text, so that anchors can be compared and hashed."""

    entity_id: str
    jwks: str
    marks: tuple[str, ...] = ()
    """Types of the trust marks that it demands of identity providers."""

    def keys(self) -> KeySet:
        """The keys under which its word counts."""
        return federation_keys(transport.json_object(self.jwks.encode()))


@dataclass(frozen=True)
class _Path:
    """An entity reached from below, with the statements that lead to it."""

    configuration: Signed
    about: tuple[Signed, ...] = ()

    @property
    def met(self) -> set[str]:
        return {self.configuration.claims.sub, *(one.claims.sub for one in self.about)}


@dataclass
class _Errand:
    """One resolution: what it may still ask, what it has been told, and what went wrong on the way."""

    loopback: bool
    until: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    requests: int = 0
    told: dict[str, Signed | Broken | Unavailable] = field(default_factory=dict)

    def configuration(self, entity: str) -> Signed:
        """What an entity says of itself, signed with one of its own keys."""
        found = self._once(entity.rstrip("/") + WELL_KNOWN)
        if found.claims.iss != entity or not found.claims.own:
            raise Broken("subject", f"{entity} speaks as {found.claims.iss} about {found.claims.sub}")
        found.verify(found.keys())
        return found

    def about(self, superior: Signed, entity: str) -> Signed:
        """What a superior says of an entity, signed with one of the superior's keys."""
        endpoint = superior.claims.metadata.get("federation_entity", {}).get("federation_fetch_endpoint")
        if not isinstance(endpoint, str) or "#" in endpoint:
            raise Broken("fetch-endpoint", f"{superior.claims.sub} does not say where to ask")
        found = self._once(f"{endpoint}{'&' if '?' in endpoint else '?'}sub={quote(entity, safe='')}")
        if found.claims.iss != superior.claims.sub or found.claims.sub != entity:
            raise Broken("subject", f"{superior.claims.sub} answers about {found.claims.sub}, asked about {entity}")
        found.verify(superior.keys())
        return found

    def _once(self, url: str) -> Signed:
        if url not in self.told:
            try:
                self.told[url] = read(self._fetch(url), now=clock.now())
            except (Broken, Unavailable) as error:
                self.told[url] = error
        found = self.told[url]
        if isinstance(found, Exception):
            raise found
        return found

    def _fetch(self, url: str) -> str:
        self.requests += 1
        if self.requests > REQUESTS or time.monotonic() > self.until:
            raise Broken("effort", "the chain asks for too many requests or too much time")
        return ask(url, TYPE, loopback=self.loopback)


def find(entity: str, anchors: Sequence[Anchor], *, loopback: bool) -> Resolved:
    """The first chain that holds from the entity to one of the anchors.

    Raises:
        Broken: there is none, and the reason is about the nearest attempt.
        Unavailable: there is none, and somebody on the way did not answer.
    """
    if not anchors:
        raise Broken("anchor", "the State has no trust anchor here")
    return _found(_Errand(loopback), entity, anchors)


def _found(errand: _Errand, entity: str, anchors: Sequence[Anchor], *, marked: bool = True) -> Resolved:
    known = {anchor.entity_id: anchor for anchor in anchors}
    paths, failures = deque([_Path(errand.configuration(entity))]), []
    while paths:
        path = paths.popleft()
        for superior in _superiors(path, known):
            try:
                reached = _climb(errand, path, superior)
                if superior in known:
                    own = errand.configuration(entity)
                    chain = resolve(own, reached.about, reached.configuration, known[superior].keys())
                    return _marked(errand, chain, known[superior]) if marked else chain
                paths.append(reached)
            except (Broken, Unavailable) as error:
                failures.append(error)
    raise _told(failures)


def _marked(errand: _Errand, chain: Resolved, anchor: Anchor) -> Resolved:
    """The chain, if its subject shows every trust mark that the anchor demands; it ends when the first of them does."""
    ends = [_end_of_mark(errand, chain, anchor, kind) for kind in anchor.marks]
    return replace(chain, expires_at=min([chain.expires_at, *ends]))


def _end_of_mark(errand: _Errand, chain: Resolved, anchor: Anchor, kind: str) -> datetime:
    failures: list[Broken | Unavailable] = []
    for mark in marks.of_type(chain.own, kind, now=clock.now())[:SUPERIORS]:
        try:
            marks.may_issue(chain.top, mark)
            issuer_keys, until = anchor.keys(), chain.expires_at
            if mark.issuer != anchor.entity_id:
                issuer = _found(errand, mark.issuer, [anchor], marked=False)
                issuer_keys, until = federation_keys(issuer.keys), issuer.expires_at
            marks.check(mark, chain.top, issuer_keys, now=clock.now())
            return min(until, mark.expires_at or until)
        except (Broken, Unavailable) as error:
            failures.append(error)
    raise _told(failures)


def _superiors(path: _Path, known: dict[str, Anchor]) -> list[str]:
    """Whom to ask next: anchors before others, a few at most, nobody whom the path has met."""
    hints = dict.fromkeys(path.configuration.claims.authority_hints or ())
    new = [one for one in hints if one not in path.met]
    return sorted(new, key=lambda one: one not in known)[:SUPERIORS]


def _climb(errand: _Errand, path: _Path, superior: str) -> _Path:
    if len(path.about) >= LONGEST:
        raise Broken("depth", f"more than {LONGEST} statements below {superior}")
    configuration = errand.configuration(superior)
    statement = errand.about(configuration, path.configuration.claims.sub)
    return _Path(configuration, (*path.about, statement))


def _told(failures: Sequence[Broken | Unavailable]) -> Broken | Unavailable:
    """What to say of several failures: that somebody did not answer, since that may mend itself; else the last."""
    silent = [one for one in failures if isinstance(one, Unavailable)]
    if silent:
        return silent[0]
    return failures[-1] if failures else Broken("anchor", "no superior leads to an anchor of the State")
