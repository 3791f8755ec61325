"""OpenAPI 3.1 from what the routes say of themselves; Pydantic's JSON Schema is the dialect 3.1 uses."""

import inspect
import re
from typing import Any

from flask import Flask
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from jit_server.web import pages
from jit_server.web.api import PREFIX, Routes, answer
from jit_server.web.declared import declare, public

_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "policy": {"type": "object"},
    },
    "required": ["type", "title", "status", "detail"],
}


def spec(rooms: list[Routes], version: str) -> dict[str, Any]:
    """The document for all routes of these rooms."""
    operations = [one for room in rooms for one in room.operations]
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", one["rule"])
        paths.setdefault(path, {})[one["method"]] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "JIT server",
            "version": version,
            "description": "Shared workspaces of joint investigation teams.",
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "jit"}},
        },
        "security": [{"session": []}],
    }


def _shapes(one: dict[str, Any]) -> list[tuple[type[BaseModel], str]]:
    found = [(one["body"], "validation")] if one["body"] else []
    found += [(shape, "serialization") for shape in one["answers"].values() if inspect.isclass(shape)]
    found += [(shape[0], "serialization") for shape in one["answers"].values() if isinstance(shape, list)]
    return found


def _schemas(operations: list[dict[str, Any]]) -> tuple[dict[Any, Any], dict[str, Any]]:
    wanted = sorted({pair for one in operations for pair in _shapes(one)}, key=lambda pair: (pair[0].__name__, pair[1]))
    refs, made = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]
    return refs, made.get("$defs", {})


def _operation(one: dict[str, Any], schemas: dict[Any, Any]) -> dict[str, Any]:
    summary, _, more = inspect.cleandoc(one["view"].__doc__ or "").partition("\n")
    says = one["declaration"]
    operation: dict[str, Any] = {
        "operationId": f"{one['tag']}.{one['view'].__name__}",
        "tags": [one["tag"]],
        "summary": summary,
        "description": more.strip(),
        "x-action": str(says.action or says.kind),
        "parameters": _parameters(one),
        "responses": {str(code): _answer(shape, schemas) for code, shape in one["answers"].items()},
    }
    operation["responses"]["default"] = {
        "description": "A problem (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if says.kind == "public":
        operation["security"] = []
    if one["body"]:
        schema = schemas[(one["body"], "validation")]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if one["raw"]:
        schema = {"type": "string", "format": "binary"}
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": schema}}}
    return operation


def _parameters(one: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", one["rule"]):
        schema: dict[str, Any] = {"type": "integer"} if kind == "int" else {"type": "string"}
        if kind == "uuid":
            schema["format"] = "uuid"
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if one["query"]:
        shape = one["query"].model_json_schema()
        needed = shape.get("required", [])
        found += [
            {"name": name, "in": "query", "required": name in needed, "schema": schema}
            for name, schema in shape.get("properties", {}).items()
        ]
    if one["method"] == "post":
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"}})
    return found


def _answer(shape: Any, schemas: dict[Any, Any]) -> dict[str, Any]:
    if shape is None:
        return {"description": "Done"}
    if isinstance(shape, str):
        return {"description": "The bytes", "content": {shape: {"schema": {"type": "string", "format": "binary"}}}}
    if isinstance(shape, list):
        items = {"type": "array", "items": schemas[(shape[0], "serialization")]}
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {"items": items, "next": {"type": ["string", "null"]}},
            "required": ["items", "next"],
        }
    else:
        schema = schemas[(shape, "serialization")]
    return {"description": "The answer", "content": {"application/json": {"schema": schema}}}


def install(app: Flask, rooms: list[Routes], version: str) -> None:
    """Serve the document and the offline viewer."""
    made: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not made:
            made.append(spec(rooms, version))
        return made[0]

    def openapi_json() -> ResponseReturnValue:
        return answer(document())

    def viewer() -> ResponseReturnValue:
        return pages.show("docs.html", spec=document())

    app.add_url_rule(f"{PREFIX}/openapi.json", "openapi_json", declare(openapi_json, public("the contract, no data")))
    app.add_url_rule(f"{PREFIX}/docs", "openapi_viewer", declare(viewer, public("the contract, no data")))
    app.extensions["openapi"] = document
