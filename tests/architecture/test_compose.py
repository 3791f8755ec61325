"""The container files, by parsing: no default secret, nothing runs as root or writes where it need not."""

import json
import re
from pathlib import Path

import pytest
import yaml

from jit_server.core.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("server", "worker", "migrate", "vault-setup")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY$|USER$|USERNAME$|ADMIN$")
REALMS = sorted((ROOT / "deploy" / "keycloak").glob("*-realm.json"))


def environment():
    """(service, name, value) of every variable."""
    return [
        (name, key, str(value))
        for name, service in SERVICES.items()
        for key, value in service.get("environment", {}).items()
    ]


def test_the_four_engines_are_there():
    assert SERVICES["database"]["image"].startswith("postgres:18")
    assert SERVICES["vault"]["image"].startswith("pgsty/minio:RELEASE.")
    assert "keycloak" in SERVICES["identity"]["image"]
    assert SERVICES["server"]["environment"]["JIT_WORKERS"] == "2"


def test_no_image_floats():
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert re.search(r"\d", tag), f"{name}: {service['image']}"


@pytest.mark.parametrize(("service", "name", "value"), environment(), ids=lambda value: str(value)[:40])
def test_no_secret_has_a_default(service, name, value):
    for variable in re.findall(r"\$\{([^}]*)\}", value):
        if SECRET.search(variable.split(":")[0]):
            assert ":?" in variable, f"{service}.{name}"
    if SECRET.search(name) and not name.endswith("_FILE"):
        plain = re.sub(r"\$\{[^}]*\}", "", value)
        assert plain in {"", "keycloak"}, f"{service}.{name} holds {plain!r}"  # the name of a database role
    for url in re.findall(r"://[^/@\s]+@", re.sub(r"\$\{[^}]*\}", "", value)):
        assert url.endswith(":@"), f"{service}.{name}: a password in {url}"


def test_every_secret_comes_from_a_file_or_a_named_variable():
    for name, secret in COMPOSE["secrets"].items():
        assert set(secret) in ({"file"}, {"environment"}), name
        if "file" in secret:
            assert secret["file"].startswith("./secrets/")


def test_every_secret_used_is_declared():
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used <= set(COMPOSE["secrets"])
    files = {value.removeprefix("/run/secrets/") for _, _, value in environment() if value.startswith("/run/secrets/")}
    assert files <= used


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_locked_down(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["user"].split(":")[0] not in {"0", "root"}
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_only_loopback_ports_are_published():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in SERVICES["database"]
    assert "ports" not in SERVICES["vault"]


@pytest.mark.parametrize("name", ["server", "worker"])
def test_what_runs_all_day_never_gets_the_owner_of_the_tables(name):
    assert "JIT_DATABASE_OWNER_URL" not in SERVICES[name]["environment"]
    assert "jit_owner" not in json.dumps(SERVICES[name])


def test_every_setting_that_compose_names_exists():
    known = {f"JIT_{name.upper()}" for name in Settings.model_fields}
    named = {name for service in OURS[:3] for name in SERVICES[service]["environment"] if name.startswith("JIT_")}
    assert named <= known


def test_one_realm_an_agency_without_people_and_with_strict_clients():
    assert len(REALMS) >= 2
    for path in REALMS:
        realm = json.loads(path.read_text())
        (client,) = realm["clients"]
        assert realm["users"] == []
        assert realm["registrationAllowed"] is False
        assert client["secret"] == f"${{{realm['realm'].upper()}_CLIENT_SECRET}}"
        assert client["attributes"]["pkce.code.challenge.method"] == "S256"
        assert (client["standardFlowEnabled"], client["implicitFlowEnabled"], client["directAccessGrantsEnabled"]) == (
            True,
            False,
            False,
        )
        assert all("*" not in uri for uri in client["redirectUris"])
        assert client["secret"].strip("${}") in SERVICES["identity"]["environment"]


def test_the_image_runs_as_nobody_special_from_pinned_requirements():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    stages = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    assert len(stages) == 2
    final = "\n".join(lines[stages[1] :])
    user = re.search(r"^USER (\d+)", final, re.MULTILINE)
    assert user is not None
    assert int(user[1]) > 0
    assert "pip install" not in final
    installs = [
        line for line in "\n".join(lines[: stages[1]]).replace("\\\n", " ").splitlines() if "pip install" in line
    ]
    assert all(
        "--require-hashes" in part or "--no-deps" in part
        for line in installs
        for part in line.split("&&")
        if "pip install" in part
    )


def test_the_servers_key_may_not_undo_what_it_wrote():
    text = (ROOT / "deploy" / "minio" / "setup.py").read_text()
    assert not re.search(r'"s3:(\*|Delete|Bypass|PutBucket|PutLifecycle)', text)


@pytest.mark.parametrize("unit", ["jit-server.service", "jit-server-worker.service"])
def test_the_unit_files_are_hardened(unit):
    text = (ROOT / "deploy" / unit).read_text()
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077"):
        assert f"\n{line}\n" in text
    assert not re.search(r"^User=(root)?$", text, re.MULTILINE)
