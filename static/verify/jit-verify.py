#!/usr/bin/env python3
"""Check what a joint investigation team's server gave out: offline, without that server, by one file.

    python jit-verify.py bundle.zip|package.asice|custody.pdf [--key VKEY] [--tsa CERTIFICATES] [--policy FILE] [--json]

Needs Python 3.8 or later and nothing else; for a package or PDF the library `cryptography` too. It answers: are these
the bytes that were registered; is every entry of their history part of the server's log; is that log's head signed by
this key. What differs is named.

Compare the printed key with the one that the server, or another party of the team, publishes; or give it with --key.

Exit codes: 0 everything holds, 2 wrong usage, 3 something does not hold. The format: docs/bundle-format.md.
"""
# ruff: noqa: PLR2004, TRY301 - the sizes are those of RFC 8032 and C2SP, and stand there with these names

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import hmac
import json
import mmap
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
except ImportError:  # a bundle needs none of it
    x509 = None  # type: ignore[assignment]

FORMAT = "jit-bundle/1"
EXHIBIT = {"manifest.json", "openings.json", "VERIFY.md", "log/entries.json", "log/checkpoint.txt", "log/key.json"}
WHOLE_LOG = {"log/all.jsonl", "log/checkpoint.txt", "log/key.json"}
BLOCK = 1 << 20
SHAPELESS = (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError, struct.error, csv.Error)
PACKAGE, ASIC, LIMIT = "jit-package/1", b"application/vnd.etsi.asic-e+zip", 0xFFFFFFFF
MANIFEST, SIGNATURE = "META-INF/ASiCManifest.xml", "META-INF/signature.p7s"
MANIFEST_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
<asic:SigReference URI="META-INF/signature.p7s" MimeType="application/x-pkcs7-signature"/>
"""
STAMPED, STAMP = "META-INF/ASiCManifest-stamp.xml", "META-INF/timestamp.tst"
PDF, PDF_RANGE = "custody.pdf", re.compile(rb"/ByteRange \[0 ([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10})\]")
STAMPS = {STAMP: STAMPED, "log/checkpoint.tst": "log/checkpoint.txt"}
DIGESTS = {"608648016503040201": "sha256", "608648016503040202": "sha384", "608648016503040203": "sha512"}
TOKEN, STAMPING = "application/vnd.etsi.timestamp-token", "1.3.6.1.5.5.7.3.8"
MANIFEST_END = "\n</asic:ASiCManifest>\n"
REFERENCE = re.compile(
    '<asic:DataObjectReference URI="([^"]+)" MimeType="[^"]*"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmle'
    'nc#sha256"/><ds:DigestValue>([A-Za-z0-9+/=]{44})</ds:DigestValue></asic:DataObjectReference>'
)
SHA256, ECDSA_SHA256 = bytes.fromhex("0609608648016503040201"), bytes.fromhex("06082a8648ce3d040302")
LARGEST_MEMBER = 1 << 28  # of the texts; content is streamed


class Wrong(Exception):
    """Something does not hold: where, and what."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(where, what)
        self.where, self.what = where, what


# --- Ed25519: RFC 8032 section 5.1, by the formulas of its section 6. Verification only, so nothing here is secret.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _add(p: tuple[int, ...], q: tuple[int, ...]) -> tuple[int, ...]:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(scalar: int, point: tuple[int, ...]) -> tuple[int, ...]:
    result: tuple[int, ...] = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result


def _decompress(data: bytes) -> tuple[int, ...] | None:
    """RFC 8032 section 5.1.3."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


BASE = _decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether the signature over the message is this key's (RFC 8032 section 5.1.7)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    a, r = _decompress(public_key), _decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or BASE is None:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % L
    left, right = _multiply(s, BASE), _add(r, _multiply(k, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- Encodings, each accepted in one spelling only: then no changed bit can pass.


def debase(text: Any, where: str) -> bytes:
    """Decode base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise Wrong(where, "malformed base64") from None
    if base64.b64encode(data).decode() != text:
        raise Wrong(where, "malformed base64")
    return data


def unjson(data: bytes, where: str) -> dict[str, Any]:
    """Read an object of canonical JSON (RFC 8785, as far as these files use it)."""
    try:
        value = json.loads(data.decode())
        again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        raise Wrong(where, "is not JSON: its bytes were changed") from None
    if again != data:
        raise Wrong(where, "is not in canonical form: its bytes were changed")
    if not isinstance(value, dict):
        raise Wrong(where, "is not a JSON object")
    return value


