"""JSON doors under `/api/v1`: declare the action, parse the shape, make one call, answer."""

import json
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest

from jit_server.access import Action
from jit_server.core import shapes
from jit_server.core.errors import Invalid, Malformed, Outdated, PreconditionRequired
from jit_server.web import context, cursor, idempotency
from jit_server.web.declared import Declaration, declare, guards

ShapeT = TypeVar("ShapeT", bound=BaseModel)
View = Callable[..., ResponseReturnValue]
PREFIX = "/api/v1"


class Routes(Blueprint):
    """A room's JSON routes. Each names its action and the shapes it takes and answers; OpenAPI is made from that."""

    def __init__(self, name: str) -> None:
        super().__init__(f"api.{name}".replace(".", "_"), __name__, url_prefix=PREFIX)
        self.operations: list[dict[str, Any]] = []
        self.tag = name

    def _route(
        self,
        method: str,
        rule: str,
        *,
        to: Action | Declaration,
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        answers: dict[int, Any] | None = None,
        raw: bool = False,
    ) -> Callable[[View], View]:
        declaration = guards(to) if isinstance(to, Action) else to

        def wrap(view: View) -> View:
            @wraps(view)
            def door(**arguments: Any) -> ResponseReturnValue:
                if declaration.kind != "public":
                    context.signed_in()
                if body is not None:
                    arguments["body"] = parse(body)
                if query is not None:
                    arguments["query"] = parse_query(query)
                return view(**arguments)

            made = declare(idempotency.once(door) if method == "POST" else door, declaration)
            self.add_url_rule(rule, f"{view.__name__}", made, methods=[method])
            self.operations.append(
                {
                    "method": method.lower(),
                    "rule": f"{PREFIX}{rule}",
                    "view": view,
                    "body": body,
                    "query": query,
                    "answers": answers or {200: None},
                    "raw": raw,
                    "declaration": declaration,
                    "tag": self.tag,
                }
            )
            return view

        return wrap

    def reads(self, rule: str, **says: Any) -> Callable[[View], View]:
        """GET."""
        return self._route("GET", rule, **says)

    def posts(self, rule: str, **says: Any) -> Callable[[View], View]:
        """POST; takes `Idempotency-Key`."""
        return self._route("POST", rule, **says)

    def puts(self, rule: str, **says: Any) -> Callable[[View], View]:
        """PUT."""
        return self._route("PUT", rule, **says)

    def patches(self, rule: str, **says: Any) -> Callable[[View], View]:
        """PATCH."""
        return self._route("PATCH", rule, **says)

    def deletes(self, rule: str, **says: Any) -> Callable[[View], View]:
        """DELETE."""
        return self._route("DELETE", rule, **says)


def _no_constant(word: str) -> Any:
    msg = f"{word} is not JSON"
    raise ValueError(msg)


def parse(shape: type[ShapeT]) -> ShapeT:
    """The request's JSON body in this shape.

    Raises:
        Malformed: no JSON, or nested too deep.
        Invalid: a field is missing, unknown or wrong; each is named.
    """
    try:
        data = json.loads(request.get_data(cache=False) or b"null", parse_constant=_no_constant)
    except (ValueError, RecursionError, BadRequest) as error:
        msg = "the body must be JSON"
        raise Malformed(msg) from error
    if not isinstance(data, dict):
        msg = "the body must be a JSON object"
        raise Malformed(msg)
    return check(shape, data)


def parse_query(shape: type[ShapeT]) -> ShapeT:
    """The query string in this shape; what a form left open counts as absent."""
    return check(shape, {name: value for name, value in request.args.to_dict().items() if value != ""})


def check(shape: type[ShapeT], data: Any) -> ShapeT:
    """The data in this shape; every wrong field is named with its remedy.

    Raises:
        Invalid: with `errors` [{field, message, remedy}].
    """
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> Invalid:
    """A pydantic error as our problem."""
    fields = [one | {"field": one["field"] or "body"} for one in shapes.faults(error)]
    return Invalid("; ".join(f"{one['field']}: {one['message']}" for one in fields[:3]), errors=fields)


def dump(thing: Any) -> Any:
    """A model, or a list or dict of them, as JSON values."""
    if isinstance(thing, BaseModel):
        return thing.model_dump(mode="json")
    if isinstance(thing, dict):
        return {key: dump(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [dump(value) for value in thing]
    return thing


def answer(thing: Any, status: int = 200, *, version: int | None = None, location: str | None = None) -> Response:
    """A JSON answer. `version` becomes the `ETag`; a kept answer for `Idempotency-Key` commits with the work."""
    response = Response(json.dumps(dump(thing), default=str), status, mimetype="application/json")
    if version is not None:
        response.set_etag(str(version))
    if location:
        response.headers["Location"] = location
    if "idempotency" in g:
        idempotency.keep(response)
    return response


def created(thing: Any, *, location: str | None = None, version: int | None = None) -> Response:
    """A JSON answer for a new thing; call it inside the unit of work so that the kept answer commits with it."""
    return answer(thing, 201, location=location, version=version)


def page(items: Iterable[Any], following: str | None, **more: Any) -> Response:
    """One page of a list, with RFC 8288 `Link: rel=next` where there is more."""
    response = answer({"items": list(items), "next": following, **more})
    if following:
        response.headers["Link"] = f'<{cursor.next_url(following)}>; rel="next"'
    return response


def if_match(version: int) -> None:
    """Insist that the caller changes the version it has read.

    Raises:
        PreconditionRequired: no `If-Match`.
        Outdated: another version.
    """
    if not request.if_match:
        raise PreconditionRequired
    if not request.if_match.contains(str(version)):
        raise Outdated(current=version)
