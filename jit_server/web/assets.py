"""What the browser loads, by logical name: `asset("app.js")` is the address of the hashed file the build made."""

import json
from functools import cache
from pathlib import Path
from typing import TypedDict

from flask import Flask, Response, request, send_from_directory

URL = "/assets"
_HERE = Path(__file__).resolve().parent
_FOREVER = "public, max-age=31536000, immutable"


class BuiltFile(TypedDict):
    """One line of the manifest; `imports` are further built files that the file needs at once."""

    file: str
    imports: list[str]
    sha384: str
    bytes: int
    gzip: int


class AssetsMissing(RuntimeError):
    """The browser assets were never built: run `make assets`."""


def folder() -> Path:
    """Where the built files are: inside the installed package, or static/vendor of a source tree."""
    packaged = _HERE / "vendor"
    return packaged if packaged.is_dir() else _HERE.parents[1] / "static" / "vendor"


@cache
def manifest() -> dict[str, BuiltFile]:
    """Logical name -> built file, as the build wrote it; read once."""
    try:
        files: dict[str, BuiltFile] = json.loads((folder() / "manifest.json").read_text())["files"]
    except FileNotFoundError:
        raise AssetsMissing(AssetsMissing.__doc__) from None
    return files


def asset(name: str) -> str:
    """The address of a built file by its logical name; an unknown name is a programming error (KeyError)."""
    return f"{URL}/{manifest()[name]['file']}"


def preloads(name: str) -> list[str]:
    """Addresses of what a script imports, so that a page can ask for them in the same breath."""
    return [f"{URL}/{file}" for file in manifest()[name]["imports"]]


def respond(file: str) -> Response:
    """Answer a request for one built file: its gzip twin where it has one, kept for ever by its hash."""
    known = {built["file"] for built in manifest().values()}
    packed = f"{file}.gz"
    twin = file in known and request.accept_encodings.quality("gzip") > 0 and (folder() / packed).is_file()
    answer = send_from_directory(folder(), packed if twin else file, mimetype=_mimetype(file), conditional=True)
    if twin:
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Cache-Control"] = _FOREVER
    answer.vary.add("Accept-Encoding")
    return answer


def _mimetype(file: str) -> str:
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    return kinds.get(Path(file).suffix, "text/plain")


def install(app: Flask) -> None:
    """Let templates say `asset(...)` and `preloads(...)`. The route is the caller's: it must declare itself public."""
    app.jinja_env.globals.update(asset=asset, preloads=preloads)