def sha256(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def printable(value: Any) -> str:
    """Text for a terminal: nothing that could steer it or turn the line round."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))


# --- RFC 6962 (RFC 9162 section 2.1.3.2)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into one."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """Follow an inclusion proof to the root."""
    position, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    return result if last == 0 else None


# --- The bundle


def attested(item: dict[str, Any], kept: list[dict[str, Any]]) -> bool:
    """Whether entries of the log register this digest and size, and name the second digest if the item does."""

    def says(event: str, *names: str) -> bool:
        return any(e["event"] == event and all(e["facts"].get(n) == item.get(n) for n in names) for e in kept)

    longer = item.get("sha512") is None or says("evidence:read_back", "sha256", "sha512")
    return longer and says("evidence:registered", "sha256", "size")


class Policy:
    """A policy file (C2SP tlog-policy): the logs, witnesses and groups that the reader trusts, and the quorum."""

    def __init__(self, data: str) -> None:
        self.logs: list[str] = []
        self.keys: dict[str, tuple[bytes, bytes]] = {}
        self.named: dict[str, str] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        for line in data.splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                self.take(*words)
            except (IndexError, TypeError, ValueError, Wrong):
                raise ValueError(f"the policy has a line that is none: {printable(line)}") from None
        if not self.quorum:
            raise ValueError("the policy names no quorum")

    def take(self, kind: str, *words: str) -> None:
        """One line of the file."""
        if kind in {"witness", "group"} and words[0] in {"none", *self.named, *self.groups}:
            raise ValueError(words[0])
        if kind == "log":
            self.logs.append(words[0])
        elif kind == "witness":
            name, _, rest = words[1].partition("+")
            data = debase(rest.partition("+")[2], "policy")
            if data[:1] != b"\x04" or len(data) != 33 or any(data[1:] == known for _, known in self.keys.values()):
                raise ValueError(words[1])
            self.keys[name] = (hashlib.sha256(name.encode() + b"\n" + data).digest()[:4], data[1:])
            self.named[words[0]] = name
        elif kind == "group":
            members = list(words[2:])
            many = {"any": 1, "all": len(members)}.get(words[1]) or int(words[1])
            if any(one not in self.named and one not in self.groups for one in members) or not 0 < many <= len(members):
                raise ValueError(words[0])
            self.groups[words[0]] = (many, members)
        elif kind == "quorum" and not self.quorum:
            if words[0] != "none" and words[0] not in self.named and words[0] not in self.groups:
                raise ValueError(words[0])
            self.quorum = words[0]
        else:
            raise ValueError(kind)

    def judge(self, key: str, seen: set[str]) -> None:
        """Say what is missing."""
        where = "log/checkpoint.txt"
        if self.logs and key not in self.logs:
            raise Wrong(where, "is signed by a log that the policy does not name")
        if not self.holds(self.quorum, seen):
            raise Wrong(where, f"is not cosigned by the quorum {printable(self.quorum)} of the policy")

    def holds(self, name: str, seen: set[str]) -> bool:
        """Whether a witness, or enough of a group, has cosigned."""
        if name == "none" or name in self.named:
            return name == "none" or self.named[name] in seen
        many, members = self.groups[name]
        return sum(self.holds(one, seen) for one in members) >= many


def cosignature(line: str, text: str, policy: Policy | None) -> dict[str, Any]:
    """What a witness's line under a checkpoint says (C2SP tlog-cosignature): `at` only where its key is known."""
    where = "log/checkpoint.txt"
    parts = re.fullmatch("\N{EM DASH} ([^ \n]+) ([A-Za-z0-9+/=]+)\n", line)
    data = debase(parts.group(2), where) if parts else b""
    if not parts or len(data) != 76:
        raise Wrong(where, "bears a line that is no cosignature")
    said: dict[str, Any] = {"name": parts.group(1), "at": None}
    known = policy.keys.get(parts.group(1)) if policy else None
    if known is None or known[0] != data[:4]:
        return said
    moment = int.from_bytes(data[4:12], "big")
    if not ed25519(known[1], f"cosignature/v1\ntime {moment}\n{text}".encode(), data[12:]):
        raise Wrong(where, f"the cosignature of {printable(parts.group(1))} does not hold")
    return {**said, "at": datetime.fromtimestamp(moment, timezone.utc).isoformat()}


class Bundle:
    """A bundle and what was found in it; `check` goes through it and gathers everything that does not hold."""

    policy: Policy | None = None
    """Which witnesses the reader trusts, and how many of them must have cosigned the log's head."""
    cosigned: list[dict[str, Any]] = []  # noqa: RUF012 - replaced when the checkpoint is read

    def __init__(self, file: zipfile.ZipFile | None, key: str | None = None) -> None:
        self.file: Any = file
        self.expected_key = key
        self.findings: list[tuple[str, str]] = []
        self.key = self.origin = self.log = ""
        self.size, self.root = 0, b""
        self.entries: dict[int, dict[str, Any]] = {}
        self.manifest: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.content: list[dict[str, Any]] = []

    def check(self) -> None:
        """Do all checks; a failed one does not hide the next, where the next can still be made."""
        whole = self.members()
        steps = [self.check_key, self.check_checkpoint]
        steps += [self.check_log] if whole else [self.check_entries, self.check_manifest, self.check_texts,
                                                 self.check_content, self.check_openings]  # fmt: skip
        self.steps(steps)

    def steps(self, steps: list[Callable[[], None]]) -> None:
        """Do checks one after another, and gather what does not hold."""
        for step in steps:
            try:
                step()
            except Wrong as wrong:
                self.wrong(wrong.where, wrong.what)
            except SHAPELESS as error:
                self.wrong(step.__name__.replace("check_", ""), f"has not the shape of {FORMAT}: {error!r}")

    def wrong(self, where: str, what: str) -> None:
        """Note that something does not hold."""
        self.findings.append((where, what))

    def members(self) -> bool:
        """See that the right files are there, once each; tell whether this is the export of a whole log."""
        names = [info.filename for info in self.file.infolist()]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.wrong(name, "is there more than once")
        whole = "log/all.jsonl" in names
        wanted = WHOLE_LOG if whole else EXHIBIT
        for name in sorted(wanted - set(names)):
            self.wrong(name, "is missing")
        for name in sorted(set(names) - wanted):
            if whole or not re.fullmatch(r"content/[^/\\]+", name):
                self.wrong(name, "does not belong here")
        return whole

    def blocks(self, name: str) -> Iterator[bytes]:
        """Read a member piecewise."""
        try:
            with self.file.open(name) as member:
                while True:
                    block = member.read(BLOCK)
                    if not block:
                        return
                    yield block
        except KeyError:
            raise Wrong(name, "is missing") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise Wrong(name, f"cannot be unpacked: its bytes were changed ({error})") from None

    def read(self, name: str) -> bytes:
        """Read a whole member that is a text."""
        data = b""
        for block in self.blocks(name):
            data += block
            if len(data) > LARGEST_MEMBER:
                raise Wrong(name, "is larger than such a file can be")
        return data

    def check_key(self) -> None:
        """log/key.json: the key's name, id and bytes belong together; it is the one expected."""
        key = unjson(self.read("log/key.json"), "log/key.json")["key"]
        name, _, rest = key.partition("+")
        key_id, _, encoded = rest.partition("+")
        data = debase(encoded, "log/key.json")
        if data[:1] != b"\x01" or len(data) != 33:
            raise Wrong("log/key.json", "is not an Ed25519 key")
        if hashlib.sha256(name.encode() + b"\n" + data).hexdigest()[:8] != key_id:
            raise Wrong("log/key.json", "the key's name, id and bytes do not belong together")
        self.key = key
        if self.expected_key is not None and key != self.expected_key.strip():
            raise Wrong("log/key.json", f"is not the key given with --key: {printable(key)}")

    def check_checkpoint(self) -> None:
        """log/checkpoint.txt: a C2SP signed note with the log's name, size and root, signed by the key."""
        where = "log/checkpoint.txt"
        try:
            note = self.read(where).decode()
        except UnicodeDecodeError:
            raise Wrong(where, "is not text: its bytes were changed") from None
        text, _, block = note.rpartition("\n\n")
        lines = text.split("\n")
        if len(lines) != 3 or not re.fullmatch(r"0|[1-9][0-9]*", lines[1]):
            raise Wrong(where, "is not a checkpoint")
        if not self.key:
            raise Wrong(where, "cannot be checked without its key")
        name, _, rest = self.key.partition("+")
        public_key = base64.b64decode(rest.partition("+")[2])[1:]
        first, *rest_of = block.splitlines(keepends=True) or [""]
        signed = re.fullmatch("\N{EM DASH} ([^ \n]+) ([A-Za-z0-9+/=]+)\n", first)
        signature = debase(signed.group(2), where) if signed else b""
        if not signed or signed.group(1) != name or signature[:4].hex() != rest[:8]:
            raise Wrong(where, "is not signed by the key of log/key.json")
        if not ed25519(public_key, (text + "\n").encode(), signature[4:]):
            raise Wrong(where, "the signature does not hold: the log's name, size or root was changed")
        if name != lines[0]:
            raise Wrong(where, "is signed under another name than the log's")
        self.cosigned = [cosignature(line, text + "\n", self.policy) for line in rest_of]
        self.origin, self.size, self.root = lines[0], int(lines[1]), debase(lines[2], where)
        self.log = self.origin.rpartition("/")[2]
        if self.policy is not None:
            self.policy.judge(self.key, {one["name"] for one in self.cosigned if one["at"]})

    def check_entries(self) -> None:
        """log/entries.json: each entry is a leaf of the signed tree at its position."""
        where = "log/entries.json"
        data = unjson(self.read(where), where)
        if set(data) != {"entries", "log", "size"} or data["log"] != self.log or data["size"] != self.size:
            self.wrong(where, "is about another log or size than the checkpoint")
        last = 0
        for item in data["entries"]:
            position = item["position"]
            try:
                if type(position) is not int or position <= last or set(item) != {"canonical", "position", "proof"}:
                    raise Wrong(f"entry {printable(position)}", "is out of order or malformed")
                last = position
                self.check_entry(position, item["canonical"], item["proof"])
            except Wrong as wrong:
                self.wrong(wrong.where, wrong.what)

    def check_entry(self, position: int, encoded: str, proof: list[str]) -> None:
        """One entry against the signed root."""
        where = f"entry {position}"
        canonical = debase(encoded, where)
        leaf = hashlib.sha256(b"\x00" + canonical).digest()
        path = [debase(node, where) for node in proof]
        if position > self.size or root_of(leaf, position - 1, self.size, path) != self.root:
            raise Wrong(where, "is not in the signed log: the entry or its proof was changed")
        content = unjson(canonical, where)
        if content["position"] != position or content["log"] != self.log:
            raise Wrong(where, "names another place than its own")
        named = (content["at"], content["event"], content["result"], content["subject"]["id"])
        if not all(isinstance(part, str) for part in named) or not isinstance(content["facts"], dict):
            raise Wrong(where, "is not an entry of this format")
        self.who(content["actor"], {})
        self.entries[position] = content

    def check_manifest(self) -> None:
        """manifest.json: the export's own entry on the log holds its digest."""
        where = "manifest.json"
        data = self.read(where)
        self.manifest = unjson(data, where)
        subject = self.manifest["subject"]
        for position, entry in self.entries.items():
            if entry["subject"]["id"] != subject:
                self.wrong(f"entry {position}", "is about something else than the item")
        exports = [e for e in self.entries.values() if e["event"] == "evidence:exported" and e["result"] == "ok"]
        if not any(e["facts"].get("manifest") == sha256(data) for e in exports):
            raise Wrong(where, "no entry of the export holds its digest: it was changed, or that entry is missing")
        if self.manifest["format"] != FORMAT or self.manifest["log"] != self.log:
            raise Wrong(where, "is of another format or log")
        for position in self.manifest["positions"]:
            if position not in self.entries:
                self.wrong(f"entry {printable(position)}", "is listed in manifest.json, but missing or changed")

    def check_texts(self) -> None:
        """Openings and instructions are those that the manifest names."""
        for name in ("openings.json", "VERIFY.md"):
            found, wanted = sha256(self.read(name)), self.manifest.get("files", {}).get(name)
            if found != wanted:
                self.wrong(name, f"was changed: SHA-256 is {found}, manifest.json says {printable(wanted)}")

    def check_content(self) -> None:
        """The files are those that were registered, bit for bit."""
        kept = list(self.entries.values())
        listed = {item["file"]: item for item in self.manifest.get("content", [])}
        there = {info.filename for info in self.file.infolist() if info.filename.startswith("content/")}
        for name in sorted(there - set(listed)):
            self.wrong(name, "is not listed in manifest.json")
        for name, item in listed.items():
            try:
                self.check_file(name, item, kept)
            except Wrong as wrong:
                self.wrong(wrong.where, wrong.what)

    def check_file(self, name: str, item: dict[str, Any], kept: list[dict[str, Any]]) -> None:
        """One file against the manifest and the entries of its registration."""
        if not attested(item, kept):
            self.wrong(name, "no entry on the log registers a file with these digests and this size")
        digest, longer, size = hashlib.sha256(), hashlib.sha512(), 0
        for block in self.blocks(name):
            digest.update(block)
            if "sha512" in item:
                longer.update(block)
            size += len(block)
        wanted, wanted_size = item["sha256"], item["size"]
        if size != wanted_size:
            raise Wrong(name, f"has {size} bytes, registered were {wanted_size}")
        if digest.hexdigest() != wanted:
            raise Wrong(name, f"was changed: SHA-256 is {digest.hexdigest()}, registered was {wanted}")
        if longer.hexdigest() != item.get("sha512", longer.hexdigest()):
            raise Wrong(name, f"was changed: SHA-512 is {longer.hexdigest()}, registered was {item['sha512']}")
        self.content.append(item)

    def check_openings(self) -> None:
        """What was committed to on the log is what openings.json says it was."""
        openings = unjson(self.read("openings.json"), "openings.json")
        if not any(where == "openings.json" for where, _ in self.findings):
            self.names = dict(openings["names"])
        for opening in openings["commitments"]:
            position, fact = opening["position"], opening["fact"]
            seal = hmac.new(bytes.fromhex(opening["salt"]), opening["value"].encode(), "sha256").hexdigest()
            if self.entries.get(position, {}).get("facts", {}).get(fact) != seal:
                self.wrong("openings.json", f"entry {position} committed to another {printable(fact)}")

    def check_log(self) -> None:
        """log/all.jsonl: all entries of the log, in order, lead to the signed root."""
        frontier: list[tuple[int, bytes]] = []
        rest, position = b"", 0
        for block in self.blocks("log/all.jsonl"):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                position += 1
                content = unjson(line, f"entry {position}")
                if content["position"] != position or content["log"] != self.log:
                    raise Wrong(f"entry {position}", "is missing, or another stands in its place")
                level, node = 0, hashlib.sha256(b"\x00" + line).digest()
                while frontier and frontier[-1][0] == level:
                    level, node = level + 1, node_hash(frontier.pop()[1], node)
                frontier.append((level, node))
        if rest or position != self.size:
            raise Wrong(f"entries {position + 1} to {self.size}", "are missing")
        root = frontier.pop()[1] if frontier else hashlib.sha256(b"").digest()
        while frontier:
            root = node_hash(frontier.pop()[1], root)
        if root != self.root:
            raise Wrong("log/all.jsonl", "the entries are not those that were signed: at least one was changed")

    def report(self) -> dict[str, Any]:
        """What was found, as JSON."""
        return {
            "ok": not self.findings,
            "findings": [{"where": where, "what": what} for where, what in self.findings],
            "key": self.key,
            "checkpoint": {"origin": self.origin, "size": self.size, "root": base64.b64encode(self.root).decode()},
            "entries": [self.line(position) for position in sorted(self.entries)],
            "content": self.content,
        }

    def line(self, position: int) -> dict[str, Any]:
        """One entry of the item's history, with names where the bundle opens them."""
        entry = self.entries[position]
        told = {key: entry[key] for key in ("at", "event", "result")}
        return {"position": position, **told, "who": self.who(entry["actor"], self.names)}

    @staticmethod
    def who(actor: dict[str, Any], names: dict[str, str]) -> str:
        """Name who acted, as well as the bundle can."""
        known = [str(names.get(actor[part], actor[part])) for part in ("person", "agency") if actor[part]]
        return ", ".join(known) or str(actor["kind"])


# --- The package for court: an ASiC-E container (ETSI EN 319 162-1)


class Member(NamedTuple):
    """A file of the container: as the list at its end names it, and where its bytes begin."""

    name: str
    raw: bytes
    flags: int
    crc: int
    size: int
    place: int
    start: int


class Container:
    """A ZIP as the server writes it. Every byte that is no file's is rebuilt and compared: none can be changed."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.findings = data, []  # type: ignore[var-annotated]
        self.members: list[Member] = []
        self.moment = bytes(data[10:14])
        self.read_list()
        self.compare()

    def read_list(self) -> None:
        """The list of the files stands at the end."""
        data, size = self.data, len(self.data)
        if size < 22 or data[size - 22 : size - 18] != b"PK\5\6":
            raise Wrong("package", f"is cut off or was added to: it does not end as a ZIP file does ({size} bytes)")
        count, length, place = struct.unpack("<HLL", data[size - 12 : size - 2])
        end = size - 22
        if data[end - 20 : end - 16] == b"PK\6\7":
            end -= 76
            count, length, place = struct.unpack("<QQQ", data[end + 32 : end + 56])
        if place + length != end:
            raise Wrong("package", "bytes are missing or were added: the list of its files is not in its place")
        self.list_place, at = place, place
        while at < end:
            if data[at : at + 4] != b"PK\1\2":
                raise Wrong("package", "the list of its files was changed")
            flags, crc, packed, names, extras = (
                *struct.unpack("<H", data[at + 8 : at + 10]),
                *struct.unpack("<LL4xHH", data[at + 16 : at + 32]),
            )
            place = struct.unpack("<L", data[at + 42 : at + 46])[0]
            raw, extra = data[at + 46 : at + 46 + names], data[at + 46 + names : at + 46 + names + extras]
            wide = list(struct.unpack(f"<{len(extra[4:]) // 8}Q", extra[4 : 4 + len(extra[4:]) // 8 * 8]))
            packed = (wide.pop(0), wide.pop(0))[0] if packed == LIMIT and len(wide) > 1 else packed
            place = wide.pop(0) if place == LIMIT and wide else place
            start = place + 30 + names + (20 if flags & 8 else 0)
            self.members.append(Member(raw.decode(), raw, flags, crc, packed, place, start))
            at += 46 + names + extras
        if count != len(self.members):
            raise Wrong("package", "the list of its files was changed: their number differs")

    def compare(self) -> None:
        """Rebuild what stands round each file, and the list."""
        place = 0
        for one in self.members:
            if one.place != place or self.data[one.place : one.start] != self.head(one):
                self.findings.append((one.name, "its place or head in the container was changed"))
            after = struct.pack("<LQQ", one.crc, one.size, one.size)
            tail = b"PK\7\x08" + after if one.flags & 8 else b""
            end = one.start + one.size
            if self.data[end : end + len(tail)] != tail:
                self.findings.append((one.name, "its checksum or size in the container was changed"))
            place = end + len(tail)
        listed = b"".join(self.line(one) for one in self.members)
        if place != self.list_place or self.data[self.list_place :] != listed + self.end(len(listed)):
            self.findings.append(("package", "the list of its files was changed"))

    def head(self, one: Member) -> bytes:
        """What stands before a file."""
        flowing = bool(one.flags & 8)
        known = (0, LIMIT, LIMIT) if flowing else (one.crc, one.size, one.size)
        extra = struct.pack("<HHQQ", 1, 16, 0, 0) if flowing else b""
        begun = b"PK\3\4" + struct.pack("<HHH", 45 if flowing else 20, one.flags, 0) + self.moment
        return begun + struct.pack("<LLLHH", *known, len(one.raw), len(extra)) + one.raw + extra

    def line(self, one: Member) -> bytes:
        """What the list says of a file."""
        wide = [one.size] * 2 * (one.size >= LIMIT) + [one.place] * (one.place >= LIMIT)
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size, place, version = min(one.size, LIMIT), min(one.place, LIMIT), 45 if wide or one.flags & 8 else 20
        fixed = struct.pack(
            "<LLLHHHHHLL", one.crc, size, size, len(one.raw), len(extra), 0, 0, 0, 0o100600 << 16, place
        )
        begun = b"PK\1\2" + struct.pack("<HHHH", 3 << 8 | 45, version, one.flags, 0) + self.moment
        return begun + fixed + one.raw + extra

    def end(self, length: int) -> bytes:
        """What stands behind the list."""
        count, place, wide = len(self.members), self.list_place, b""
        if count >= 0xFFFF or length >= LIMIT or place >= LIMIT:
            wide = b"PK\6\6" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, count, count, length, place)
            wide += b"PK\6\7" + struct.pack("<LQL", 0, place + length, 1)
        counts = min(count, 0xFFFF), min(count, 0xFFFF), min(length, LIMIT), min(place, LIMIT), 0
        return wide + b"PK\5\6\0\0\0\0" + struct.pack("<HHLLH", *counts)

    def pieces(self, one: Member) -> Iterator[bytes]:
        """A file's bytes."""
        for at in range(one.start, one.start + one.size, BLOCK):
            yield self.data[at : min(at + BLOCK, one.start + one.size)]

    def crc_of(self, one: Member) -> int:
        """The checksum as it is."""
        crc = 0
        for piece in self.pieces(one):
            crc = zlib.crc32(piece, crc)
        return crc

    def sha256_of(self, one: Member) -> str:
        """The digest as it is."""
        digest = hashlib.sha256()
        for piece in self.pieces(one):
            digest.update(piece)
        return digest.hexdigest()


class Package(Bundle):
    """A package for court and what was found in it."""

    def __init__(self, container: Container, key: str | None = None, trusted: bytes | None = None) -> None:
        super().__init__(None, key)
        self.trusted = x509.load_pem_x509_certificates(trusted) if trusted else []
        self.stamps: list[dict[str, Any]] = []
        self.container = container
        self.there = {one.name: one for one in container.members}
        self.digests: dict[str, str] = {}
        self.leaves: dict[int, str] = {}
        self.exhibits: dict[str, dict[str, Any]] = {}
        self.about_digest = ""

    def check(self) -> None:
        """Do all checks; a failed one does not hide the next, where the next can still be made."""
        self.findings += self.container.findings
        self.steps([self.check_files, self.check_about, self.check_seal, self.check_pdf, self.check_stamps,
                    self.check_key, self.check_checkpoint, self.check_lines, self.check_exhibits,
                    self.check_custody])  # fmt: skip

    def blocks(self, name: str) -> Iterator[bytes]:
        """Read a file piecewise."""
        if name not in self.there:
            raise Wrong(name, "is missing")
        yield from self.container.pieces(self.there[name])

    def check_files(self) -> None:
        """Each file has the digest that the sealed manifest states, they are all there, and in that order."""
        self.digests = self.listed()
        stamps = [STAMPED, STAMP] if {STAMPED, STAMP} & set(self.there) else []
        wanted = ["mimetype", *self.digests, MANIFEST, SIGNATURE, *stamps]
        names = [one.name for one in self.container.members]
        for name in [name for name in self.there if names.count(name) > 1]:
            self.wrong(name, "is there more than once")
        for name in [name for name in wanted if name not in self.there]:
            self.wrong(name, "is missing")
        for name in [name for name in names if name not in wanted]:
            self.wrong(name, "does not belong here")
        kept = [name for name in wanted if name in self.there]
        for name, other in zip(kept, [name for name in names if name in wanted]):
            if name != other:
                self.wrong(other, f"is not in its place: {printable(name)} comes there")
                break
        with ThreadPoolExecutor(1) as beside:
            for one in self.container.members:
                self.check_file_bytes(one, beside)
        if "mimetype" in self.there and self.read("mimetype") != ASIC:
            self.wrong("mimetype", f"is not {ASIC.decode()}")

    def listed(self) -> dict[str, str]:
        """What META-INF/ASiCManifest.xml says: the digest of each file."""
        try:
            text = self.read(MANIFEST).decode()
        except UnicodeDecodeError:
            raise Wrong(MANIFEST, "was changed: it is not a manifest of this format") from None
        found = {}
        if not text.startswith(MANIFEST_HEAD) or not text.endswith(MANIFEST_END):
            raise Wrong(MANIFEST, "was changed: it is not a manifest of this format")
        for line in text[len(MANIFEST_HEAD) : -len(MANIFEST_END)].split("\n"):
            parts = REFERENCE.fullmatch(line)
            if not parts:
                raise Wrong(MANIFEST, "was changed: it is not a manifest of this format")
            found[unquote(parts.group(1))] = debase(parts.group(2), MANIFEST).hex()
        return found

    def check_file_bytes(self, one: Member, beside: ThreadPoolExecutor) -> None:
        """One file against its digest and its checksum; the two are computed side by side."""
        checksum = beside.submit(self.container.crc_of, one) if one.size >= BLOCK else None
        found = self.container.sha256_of(one)
        wanted = self.digests.get(one.name, found)
        if found != wanted:
            self.wrong(one.name, f"was changed: SHA-256 is {found}, sealed was {wanted}")
        if (checksum.result() if checksum else self.container.crc_of(one)) != one.crc:
            self.wrong(one.name, "was changed: its bytes do not have their checksum")

    def check_about(self) -> None:
        """package.json: of this format, and the files that it names have these digests."""
        data = self.read("package.json")
        self.about_digest, self.manifest = sha256(data), unjson(data, "package.json")
        if self.manifest["format"] != PACKAGE:
            raise Wrong("package.json", "is of another format")
        for name, said in self.manifest["files"].items():
            if self.digests.get(name) != said["sha256"]:
                self.wrong(name, "is not the file that package.json names")
        made = datetime.fromisoformat(self.manifest["made_at"])
        time = made.hour << 11 | made.minute << 5 | made.second // 2
        moment = struct.pack("<HH", time, (made.year - 1980) << 9 | made.month << 5 | made.day)
        if moment != self.container.moment:
            self.wrong("package", "the moment of its files was changed")

    def check_seal(self) -> None:
        """META-INF/signature.p7s: the seal over the manifest, by the certificate that package.json names."""
        made = datetime.fromisoformat(self.manifest["made_at"])
        self.sealed_by(SIGNATURE, sealer(SIGNATURE, self.read(SIGNATURE), self.read(MANIFEST), made))

    def check_pdf(self) -> None:
        """custody.pdf: it bears the same seal, over all of it."""
        self.sealed_by(PDF, pdf_sealer(PDF, self.read(PDF)))

    def sealed_by(self, where: str, certificate: bytes) -> None:
        """Name a file whose seal is another's."""
        if sha256(certificate) != self.manifest["seal"]:
            raise Wrong(where, "was changed: its certificate is not the one that package.json names")

    def check_stamps(self) -> None:
        """The time stamps, as far as there are any: over the log's head, and over the manifest with its seal."""
        if STAMPED in self.there and self.read(STAMPED) != to_stamp(self.read(MANIFEST), self.read(SIGNATURE)):
            self.wrong(STAMPED, "was changed: it does not name this manifest and this seal")
        for name, over in STAMPS.items():
            if name not in self.there:
                continue
            try:
                self.stamps.append({"file": name, **Stamp(self.read(name)).check(self.read(over), self.trusted)})
            except Wrong as wrong:
                self.wrong(name, wrong.what)
            except (*SHAPELESS, InvalidSignature) as error:
                self.wrong(name, f"was changed: it is no time stamp that holds ({type(error).__name__})")

    def report(self) -> dict[str, Any]:
        """What was found, as JSON."""
        return {**super().report(), "stamps": self.stamps, "witnesses": self.cosigned}

    def check_lines(self) -> None:
        """log/entries.jsonl: each entry is a leaf of the signed tree at its position."""
        last, where = 0, "log/entries.jsonl"
        for line in self.lines(where):
            item = unjson(line, where)
            position = item["position"]
            try:
                if type(position) is not int or position <= last or set(item) != {"canonical", "position", "proof"}:
                    raise Wrong(f"entry {printable(position)}", "is out of order or malformed")
                last = position
                self.check_entry(position, item["canonical"], item["proof"])
                self.leaves[position] = sha256(b"\x00" + base64.b64decode(item["canonical"]))
            except Wrong as wrong:
                self.wrong(wrong.where, wrong.what)

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file."""
        rest = b""
        for block in self.blocks(name):
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
        if rest:
            raise Wrong(name, "does not end with a whole line")

    def check_exhibits(self) -> None:
        """exhibits.jsonl: each exhibit's file, registration, words and whole history are those of the log."""
        exported = {entry["subject"]["id"] for entry in self.entries.values()
                    if (entry["event"], entry["result"]) == ("evidence:exported", "ok")
                    and entry["facts"].get("manifest") == self.about_digest}  # fmt: skip
        places = set()
        for line in self.lines("exhibits.jsonl"):
            item = unjson(line, "exhibits.jsonl")
            number = printable(item["number"])
            self.exhibits[item["id"]] = item
            for what in self.faults(item, exported):
                self.wrong(f"exhibit {number}", what)
            if item["file"] is not None:
                places.add(item["file"])
                self.content.append({name: item[name] for name in ("file", "sha256", "size")})
        for name in self.there:
            if name.startswith("content/") and name not in places:
                self.wrong(name, "is not listed in exhibits.jsonl")
        if {entry["subject"]["id"] for entry in self.entries.values()} - set(self.exhibits):
            self.wrong("log/entries.jsonl", "holds an entry about something else than the exhibits")
        if self.manifest["log"] != self.log:
            self.wrong("package.json", "is about another log")

    def faults(self, item: dict[str, Any], exported: set[str]) -> Iterator[str]:
        """What does not hold of one exhibit."""
        about = {position: self.entries.get(position) for position in item["positions"]}
        for position, entry in about.items():
            if entry is None:
                yield f"entry {printable(position)} of its history is missing or changed"
            elif entry["subject"]["id"] != item["id"]:
                yield f"entry {printable(position)} is about something else"
        if item["id"] not in exported:
            yield "no entry of this export holds the digest of package.json"
        kept = [entry for entry in about.values() if entry]
        facts = [entry["facts"] for entry in kept if entry["event"] == "evidence:registered"]
        if not attested(item, kept):
            yield "no entry of its history registers this digest and size"
        said = item["description"]
        sealed = hmac.new(bytes.fromhex(said["salt"]), said["value"].encode(), "sha256").hexdigest()
        if not any(one.get("description") == sealed for one in facts):
            yield "the log committed to another description"
        words = json.loads(said["value"])
        if any(str(item[name]) != str(words[name]) for name in words if name != "collected_at"):
            yield "its description is not the one that the log committed to"
        for one in item.get("statements", []):
            sealed = hmac.new(bytes.fromhex(one["salt"]), one["value"].encode(), "sha256").hexdigest()
            entry = about.get(one["position"])
            if entry is None or entry["facts"].get("statement") != sealed:
                yield f"entry {printable(one['position'])} committed to another statement"
        if item["file"] is not None and self.digests.get(item["file"]) != item["sha256"]:
            yield f"{printable(item['file'])} is missing, or not the file that was registered"

    def check_custody(self) -> None:
        """custody.csv: its lines are the entries of the histories, all of them and in the log's order."""
        self.names = dict(unjson(self.read("names.json"), "names.json")["names"])
        text = (line.decode() + "\n" for line in self.lines("custody.csv"))
        rows = list(csv.DictReader(text))
        wanted = sorted({position for item in self.exhibits.values() for position in item["positions"]})
        if [row["position"] for row in rows] != [str(position) for position in wanted]:
            raise Wrong("custody.csv", "does not list every entry of the exhibits once and in order")
        for row in rows:
            position = int(row["position"])
            entry = self.entries.get(position)
            if entry and (row["at"], row["event"], row["result"], row["leaf_hash"]) != (
                *(entry[name] for name in ("at", "event", "result")),
                self.leaves[position],
            ):
                self.wrong("custody.csv", f"says of entry {position} something else than the log")


# --- The seal: CMS (RFC 5652) in the one form in which the server writes it


def der(tag: int, *parts: bytes) -> bytes:
    """One element of DER."""
    data = b"".join(parts)
    size = len(data)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 0x80 else bytes([0x80 | len(length)]) + length) + data


