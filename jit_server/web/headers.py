"""Response headers: the strict policy of content, and nothing kept by caches."""

import secrets

from flask import Flask, Response, g, request

CSP = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx lit-html; report-uri /csp-report"
)
_OURS = "img-src 'self' blob:;"
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # not `no-referrer`: with it a browser sends `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
    "X-Frame-Options": "DENY",
}


def policy(*, images: str, media: str) -> str:
    """The policy of a page that shows pictures or plays media from these sources as well."""
    return CSP.format(nonce=g.nonce).replace(_OURS, f"{_OURS[:-1]} {images}; media-src {media};")


def install(app: Flask, *, secure: bool) -> None:
    """Put a nonce on every request and the headers on every answer."""

    @app.before_request
    def nonce() -> None:
        g.nonce = secrets.token_urlsafe(16)

    @app.after_request
    def headers(response: Response) -> Response:
        for name, value in FIXED.items():
            response.headers.setdefault(name, value)
        if secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
        if response.mimetype == "text/html":
            response.headers.setdefault("Content-Security-Policy", CSP.format(nonce=g.nonce))
        else:
            response.headers.setdefault(
                "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"
            )
        if not request.path.startswith("/assets/"):
            response.headers.setdefault("Cache-Control", "no-store")
            response.vary.add("Cookie")
        return response
