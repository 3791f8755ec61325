#!/usr/bin/env python3
"""Check a bundle that a joint investigation team's server exported: offline, without that server, by one file.

    python jit-verify.py bundle.zip [--key VKEY] [--json]

Needs Python 3.8 or later and nothing else. It answers: are these the bytes that were registered; is every entry of the
item's history part of the server's log; is that log's head signed by this key. What differs is named.

Compare the printed key with the one that the server, or another party of the team, publishes; or give it with --key.

Exit codes: 0 everything holds, 2 wrong usage, 3 something does not hold. The format: docs/bundle-format.md.
"""
# ruff: noqa: PLR2004, TRY301 - the sizes are those of RFC 8032 and C2SP, and stand there with these names

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

FORMAT = "jit-bundle/1"
EXHIBIT = {"manifest.json", "openings.json", "VERIFY.md", "log/entries.json", "log/checkpoint.txt", "log/key.json"}
WHOLE_LOG = {"log/all.jsonl", "log/checkpoint.txt", "log/key.json"}
BLOCK = 1 << 20
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


class Bundle:
    """A bundle and what was found in it; `check` goes through it and gathers everything that does not hold."""

    def __init__(self, file: zipfile.ZipFile, key: str | None = None) -> None:
        self.file, self.expected_key = file, key
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
        for step in steps:
            try:
                step()
            except Wrong as wrong:
                self.wrong(wrong.where, wrong.what)
            except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError) as error:
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
        signed = re.fullmatch("\N{EM DASH} ([^ \n]+) ([A-Za-z0-9+/=]+)\n", block)
        signature = debase(signed.group(2), where) if signed else b""
        if not signed or signed.group(1) != name or signature[:4].hex() != rest[:8]:
            raise Wrong(where, "is not signed by the key of log/key.json")
        if not ed25519(public_key, (text + "\n").encode(), signature[4:]):
            raise Wrong(where, "the signature does not hold: the log's name, size or root was changed")
        if name != lines[0]:
            raise Wrong(where, "is signed under another name than the log's")
        self.origin, self.size, self.root = lines[0], int(lines[1]), debase(lines[2], where)
        self.log = self.origin.rpartition("/")[2]

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
        registered = [e["facts"] for e in self.entries.values() if e["event"] == "evidence:registered"]
        listed = {item["file"]: item for item in self.manifest.get("content", [])}
        there = {info.filename for info in self.file.infolist() if info.filename.startswith("content/")}
        for name in sorted(there - set(listed)):
            self.wrong(name, "is not listed in manifest.json")
        for name, item in listed.items():
            try:
                self.check_file(name, item, registered)
            except Wrong as wrong:
                self.wrong(wrong.where, wrong.what)

    def check_file(self, name: str, item: dict[str, Any], registered: list[dict[str, Any]]) -> None:
        """One file against the manifest and the entry of its registration."""
        if not any(f.get("sha256") == item["sha256"] and f.get("size") == item["size"] for f in registered):
            self.wrong(name, "no entry on the log registers a file with this digest and size")
        digest, size = hashlib.sha256(), 0
        for block in self.blocks(name):
            digest.update(block)
            size += len(block)
        wanted, wanted_size = item["sha256"], item["size"]
        if size != wanted_size:
            raise Wrong(name, f"has {size} bytes, registered were {wanted_size}")
        if digest.hexdigest() != wanted:
            raise Wrong(name, f"was changed: SHA-256 is {digest.hexdigest()}, registered was {wanted}")
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


def check(path: str, key: str | None = None) -> dict[str, Any]:
    """Check the bundle at this path."""
    try:
        with zipfile.ZipFile(path) as file:
            bundle = Bundle(file, key)
            bundle.check()
            return bundle.report()
    except (zipfile.BadZipFile, UnicodeError, ValueError, NotImplementedError, EOFError) as error:
        return {"ok": False, "findings": [{"where": "bundle", "what": f"is not a whole ZIP file: {error}"}]}


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
    for finding in report["findings"]:
        where, what = finding["where"], finding["what"]
        print(printable(f"DIFFERS     {where}: {what}"))
    print("VERIFIED" if report["ok"] else "NOT VERIFIED")


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Check an exported bundle offline.", epilog="Exit code 3: it differs.")
    parser.add_argument("bundle", help="the ZIP file")
    parser.add_argument("--key", help="the log's public key, <name>+<id>+<base64>, from a source you trust")
    parser.add_argument("--json", action="store_true", help="answer with one line of JSON")
    options = parser.parse_args(arguments)
    try:
        report = check(options.bundle, options.key)
    except OSError as error:
        print(f"jit-verify: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report))
    else:
        tell(report)
    return 0 if report["ok"] else 3


if __name__ == "__main__":
    sys.exit(main())