def inside(data: bytes, number: int) -> bytes:
    """The content of one of the elements that stand in a row."""
    return element(data, number)[1]


def element(data: bytes, number: int) -> tuple[bytes, bytes]:
    """One of the elements that stand in a row: whole, and its content."""
    at = 0
    while True:
        length, start = data[at + 1], at + 2
        if length & 0x80:
            start = at + 2 + (length & 0x7F)
            length = int.from_bytes(data[at + 2 : start], "big")
        if number == 0:
            return data[at : start + length], data[start : start + length]
        at, number = start + length, number - 1


def seal_parts(signature: bytes) -> tuple[bytes, bytes]:
    """The certificate and the signature value of a seal."""
    signed = inside(inside(inside(signature, 0), 1), 0)
    signer = inside(inside(signed, 4), 0)
    return inside(signed, 3), inside(signer, 5)


def seal_attributes(certificate: bytes, content: bytes, made: datetime | None) -> list[bytes]:
    """What a seal signs: the content's digest, the certificate's digest, and the moment but in a PDF."""
    digest, known = (der(4, hashlib.sha256(data).digest()) for data in (content, certificate))
    values = {
        "2a864886f70d010903": der(6, bytes.fromhex("2a864886f70d010701")),
        "2a864886f70d010904": digest,
        "2a864886f70d010910022f": der(0x30, der(0x30, der(0x30, known))),
    }
    if made is not None:
        moment = made.astimezone(timezone.utc).strftime("%y%m%d%H%M%SZ").encode()
        values["2a864886f70d010905"] = der(0x17, moment)
    return sorted(der(0x30, der(6, bytes.fromhex(kind)), der(0x31, value)) for kind, value in values.items())


