"""The demo's identity providers as they are kept: ports, secrets and keys that stay the same over restarts.

An issuer's address is part of everybody's identity, so its port is remembered and never silently changed.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jit_server.demo.cast import AGENCIES, DemoAgency
from jit_server.demo.processes import check_free, free_port, is_free
from jit_server.demo.seed import DemoIssuer


@dataclass(frozen=True)
class Issuers:
    """The three providers: where each answers, its secret, and the file that configures them."""

    urls: Mapping[str, str]
    secrets: Mapping[str, Path]
    config: Path

    @classmethod
    def prepare(cls, folder: Path, base_url: str, host: str, near: int) -> "Issuers":
        """Remember or choose ports (the ones after `near` if free) and write the configuration."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ports = _ports(folder / "ports.json", host, near)
        files = {agency.slug: _secret(folder / f"{agency.slug}.secret") for agency in AGENCIES}
        specs = [_spec(agency, folder, base_url, host, ports[agency.slug]) for agency in AGENCIES]
        config = folder / "issuers.json"
        _write(config, json.dumps({"issuers": specs}, indent=1, ensure_ascii=False))
        return cls({slug: f"http://{host}:{port}" for slug, port in ports.items()}, files, config)

    def known(self) -> dict[str, DemoIssuer]:
        """What the server must know of each, by agency."""
        return {slug: DemoIssuer(url, self.secrets[slug]) for slug, url in self.urls.items()}


def _ports(kept: Path, host: str, near: int) -> dict[str, int]:
    if kept.exists():
        ports: dict[str, int] = json.loads(kept.read_text())
        for slug, port in ports.items():
            check_free(host, port, f"The issuer of {slug} had it; use another JIT_DATA for a second demo.")
        return ports
    ports = {}
    for number, agency in enumerate(AGENCIES, start=1):
        ports[agency.slug] = near + number if is_free(host, near + number) else free_port(host)
    _write(kept, json.dumps(ports))
    return ports


def _spec(agency: DemoAgency, folder: Path, base_url: str, host: str, port: int) -> dict[str, Any]:
    return {
        "slug": agency.slug,
        "agency": agency.name,
        "own_name": agency.own_name,
        "state": agency.state,
        "language": agency.language,
        "host": host,
        "port": port,
        "client_id": agency.client_id,
        "client_secret": (folder / f"{agency.slug}.secret").read_text().strip(),
        "redirect_uris": [f"{base_url}/login/{agency.slug}/callback"],
        "post_logout_uris": [f"{base_url}/login"],
        "key_file": str(folder / f"{agency.slug}.key"),
        "persons": [
            {
                "id": person.id,
                "name": person.name,
                "email": f"{person.id}@{agency.slug}.example",
                "role": person.function,
                "language": agency.language,
                "zone": agency.zone,
            }
            for person in agency.people
        ],
    }


def _secret(path: Path) -> Path:
    if not path.exists():
        _write(path, secrets.token_urlsafe(32))
    return path


def _write(path: Path, text: str) -> None:
    """Whole or not at all, for this account only."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
