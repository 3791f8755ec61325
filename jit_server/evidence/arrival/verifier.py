"""The offline verifier itself, as courts use it: what opens a package here believes exactly what they can check."""

from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

import jit_server
from jit_server.evidence.arrival.window import Window

_NAME: Final = "jit-verify.py"
TEXTS_MOST: Final = 256 * 2**20
"""Bytes of all that is no exhibit in a package: the verifier keeps the log's entries in memory."""
SHAPELESS: Final = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError)


class Judged:
    """A package and what was found in it; `package` is the verifier's own, None where it cannot even be listed."""

    def __init__(self, package: Any, findings: list[str]) -> None:
        self.package, self.findings = package, findings


@cache
def verifier() -> Any:
    """The module, from the file that is given out."""
    here = Path(jit_server.__file__).parent
    places = (here / "verify" / _NAME, here.parent / "static" / "verify" / _NAME)
    spec = spec_from_file_location("jit_verify", next(place for place in places if place.is_file()))
    if spec is None or spec.loader is None:
        raise ImportError(_NAME)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judge(window: Window) -> Judged:
    """Check everything that the offline verifier checks. What is no package at all is one finding."""
    verify = verifier()
    try:
        container = verify.Container(window)
        texts = sum(one.size for one in container.members if not one.name.startswith("content/"))
        if texts > TEXTS_MOST:
            return Judged(None, [f"package: {texts} bytes of it are no exhibits; at most {TEXTS_MOST} are opened here"])
        package = verify.Package(container)
    except verify.Wrong as wrong:
        return Judged(None, [f"{wrong.where}: {wrong.what}"])
    except (*SHAPELESS, verify.struct.error) as error:
        return Judged(None, [f"package: it is no package ({type(error).__name__})"])
    package.check()
    return Judged(package, [f"{where}: {what}" for where, what in package.findings])
