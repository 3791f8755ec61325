"""The vault in S3 with Object Lock (AWS, Ceph RGW, MinIO's forks): the app's own key cannot delete or shorten.

The object store is never trusted: what passes is hashed here, locks are read back from the headers, and every access
names the version, because a DELETE or GET without one silently speaks of another.
"""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import BytesIO
from typing import Any, cast
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED
from minio.datatypes import Part
from minio.error import MinioException, S3Error
from minio.objectlockconfig import DAYS, ObjectLockConfig
from minio.retention import Retention
from urllib3 import exceptions as http

from jit_server.core import clock
from jit_server.core.errors import Altered, VaultDown
from jit_server.core.vault.base import (
    BLOCK,
    STAGED_MOST,
    Locked,
    Lying,
    Meter,
    Staged,
    Stat,
    Stored,
    VaultStatus,
    check_key,
)
from jit_server.core.vault.offload import ahead
from jit_server.core.vault.pieces import PART, in_order, parts_of, pieces_of

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchObject"})
_NOT_STAGED = _GONE | {"NoSuchUpload"}
_REFUSED = frozenset({"AccessDenied", "InvalidRequest", "ObjectLocked"})
_CLOCKS = timedelta(minutes=1)
"""How far the store's clock may be behind ours before a lock counts as too short."""
_FRACTION = re.compile(r"\.\d+(?=Z|[+-]|$)")


@dataclass(frozen=True)
class Account:
    """Where the bucket is and with which key."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    secure: bool = True


class _Pool(urllib3.PoolManager):
    """Short time limits and one retry; after a failure of both everything fails at once for a moment.

    The SDK's own limits are 5 minutes, six times. And when a part times out it goes on to abort the upload, which would
    wait as long again: with this pause a black hole is answered within 10 s. The limits ask 2 MiB/s of the line to the
    store, since the first one holds for sending a whole part as well.
    """

    pause = 5.0

    def __init__(self, **options: Any) -> None:
        timeout = urllib3.Timeout(connect=4.0, read=4.0)
        retries = urllib3.Retry(total=1, backoff_factor=0.1, status_forcelist=(500, 502, 503, 504))
        super().__init__(num_pools=4, maxsize=16, timeout=timeout, retries=retries, **options)
        self._closed_until = 0.0

    def urlopen(self, method: str, url: str, redirect: bool = True, **kwargs: Any) -> Any:  # type: ignore[override]
        if time.monotonic() < self._closed_until:
            detail = "the store did not answer a moment ago"
            raise http.HTTPError(detail)
        try:
            return super().urlopen(method, url, redirect, **kwargs)
        except (http.MaxRetryError, http.TimeoutError):
            self._closed_until = time.monotonic() + self.pause
            raise


class S3Body:
    """A streaming answer, read in blocks; the connection goes back to the pool when it is closed."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._blocks = ahead(response.stream(BLOCK, decode_content=False))  # as it lies, whatever a header says
        self.size = int(response.headers.get("content-length", -1))

    def __iter__(self) -> Iterator[bytes]:
        with _or_down():
            yield from self._blocks

    def close(self) -> None:
        """Give the connection back; one that was not read to its end is closed."""
        self._blocks.close()
        self._response.close()
        self._response.release_conn()


