"""The server's seal on a file: a detached CMS signature (CAdES B-B, ETSI EN 319 122-1), which any CMS program checks.

In a PDF the same signature stands inside the file (PAdES B-B, ETSI EN 319 142-1).

CMS programs do not know the Ed25519 of the log's checkpoints. So the seal's key (ECDSA, P-256) is derived from the
log's, and whoever trusts the log learns the seal's certificate from an entry of it. The certificate signs itself: the
seal says which server made the file and nothing of its standing in law. The form is fixed to the last byte, so that
whoever checks it can rebuild it and no changed bit passes.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jit_server.core.keys import SigningKey

_SINCE, _FOR_EVER = datetime(2026, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280 4.1.2.5: 9999-12-31 is the end of a certificate that has no well-defined end."""

_DATA, _SIGNED = bytes.fromhex("06092a864886f70d010701"), bytes.fromhex("06092a864886f70d010702")
_CONTENT_TYPE, _DIGEST, _TIME = (bytes.fromhex(f"06092a864886f70d01090{last}") for last in (3, 4, 5))
_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910022f")
_SHA256, _ECDSA = bytes.fromhex("300b0609608648016503040201"), bytes.fromhex("300a06082a8648ce3d040302")
_ONE = b"\x02\x01\x01"
_SEQUENCE, _SET, _OCTETS, _UTC_TIME, _OURS, _LONG = 0x30, 0x31, 0x04, 0x17, 0xA0, 0x80


@dataclass(frozen=True)
class Seal:
    """The key that seals and its certificate (DER)."""

    certificate: bytes
    _private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def of(cls, key: SigningKey) -> "Seal":
        """The seal of the server whose log this key signs; always the same for the same key."""
        private = key.elliptic(b"jit-server seal v1")
        return cls(_certificate(private, key.name), private)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hex."""
        return sha256(self.certificate).hexdigest()

    def sign(self, content: bytes, at: datetime | None = None) -> bytes:
        """The signature (DER) over a file that is not in it; a PDF states its moment itself (EN 319 142-1, 6.3)."""
        attributes = [
            _attribute(_CONTENT_TYPE, _DATA),
            _attribute(_DIGEST, _der(_OCTETS, sha256(content).digest())),
            _attribute(_CERTIFICATE, _known(self.certificate)),
        ]
        if at is not None:
            moment = at.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode()
            attributes.append(_attribute(_TIME, _der(_UTC_TIME, moment)))
        attributes.sort()
        signature = self._private.sign(_der(_SET, *attributes), ec.ECDSA(hashes.SHA256()))
        return _signed_data(self.certificate, attributes, signature)


def _signed_data(certificate: bytes, attributes: list[bytes], signature: bytes) -> bytes:
    """RFC 5652, section 5."""
    read = x509.load_der_x509_certificate(certificate)
    number = read.serial_number.to_bytes(read.serial_number.bit_length() // 8 + 1)
    issuer = _der(_SEQUENCE, read.issuer.public_bytes(), _der(0x02, number))
    signer = _der(
        _SEQUENCE, _ONE, issuer, _SHA256, _der(_OURS, *attributes), _ECDSA, _der(_OCTETS, signature)
    )  # fmt: skip
    content = _der(_SEQUENCE, _DATA)
    signed = _der(_SEQUENCE, _ONE, _der(_SET, _SHA256), content, _der(_OURS, certificate), _der(_SET, signer))
    return _der(_SEQUENCE, _SIGNED, _der(_OURS, signed))


def _known(certificate: bytes) -> bytes:
    """ESS signing-certificate-v2 (RFC 5035): with it nobody puts another certificate of the same key in its place."""
    return _der(_SEQUENCE, _der(_SEQUENCE, _der(_SEQUENCE, _der(_OCTETS, sha256(certificate).digest()))))


def _attribute(kind: bytes, value: bytes) -> bytes:
    return _der(_SEQUENCE, kind, _der(_SET, value))


def _der(tag: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    size = len(data)
    length = bytes([size]) if size < _LONG else bytes([_LONG | (size.bit_length() + 7) // 8]) + _big(size)
    return bytes([tag]) + length + data


def _big(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _certificate(private: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """Signed by itself and the same each time: nothing in it is drawn by lot."""
    public = private.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} evidence seal"[:64])])
    number = int.from_bytes(sha256(public.public_bytes(*_POINT)).digest()[:16]) | 1
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
    ) | dict.fromkeys(("digital_signature", "content_commitment"), True)
    built = (
        x509.CertificateBuilder(subject, subject, public, number, _SINCE, _FOR_EVER)
        .add_extension(x509.KeyUsage(**usage, encipher_only=False, decipher_only=False), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    return built.sign(private, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(serialization.Encoding.DER)


_POINT = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
