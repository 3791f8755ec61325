"""Demo identity providers, one per agency, on loopback, without passwords: the sign-in pages and their server.

A provider keeps no session and sets no cookie (cookies ignore ports, so providers on one host would mix). Its sign-in
page lists its people and takes one by a plain form post, so that a script signs in with two requests: GET the
authorization address, then POST `person=<id>` to the same address; the answer redirects to the server's callback.

    python -m jit_server.demo.issuer --config issuers.json     # {"issuers": [IssuerSpec, ...]}
"""

import argparse
import ipaddress
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from babel import Locale
from flask import Flask, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from gevent import joinall, spawn
from gevent.pywsgi import WSGIServer

from jit_server.demo.provider import ACR, HIGH, DemoPerson, IssuerSpec, Provider, signing_key

__all__ = ["DemoPerson", "IssuerSpec", "app", "serve", "start"]

STYLE = Path(__file__).with_name("issuer.css")


def app(spec: IssuerSpec) -> Flask:
    """The WSGI application of one provider. Refuses any address that is not loopback."""
    if not ipaddress.ip_address(spec.host).is_loopback:
        msg = f"a demo provider asks for no password and listens on loopback only, not on {spec.host}"
        raise ValueError(msg)
    made = Flask(__name__, static_folder=None)
    made.config.update(MAX_CONTENT_LENGTH=65536, TRUSTED_HOSTS=[spec.host])
    key = signing_key(spec)
    provider = Provider(made, spec, key)
    made.after_request(lambda response: _headers(response, spec))
    made.get("/", endpoint="home")(lambda: render_template("demo/issuer.html", spec=spec, page="home", **_words(spec)))
    made.get("/issuer.css", endpoint="style")(lambda: Response(STYLE.read_text(), mimetype="text/css"))
    made.get("/.well-known/openid-configuration", endpoint="metadata")(lambda: metadata(spec))
    made.get("/jwks", endpoint="jwks")(lambda: {"keys": [key.as_dict(private=False, kid=key.thumbprint())]})
    made.route("/authorize", methods=["GET", "POST"], endpoint="authorize")(lambda: _authorize(provider))
    made.post("/par", endpoint="par")(provider.take_pushed)
    made.post("/token", endpoint="token")(provider.create_token_response)
    made.route("/end-session", methods=["GET", "POST"], endpoint="end_session")(lambda: _end_session(spec))
    return made


def metadata(spec: IssuerSpec) -> dict[str, Any]:
    """OpenID Connect Discovery 4.2."""
    return {
        "issuer": spec.url,
        "authorization_endpoint": f"{spec.url}/authorize",
        "token_endpoint": f"{spec.url}/token",
        "pushed_authorization_request_endpoint": f"{spec.url}/par",
        "jwks_uri": f"{spec.url}/jwks",
        "end_session_endpoint": f"{spec.url}/end-session",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "profile", "email"],
        "acr_values_supported": [ACR, HIGH],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": [spec.algorithm],
        "token_endpoint_auth_methods_supported": ["private_key_jwt" if spec.client_jwk else "client_secret_basic"],
        "authorization_response_iss_parameter_supported": True,
    }


def _authorize(provider: Provider) -> ResponseReturnValue:
    """Show who may sign in; take the one the form names."""
    spec = provider.spec
    try:
        grant = provider.get_consent_grant(end_user=None)
    except OAuth2Error as error:
        answer: Response = provider.handle_error_response(None, error)
        provider.execute_hook("after_create_authorization_response", answer)  # `iss` belongs into refusals too
        return answer
    if request.form.get("deny"):
        return provider.create_authorization_response(grant_user=None, grant=grant)  # type: ignore[no-any-return]
    person = spec.person(request.form.get("person"))
    if person is not None:
        return provider.create_authorization_response(grant_user=person, grant=grant)  # type: ignore[no-any-return]
    page = render_template(
        "demo/issuer.html",
        spec=spec,
        page="sign-in",
        asked=_asked(grant.request),
        unknown=request.method == "POST",
        **_words(spec),
    )
    return page, 400 if request.method == "POST" else 200


def _asked(asked: Any) -> list[tuple[str, str]]:
    """What the form sends back: the reference to a pushed request, or the whole request."""
    if asked.reference:
        return [("client_id", asked.payload.client_id), ("request_uri", asked.reference)]
    return [(name, value) for name, value in asked.payload.data.items() if name != "person"]


def _end_session(spec: IssuerSpec) -> ResponseReturnValue:
    """There is no session to end: say so, or send the person back where the client asked."""
    target = request.values.get("post_logout_redirect_uri")
    if target in spec.post_logout_uris:
        state = request.values.get("state")
        return redirect(f"{target}?{urlencode({'state': state})}" if state else str(target))
    return render_template("demo/issuer.html", spec=spec, page="signed-out", **_words(spec))


def _words(spec: IssuerSpec) -> dict[str, str]:
    return {"direction": Locale.parse(spec.language, sep="-").text_direction}


def _headers(response: Response, spec: IssuerSpec) -> Response:
    """The form's answer redirects to the client, which `form-action` must name too."""
    homes = sorted({"{0.scheme}://{0.netloc}".format(urlsplit(uri)) for uri in spec.redirect_uris})
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {' '.join(homes)}"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def start(issuers: Sequence[IssuerSpec]) -> list[WSGIServer]:
    """Bring the providers up, all in this process; each serves in the background of the gevent hub."""
    servers = [WSGIServer((spec.host, spec.port), app(spec), log=None) for spec in issuers]
    for server in servers:
        server.start()
    return servers


def serve(issuers: Sequence[IssuerSpec]) -> None:
    """Bring the providers up and serve until interrupted."""
    servers = start(issuers)
    try:
        joinall([spawn(server._stop_event.wait) for server in servers])  # noqa: SLF001 - pywsgi has no public wait
    except KeyboardInterrupt:
        for server in servers:
            server.stop(timeout=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the providers of a configuration file."""
    parser = argparse.ArgumentParser(prog="jit_server.demo.issuer", description="Demo identity providers on loopback.")
    parser.add_argument("--config", type=Path, required=True, help='JSON: {"issuers": [...]}')
    stated = json.loads(parser.parse_args(arguments).config.read_text())
    issuers = [IssuerSpec.model_validate(entry) for entry in stated["issuers"]]
    for spec in issuers:
        sys.stdout.write(f"{spec.agency}: {spec.url}\n")
    sys.stdout.flush()
    serve(issuers)


if __name__ == "__main__":
    main()
