"""Which part of some bytes a request asks for (RFC 9110, section 14): one range, or all of it."""

from flask import request

from jit_server.core.errors import OutOfRange


def asked() -> bool:
    """Whether the request asks for one part. A header that says several, or nothing we know, is not heeded."""
    return request.range is not None and request.range.units == "bytes" and len(request.range.ranges) == 1


def part(size: int, etag: str) -> range | None:
    """The part asked for of so many bytes; None for all, also where `If-Range` names another version of them.

    Raises:
        OutOfRange: it begins behind their end.
    """
    stated, only_if = request.range, request.if_range
    if stated is None or not asked() or (only_if.date is not None) or only_if.etag not in {None, etag}:
        return None
    found = stated.range_for_length(size)
    if found is None:
        raise OutOfRange(f"There are {size} bytes. Ask for a part of them, counted from 0.", size=size)
    return range(*found)
