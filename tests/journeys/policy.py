"""What every page must say in its headers (G3), written down by hand and compared with what came over the wire."""

import re
from collections.abc import Mapping

CSP = re.compile(
    r"default-src 'none'; script-src 'self' 'nonce-[A-Za-z0-9_-]{16,}'; style-src 'self'; img-src 'self' blob:"
    r"( data:; media-src 'self')?; "
    r"font-src 'self'; connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    r"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx lit-html; report-uri /csp-report"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": re.compile("nosniff"),
    "referrer-policy": re.compile("no-referrer|same-origin"),  # neither tells another site where somebody was
    "cross-origin-opener-policy": re.compile("same-origin"),
    "cross-origin-resource-policy": re.compile("same-origin"),
    "permissions-policy": re.compile(r".*camera=\(\).*microphone=\(\).*geolocation=\(\).*"),
    "x-frame-options": re.compile("DENY"),
    "cache-control": re.compile("no-store"),
    "vary": re.compile(".*[Cc]ookie.*"),
}


def faults(headers: Mapping[str, str]) -> list[str]:
    """Which headers of an HTML answer are missing or say something else."""
    return [
        f"{name}: {headers.get(name)}" for name, right in HEADERS.items() if not right.fullmatch(headers.get(name, ""))
    ]
