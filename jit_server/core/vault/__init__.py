"""Where evidence bytes lie: one interface, a folder or S3 with Object Lock behind it."""

from jit_server.core.errors import VaultDown
from jit_server.core.settings import Settings
from jit_server.core.vault.base import (
    BLOCK,
    Body,
    Locked,
    Lying,
    Staged,
    Stat,
    Stored,
    Vault,
    VaultStatus,
    check_key,
    new_key,
    verified,
)
from jit_server.core.vault.folder import FolderVault
from jit_server.core.vault.offload import Behind, ahead, keep_freed_blocks, off
from jit_server.core.vault.s3 import Account, S3Vault
from jit_server.core.vault.sealing import (
    COBBLESTONE,
    ReadBack,
    SealedBody,
    SealedVault,
    Seen,
    digests,
    new_data_key,
    plain_size,
    sealed_size,
)

__all__ = [
    "BLOCK",
    "COBBLESTONE",
    "Account",
    "Behind",
    "Body",
    "FolderVault",
    "Locked",
    "Lying",
    "ReadBack",
    "S3Vault",
    "SealedBody",
    "SealedVault",
    "Seen",
    "Staged",
    "Stat",
    "Stored",
    "Vault",
    "VaultStatus",
    "ahead",
    "check_key",
    "digests",
    "new_data_key",
    "new_key",
    "of",
    "off",
    "plain_size",
    "sealed_size",
    "verified",
]


def of(settings: Settings) -> Vault:
    """The vault these settings name. It is not touched yet: `prepare` does that."""
    keep_freed_blocks()
    if settings.vault == "folder":
        return FolderVault(settings.data / "vault")
    if settings.s3_secret_key_file is None:
        detail = "JIT_S3_SECRET_KEY_FILE is not set: the vault cannot be opened."
        raise VaultDown(detail)
    account = Account(
        endpoint=settings.s3_endpoint,
        bucket=settings.s3_bucket,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key_file.read_text().strip(),
        region=settings.s3_region,
        secure=settings.s3_secure,
    )
    return S3Vault(account, retention_days=settings.s3_retention_days)
