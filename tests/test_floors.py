"""F15, PROOFS 4.9: an index without advisories audits nothing, so the floors below which a bug is known stand here."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

LOCK = Path(__file__).parents[1] / "requirements" / "run.txt"
FLOORS = {
    "authlib": "1.8.0",
    "cryptography": "45.0.1",
    "flask": "3.1.3",
    "flask-socketio": "5.6.1",
    "gevent": "23.9",
    "gunicorn": "26.1",
    "h11": "0.16",
    "jinja2": "3.1.6",
    "joserfc": "1.6.1",
    "psycopg": "3.2",
    "python-engineio": "4.13.2",
    "python-socketio": "5.16.2",
    "requests": "2.32.4",
    "simpleeval": "1.0.5",
    "urllib3": "2.6",
    "werkzeug": "3.1.6",
}
CEILINGS = {"minio": "8"}
ABSENT = ("casbin", "gevent-websocket", "eventlet", "flask-talisman")


def locked() -> dict[str, Version]:
    """Name -> version, as the lock pins them."""
    pins = re.findall(r"^([a-z0-9_.-]+)(?:\[[a-z,]+\])?==([^\s\\]+)", LOCK.read_text(), re.MULTILINE)
    return {name.replace("_", "-"): Version(version) for name, version in pins}


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_no_library_is_locked_below_the_version_that_mends_a_known_bug(name, floor):
    assert locked()[name] >= Version(floor)


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_what_is_installed_is_what_is_locked(name, floor):
    assert Version(metadata.version(name)) == locked()[name] >= Version(floor)


@pytest.mark.parametrize(("name", "ceiling"), CEILINGS.items())
def test_a_rewrite_is_not_taken_in_by_accident(name, ceiling):
    assert locked()[name] < Version(ceiling)


@pytest.mark.parametrize("name", ABSENT)
def test_a_package_that_breaks_another_by_its_presence_is_absent(name):
    assert name not in locked()
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.distribution(name)


def test_every_pin_carries_a_hash():
    for name in ("run", "demo", "dev", "uv"):
        text = (LOCK.parent / f"{name}.txt").read_text()
        pins = re.findall(r"^[a-z0-9].*==.*$", text, re.MULTILINE)
        assert pins
        assert all(pin.endswith("\\") for pin in pins), name
        assert text.count("--hash=sha256:") >= len(pins)
