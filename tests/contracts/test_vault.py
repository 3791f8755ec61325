"""What every vault promises, over the folder and over a real S3 with Object Lock (PROOFS C7, C8)."""

import hashlib
import os
import resource
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.retention import Retention

from jit_server.core import clock
from jit_server.core.errors import Altered, Mismatch, VaultDown
from jit_server.core.vault import BLOCK, Account, FolderVault, Locked, S3Vault, Stored, Vault, new_key, verified
from tests.contracts.conftest import Store

WORKSPACE = uuid4()
A, B = UUID("a" * 32), UUID("b" * 32)


def pieces(content: bytes, length: int = BLOCK) -> Iterator[bytes]:
    for start in range(0, len(content), length):
        yield content[start : start + length]


def keep(vault: Vault, content: bytes, key: str | None = None) -> Stored:
    return vault.put(key or new_key(WORKSPACE), pieces(content), size=len(content))


def read(vault: Vault, stored: Stored) -> bytes:
    return b"".join(verified(vault.open(stored.key, stored.version_id), size=stored.size, sha256=stored.sha256))


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 8 * BLOCK, 8 * BLOCK + 1, 20 * BLOCK])
def test_what_is_put_comes_back_bit_for_bit(store: Store, size: int):
    content = os.urandom(size)
    stored = keep(store.vault, content)
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert store.vault.stat(stored.key, stored.version_id).size == size
    assert read(store.vault, stored) == content


@pytest.mark.parametrize("length", [1000, 65536, 3 * BLOCK + 7])
def test_pieces_may_have_any_length(store: Store, length: int):
    content = os.urandom(9 * BLOCK + 11)
    stored = store.vault.put(new_key(WORKSPACE), pieces(content, length), size=len(content))
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert read(store.vault, stored) == content


@pytest.mark.parametrize("size", [1000, 9 * BLOCK])
@pytest.mark.parametrize(
    ("announced", "sha256"),
    [(-1, None), (+1, None), (0, "0" * 64)],
    ids=["one byte too many", "one byte too few", "another digest"],
)
def test_bytes_that_are_not_those_announced_leave_nothing(store: Store, size: int, announced: int, sha256: str | None):
    key = new_key(WORKSPACE)
    with pytest.raises(Mismatch):
        store.vault.put(key, pieces(os.urandom(size)), size=size + announced, sha256=sha256)
    assert store.listing(key) == 0


@pytest.mark.parametrize("size", [1000, 20 * BLOCK])
def test_an_upload_that_breaks_off_leaves_nothing(store: Store, size: int):
    def broken() -> Iterator[bytes]:
        yield os.urandom(size // 2)
        raise ConnectionResetError

    key = new_key(WORKSPACE)
    with pytest.raises(ConnectionResetError):
        store.vault.put(key, broken(), size=size)
    assert store.listing(key) == 0


def test_the_digest_announced_is_compared_whatever_its_case(store: Store):
    content = b"a phone extraction"
    sha256 = hashlib.sha256(content).hexdigest().upper()
    assert store.vault.put(new_key(WORKSPACE), [content], size=len(content), sha256=sha256).size == len(content)


@pytest.mark.parametrize("size", [1, 500, 3 * BLOCK])
def test_an_altered_byte_is_found_and_no_whole_file_is_given_out(store: Store, size: int):
    stored = keep(store.vault, os.urandom(size))
    store.alter(stored)
    blocks: list[bytes] = []
    body = store.vault.open(stored.key, stored.version_id)
    with pytest.raises(Altered):
        blocks.extend(verified(body, size=stored.size, sha256=stored.sha256))
    assert sum(map(len, blocks)) < size


def test_bytes_that_are_gone_are_altered_not_absent(store: Store):
    stored = keep(store.vault, b"x" * 100)
    store.remove(stored)
    with pytest.raises(Altered):
        read(store.vault, stored)


def test_a_version_never_put_is_not_made_up(store: Store):
    stored = keep(store.vault, b"x")
    with pytest.raises(Altered):
        store.vault.open(new_key(WORKSPACE), stored.version_id)
    with pytest.raises(Altered):
        store.vault.stat(new_key(WORKSPACE), stored.version_id)


def test_a_second_put_under_one_key_leaves_the_first_version_alone(store: Store):
    first = keep(store.vault, b"first")
    second = keep(store.vault, b"second", first.key)
    assert first.version_id != second.version_id
    assert (read(store.vault, first), read(store.vault, second)) == (b"first", b"second")


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "/etc/passwd",
        f"{A}",
        f"{A}/../{B}",
        f"{A}//{B}",
        f"{A}/{B}\n",
        f"{A}/{B}/x",
        f"{A}/{B}\0",
        f"{A}/{B}".upper(),
        "",
    ],
)
def test_a_key_that_the_server_did_not_make_is_refused(store: Store, key: str):
    with pytest.raises(ValueError, match="vault key"):
        store.vault.put(key, [b"x"], size=1)
    with pytest.raises(ValueError):
        store.vault.open(key, "0" * 32)
    with pytest.raises(ValueError):
        store.vault.stat(key, "0" * 32)


