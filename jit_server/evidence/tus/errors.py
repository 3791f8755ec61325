"""What tus says with status codes of its own."""

from typing import ClassVar

from jit_server.core.errors import N_, JitError


class OtherVersion(JitError):
    """The request names no version of tus, or one that this server does not speak: it speaks 1.0.0."""

    slug: ClassVar[str] = "tus-version"
    status: ClassVar[int] = 412
    title: ClassVar[str] = N_("Another version of the protocol")


class PartEnded(JitError):
    """This part of the upload was given up or its time is over; its bytes are gone. Begin a new one."""

    slug: ClassVar[str] = "part-ended"
    status: ClassVar[int] = 410
    title: ClassVar[str] = N_("This part of the upload is over")


class OtherChecksum(JitError):
    """The bytes that arrived have another checksum than the request named. They were not kept: send them again."""

    slug: ClassVar[str] = "checksum-mismatch"
    status: ClassVar[int] = 460
    title: ClassVar[str] = N_("The bytes were damaged on their way")
