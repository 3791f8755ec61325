"""Witnesses: servers that cosign the heads of each other's logs, so that none shows two histories (C2SP tlog-witness).

This server is one for whom its operator trusts, and asks those that its operator names. It lies below the rooms that
give evidence out, because what leaves bears the cosignatures.
"""

from jit_server.witnesses.usecases.asking import NoQuorum, cosigned, insist, seen_by
from jit_server.witnesses.usecases.seeing import witness_key

__all__ = ["NoQuorum", "cosigned", "insist", "seen_by", "witness_key"]
