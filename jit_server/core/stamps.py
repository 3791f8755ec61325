"""Time stamps (RFC 3161) by the authority that the operator names: what existed, and at the latest when.

An authority that does not answer, or answers something else than it was asked, costs nobody their package: then there
is no stamp, and the package says so. What it answered is checked before it is kept.
"""

from hashlib import sha256
from pathlib import Path

import structlog
import urllib3
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from jit_server.core.settings import Settings

log = structlog.get_logger()

SECONDS = 10
"""For one stamp in all; a package waits for two."""
MOST = 1 << 18
_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


def token(settings: Settings, data: bytes) -> bytes | None:
    """A time-stamp token (DER) over the data; None: no authority is named, or it gave none that holds."""
    if not settings.tsa_url or settings.tsa_certificates is None:
        return None
    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        response = decode_timestamp_response(_asked(settings.tsa_url, request.as_bytes()))
        _checked(response, settings.tsa_certificates, data, request.nonce)
    except (urllib3.exceptions.HTTPError, VerificationError, ValueError, OSError) as error:
        log.warning("stamp_failed", fault=type(error).__name__)
        return None
    return response.time_stamp_token()


def _asked(url: str, request: bytes) -> bytes:
    timeout = urllib3.Timeout(total=SECONDS)
    with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
        answer = pool.request("POST", url, body=request, headers=_HEADERS, redirect=False, preload_content=False)
        data = answer.read(MOST)
        answer.close()
    if answer.status != 200:  # noqa: PLR2004 - RFC 9110
        msg = "the authority refused"
        raise ValueError(msg)
    return bytes(data)


def _checked(response: TimeStampResponse, trusted: Path, data: bytes, nonce: int | None) -> None:
    builder = VerifierBuilder()
    for certificate in x509.load_pem_x509_certificates(trusted.read_bytes()):
        builder = builder.add_root_certificate(certificate)
    if nonce is not None:
        builder = builder.nonce(nonce)
    builder.build().verify(response, sha256(data).digest())
