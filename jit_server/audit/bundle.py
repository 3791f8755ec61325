"""The proof part of an exported bundle (docs/bundle-format.md), which `static/verify/jit-verify.py` checks. Pure.

An exhibit's bundle is made in two steps, since its manifest is itself put on the log before anything leaves:
`manifest` first, whose `digest` goes into the entry `evidence:exported`; then, after the commit, `proof`.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from jit_server.audit.entry import Kept, canonical
from jit_server.audit.notes import VerifierKey

FORMAT = "jit-bundle/1"
PACKAGE = "jit-package/1"
ENTRIES, CHECKPOINT, KEY, WHOLE = "log/entries.json", "log/checkpoint.txt", "log/key.json", "log/all.jsonl"
LINES = "log/entries.jsonl"
MANIFEST, OPENINGS, INSTRUCTIONS = "manifest.json", "openings.json", "VERIFY.md"


@dataclass(frozen=True, slots=True)
class Content:
    """A file of the bundle: its name in the ZIP (`content/...`), digests in hex, and size in bytes.

    What was registered before there was a second digest has no SHA-512.
    """

    file: str
    sha256: str
    size: int
    sha512: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What a keyed commitment on the log stands for: entry, name of the fact, salt and the value committed to."""

    position: int
    fact: str
    salt: bytes
    value: str


def manifest(
    log_id: UUID,
    subject: UUID,
    positions: Iterable[int],
    item: Mapping[str, Any],
    content: Sequence[Content],
    texts: Mapping[str, bytes],
) -> bytes:
    """List what a bundle holds.

    Args:
        log_id: the workspace's log.
        subject: id of the exhibit.
        positions: the entries about it so far; the verifier misses any that is left out later.
        item: what is said of the exhibit, JSON values.
        content: its files.
        texts: the members `openings.json` and `VERIFY.md`.
    """
    return canonical(
        {
            "format": FORMAT,
            "log": str(log_id),
            "subject": str(subject),
            "positions": sorted(positions),
            "item": dict(item),
            "content": [{name: said for name, said in asdict(file).items() if said is not None} for file in content],
            "files": {name: sha256(data).hexdigest() for name, data in texts.items()},
        }
    )


def digest(made: bytes) -> str:
    """Give what the entry `evidence:exported` must carry as its fact `manifest`."""
    return sha256(made).hexdigest()


def openings(names: Mapping[UUID, str], commitments: Iterable[Opening] = ()) -> bytes:
    """Name the people and agencies whose ids the entries hold, and open the commitments, for those who may know."""
    opened = [
        {"position": opening.position, "fact": opening.fact, "salt": opening.salt.hex(), "value": opening.value}
        for opening in commitments
    ]
    return canonical({"names": {str(key): name for key, name in names.items()}, "commitments": opened})


def proof(
    entries: Sequence[Kept], proofs: Sequence[Sequence[bytes]], size: int, note: str, signer: VerifierKey
) -> dict[str, bytes]:
    """Make the members that prove entries against a signed head.

    Args:
        entries: those about the exhibit, by position.
        proofs: an inclusion proof for each, in the tree of `size`.
        size: entries of the signed head.
        note: the checkpoint.
        signer: the key it is signed with.
    """
    proved = [proved_entry(entry, path) for entry, path in zip(entries, proofs, strict=True)]
    log_id = signer.name.rpartition("/")[2]
    return {ENTRIES: canonical({"log": log_id, "size": size, "entries": proved}), **head(note, signer)}


def proved_entry(entry: Kept, path: Sequence[bytes]) -> dict[str, Any]:
    """Give an entry with its inclusion proof, as JSON values."""
    return {
        "position": entry.position,
        "canonical": b64encode(entry.canonical).decode(),
        "proof": [b64encode(node).decode() for node in path],
    }


def head(note: str, signer: VerifierKey) -> dict[str, bytes]:
    """Make the members that hold a signed head and its key."""
    return {CHECKPOINT: note.encode(), KEY: canonical({"key": str(signer)})}


def lines(entries: Iterable[Kept]) -> Iterator[bytes]:
    """Give the lines of `log/all.jsonl`, the export of a whole log: canonical JSON never holds a newline."""
    for entry in entries:
        yield entry.canonical + b"\n"


def instructions(signer: VerifierKey, what: str) -> bytes:
    """Write VERIFY.md: how a court's expert checks this bundle without any server."""
    return f"""# How to verify this bundle

It holds {what}, its history on the log of a joint investigation team's server, and the proof that this history is
part of that log. Nothing but Python 3.8 or later and the file `jit-verify.py` is needed; no network, no server.

    python jit-verify.py <this file>.zip --key '{signer}'

Take `jit-verify.py` from a source you trust, and compare the key with the one that the server or another
party of the team publishes: a bundle cannot vouch for its own key.

The answer `VERIFIED` means: the files are those that were registered, bit for bit; every entry of the history is in
the signed log, unchanged and in its place; this bundle is the one whose export stands on that log.
`NOT VERIFIED` comes with the name of each file or entry that differs.
""".encode()
