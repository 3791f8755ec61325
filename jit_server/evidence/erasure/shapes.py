"""Shapes of erasure: why an exhibit shall go."""

from jit_server.evidence.outside import Reason, Stated


class NewErasure(Stated):
    """Why an exhibit is to be erased."""

    reason: Reason
