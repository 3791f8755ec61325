"""The house stands: imports go down only, nobody commits but the unit of work, modules stay readable."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "jit_server").rglob("*.py"))
MAX_LINES = 400


def test_no_room_imports_from_a_higher_storey():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_unit_of_work_commits():
    found = [
        f"{module.relative_to(ROOT)}:{call.lineno}"
        for module in MODULES
        if module.name != "work.py"
        for call in ast.walk(ast.parse(module.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "commit"
        if not call.args  # audit.commit(text, salt) commits to a text, not a transaction
        if ast.unparse(call.func.value) != "super()"  # how a connection commits, not when
    ]
    assert found == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(module):
    assert len(module.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(module):
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_no_package_has_a_name_that_says_nothing():
    names = {path.stem for path in MODULES} | {path.parent.name for path in MODULES}
    assert not names & {"service", "services", "utils", "util", "helpers", "helper", "manager", "common", "misc"}


def test_rooms_catch_no_error_they_cannot_name():
    found = [
        f"{module.relative_to(ROOT)}:{handler.lineno}"
        for module in MODULES
        for handler in ast.walk(ast.parse(module.read_text()))
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id == "BaseException"))
        and not isinstance(handler.body[-1], ast.Raise)  # tidying up on the way out is no bypass
    ]
    assert found == []


def test_every_room_has_its_tests():
    rooms = {path.parent.name for path in (ROOT / "jit_server").glob("*/__init__.py")} - {"demo"}
    tested = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert rooms <= tested, f"without a folder of tests: {sorted(rooms - tested)}"


def test_no_test_is_switched_off():
    marks = re.compile(r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "tests").rglob("*.py")
        if path != Path(__file__) and "node_modules" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []
