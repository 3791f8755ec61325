"""Trust through a chain of signed statements instead of manual registration (OpenID Federation 1.0).

`statements` reads one, `metadata_policy` and `constraints` hold what superiors lay down, `chain` holds it all together;
these are pure. `resolver` fetches, `source` gives `identity.provider` what came of it, `registry` holds the
State's anchors.
"""

from jit_server.identity.trust.chain import Resolved
from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.models import NewAnchor, TrustAnchor
from jit_server.identity.trust.registry import add_anchor, anchors, anchors_of, rely_on, retire_anchor, source_of
from jit_server.identity.trust.resolver import Anchor, find
from jit_server.identity.trust.source import Federated

__all__ = [
    "Anchor", "Broken", "Federated", "NewAnchor", "Resolved", "TrustAnchor", "add_anchor", "anchors", "anchors_of",
    "find", "rely_on", "retire_anchor", "source_of",
]  # fmt: skip
