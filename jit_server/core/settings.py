"""All settings, read once from `JIT_*` (environment or `.env`). Each is documented in `.env.example`."""

from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(BaseSettings):
    """What an installation decides. Frozen; refuses what PROOFS calls the unsafe set (see `core.checks`)."""

    model_config = SettingsConfigDict(env_prefix="JIT_", env_file=".env", frozen=True, extra="ignore")

    base_url: str = Field("http://127.0.0.1:8080", description="The public address, scheme and host, no path.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, description="Port to listen on.", ge=0, le=65535)
    workers: int = Field(1, description="Server processes.", ge=1, le=64)
    data: Path = Field(Path(".jit"), description="Folder for keys, the folder vault and the embedded database.")
    database_url: str = Field("", description="PostgreSQL as the app's role (owns nothing).")
    database_owner_url: str = Field("", description="PostgreSQL as the role that owns the tables; migrations only.")
    database_pool: int = Field(20, description="Connections a worker keeps at most.", ge=2, le=200)
    vault: Literal["folder", "s3"] = Field("folder", description="Where evidence bytes lie. `folder` is not WORM.")
    s3_endpoint: str = Field("", description="host:port of the S3 service.")
    s3_bucket: str = Field("evidence", description="Bucket with versioning and Object Lock.")
    s3_access_key: str = Field("", description="Access key of the app's user.")
    s3_secret_key_file: Path | None = Field(None, description="File that holds the secret key.")
    s3_region: str = Field("us-east-1", description="Region; saves a look-up a call.")
    s3_secure: bool = Field(True, description="TLS to the S3 service.")
    s3_retention_days: int = Field(28, description="Object Lock default retention in days.", ge=1)
    key_file: Path | None = Field(None, description="Ed25519 key that signs checkpoints; default <data>/keys/log.key.")
    kek_file: Path | None = Field(
        None, description="Keys that wrap the workspaces' keys; default <data>/keys/kek.keys."
    )
    trusted_proxies: int = Field(0, description="Exact number of reverse proxies in front.", ge=0, le=5)
    oidc_allow_loopback: bool = Field(False, description="Issuers on loopback, http included: demo and tests only.")
    federation_superiors: str = Field(
        "", description="OpenID Federation: who vouches for this server, entity identifiers between spaces."
    )
    session_idle_minutes: int = Field(30, description="A session ends after so many idle minutes.", ge=1, le=240)
    session_hours: int = Field(12, description="A session ends after so many hours in any case.", ge=1, le=24)
    rates: bool = Field(True, description="Count requests and refuse more than the limits below; off for measurements.")
    rate_person: str = Field("1200/minute", description="Requests and socket events of one person, in one worker.")
    rate_agency: str = Field("20000/minute", description="The same of one agency's people together, in one worker.")
    rate_address: str = Field("600/minute", description="Requests from one address by nobody known, in one worker.")
    rate_sign_in: str = Field("120/minute", description="Sign-ins and tokens from one address, in one worker.")
    rate_directory: str = Field("3000/minute", description="Requests of directories (SCIM) from one address.")
    sockets_person: int = Field(30, description="Live connections of one person, over all workers.", ge=1, le=10_000)
    sessions_person: int = Field(10, description="Sessions of one person; a new one ends the oldest.", ge=1, le=1000)
    fresh_minutes: int = Field(5, description="Acts that cannot be undone ask for a sign-in this young.", ge=1, le=60)
    max_upload_bytes: int = Field(64 * 2**30, description="Largest exhibit taken by one PUT.", ge=1)
    upload_days: int = Field(7, description="A declared upload whose bytes never came ends after so many days.", ge=1)
    scrub_days: int = Field(30, description="Every stored byte is read and hashed again within so many days.", ge=1)
    scrub_mib_per_second: int = Field(40, description="How fast the scrub reads at most.", ge=1, le=10_000)
    clamd: str = Field("", description="ClamAV's daemon, `unix:/path` or host:port; empty: exhibits are not scanned.")
    clamd_max_bytes: int = Field(
        100 * 2**20, description="Bytes of one exhibit shown to it at most; its StreamMaxLength.", ge=1, lt=2**32
    )
    quota_workspace_bytes: int = Field(10 * 2**40, description="Bytes of evidence one workspace keeps.", ge=1)
    quota_agency_bytes: int = Field(50 * 2**40, description="Bytes of evidence one agency keeps in all.", ge=1)
    tsa_url: str = Field("", description="Time-stamping authority (RFC 3161); with it packages are time-stamped.")
    tsa_certificates: Path | None = Field(None, description="Certificates (PEM) to which that authority's lead.")
    witness_quorum: int = Field(
        0, description="Witnesses that must cosign the log before a package leaves.", ge=0, le=20
    )
    metrics_token_file: Path | None = Field(None, description="File with the bearer token for /metrics.")
    debug: bool = Field(False, description="Refused: the server does not start with it.")

    @property
    def secure(self) -> bool:
        """Whether people reach the server by TLS; cookies are `__Host-` and Secure then."""
        return urlsplit(self.base_url).scheme == "https"

    @property
    def cookie(self) -> str:
        """The session cookie's name."""
        return "__Host-jit" if self.secure else "jit"

    @property
    def log_key(self) -> Path:
        """Where the checkpoint key lies."""
        return self.key_file or self.data / "keys" / "log.key"

    @property
    def kek(self) -> Path:
        """Where the key-encryption keys lie."""
        return self.kek_file or self.data / "keys" / "kek.keys"

    @model_validator(mode="after")
    def _stamps_are_checked(self) -> "Settings":
        if bool(self.tsa_url) != (self.tsa_certificates is not None):
            msg = "JIT_TSA_URL and JIT_TSA_CERTIFICATES go together: a stamp that nobody can check is none"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _plain_http_stays_at_home(self) -> "Settings":
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
            msg = "JIT_BASE_URL must be scheme://host[:port] without a path"
            raise ValueError(msg)
        if parts.scheme == "http" and (parts.hostname not in LOOPBACK or self.host not in LOOPBACK):
            msg = "plain http is for loopback only: set JIT_BASE_URL to https://... or JIT_HOST to 127.0.0.1"
            raise ValueError(msg)
        return self


@cache
def load() -> Settings:
    """The settings of this process, read once."""
    return Settings()