class S3Vault:
    """Objects in one bucket that has versioning and Object Lock."""

    def __init__(self, account: Account, *, retention_days: int) -> None:
        self._bucket, self._days, self._pool = account.bucket, retention_days, _Pool()
        self._client = Minio(
            account.endpoint,
            account.access_key,
            account.secret_key,
            secure=account.secure,
            region=account.region,
            http_client=cast("urllib3.PoolManager", self._pool),
        )

    def prepare(self) -> None:
        """Make the bucket, with lock, versions and default retention, if there is none. One that exists is left."""
        with _or_down():
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket, object_lock=True)
                self._client.set_object_lock_config(self._bucket, ObjectLockConfig(COMPLIANCE, self._days, DAYS))

    def put(
        self, key: str, chunks: Iterable[bytes], *, size: int, sha256: str | None = None, hashed: bool = True
    ) -> Stored:
        """See `Vault.put`. Compared before the last piece leaves, so that a wrong upload never completes."""
        meter = Meter(size, sha256, hashed=hashed)
        check_key(key)
        with closing(parts_of(chunks, meter, size)) as parts, _or_down():
            version_id = self._one(key, next(parts)) if size <= PART else self._many(key, parts)
        if not version_id:
            detail = "The evidence store keeps no versions. The operator must mend the bucket."
            raise VaultDown(detail)
        self._lock(key, version_id, clock.now())
        return Stored(key, version_id, meter.size, meter.sha256)

    def _one(self, key: str, content: bytearray) -> str | None:
        return self._client.put_object(self._bucket, key, BytesIO(content), len(content)).version_id

    def _many(self, key: str, parts: Iterable[bytearray]) -> str | None:
        """Several pieces, `AT_ONCE` under way while the next arrives.

        The SDK's own parallel upload leaves its threads behind when the source fails, and reads on when the store does.
        """
        client, bucket = self._client, self._bucket
        upload_id = client._create_multipart_upload(bucket, key, {"Content-Type": "application/octet-stream"})  # noqa: SLF001
        try:
            etags = in_order(
                lambda number, part: self._part(key, upload_id, number, part),
                enumerate(parts, 1),
            )
            done = [Part(number, etag) for number, etag in enumerate(etags, 1)]
            return client._complete_multipart_upload(bucket, key, upload_id, done).version_id  # noqa: SLF001
        except BaseException:
            client._abort_multipart_upload(bucket, key, upload_id)  # noqa: SLF001
            raise

    def stage(self, key: str, chunks: Iterable[bytes], *, hashed: bool = True) -> Staged:
        """See `Vault.stage`: an upload in pieces that is not completed, which no lock and no reader knows."""
        meter, client, bucket = Meter(STAGED_MOST, hashed=hashed), self._client, self._bucket
        check_key(key)
        with closing(pieces_of(chunks, meter)) as pieces, _or_down():
            handle = client._create_multipart_upload(bucket, key, {"Content-Type": "application/octet-stream"})  # noqa: SLF001
            try:
                for number, piece in enumerate(pieces, 1):
                    self._part(key, handle, number, piece)
            except BaseException:
                client._abort_multipart_upload(bucket, key, handle)  # noqa: SLF001
                raise
        return Staged(key, handle, meter.size, meter.sha256)

    def settle(self, key: str, handle: str) -> str:
        """See `Vault.settle`. Asked again after a crash, the one version of that key is the answer."""
        client, bucket, began = self._client, self._bucket, clock.now()
        with _or_down():
            try:
                parts = client._list_parts(bucket, check_key(key), handle).parts  # noqa: SLF001
                version_id = client._complete_multipart_upload(bucket, key, handle, parts).version_id  # noqa: SLF001
            except S3Error as answer:
                if answer.code not in _NOT_STAGED:
                    raise
                found = client.list_objects(bucket, prefix=key, recursive=True, include_version=True)
                version_id = next((one.version_id for one in found), None)
        if not version_id:
            detail = "The vault does not hold these bytes any more."
            raise Altered(detail, missing=True)
        self._lock(key, version_id, began)
        return version_id

    def _lock(self, key: str, version_id: str, began: datetime) -> None:
        """See that a new version is locked, and lock it where the bucket's default did not.

        A lock announced with a multipart upload is silently ignored by some stores: what counts is what is read back.
        """
        until = began + timedelta(days=self._days)
        found = self.stat(key, version_id).retained_until
        if found is None or found < until - _CLOCKS:
            self.retain(key, version_id, until)

    def drop(self, key: str, handle: str) -> None:
        """See `Vault.drop`."""
        with _or_down():
            try:
                self._client._abort_multipart_upload(self._bucket, check_key(key), handle)  # noqa: SLF001
            except S3Error as answer:
                if answer.code not in _NOT_STAGED:
                    raise

    def _part(self, key: str, upload_id: str, number: int, part: bytearray | memoryview) -> str:
        """Send one piece, by a signed address: the SDK would hash each piece once more to sign it.

        What lies there is proved afterwards, when it is read back under the key it was encrypted with.
        """
        place: dict[str, str | list[str] | tuple[str]] = {"partNumber": str(number), "uploadId": upload_id}
        url = self._client.get_presigned_url("PUT", self._bucket, key, timedelta(hours=1), extra_query_params=place)
        answer = self._pool.urlopen("PUT", url, body=part)
        if answer.status != HTTPStatus.OK:
            detail = f"the store refused a piece ({answer.status})"
            raise http.HTTPError(detail)
        return str(answer.headers["etag"]).strip('"')

    def open(self, key: str, version_id: str) -> S3Body:
        """See `Vault.open`."""
        with _or_down():
            return S3Body(self._client.get_object(self._bucket, check_key(key), version_id=version_id))

    def open_part(self, key: str, version_id: str, part: range) -> S3Body:
        """See `Vault.open_part`."""
        with _or_down():
            name, first = check_key(key), part.start
            return S3Body(self._client.get_object(self._bucket, name, first, len(part), version_id=version_id))

    def stat(self, key: str, version_id: str) -> Stat:
        """See `Vault.stat`."""
        with _or_down():
            found = self._client.stat_object(self._bucket, check_key(key), version_id=version_id)
        headers = found.metadata or {}
        until = headers.get("x-amz-object-lock-retain-until-date")
        held = headers.get("x-amz-object-lock-legal-hold", "").upper() == "ON"
        return Stat(key, version_id, found.size or 0, _moment(until) if until else None, held)

    def retain(self, key: str, version_id: str, until: datetime) -> Stat:
        """See `Vault.retain`. COMPLIANCE: nobody shortens it, not even the key that set it."""
        with _or_down():
            before = self.stat(key, version_id)
            if before.retained_until is None or before.retained_until < until:
                lock = Retention(COMPLIANCE, until)
                self._client.set_object_retention(self._bucket, key, lock, version_id=version_id)
            elif until < before.retained_until:
                detail = f"Retained until {before.retained_until.isoformat()}: a retention is only ever lengthened."
                raise Locked(detail)
        after = self.stat(key, version_id)
        if after.retained_until is None or after.retained_until < until - timedelta(seconds=1):
            detail = "The evidence store did not lock the object. The operator must mend the bucket."
            raise VaultDown(detail)
        return after

    def hold(self, key: str, version_id: str, *, on: bool) -> Stat:
        """See `Vault.hold`."""
        with _or_down():
            change = self._client.enable_object_legal_hold if on else self._client.disable_object_legal_hold
            change(self._bucket, check_key(key), version_id=version_id)
        after = self.stat(key, version_id)
        if after.held is not on:
            detail = "The evidence store did not take the hold. The operator must mend the bucket."
            raise VaultDown(detail)
        return after

    def purge(self, key: str) -> int:
        """See `Vault.purge`. Each version is named; governance is never bypassed, and a refusal means a lock."""
        client, bucket = self._client, self._bucket
        with _or_down():
            for one in client.list_objects(bucket, prefix=check_key(key), recursive=True, include_version=True):
                with suppress(_Locked):
                    _remove(client, bucket, key, str(one.version_id))
            for upload in client._list_multipart_uploads(bucket, prefix=key).uploads:  # noqa: SLF001
                client._abort_multipart_upload(bucket, key, str(upload.upload_id))  # noqa: SLF001
            lying = client.list_objects(bucket, prefix=key, recursive=True, include_version=True)
            unfinished = client._list_multipart_uploads(bucket, prefix=key).uploads  # noqa: SLF001
            return sum(1 for _ in lying) + len(unfinished)

    def listing(self) -> Iterator[Lying]:
        """See `Vault.listing`."""
        with _or_down():
            for one in self._client.list_objects(self._bucket, recursive=True, include_version=True):
                if not one.is_delete_marker and one.object_name and one.version_id and one.last_modified:
                    yield Lying(one.object_name, one.version_id, one.size or 0, one.last_modified)

    def sweep(self, before: datetime) -> int:
        """See `Vault.sweep`: uploads in several pieces that nobody completed; at most 1,000 at a time."""
        count = 0
        with _or_down():
            for one in self._client._list_multipart_uploads(self._bucket).uploads:  # noqa: SLF001
                if one.initiated_time is not None and one.initiated_time < before:
                    self._client._abort_multipart_upload(self._bucket, one.object_name, str(one.upload_id))  # noqa: SLF001
                    count += 1
        return count

    def status(self) -> VaultStatus:
        """See `Vault.status`: versioning and default retention as the bucket itself states them."""
        try:
            with _or_down():
                versioned = self._client.get_bucket_versioning(self._bucket).status == ENABLED
                lock = self._client.get_object_lock_config(self._bucket)
        except VaultDown as down:
            return VaultStatus("s3", ready=False, worm=False, detail=down.detail)
        worm = versioned and lock.mode == COMPLIANCE
        default = f"{lock.mode} {lock.duration} {lock.duration_unit}" if lock.mode else "NO default retention"
        detail = f"bucket {self._bucket}: versions {'on' if versioned else 'OFF'}, {default}"
        return VaultStatus("s3", versioned, worm, detail)


