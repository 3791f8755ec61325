"""Each contract runs over every vault there is: a folder on this disk and a real Ceph gateway, plain and encrypted."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

from jit_server.core.vault import FolderVault, S3Vault, SealedVault, Stored, Vault, new_data_key
from tests.engines.ceph import Ceph, ceph, stopped


@dataclass(frozen=True)
class Store:
    """A vault, and what the world can do to it."""

    kind: str
    vault: Vault
    alter: Callable[[Stored], None]  # one byte, behind the vault's back
    remove: Callable[[Stored], None]
    down: Callable[[], AbstractContextManager[Vault]]  # the same vault while its store does not work
    listing: Callable[[str], int]  # whole objects and unfinished uploads under a key


@pytest.fixture(scope="session")
def gateway() -> Iterator[Ceph]:
    with ceph() as running:
        yield running


_KINDS = ["folder", pytest.param("s3", marks=pytest.mark.ceph)]


@pytest.fixture(params=_KINDS)
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A vault itself."""
    return _folder(tmp_path / "vault") if request.param == "folder" else _s3(request.getfixturevalue("gateway"))


@pytest.fixture(params=["plain", "sealed"])
def store(request: pytest.FixtureRequest, plain: Store) -> Store:
    """A vault itself, or as the key of one object sees it."""
    return sealed(plain) if request.param == "sealed" else plain


@pytest.fixture
def s3(gateway: Ceph) -> Store:
    return _s3(gateway)


def sealed(plain: Store, key: bytes | None = None) -> Store:
    """The same store with everything in it encrypted."""
    data_key = key or new_data_key()

    @contextmanager
    def down() -> Iterator[Vault]:
        with plain.down() as vault:
            yield SealedVault(vault, data_key)

    return replace(plain, vault=SealedVault(plain.vault, data_key), down=down)


def _folder(root: Path) -> Store:
    vault = FolderVault(root)
    vault.prepare()

    def path(stored: Stored) -> Path:
        return root / "objects" / stored.key / stored.version_id

    def alter(stored: Stored) -> None:
        with path(stored).open("r+b") as file:
            first = file.read(1)
            file.seek(0)
            file.write(bytes([first[0] ^ 1]))

    @contextmanager
    def down() -> Iterator[Vault]:
        away = root.with_name("unmounted")
        root.rename(away)
        root.touch()  # a file where the folder was: even root cannot write below it
        try:
            yield vault
        finally:
            root.unlink()
            away.rename(root)

    def listing(key: str) -> int:
        return len(list((root / "objects" / key).glob("*"))) + len(list((root / "staging").iterdir()))

    return Store("folder", vault, alter, lambda stored: path(stored).unlink(), down, listing)


def _s3(gateway: Ceph) -> Store:
    account = replace(gateway.account, bucket=f"evidence-{uuid4().hex[:12]}")
    vault = S3Vault(account, retention_days=1)
    vault.prepare()

    def raw(stored: Stored) -> str:
        names = gateway.rados("ls").decode().splitlines()
        (name,) = [name for name in names if stored.key in name and stored.version_id in name]
        return name

    def alter(stored: Stored) -> None:
        name = raw(stored)
        content = bytearray(gateway.rados("get", name, "-"))
        content[0] ^= 1
        gateway.rados("put", name, "-", given=bytes(content))

    @contextmanager
    def down() -> Iterator[Vault]:
        with stopped(gateway.rgw_pid):
            yield S3Vault(account, retention_days=1)

    def listing(key: str) -> int:
        client = vault._client
        whole = list(client.list_objects(account.bucket, prefix=key, recursive=True, include_version=True))
        return len(whole) + len(client._list_multipart_uploads(account.bucket, prefix=key).uploads)

    return Store("s3", vault, alter, lambda stored: gateway.rados("rm", raw(stored)), down, listing)
