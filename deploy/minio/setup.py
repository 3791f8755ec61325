"""Prepare a MinIO for jit-server, once, with its root account: the bucket, and a key that can use it but not undo it.

The server's key may read, write and lock in one bucket. It may not delete a version, bypass or shorten retention, or
administer anything. Any other S3 needs the same two things by its own means.
"""

import os
import sys
import time
from pathlib import Path

from minio import Minio, MinioAdmin
from minio.commonconfig import COMPLIANCE
from minio.credentials import StaticProvider
from minio.error import MinioException
from minio.objectlockconfig import DAYS, ObjectLockConfig
from urllib3.exceptions import HTTPError

SECRETS = Path("/run/secrets")
ALLOWED_ON_BUCKET = (
    "s3:GetBucketLocation",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketVersioning",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
)
ALLOWED_ON_OBJECTS = (
    "s3:AbortMultipartUpload",
    "s3:GetObject",
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectVersion",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
)


def policy(bucket: str) -> dict[str, object]:
    """What the server's key may do."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": list(ALLOWED_ON_BUCKET), "Resource": [f"arn:aws:s3:::{bucket}"]},
            {"Effect": "Allow", "Action": list(ALLOWED_ON_OBJECTS), "Resource": [f"arn:aws:s3:::{bucket}/*"]},
        ],
    }


def secret(name: str) -> str:
    """The content of a mounted secret."""
    return (SECRETS / name).read_text().strip()


def prepare() -> None:
    """Bucket with versions, lock and default retention; policy; user. Each step may be repeated."""
    endpoint, bucket = os.environ["JIT_S3_ENDPOINT"], os.environ["JIT_S3_BUCKET"]
    root = (secret("vault_root_user"), secret("vault_root_password"))
    client = Minio(endpoint, *root, secure=False, region="us-east-1")
    if not client.bucket_exists(bucket):
        client.make_bucket(bucket, object_lock=True)
    client.set_object_lock_config(bucket, ObjectLockConfig(COMPLIANCE, int(os.environ["JIT_S3_RETENTION_DAYS"]), DAYS))
    admin = MinioAdmin(endpoint=endpoint, credentials=StaticProvider(*root), secure=False)
    admin.policy_add("jit-server", policy=policy(bucket))
    admin.user_add(os.environ["JIT_S3_ACCESS_KEY"], secret("s3_secret_key"))
    admin.policy_set("jit-server", user=os.environ["JIT_S3_ACCESS_KEY"])


def main() -> int:
    """Try until the store answers, for a minute."""
    for _ in range(30):
        try:
            prepare()
        except (HTTPError, MinioException, OSError) as error:
            print(f"not yet: {error}", file=sys.stderr)
            time.sleep(2)
        else:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
