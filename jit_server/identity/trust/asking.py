"""One request of a federation's: a signed document from an address, within the limits of `transport`."""

import requests

from jit_server.core.errors import Unavailable
from jit_server.identity import transport
from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.statements import LARGEST


def ask(url: str, kind: str, *, loopback: bool, home: str = "") -> str:
    """Fetch a signed document.

    Args:
        url: where it lies.
        kind: its media type, without `application/`.
        loopback: whether loopback and plain http are allowed.
        home: at whose origin the address must lie; default its own.

    Raises:
        Broken: an address that is not spoken to, or something else than such a document.
        Unavailable: nobody answers.
    """
    with requests.Session() as session:
        transport.harden(session, home or url, loopback=loopback)
        try:
            answer = session.get(url, headers={"Accept": f"application/{kind}"})
        except transport.Refusal as error:
            raise Broken("address", f"{url}: {error}") from error
        except (requests.RequestException, ValueError) as error:
            raise Unavailable(f"{url} does not answer") from error
    if answer.status_code >= requests.codes.server_error:
        raise Unavailable(f"{url} does not answer")
    told = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if answer.status_code != requests.codes.ok or told != f"application/{kind}":
        raise Broken("answer", f"{url} answers {answer.status_code} {told}")
    if len(answer.content) > LARGEST:
        raise Broken("size", f"{url} answers too much")
    return answer.content.decode("ascii", "replace").strip()