def test_retention_grows_and_never_shrinks(store: Store):
    stored = keep(store.vault, b"x")
    late = clock.now() + timedelta(days=30)
    assert abs(store.vault.retain(stored.key, stored.version_id, late).retained_until - late) <= timedelta(seconds=1)
    with pytest.raises(Locked):
        store.vault.retain(stored.key, stored.version_id, late - timedelta(days=20))
    assert abs(store.vault.stat(stored.key, stored.version_id).retained_until - late) <= timedelta(seconds=1)


def test_a_hold_is_set_read_back_and_lifted(store: Store):
    stored = keep(store.vault, b"x")
    assert store.vault.stat(stored.key, stored.version_id).held is False
    assert store.vault.hold(stored.key, stored.version_id, on=True).held is True
    assert store.vault.stat(stored.key, stored.version_id).held is True
    assert store.vault.hold(stored.key, stored.version_id, on=False).held is False


def test_a_hold_does_not_touch_the_retention(store: Store):
    stored = keep(store.vault, b"x")
    until = store.vault.retain(stored.key, stored.version_id, clock.now() + timedelta(days=3)).retained_until
    assert store.vault.hold(stored.key, stored.version_id, on=True).retained_until == until


@pytest.mark.parametrize("size", [10, 20 * BLOCK])
def test_a_store_that_is_down_is_said_within_ten_seconds(store: Store, size: int):
    stored = keep(store.vault, b"x")
    with store.down() as vault:
        began = time.monotonic()
        with pytest.raises(VaultDown):
            vault.put(new_key(WORKSPACE), pieces(os.urandom(size)), size=size)
        assert time.monotonic() - began < 10
        assert vault.status().ready is False
    assert read(store.vault, stored) == b"x"


def test_reading_from_a_store_that_is_down_is_said_within_ten_seconds(s3: Store):
    stored = keep(s3.vault, b"x")
    with s3.down() as vault:
        began = time.monotonic()
        with pytest.raises(VaultDown):
            vault.open(stored.key, stored.version_id)
        assert time.monotonic() - began < 10


def test_the_status_says_whether_deletion_is_forbidden(store: Store):
    status = store.vault.status()
    assert status.ready
    assert status.worm is (store.kind == "s3")
    assert ("not WORM" in status.detail) is (store.kind == "folder")


# Only S3: what the app's own key may do there, past our code.


@pytest.mark.ceph
@pytest.mark.parametrize("size", [10, 9 * BLOCK], ids=["one piece", "multipart"])
class TestTheAppsOwnKey:
    def test_cannot_delete_a_version(self, s3: Store, size: int):
        stored = keep(s3.vault, os.urandom(size))
        with pytest.raises(S3Error):
            s3.vault._client.remove_object(s3.vault._bucket, stored.key, version_id=stored.version_id)
        read(s3.vault, stored)

    def test_cannot_delete_it_with_governance_bypass(self, s3: Store, size: int):
        stored = keep(s3.vault, os.urandom(size))
        doomed = [DeleteObject(stored.key, stored.version_id)]
        faults = s3.vault._client.remove_objects(s3.vault._bucket, doomed, bypass_governance_mode=True)
        assert list(faults)
        read(s3.vault, stored)

    def test_cannot_shorten_the_retention(self, s3: Store, size: int):
        stored = keep(s3.vault, os.urandom(size))
        before = s3.vault.stat(stored.key, stored.version_id)
        for mode in (COMPLIANCE, GOVERNANCE):
            sooner = Retention(mode, clock.now() + timedelta(seconds=2))
            with pytest.raises(S3Error):
                s3.vault._client.set_object_retention(
                    s3.vault._bucket, stored.key, sooner, version_id=stored.version_id
                )
        assert s3.vault.stat(stored.key, stored.version_id) == before

    def test_only_hides_behind_a_marker_when_it_names_no_version(self, s3: Store, size: int):
        stored = keep(s3.vault, os.urandom(size))
        s3.vault._client.remove_object(s3.vault._bucket, stored.key)
        read(s3.vault, stored)


@pytest.mark.ceph
def test_every_object_is_locked_for_the_days_that_were_set(s3: Store):
    for size in (10, 9 * BLOCK):
        stored = keep(s3.vault, os.urandom(size))
        until = s3.vault.stat(stored.key, stored.version_id).retained_until
        assert timedelta(hours=23) < until - clock.now() <= timedelta(days=1, seconds=1)