def seal(certificate: bytes, attributes: list[bytes], value: bytes) -> bytes:
    """A seal, byte for byte."""
    read = x509.load_der_x509_certificate(certificate)
    number = read.serial_number.to_bytes(read.serial_number.bit_length() // 8 + 1, "big")
    issuer = der(0x30, read.issuer.public_bytes(), der(2, number))
    sha, ecdsa, one = der(0x30, SHA256), der(0x30, ECDSA_SHA256), der(2, b"\1")
    signer = der(0x30, one, issuer, sha, der(0xA0, *attributes), ecdsa, der(4, value))
    content = der(0x30, der(6, bytes.fromhex("2a864886f70d010701")))
    signed = der(0x30, one, der(0x31, sha), content, der(0xA0, certificate), der(0x31, signer))
    return der(0x30, der(6, bytes.fromhex("2a864886f70d010702")), der(0xA0, signed))


def sealer(where: str, signature: bytes, content: bytes, made: datetime | None) -> bytes:
    """The certificate under which a seal over this content holds; the seal is rebuilt byte for byte."""
    try:
        certificate, value = seal_parts(signature)
        attributes = seal_attributes(certificate, content, made)
        whole = seal(certificate, attributes, value)
    except (IndexError, ValueError):
        raise Wrong(where, "was changed: it bears no signature of this format") from None
    if signature != whole:
        raise Wrong(where, "was changed, or the signature in it is over something else")
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        key.verify(value, der(0x31, *attributes), ec.ECDSA(hashes.SHA256()))  # type: ignore[call-arg,union-attr]
    except (InvalidSignature, ValueError, TypeError, AttributeError):
        raise Wrong(where, "the seal does not hold") from None
    return certificate


def pdf_sealer(where: str, data: bytes) -> bytes:
    """The certificate of the signature in a PDF (PAdES B-B), which is over every byte but its own place."""
    ranges = PDF_RANGE.findall(data)
    if len(ranges) != 1:
        raise Wrong(where, "bears no signature" if not ranges else "was signed or changed after it was sealed")
    start, end, rest = map(int, ranges[0])
    if end + rest != len(data):
        raise Wrong(where, "was added to or cut after it was sealed")
    hole = data[start:end]
    try:
        padded = bytes.fromhex(hole[1:-1].decode("ascii"))
        signature = element(padded, 0)[0]
    except (IndexError, ValueError):
        raise Wrong(where, "was changed: it bears no signature of this format") from None
    if hole != b"<" + signature.hex().encode().ljust(len(hole) - 2, b"0") + b">":
        raise Wrong(where, "was changed where its signature stands")
    return sealer(where, signature, data[:start] + data[end:], None)


# --- The time stamp: a token of RFC 3161, which is CMS in whichever form the authority writes it


def to_stamp(manifest: bytes, signature: bytes) -> bytes:
    """The manifest that the stamp of the whole is over, byte for byte."""
    cms = "application/x-pkcs7-signature"
    head = MANIFEST_HEAD.replace(SIGNATURE, STAMP).replace(cms, TOKEN)
    return (head + "\n".join(
        f'<asic:DataObjectReference URI="{name}" MimeType="{kind}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/'
        f'xmlenc#sha256"/><ds:DigestValue>{base64.b64encode(hashlib.sha256(data).digest()).decode()}</ds:DigestValue>'
        "</asic:DataObjectReference>"
        for name, kind, data in ((MANIFEST, "text/xml", manifest), (SIGNATURE, cms, signature))
    ) + MANIFEST_END).encode()  # fmt: skip


def elements(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """The elements that stand in a row: tag, whole, content."""
    found, at = [], 0
    while at < len(data):
        whole, content = element(data[at:], 0)
        if len(whole) < 2 or at + len(whole) > len(data):
            raise ValueError("cut off")
        found.append((data[at], whole, content))
        at += len(whole)
    return found


class Stamp:
    """A time-stamp token (RFC 3161, 2.4.2) taken apart."""

    def __init__(self, token: bytes) -> None:
        signed = elements(inside(inside(inside(token, 0), 1), 0))
        self.info = inside(inside(signed[2][2], 1), 0)
        self.certificates = [x509.load_der_x509_certificate(one[1]) for one in elements(signed[3][2])]
        signer = elements(inside(signed[-1][2], 0))
        self.serial = int.from_bytes(elements(signer[1][2])[1][2], "big", signed=True)
        self.issuer = elements(signer[1][2])[0][1]
        self.digest = DIGESTS[inside(signer[2][2], 0).hex()]
        self.attributes = signer[3][2]
        self.value = signer[5][2]
        told = elements(inside(self.info, 0))
        imprint = elements(told[2][2])
        self.imprint = DIGESTS[inside(imprint[0][2], 0).hex()], imprint[1][2]
        (moment,) = [one[2].decode() for one in told if one[0] == 0x18]
        self.at = datetime.strptime(moment[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)

    def check(self, data: bytes, trusted: list[Any]) -> dict[str, Any]:
        """See that it is over this data, and signed by whom it names; tell whether that one is trusted."""
        if hashlib.new(self.imprint[0], data).digest() != self.imprint[1]:
            raise Wrong("", "is a time stamp of something else")
        signers = [
            one for one in [*self.certificates, *trusted]
            if one.serial_number == self.serial and one.issuer.public_bytes() == self.issuer
        ]  # fmt: skip
        signer = signers[0]
        rows = [elements(one[2]) for one in elements(self.attributes)]
        stated = {kind[1].hex(): values[2] for kind, values in rows}
        if inside(stated["06092a864886f70d010904"], 0) != hashlib.new(self.digest, self.info).digest():
            raise Wrong("", "was changed: its signature is over another moment or digest")
        certificate = signer.public_bytes(serialization.Encoding.DER)
        known = [stated.get("060b2a864886f70d010910022f"), stated.get("060b2a864886f70d010910020c")]
        if not any(one and der(4, hashlib.new(kind, certificate).digest()) in one
                   for one, kind in zip(known, ("sha256", "sha1"))):  # fmt: skip
            raise Wrong("", "was changed: it does not name the certificate that it was signed with")
        self.verify(signer.public_key(), der(0x31, self.attributes))
        return {
            "at": self.at.isoformat(),
            "by": signer.subject.rfc4514_string(),
            "trusted": self.leads(signer, trusted),
        }

    def verify(self, key: Any, signed: bytes) -> None:
        """The signature by this key."""
        algorithm = getattr(hashes, self.digest.upper())()
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(self.value, signed, padding.PKCS1v15(), algorithm)
        else:
            key.verify(self.value, signed, ec.ECDSA(algorithm))

    def leads(self, signer: Any, trusted: list[Any]) -> bool:
        """Whether the signer may stamp, and its certificate leads to one of these, all valid at that moment."""
        try:
            usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        except x509.ExtensionNotFound:
            return False
        if not usage.critical or [one.dotted_string for one in usage.value] != [STAMPING]:
            return False
        at, one = self.at, signer
        for _ in range(8):
            if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
                return False
            if one in trusted:
                return True
            above = [other for other in [*trusted, *self.certificates] if other != one and issues(other, one)]
            if not above:
                return False
            one = above[0]
        return False


def issues(issuer: Any, certificate: Any) -> bool:
    """Whether this authority's certificate issued the other one."""
    try:
        basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return bool(basic.ca)


def check(path: str, key: str | None = None, trusted: bytes | None = None) -> dict[str, Any]:
    """Check the bundle or package at this path; `trusted` are certificates (PEM) of time-stamping authorities."""
    if is_package(path):
        return check_package(path, key, trusted)
    if is_pdf(path):
        return check_pdf(path)
    try:
        with zipfile.ZipFile(path) as archive:
            bundle = Bundle(archive, key)
            bundle.check()
            return bundle.report()
    except (zipfile.BadZipFile, UnicodeError, ValueError, NotImplementedError, EOFError) as error:
        return {"ok": False, "findings": [{"where": "bundle", "what": f"is not a whole ZIP file: {error}"}]}


def is_package(path: Any) -> bool:
    """Whether it calls itself a package, by its name or its first file."""
    if not isinstance(path, str):
        return False
    with Path(path).open("rb") as file:
        return b"mimetype" in file.read(128) or path.endswith(".asice")


def is_pdf(path: Any) -> bool:
    """Whether it begins as a PDF does."""
    if not isinstance(path, str):
        return False
    with Path(path).open("rb") as file:
        return file.read(5) == b"%PDF-"


def check_pdf(path: str) -> dict[str, Any]:
    """Check the seal in a PDF that came without its package; whose seal it is, the reader has to compare."""
    if x509 is None:
        raise OSError("the seal of a PDF is checked with the library `cryptography`, which is not installed here")
    try:
        certificate = pdf_sealer(Path(path).name, Path(path).read_bytes())
    except Wrong as wrong:
        return {"ok": False, "findings": [{"where": wrong.where, "what": wrong.what}]}
    names = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return {"ok": True, "findings": [], "seal": sha256(certificate), "sealed_by": str(names[0].value if names else "")}


def check_package(path: str, key: str | None, trusted: bytes | None = None) -> dict[str, Any]:
    """Check the package at this path."""
    if x509 is None:
        raise OSError("the seal of a package is checked with the library `cryptography`, which is not installed here")
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            package = Package(Container(data), key, trusted)
        except Wrong as wrong:
            return {"ok": False, "findings": [{"where": wrong.where, "what": wrong.what}]}
        except (struct.error, ValueError, IndexError) as error:
            return {
                "ok": False,
                "findings": [{"where": "package", "what": f"the list of its files was changed: {error}"}],
            }
        package.check()
        return package.report()


def tell(report: dict[str, Any]) -> None:
    """Print the report for people."""
    for entry in report.get("entries", ()):
        position, at, event, result, who = (entry[key] for key in ("position", "at", "event", "result", "who"))
        print(printable(f"{position:6}  {at}  {event:24} {result:7} {who}"))
    for item in report.get("content", ()):
        name, digest, size = item["file"], item["sha256"], item["size"]
        print(printable(f"{digest}  {name} ({size} bytes): as registered"))
    if report.get("key"):
        key, origin, size = report["key"], report["checkpoint"]["origin"], report["checkpoint"]["size"]
        print(printable(f"signed by   {key}"))
        print(printable(f"log head    {origin}, {size} entries"))
    if report.get("sealed_by"):
        print(printable(f"sealed by   {report['sealed_by']}"))
        print(f"seal        {report['seal']}: compare it with the one that the server or the package names")
    for one in report.get("witnesses", ()):
        seen = f"at {one['at']}" if one["at"] else "(its key is not known: see --policy)"
        print(printable(f"cosigned    by {one['name']} {seen}"))
    for one in report.get("stamps", ()):
        trust = "" if one["trusted"] else " (not checked to lead to an authority you trust: see --tsa)"
        print(printable("stamped     {} at {} by {}{}".format(one["file"], one["at"], one["by"], trust)))
    if not any(one["file"] == STAMP for one in report.get("stamps", [{"file": STAMP}])):
        print("NOT TIME-STAMPED: its moments are those of the server's clock")
    for finding in report["findings"]:
        where, what = finding["where"], finding["what"]
        print(printable(f"DIFFERS     {where}: {what}"))
    if report["ok"] and report.get("sealed_by"):
        print("UNCHANGED since it was sealed; it is genuine if you know the seal")
    else:
        print("VERIFIED" if report["ok"] else "NOT VERIFIED")


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description="Check an exported bundle or package offline.", epilog="Exit code 3: it differs."
    )
    parser.add_argument("bundle", help="the ZIP file, the package (.asice), or a PDF out of one")
    parser.add_argument("--key", help="the log's public key, <name>+<id>+<base64>, from a source you trust")
    parser.add_argument("--tsa", help="file with the certificates (PEM) of time-stamping authorities you trust")
    parser.add_argument("--policy", help="file of witnesses you trust and their quorum (C2SP tlog-policy)")
    parser.add_argument("--json", action="store_true", help="answer with one line of JSON")
    options = parser.parse_args(arguments)
    try:
        trusted = Path(options.tsa).read_bytes() if options.tsa else None
        Bundle.policy = Policy(Path(options.policy).read_text()) if options.policy else None
        report = check(options.bundle, options.key, trusted)
    except (OSError, ValueError) as error:
        print(f"jit-verify: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report))
    else:
        tell(report)
    return 0 if report["ok"] else 3


if __name__ == "__main__":
    sys.exit(main())