class _Locked(Exception):
    """The store does not let this version go."""


def _remove(client: Minio, bucket: str, key: str, version_id: str) -> None:
    try:
        client.remove_object(bucket, key, version_id=version_id)
    except S3Error as answer:
        if answer.code in _REFUSED:
            raise _Locked from answer
        if answer.code not in _GONE:
            raise


def _moment(stated: str) -> datetime:
    """A retain-until date as stores write it: up to nine digits of fraction, which the SDK cannot parse."""
    return datetime.fromisoformat(_FRACTION.sub("", stated)).astimezone(UTC)


@contextmanager
def _or_down() -> Iterator[None]:
    """Say in the vault's own terms what SDK, HTTP library and store said in theirs."""
    try:
        yield
    except S3Error as answer:
        if answer.code in _GONE:
            detail = "The vault does not hold these bytes any more."
            raise Altered(detail, missing=True) from answer
        if answer.code == "InvalidRange":
            raise Altered("The vault holds fewer bytes than were taken in.") from answer
        detail = f"The evidence store refused ({answer.code}). Nothing was recorded; send again later."
        raise VaultDown(detail) from answer
    except (MinioException, http.HTTPError, ParseError) as fault:
        detail = "The evidence store does not answer. Nothing was recorded; send again later."
        raise VaultDown(detail) from fault