@pytest.mark.ceph
def test_a_bucket_without_versions_is_reported_and_refused(s3: Store):
    plain = f"plain-{uuid4().hex[:8]}"
    s3.vault._client.make_bucket(plain)
    s3.vault._bucket = plain
    assert s3.vault.status().ready is False
    with pytest.raises(VaultDown):
        keep(s3.vault, b"x")


@pytest.mark.ceph
def test_a_wrong_secret_is_a_vault_that_is_down(s3: Store):
    stranger = S3Vault(
        Account(s3.vault._client._base_url.host, "evidence", "nobody", "nothing", secure=False), retention_days=1
    )
    with pytest.raises(VaultDown):
        keep(stranger, b"x")
    assert stranger.status().ready is False


@contextmanager
def speaking(answer: bytes | None) -> Iterator[Account]:
    """A server that gives every request the same answer, or resets the connection after 100 kB of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                connection, _ = server.accept()
                with connection:
                    connection.recv(100_000)
                    if answer is not None:
                        connection.sendall(answer)
                    else:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        try:
            yield Account(f"127.0.0.1:{port}", "evidence", "key", "secret", secure=False)
        finally:
            over.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join(timeout=5)


FAULT = b"HTTP/1.1 500 Fault\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfire"
NONSENSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfire"


@pytest.mark.parametrize("answer", [FAULT, None], ids=["500", "reset"])
@pytest.mark.parametrize("size", [10, 20 * BLOCK])
def test_a_store_that_fails_is_a_vault_that_is_down(answer: bytes | None, size: int):
    with speaking(answer) as account:
        vault = S3Vault(account, retention_days=1)
        began = time.monotonic()
        with pytest.raises(VaultDown):
            vault.put(new_key(WORKSPACE), pieces(os.urandom(size)), size=size)
        assert time.monotonic() - began < 10


def test_a_store_that_answers_nonsense_is_a_vault_that_is_down():
    with speaking(NONSENSE) as account, pytest.raises(VaultDown):
        keep(S3Vault(account, retention_days=1), b"x" * 9 * BLOCK)


def test_a_store_nobody_listens_for_is_a_vault_that_is_down():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    vault = S3Vault(Account(f"127.0.0.1:{port}", "evidence", "key", "secret", secure=False), retention_days=1)
    with pytest.raises(VaultDown):
        keep(vault, b"x")
    assert vault.status().ready is False


# Only the folder: what the disk can do to it.


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """The kernel refuses to let a file grow past that: a real write error in the middle, without a real full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def folder(tmp_path: Path) -> FolderVault:
    vault = FolderVault(tmp_path / "vault")
    vault.prepare()
    return vault


def test_a_disk_that_fills_in_the_middle_leaves_nothing(folder: FolderVault, tmp_path: Path):
    with files_end_at(3 * BLOCK), pytest.raises(VaultDown):
        keep(folder, os.urandom(5 * BLOCK))
    assert [path for path in (tmp_path / "vault").rglob("*") if path.is_file()] == []
    keep(folder, os.urandom(5 * BLOCK))


def test_a_file_with_no_room_is_refused_before_a_byte_is_read(folder: FolderVault):
    def never() -> Iterator[bytes]:
        raise AssertionError
        yield b""

    with pytest.raises(VaultDown, match="no room"):
        folder.put(new_key(WORKSPACE), never(), size=2**60)


def test_files_are_for_the_server_alone(folder: FolderVault, tmp_path: Path):
    keep(folder, b"x")
    for path in [tmp_path / "vault", *(tmp_path / "vault").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700), path


def test_staging_left_by_a_killed_process_is_cleared_after_a_day(folder: FolderVault, tmp_path: Path):
    old, young = (tmp_path / "vault" / "staging" / name for name in ("old", "young"))
    old.touch()
    young.touch()
    yesterday = (clock.now() - timedelta(hours=25)).timestamp()
    os.utime(old, (yesterday, yesterday))
    folder.prepare()
    assert (old.exists(), young.exists()) == (False, True)


def test_a_link_planted_in_the_place_of_a_version_is_not_followed(folder: FolderVault, tmp_path: Path):
    stored = keep(folder, b"x")
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    version = tmp_path / "vault" / "objects" / stored.key / stored.version_id
    version.unlink()
    version.symlink_to(secret)
    with pytest.raises(VaultDown):
        folder.open(stored.key, stored.version_id)


@pytest.mark.parametrize("version", ["../../x", "", "0" * 31, "0" * 32 + "\n", f"{'0' * 32}.lock"])
def test_a_version_that_the_folder_did_not_make_is_refused(folder: FolderVault, version: str):
    with pytest.raises(ValueError, match="version"):
        folder.open(new_key(WORKSPACE), version)


