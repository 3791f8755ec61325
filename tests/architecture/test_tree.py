"""What is in the repository, and what must never be."""

import re
import subprocess
import tomllib
from pathlib import Path

from jit_server.core.settings import Settings

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    """The files git keeps, and new ones it would take."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
        *patterns,
    ]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """A file's text; nothing for what is not text."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def test_every_setting_is_documented_in_the_example():
    example = (ROOT / ".env.example").read_text()
    documented = set(re.findall(r"^#?\s?(JIT_[A-Z0-9_]+)=", example, re.MULTILINE))
    assert documented == {f"JIT_{name.upper()}" for name in Settings.model_fields}


def test_every_setting_says_what_it_is():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_no_file_names_a_package_registry():
    registries = re.compile(r"p[y]pi\.(org|io)|pythonh[o]sted|registry\.n[p]mjs|registry\.y[a]rnpkg|deb\.deb[i]an\.org")
    found = [str(path.relative_to(ROOT)) for path in tracked() if registries.search(text_of(path))]
    assert found == []


def test_nothing_of_others_is_committed():
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if {"node_modules", "vendor"} & set(path.relative_to(ROOT).parts) or re.search(r"\.min\.(js|css)$", path.name)
    ]
    assert found == []


def test_no_secret_is_committed():
    secrets = re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----|PRIVATE\+KEY\+[^<\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{40}|AKIA[0-9A-Z]{16}"
    )
    found = [str(path.relative_to(ROOT)) for path in tracked() if secrets.search(text_of(path))]
    assert found == []


def test_our_style_sheets_know_no_left_and_right():
    """Pages read from the right for Arabic: only logical properties (SCREENS 4.3)."""
    physical = re.compile(
        r"(?<![\w-])(?:(?:margin|padding|border)-(?:left|right)(?:-\w+)?|left|right"
        r"|border-(?:top|bottom)-(?:left|right)-radius)\s*:"
        r"|(?:float|clear|text-align)\s*:\s*(?:left|right)\b"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked("static/css", "jit_server/**/*.css")
        for number, line in enumerate(
            re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text_of(path), flags=re.DOTALL).splitlines(), 1
        )
        if physical.search(line)
    ]
    assert found == []


def test_the_dependencies_are_written_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements" / "run.in").read_text().splitlines()
    assert project["dependencies"] == [line for line in lines if line and not line.startswith("#")]


def test_every_dependency_has_a_row_that_says_why():
    rows = (ROOT / "docs" / "dependencies.md").read_text()
    explained = set(re.findall(r"^\| `([^`]+)`", rows, re.MULTILINE))
    wanted = set()
    for name in ("run", "demo", "dev", "uv"):
        for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines():
            if line and line[0].isalnum():
                wanted.add(re.split(r"[\[<>=!~ ]", line)[0])
    assert wanted - explained == set()


def test_every_browser_dependency_has_a_row_that_says_why():
    import json

    rows = (ROOT / "docs" / "dependencies.md").read_text()
    package = json.loads((ROOT / "static" / "package.json").read_text())
    wanted = {*package.get("dependencies", {}), *package.get("devDependencies", {})}
    assert {name for name in wanted if f"| `{name}`" not in rows} == set()


def test_every_decision_has_a_number_of_its_own_and_a_status():
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [path.name[:4] for path in records]
    assert len(numbers) == len(set(numbers)) > 0
    for path in records:
        assert re.search(r"^Status: (accepted|superseded by \d{4})", path.read_text(), re.MULTILINE), path.name


def test_every_test_the_readme_names_exists():
    """A promise that names a test id which nobody wrote is not a promise."""
    named = set(re.findall(r"`(tests/[\w/.-]+)(?:::(test_\w+))?`", (ROOT / "README.md").read_text()))
    assert named
    for path, test in named:
        file = ROOT / path
        assert file.exists(), path
        assert not test or f"def {test}(" in file.read_text(), f"{path}::{test}"


def test_the_architecture_document_has_a_line_for_every_package():
    lines = (ROOT / "docs" / "architecture.md").read_text()
    packages = {path.parent.name for path in (ROOT / "jit_server").glob("*/__init__.py")}
    assert {name for name in packages if f"`{name}/`" not in lines} == set()
