"""The custody graph for other programs: CASE 1.5.0 on UCO 1.4.0 as JSON-LD (https://caseontology.org; MISSION D19).

One node a line, so that it is written while it is read: first each entry of the log about the exhibits as an
investigative action, then what these refer to. Identifiers follow from those in the log, so the same package says the
same; whoever has two packages of a case can join them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from jit_server.audit.entry import canonical

NAME = "case.jsonld"
KB = "http://example.org/kb/"
"""The name space of things known here. It is no address: the identifiers are UUIDs, unique without it."""
_UCO = "https://ontology.unifiedcyberontology.org/uco/"
CONTEXT = {
    "kb": KB,
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "investigation": "https://ontology.caseontology.org/case/investigation/",
    **{f"uco-{one}": f"{_UCO}{one}/" for one in (
        "action", "core", "identity", "location", "marking", "observable", "tool", "types",
    )},
}  # fmt: skip
RESULTS = {"ok": "Success", "denied": "Fail", "error": "Error"}
"""What the log says of how an act ended, in UCO's vocabulary of action statuses."""
LONGEST = 4000

Node = dict[str, Any]


class Graph:
    """The graph of one package; give it the entries in the log's order, and in the end the exhibits."""

    def __init__(self, log_id: UUID) -> None:
        self._log_id = log_id
        self._before: dict[str, str] = {}
        self._actors: dict[str, tuple[str, str]] = {}
        self._others: dict[str, None] = {}
        self._bases: dict[str, Node] = {}
        self._tools: dict[str, Node] = {}
        self._places: dict[str, Node] = {}

    def head(self) -> bytes:
        """What stands before the first node."""
        return b'{"@context":' + canonical(CONTEXT) + b',"@graph":[\n'

    def action(self, entry: Mapping[str, Any], statement: str = "") -> bytes:
        """An entry of the log: who did what with an exhibit, when, and what came of it; `statement` its words."""
        item_id, said = entry["subject"]["id"], json.loads(statement) if statement else {}
        node = _node("investigation:InvestigativeAction", self._id("action", f"entry {entry['position']}"))
        node |= {"uco-core:name": entry["event"], "uco-core:description": _told(entry, said)}
        node |= {"uco-action:startTime": _moment(entry["at"]), "uco-action:endTime": _moment(entry["at"])}
        node["uco-action:actionStatus"] = RESULTS[entry["result"]]
        node["uco-action:object"] = _to(_file(item_id))
        if performer := self._performer(entry["actor"]):
            node["uco-action:performer"] = _to(performer)
        if before := self._before.get(item_id):
            node["investigation:wasInformedBy"] = _to(before)
        self._before[item_id] = node["@id"]
        return _line(node | self._of(entry, said))

    def tail(self, case: Mapping[str, Any], exhibits: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> bytes:
        """The exhibits, those who acted, and the case; `exhibits` as the package lists them."""
        nodes = [node for one in exhibits for node in self._exhibit(one)]
        nodes += self._parents(exhibits) + self._markings(exhibits)
        nodes += [*self._bases.values(), *self._tools.values(), *self._places.values()]
        nodes += [self._actor(key, *what, names) for key, what in self._actors.items()]
        nodes += [_other(key, names) for key in self._others if key not in self._actors]
        whole = _node("investigation:Investigation", self._id("investigation", "case"))
        whole |= {"uco-core:name": case["case"], "investigation:investigationForm": "case"}
        whole["investigation:focus"] = case["order"]
        whole["uco-core:object"] = [_to(self._record(one["id"])) for one in exhibits]
        if self._bases:
            whole["investigation:relevantAuthorization"] = [_to(one) for one in self._bases]
        return b"".join(_line(node) for node in nodes) + canonical(whole) + b"\n]}\n"

    def _of(self, entry: Mapping[str, Any], said: Mapping[str, Any]) -> Node:
        """What an act names besides: its tool, its place, those it was for, the basis it records."""
        node: Node = {}
        if others := dict.fromkeys(one for one in entry["recipients"] if isinstance(one, str)):
            node["uco-action:participant"] = [_to(_identity(one)) for one in others]
            self._others |= others
        if tool := said.get("tool"):
            node["uco-action:instrument"] = _to(self._tool(tool, said.get("version") or ""))
        if place := said.get("place"):
            node["uco-action:location"] = _to(self._place(place))
        if entry["event"] == "custody:authorized" and said:
            node["uco-action:result"] = _to(self._basis(said))
        return node

    def _performer(self, actor: Mapping[str, Any]) -> str:
        """Who acted: the person, and for what no person did the server."""
        if actor["person"]:
            key, what = actor["person"], ("uco-identity:Person", actor["agency"] or "")
        elif actor["kind"] in {"system", "operator"}:
            key, what = actor["kind"], ("uco-tool:Tool", "")
        else:
            return ""
        name = self._name(key, what[0])
        self._actors.setdefault(key, what)
        return name

    def _name(self, key: str, kind: str) -> str:
        return _identity(key) if kind == "uco-identity:Person" else self._id("tool", key)

    def _actor(self, key: str, kind: str, agency: str, names: Mapping[str, str]) -> Node:
        node = _node(kind, self._name(key, kind))
        if kind == "uco-tool:Tool":
            return node | {"uco-core:name": f"jit-server ({key})"}
        named = {"uco-core:name": names[key]} if key in names else {}
        return node | named | ({"uco-core:description": names[agency]} if agency in names else {})

    def _basis(self, said: Mapping[str, Any]) -> str:
        name = f"kb:authorization-{said['basis']}"
        node = _node("investigation:Authorization", name)
        node |= {"uco-core:name": f"{said['authority']} ({said['state']})"}
        node |= {"investigation:authorizationType": said["kind"]}
        node |= {"investigation:authorizationIdentifier": said["identifier"]}
        node["uco-core:startTime"] = _moment(f"{said['valid_from']}T00:00:00Z")
        if said.get("valid_until"):
            node["uco-core:endTime"] = _moment(f"{said['valid_until']}T23:59:59Z")
        self._bases[name] = node
        return name

    def _tool(self, tool: str, version: str) -> str:
        name = self._id("tool", f"tool {tool} {version}")
        node = _node("uco-tool:Tool", name) | {"uco-core:name": tool}
        self._tools[name] = node | ({"uco-tool:version": version} if version else {})
        return name

    def _place(self, place: str) -> str:
        name = self._id("location", f"place {place}")
        self._places[name] = _node("uco-location:Location", name) | {"uco-core:name": place}
        return name

    def _exhibit(self, one: Mapping[str, Any]) -> Iterable[Node]:
        """The file, and the record of its provenance."""
        marking = {"uco-core:objectMarking": _to(self._id("marking", _mark(one)))}
        facets = [self._file_facet(one), self._content_facet(one)]
        yield _node("uco-observable:File", _file(one["id"])) | marking | {"uco-core:hasFacet": facets}
        record = _node("investigation:ProvenanceRecord", self._record(one["id"])) | marking
        record |= {"uco-core:name": one["title"], "uco-core:description": _collected(one)}
        record |= {"investigation:exhibitNumber": one["number"], "uco-core:object": _to(_file(one["id"]))}
        record["uco-core:objectCreatedTime"] = _moment(one["registered_at"])
        if made := one.get("derived_from"):
            record["investigation:rootExhibitNumber"] = made["number"]
            record["investigation:wasDerivedFrom"] = _to(self._record(made["id"]))
        yield record

    def _file_facet(self, one: Mapping[str, Any]) -> Node:
        node = _node("uco-observable:FileFacet", self._id("file-facet", one["id"]))
        return node | {"uco-observable:fileName": one["file_name"], "uco-observable:sizeInBytes": one["size"]}

    def _content_facet(self, one: Mapping[str, Any]) -> Node:
        node = _node("uco-observable:ContentDataFacet", self._id("content-data-facet", one["id"]))
        node |= {"uco-observable:mimeType": one["media_type"], "uco-observable:sizeInBytes": one["size"]}
        digests = [("SHA256", one["sha256"])] + ([("SHA512", one["sha512"])] if one["sha512"] else [])
        node["uco-observable:hash"] = [self._hash(one["id"], method, value) for method, value in digests]
        return node

    def _hash(self, item_id: str, method: str, value: str) -> Node:
        node = _node("uco-types:Hash", self._id("hash", f"{method} {item_id}"))
        return node | {"uco-types:hashMethod": method, "uco-types:hashValue": _typed("hexBinary", value)}

    def _parents(self, exhibits: Sequence[Mapping[str, Any]]) -> list[Node]:
        """What copies were made from and does not lie in this package itself."""
        there, found = {one["id"] for one in exhibits}, dict[str, Node]()
        for made in (one["derived_from"] for one in exhibits if "derived_from" in one):
            if made["id"] not in there:
                file, name = _node("uco-observable:File", _file(made["id"])), self._record(made["id"])
                facet = _node("uco-observable:ContentDataFacet", self._id("content-data-facet", made["id"]))
                facet["uco-observable:hash"] = self._hash(made["id"], "SHA256", made["sha256"])
                found[file["@id"]] = file | {"uco-core:hasFacet": facet}
                record = _node("investigation:ProvenanceRecord", name) | {"uco-core:object": _to(file["@id"])}
                found[name] = record | {"investigation:exhibitNumber": made["number"]}
        return list(found.values())

    def _markings(self, exhibits: Sequence[Mapping[str, Any]]) -> list[Node]:
        """How the exhibits are to be handled, in words."""
        found = dict[str, Node]()
        for words in map(_mark, exhibits):
            statement = _node("uco-marking:StatementMarking", self._id("statement-marking", words))
            statement |= {"uco-marking:definitionType": "statement", "uco-marking:statement": words}
            name = self._id("marking", words)
            node = _node("uco-marking:MarkingDefinition", name) | {"uco-marking:definitionType": "statement"}
            found[name] = node | {"uco-marking:definition": statement}
        return list(found.values())

    def _record(self, item_id: str) -> str:
        return self._id("provenance-record", item_id)

    def _id(self, kind: str, what: str) -> str:
        """The name of something that has no UUID of its own: it follows from the log's and from what it is."""
        return f"kb:{kind}-{uuid5(self._log_id, f'{kind} {what}')}"


def _identity(key: str) -> str:
    """Of a person, an agency or a party; whether it is a person shows only where they act."""
    return f"kb:identity-{key}"


def _other(key: str, names: Mapping[str, str]) -> Node:
    """Who received something and did nothing here."""
    return _node("uco-identity:Identity", _identity(key)) | ({"uco-core:name": names[key]} if key in names else {})


def _file(item_id: str) -> str:
    return f"kb:file-{item_id}"


def _node(kind: str, name: str) -> Node:
    return {"@id": name, "@type": kind}


def _to(name: str) -> Node:
    return {"@id": name}


def _typed(kind: str, value: str) -> Node:
    return {"@type": f"xsd:{kind}", "@value": value}


def _moment(at: str) -> Node:
    return _typed("dateTime", datetime.fromisoformat(at).isoformat())


def _mark(one: Mapping[str, Any]) -> str:
    return ": ".join(filter(None, (f"{one['handling']} {one['marking']}".strip(), one["conditions"])))


def _told(entry: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    """The entry's place in the log, why it was done, and the words of the act."""
    why = entry["why"]["text"] if entry["why"] else ""
    words = "; ".join(f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in said.items())
    return " · ".join(filter(None, (f"log entry {entry['position']}", why, words)))[:LONGEST]


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _collected(one: Mapping[str, Any]) -> str:
    words = (one["method"], one["collector"], one["place"], one["collected_at"], one["legal_basis"])
    gone = f"erased {one['erased']['at']} ({one['erased']['cause']})" if "erased" in one else ""
    return " · ".join(filter(None, (*words, gone)))


def _line(node: Node) -> bytes:
    return canonical(node) + b",\n"