def test_every_whole_version_is_listed_and_an_unfinished_transfer_is_swept(store: Store):
    kept = [store.vault.put(new_key(uuid4()), [os.urandom(9)], size=9) for _ in range(2)]
    listed = {(one.key, one.version_id): one for one in store.vault.listing()}
    assert {(one.key, one.version_id) for one in kept} == set(listed)
    assert all(one.size == 9 and one.since.tzinfo is not None for one in listed.values())
    assert store.vault.sweep(clock.now() + timedelta(minutes=1)) == 0
    assert {(one.key, one.version_id) for one in store.vault.listing()} == set(listed)


@pytest.mark.ceph
def test_an_upload_in_pieces_that_nobody_completed_is_swept(s3: Store):
    assert isinstance(s3.vault, S3Vault)
    client, bucket, key = s3.vault._client, s3.vault._bucket, new_key(uuid4())
    client._create_multipart_upload(bucket, key, {"Content-Type": "application/octet-stream"})
    assert s3.vault.sweep(clock.now() - timedelta(hours=1)) == 0
    assert s3.listing(key) == 1
    assert s3.vault.sweep(clock.now() + timedelta(minutes=1)) == 1
    assert s3.listing(key) == 0


def test_what_is_staged_is_no_version_until_it_is_settled_and_then_is_one_whoever_settles_it(store: Store):
    key, content = new_key(uuid4()), os.urandom(11 * BLOCK + 3)
    staged = store.vault.stage(key, pieces(content))
    assert not [one for one in store.vault.listing() if one.key == key]
    first, again = (store.vault.settle(key, staged.handle) for _ in range(2))
    assert first == again
    with closing(store.vault.open(key, first)) as body:
        assert b"".join(body) == content
    store.vault.drop(key, staged.handle)
    assert store.vault.stat(key, first).size == len(content)


def test_what_was_staged_goes_when_it_is_dropped_or_its_time_is_over(store: Store):
    keys = [new_key(uuid4()) for _ in range(2)]
    dropped, forgotten = (store.vault.stage(key, [b"x" * 10]) for key in keys)
    store.vault.drop(keys[0], dropped.handle)
    store.vault.drop(keys[0], dropped.handle)
    assert store.vault.sweep(clock.now() - timedelta(hours=1)) == 0
    assert store.vault.sweep(clock.now() + timedelta(hours=1)) == 1
    for key, handle in zip(keys, (dropped.handle, forgotten.handle), strict=True):
        with pytest.raises(Altered):
            store.vault.settle(key, handle)


def test_a_source_that_breaks_leaves_nothing_staged(store: Store):
    def broken() -> Iterator[bytes]:
        yield b"x" * 9 * BLOCK
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.vault.stage(new_key(uuid4()), broken())
    assert store.vault.sweep(clock.now() + timedelta(hours=1)) == 0


def test_what_is_purged_is_gone_with_every_version_and_purging_it_again_says_the_same(plain: Store):
    """A lock that has run out keeps nothing (C8, I4); on S3 it ran a moment, as the store's own clock says."""
    key, vault, client = new_key(uuid4()), plain.vault, getattr(plain.vault, "_client", None)
    if isinstance(vault, S3Vault):
        vault._bucket = f"brief-{uuid4().hex[:12]}"
        client.make_bucket(vault._bucket, object_lock=True)  # no default: the lock is the one each object gets
        vault._days = 2 / 86400
    for content in (b"first", b"second"):
        vault.put(key, [content], size=len(content))
    other = vault.put(new_key(uuid4()), [b"other"], size=5)
    if isinstance(vault, S3Vault):
        client._create_multipart_upload(vault._bucket, key, {})
        client.remove_object(vault._bucket, key)  # leaves a marker over them
        time.sleep(3)
    assert [vault.purge(key), vault.purge(key)] == [0, 0]
    assert {one.key for one in vault.listing()} == {other.key}
    if isinstance(vault, S3Vault):
        left = client.list_objects(vault._bucket, prefix=key, recursive=True, include_version=True)
        assert (list(left), client._list_multipart_uploads(vault._bucket, prefix=key).uploads) == ([], [])


@pytest.mark.parametrize("lock", ["retention", "hold"])
def test_purging_removes_nothing_that_a_lock_or_a_hold_keeps(store: Store, lock: str):
    stored = store.vault.put(new_key(uuid4()), [b"kept"], size=4)
    if lock == "hold":
        store.vault.hold(stored.key, stored.version_id, on=True)
    else:
        store.vault.retain(stored.key, stored.version_id, clock.now() + timedelta(days=2))
    assert store.vault.purge(stored.key) > 0
    assert b"".join(store.vault.open(stored.key, stored.version_id)) == b"kept"
