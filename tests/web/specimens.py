"""Every page of the house with made-up content, in each state that a list can be in; templates say what they expect."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from jit_server.web.display import Moment

NOW = datetime(2026, 11, 22, 20, 14, 3, tzinfo=UTC)
WORKSPACE = UUID("0b9c2f3e-2f34-4d5c-9f5e-5a8f6c0c9d11")
JONAS = {"id": UUID(int=1), "name": "Jonas Weber", "agency": "Staatsanwaltschaft Berlin", "state": "DE"}
CAMILLE = {"id": UUID(int=2), "name": "Camille Laurent", "agency": "Parquet de Paris", "state": "FR"}
ANOUK = {"id": UUID(int=3), "name": "Anouk de Vries", "agency": "Landelijk Parket", "state": "NL"}
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
EVERYTHING = {
    *("message:post", "message:edit", "message:withdraw", "channel:create", "member:invite", "member:end"),
    *("evidence:register", "evidence:download", "evidence:export", "custody:read", "log:read", "log:verify"),
}


def ago(**since: int) -> datetime:
    return NOW - timedelta(**since)


def page(**values) -> dict:
    """What `web` gives every page."""
    mine = [
        {"id": WORKSPACE, "name": "Operation Lantern", "unread": 4},
        {"id": UUID(int=9), "name": "Port", "unread": 0},
    ]
    me = {key: JONAS[key] for key in ("name", "agency", "state")} | {
        "theme": "auto",
        "send_key": "ctrl_enter",
        "shortcuts": True,
    }
    return {"me": me, "my_workspaces": mine, "notices": [], "csrf_token": lambda: "token", "may": EVERYTHING} | values


def room(here: str, **values) -> dict:
    """What every page of a workspace gets besides."""
    banner = {
        "id": WORKSPACE,
        "name": "Operation Lantern",
        "legal_basis": "Convention of 29 May 2000, Art. 13",
        "states": ["DE", "FR", "NL", "EUROJUST"],
        "handling": "H1",
        "phase": "operational",
        "valid_until": date(2027, 5, 31),
        "days_left": 190,
        "retention": "transit",
        "my_role": "leader",
        "log_size": 241,
    }
    return page(workspace=banner, here=here) | values


def entry(position: int, event: str, who: dict | None, **more) -> dict:
    blank = {"result": "ok", "why": None, "clause": None, "detail": None, "subject": None, "subject_url": None}
    return blank | {"position": position, "event": event, "at": ago(minutes=300 - position), "actor": who} | more


ENTRIES = [
    entry(241, "message:posted", CAMILLE, subject="Shell companies", subject_url="#p241"),
    entry(240, "evidence:downloaded", CAMILLE),
    entry(239, "access:refused", ANOUK, result="denied", why="H2: the originator must agree", clause="4.2"),
    entry(238, "evidence:rejected", JONAS, result="error", detail="evidence:register"),
    entry(237, "checkpoint:signed", None),
]


def message(number: int, who: dict, html: str, **more) -> dict:
    return {
        "id": UUID(int=100 + number),
        "position": 200 + number,
        "html": html,
        "text": html,
        "handling": f"H{number % 4}",
        "author": who,
        "at": ago(minutes=2000 - 300 * number),
        "version": 1,
        "withdrawn": False,
        "reason": None,
        "kept_as": [],
    } | more


KEPT_AS = [{"number": f"FR-000{number}", "url": "#exhibit"} for number in (2, 3)]
MESSAGES = [
    message(1, JONAS, "<p>The warrant came through. We go in at <strong>06:00</strong>.</p>"),
    message(2, CAMILLE, "<p>Noted.</p><ul><li>two companies</li><li>one account</li></ul>", version=2, kept_as=KEPT_AS),
    message(3, JONAS, "<p>Please keep the names out of court papers.</p>", version=3),
    message(4, ANOUK, "<p>شكرا، وصلت القائمة. سنراجعها الليلة.</p>"),
    message(5, CAMILLE, "", withdrawn=True, reason="wrong topic", kept_as=KEPT_AS[:1]),
    message(6, ANOUK, "<blockquote><p>quoted</p></blockquote><pre><code>DE89 3704 0044</code></pre>"),
]


def channel(**values) -> dict:
    topics = [
        {"name": "Shell companies", "url": "#a", "unread": 4, "current": True},
        {"name": "Accounts in third States and how to ask for them", "url": "#b", "unread": 2, "current": False},
    ]
    people = [
        {"person_id": who["id"], **{key: who[key] for key in ("name", "agency", "state")}} for who in (CAMILLE, ANOUK)
    ]
    return (
        room(
            "channels",
            channels=[
                {
                    "id": UUID(int=50),
                    "name": "Financial flows",
                    "compartment": None,
                    "url": "#c",
                    "unread": 6,
                    "current": True,
                    "topics": topics,
                },
                {
                    "id": UUID(int=51),
                    "name": "Action day",
                    "compartment": "Germany and France",
                    "url": "#d",
                    "unread": 0,
                    "current": False,
                    "topics": [],
                },
            ],
            channel={"id": UUID(int=50), "name": "Financial flows", "compartment": None},
            compartments=[(str(UUID(int=60)), "Germany and France")],
            topic="Shell companies",
            messages=MESSAGES,
            read_position=203,
            position=241,
            older_url="#older",
            people=people,
            draft={"text": "half typed", "handling": None, "saved_at": NOW},
            me_id=JONAS["id"],
            zone="Europe/Berlin",
            post_url="#post",
            client_id="client-id",
            default_handling="H1",
            errors=[],
        )
        | values
    )


def party(state: str, agency: str, **more) -> dict:
    blank = {
        "id": UUID(int=ord(state[0])),
        "leader": None,
        "signed_at": None,
        "signatory": None,
        "signs": True,
        "mine": False,
        "sealed": None,
    }
    return blank | {"state": state, "agency": agency, "party_class": "ms_authority"} | more


PARTIES = [
    party(
        "DE",
        "Staatsanwaltschaft Berlin",
        leader="Jonas Weber",
        signed_at=ago(days=2),
        signatory="Jonas Weber",
        mine=True,
    ),
    party("FR", "Parquet de Paris"),
]

LONG_NAME = "Oberstaatsanwältin Dr. Wilhelmina Anneliese von Hohenfels-Sonderburg zu Rheinau"
A_VERSION = {
    "version": 2, "state": "in_force", "kind": "agreement", "words": "Amendment", "base": 1,
    "digest": f"sha256:{SHA256}", "sha256": SHA256, "at": ago(days=2), "signed": 1, "signs": 2,
}  # fmt: skip
A_TEXT = [
    {"key": "about", "title": "What it is about", "lines": [("Name", "Lantern"), ("Offences", "")], "rows": []},
    {"key": "parties", "title": "Parties", "lines": [], "rows": [[("Authority", LONG_NAME), ("Who signs", "Head")]]},
    {"key": "media", "title": "Media", "lines": [], "rows": []},
]
A_DRAFT = {"id": WORKSPACE, "version": 4, "name": "Operation Lantern", "amends": 2, "updated_at": ago(hours=1)}


def question(name: str, label: str, kind: str = "text", **more) -> dict:
    plain = {"help": None, "required": False, "maxlength": None, "value": "", "options": []}
    return {"name": name, "label": label, "kind": kind} | plain | more


def exhibit(number: str, title: str, **more) -> dict:
    return {
        "id": UUID(int=700),
        "number": number,
        "title": title,
        "file_name": "hh-office-srv01.dd",
        "kind": "application/octet-stream",
        "size": 214748364800,
        "sha256": SHA256,
        "sha512": SHA256 * 2,
        "read_back_at": ago(minutes=5),
        "declared_sha256": SHA256,
        "seal": "cobblestone-256",
        "legal_basis": "§ 94 StPO",
        "method": "Seizure",
        "collector": "Lena Hoff",
        "place": "Hamburg, Speicherstadt 4",
        "collected_at": ago(days=2),
        "zone": "Europe/Berlin",
        "state": "DE",
        "agency": "Staatsanwaltschaft Berlin",
        "handling": "H2",
        "scheme": "SIENA",
        "marking": "H2",
        "gate": "open",
        "scan": "clean",
        "malware": None,
        "nature": {"outcome": "recognised", "kind": "ZIP", "media_type": "application/zip", "named": "pdf"}
        | {"facts": {"title": "A ledger", "author": "كشوف الحسابات", "entries": "12"}, "found_at": NOW},
        "compartment": None,
        "conditions_text": None,
        "registered_by": "Jonas Weber",
        "registered_at": NOW,
        "vault": "s3",
        "version": "v1",
        "locked_until": NOW + timedelta(days=365),
        "read_again_at": NOW,
    } | more


ITEMS = [
    exhibit("DE-0002", "Image of the office server"),
    exhibit("FR-0001", "كشوف الحسابات", state="FR", handling="H0"),
    exhibit("CH-0001", "Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüssel" * 2, state="CH", gate="pending")
    | {"scheme": "TLP", "marking": "TLP:AMBER+STRICT", "compartment": "Bilateral work on the accounts in Zürich"},
    exhibit("CH-0002", "Refused ledger", state="CH", gate="refused"),
]
DATED = [
    one
    | {
        "is_event": False,
        "at": Moment("2026-11-21T21:14:05.000Z", "21 Nov 2026", "22:14", "UTC+1", "2026-11-21 21:14:05"),
    }
    for one in ITEMS
]
GRADINGS = {"source": [("A", "A: always reliable")], "information": [("1", "1: certain")]}
SCHEMES = [
    ("SIENA", [("SIENA|H1", "H1", "H1", "Not in judicial proceedings without permission")]),
    ("TLP", [("TLP|AMBER+STRICT", "TLP:AMBER+STRICT", "H2", "For those who need to know")]),
]
BRIEF = {"number": "DE-0002", "title": "Image of the office server", "handling": "H2", "marking": "H2"}
DUE = {
    "number": "DE-0007",
    "title": "Image of the phone of " + "the accused and " * 9,
    "team": "Operation Test",
    "url": "#due",
    "at": NOW,
}
RELEASE = {
    "mode": "ticket",
    "reason": "The accounts lie there.",
    "made_by": "Jonas Weber",
    "made_at": NOW,
    "expires_at": NOW + timedelta(days=7),
    "recipients": [
        {"id": UUID(int=960 + place), "state": "CH", "authority": "Bundesanwaltschaft", "basis": "adequacy"}
        | {"article": "LED Art. 36", "document": "Decision", "stands": stands, "decision_reason": None}
        | {"person": "Anna-Maria Schneider-Hämmerli" if place == 0 else None, "window_until": NOW}
        | {"download": (None, "notified", "downloaded", "window_expired", None)[place]}
        | {"received_at": NOW if place == 2 else None}
        for place, stands in enumerate(("in_force", "waiting", "refused", "withdrawn", "expired"))
    ],
}
COPY = {
    "number": "DE-0009",
    "title": "Interview, names of third persons blacked out",
    "sha256": SHA256,
    "how": "Redacted copy",
    "tool": "jit-server",
    "version": "1",
    "description": "Pages 2 and 3",
    "made_by": "Jonas Weber",
    "made_at": NOW,
    "erased": False,
}
ORIGIN = {
    "package": "DE-0003",
    "number": "FR-0012",
    "agency": "Tribunal judiciaire de Paris",
    "registered_at": NOW,
    "server": "https://jit.example.fr",
    "seal": "9f2c" * 16,
}
OPENING = {
    "stage": "opened",
    "findings": [],
    "server": "https://jit.example.fr",
    "reference": "JIT-2026-004",
    "made_by": "Camille Roux, Tribunal judiciaire de Paris (FR)",
    "made_at": NOW,
    "key": "jit.example.fr/log+1a2b3c4d+" + "AbCd" * 11,
    "seal": "9f2c" * 16,
    "exhibits": 3,
    "arrived": [
        {"number": "DE-0004", "title": "Image of a phone", "origin_number": "FR-0012", "origin_agency": "Paris"},
        {"number": "DE-0005", "title": "A very long title of an exhibit " * 4, "origin_number": "FR-0013"}
        | {"origin_agency": "Tribunal judiciaire de Paris"},
    ],
}
MARKED = {
    "redactions": [
        {"title": "Interview, redacted", "at": NOW, "refused": None},
        {"title": "Interview, redacted", "at": NOW, "refused": "It has no such page."},
    ],
    "can_redact": True,
    "kin": {
        "family": {
            "number": "DE-0001",
            "title": "Interview of the witness",
            "how": "",
            "here": False,
            "erased": True,
            "children": [
                {"number": "DE-0002", "title": "Interview, redacted", "how": "Redacted copy", "here": True}
                | {
                    "erased": False,
                    "children": [
                        {
                            "number": "FR-0104",
                            "title": "مقابلة",
                            "how": "Translation",
                            "here": False,
                            "erased": False,
                            "children": [],
                        }
                    ],
                },
            ],
        },
        "parent": COPY,
        "children": [COPY, COPY | {"erased": True, "tool": None, "description": None}],
        "may": True,
    },
    "sentence": "No onward sharing without permission",
    "graded": {"source": "B: mostly reliable", "information": ""},
    "markings": [
        {"words": "H2", "handling": "H2", "reason": "Asked by the court", "set_by": "Jonas Weber", "set_at": NOW},
        {"words": "H0", "handling": "H0", "reason": "", "set_by": "Jonas Weber", "set_at": ago(days=2)},
    ],
    "releases": [RELEASE],
    "partners": True,
    "erased": None,
    "erases_in": 3,
    "erasing": None,
    "released": [
        {"id": UUID(int=970 + place), "mode": mode, "reason": "The accounts lie there.", "released_at": NOW}
        | {"expires_at": NOW, "download": download, "window_until": NOW, "received_at": at}
        for place, (mode, download, at) in enumerate(
            [("reference", None, None), ("ticket", "notified", None), ("copy", "downloaded", NOW)]
        )
    ],
    "refusal": None,
    "proposed": UUID(int=77),
    "is_package": False,
    "opening": None,
    "origin": ORIGIN,
    "promoted": {"message_id": UUID(int=5), "version": 2, "name": "Vehicles", "url": "#topic"},
}


SIDE = {"id": UUID(int=810), "person": "Jonas Weber", "state": "DE", "agency": "Staatsanwaltschaft Berlin"} | {
    "acted_at": ago(days=1),
    "said": {"place": "Kehl, police station", "condition": "whole, sealed", "seals": ["DE 4711", "DE 4712"]},
}
HAND_OVERS = [
    SIDE
    | {"to_state": "FR", "to_agency": "Tribunal judiciaire de Paris", "to_person": None, "due_at": NOW}
    | {"stands": stands, "mine": mine, "answer": SIDE | {"person": "Camille Roux"} if stands == "accepted" else None}
    for stands, mine in (("overdue", "answer"), ("accepted", None), ("refused", None), ("withdrawn", None))
]
CUSTODIAN = {"state": "DE", "authority": "Staatsanwaltschaft Berlin"}


STOOD = {
    "physical": {"description": "A laptop, grey, lid scratched", "quantity": "1", "identifiers": "X1, serial 4711"},
    "place": "Store of evidence, shelf 12",
    "seals": ["DE 4711", "DE 4712"],
    "held": {"authority": "Landgericht Aachen"},
    "restricted": {"authority": "Landgericht Aachen"},
    "pre_jit": {"annex": "Annex 2"},
    "outside": {"source": "Norway", "conditions": "Not against its own nationals without asking again."},
    "wanted_back": {"to": "Owner"},
    "gone": None,
    "flags": [
        {"flag": flag, "words": flag.title(), "forum": "Tribunal judiciaire de Paris", "by": "The presiding judge"}
        | {"ruling": "12/2026", "on": "2026-11-20"}
        for flag in ("challenged", "excluded", "limited", "admitted")
    ],
    "numbers": [{"forum": "Tribunal judiciaire de Paris", "number": "P-17"}],
    "photos": ["DE-0003"],
    "bases": ["What it is: Warrant; Authority: Amtsgericht Aachen; Its number or reference: 12 Gs 4/26"],
}
PHYSICAL_FIELDS = (
    *("title", "description", "quantity", "identifiers", "kept", "seals", "legal_basis", "method", "collector"),
    *("place", "collected_at", "conditions_text", "compartment_id"),
)
VERBS = [[("annotate", "Add a note"), ("photograph", "Link a photo")], [("hold", "Put on hold")]]


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
VIEWED = {
    "item": BRIEF | {"id": UUID(int=5), "size": 5_400_000, "looked_at": True, "played_as": "audio/wav"},
    "refused": "",
}


HAPPENED = DATED[0] | {
    "is_event": True, "id": UUID(int=900), "title": "The lorry arrives at the harbour", "place": "Kehl, bridge",
    "text": "It came from the north.\nTwo people got out.", "day_only": False, "written_by": "Claire Moreau",
    "items": [{"number": "DE-0002", "title": "Image of the office server"}], "withdrawn": None, "mine": True,
    "compartment": "Bilateral",
}  # fmt: skip
TAKEN_BACK = HAPPENED | {"day_only": True, "withdrawn": "It was another lorry", "mine": False, "id": UUID(int=901)}


PICTURE = {
    "picture": {
        "lanes": [
            {"state": "DE", "agency": "Anklage", "points": [
                {"place": place, "kind": kind, "position": place, "event": "evidence:read"}
                for place, kind in enumerate(("collection", "consultation", "alteration", "handed", "refused"))
            ]},
            {"state": "", "agency": "", "points": [{"place": 5, "kind": "other", "position": 6, "event": "x"}]},
        ],
        "across": 50,
        "cut": False,
    },
    "viewers": [{"actor": JONAS, "looked": 12, "taken": 1, "last": NOW}],
}  # fmt: skip


def member(number: int, name: str, role: str, **more) -> dict:
    blank = {
        "until": None,
        "days_left": None,
        "ended_at": None,
        "source": "manual",
        "me": False,
        "may_end": False,
        "invited": False,
    }
    return (
        blank
        | {"id": UUID(int=800 + number), "name": name, "role": role, "since": ago(days=40), "can": ["message:post"]}
        | more
    )


RIGHTS = [
    {
        "title": "Evidence",
        "allowed": 1,
        "lines": [
            {"action": "a", "words": "Open exhibits", "allowed": True, "clause_id": "3.1", "sentence": "All may."},
            {"action": "b", "words": "Download", "allowed": False, "clause_id": None, "sentence": "No rule."},
        ],
    }
]
MEMBER = {
    "name": "Wolfeschlegelsteinhausenbergerdorff-Vandenberghe, Maximiliane",
    "agency": "Staatsanwaltschaft Berlin",
    "state": "DE",
    "role": "leader",
    "party_class": "ms_authority",
    "since": NOW,
    "until": NOW.replace(year=NOW.year + 2),
    "term_end": date(2027, 5, 31),
    "ended_at": None,
    "me": True,
}


TEAM = [
    member(1, "Jonas Weber", "leader", me=True),
    member(2, "Mira Albrecht", "member", until=date(2026, 12, 10), days_left=18, may_end=True),
    member(3, "Kai Brandt", "observer", can=[], ended_at=ago(days=3)),
]
SESSION = {"id": UUID(int=900), "started_at": ago(hours=9), "seen_at": NOW, "expires_at": NOW}
WRONG = [{"field": "zone", "message": "This zone is not known.", "remedy": "Choose one from the list."}]
REFUSED = {
    "action": "evidence:download",
    "source": "agreement",
    "clause": "4.2",
    "role": "member",
    "party_class": "ms_authority",
    "origin": "partner",
    "handling": "H2",
    "phase": "operational",
}
CHECKPOINT = {
    "size": 241,
    "root": "qTyTb7lY3VZQ=",
    "signed_at": NOW,
    "key": "host+f1c2",
    "text": "host/log\n241\nqTyT\n\n— host AAAA\n",
    "witnesses": [
        {"name": "jit.parquet.example/witness", "size": 240, "at": NOW},
        {"name": "a-very-long-name-of-a-server.of-another-state.example/witness", "size": None, "at": None},
    ],
}
SPEC = {
    "info": {"title": "JIT server", "version": "0.1.0", "description": "Shared workspaces."},
    "paths": {
        "/api/v1/workspaces/{id}/uploads": {
            "post": {
                "operationId": "evidence.declare",
                "summary": "Declare an item.",
                "description": "Bytes follow.",
                "x-action": "evidence:register",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                "responses": {"201": {"description": "The answer"}},
            }
        }
    },
    "components": {
        "schemas": {
            "New": {
                "type": "object",
                "required": ["title"],
                "properties": {
                    "title": {"type": "string", "maxLength": 200},
                    "handling": {"enum": ["H0", "H1"]},
                    "sha256": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "names": {"type": "array", "items": {"type": "string"}},
                },
            }
        }
    },
}
AGENCIES = [
    {
        "code": "FR",
        "agencies": [
            {
                "name": "Paris Prosecutor",
                "own_name": "Parquet de Paris",
                "language": "fr",
                "path": "/login/fr",
                "label": "Carte professionnelle",
            },
            {
                "name": "Paris Prosecutor",
                "own_name": "Parquet de Paris",
                "language": "fr",
                "path": "/login/fr/mobile",
                "label": "Application mobile de la direction des services judiciaires, hors du ressort",
            },
        ],
    },
    {
        "code": "XK",
        "agencies": [
            {
                "name": "Special Prosecution",
                "own_name": "Prokuroria Speciale",
                "language": "sq",
                "path": "/login/xk",
                "label": "",
            }
        ],
    },
]
LAST = {
    "name": "Berlin Prosecutor",
    "own_name": "Staatsanwaltschaft Berlin",
    "language": "de",
    "state": "DE",
    "path": "/login/de",
    "label": "Dienstausweis",
}
CASE = {"id": WORKSPACE, "name": "Operation Lantern", "states": ["DE", "FR"], "phase": "operational", "handling": "H1"}
CASES = [
    CASE | {"days_left": 190, "unread": 4, "latest": {"event": "message:posted", "at": NOW, "actor": CAMILLE}},
    CASE | {"id": UUID(int=9), "name": "Port", "phase": "proposed", "days_left": 12, "unread": 0, "latest": None},
]
NEEDS = [
    {"kind": kind, "title": f"{kind} this", "sub": "Operation Lantern", "url": "#go", "at": NOW}
    for kind in ("sign", "unread", "draft", "expiring")
]
NOBODY = (
    {"compartments": [], "outside": False, "waiting": 0, "room": None, "handed": [], "on_its_way": {}}
    | {"erases": {}, "erased": set()}
    | {"badges": {}}
)
NO_FILTER = {
    "q": "",
    "state": "",
    "compartment": "",
    "gate": "",
    "handling": "",
    "event": "",
    "result": "",
    "actor": "",
    "kind": "",
}
NO_VIEWS = {"views": [], "kept": {}, "place": "register"}
VIEWS = {
    "views": [
        {
            "id": "1",
            "name": "French phones of the harbour and of everybody who called there",
            "url": "#",
            "here": False,
        },
        {"id": UUID(int=802), "name": "هواتف", "url": "#", "here": True},
    ],
    "kept": {"q": "phone"},
    "place": "register",
}

CLAUSE_RULE = {
    "id": "5.2",
    "allows": True,
    "sentence": "Observers may read what is said.",
    "own": False,
    "who": ["Observer"],
    "what": ["Read messages"],
    "on": [],
    "when": ["Operational"],
}
OWN_RULE = CLAUSE_RULE | {"id": "de-sta:1", "allows": False, "own": True, "on": ["partners' things"], "when": []}
EFFECTS = [
    {"allowed": False, "words": "Member, de-sta may no longer: Download exhibits.", "clause": "de-sta:1"},
    {"allowed": True, "words": "Observer, fr-pnf may from now on: Read messages.", "clause": "5.2"},
]


def restriction(number: int, state: str, **more) -> dict:
    blank = dict.fromkeys(
        ("applied_by", "applied_at", "end_proposed_by", "end_proposed_at", "end_reason", "ended_by", "ended_at")
    )
    return (
        blank
        | {
            "id": UUID(int=700 + number),
            "clause": f"de-sta:{number}",
            "sentence": "Our members take no copies.",
            "what": ["Download exhibits"],
            "state": state,
            "effects": EFFECTS if state in {"proposed", "ending"} else [],
            "proposed_by": JONAS["name"],
            "proposed_at": ago(days=3),
            "mine_to_end": False,
            "may_apply": True,
        }
        | more
    )


APPLIED = {"applied_by": JONAS["name"], "applied_at": ago(days=2)}
ASKED = {"end_proposed_by": JONAS["name"], "end_proposed_at": ago(days=1), "end_reason": "The audit is over."}
RESTRICTIONS = [
    restriction(5, "proposed"),
    restriction(4, "live", **APPLIED),
    restriction(3, "ending", **APPLIED, **ASKED),
    restriction(2, "ending", **APPLIED, **ASKED, mine_to_end=True),
    restriction(1, "ended", **APPLIED, **ASKED, ended_by=ANOUK["name"], ended_at=ago(hours=2)),
    restriction(0, "withdrawn", ended_by=JONAS["name"], ended_at=ago(hours=2)),
]
VERSIONS = [
    {
        "version": number,
        "words": words,
        "cause": "agreement",
        "agreement_version": 1,
        "made_at": ago(days=9 - number),
        "made_by": JONAS["name"] if number != 2 else None,
        "state": "FR" if number == 2 else None,
        "clause": "de-sta:1" if number == 3 else None,
        "current": number == 3,
    }
    for number, words in ((3, "A restriction was applied"), (2, "A restriction was lifted"), (1, "Version 1"))
]
SIMULATOR = {
    "people": [("1", "I myself"), ("2", "Camille Laurent, Parquet de Paris")],
    "actions": [("evidence:download", "Download exhibits")],
    "origins": [("own", "own things"), ("partner", "partners' things")],
    "handlings": [("H0", "H0"), ("H2", "H2")],
    "values": {"person": "2", "action": "evidence:download", "origin": "partner", "handling": "H2"},
    "answer": None,
}
ANSWER = {
    "allowed": False,
    "who": "Camille Laurent",
    "what": "Download exhibits",
    "on": "partners' things",
    "handling": "H2",
    "sentence": "The originator must agree first.",
    "clause": "5.2",
    "source": "agreement",
    "granters": ["Jonas Weber, Staatsanwaltschaft Berlin"],
}


def office(here: str, **values) -> dict:
    """What every page of an agency gets besides."""
    agency = {"name": "Staatsanwaltschaft Berlin", "state": "DE", "slug": "berlin"}
    shown = {"agency": agency, "here": here, "my_role": "admin", "may_change": True, "fresh": True, "errors": []}
    made = page(**shown) | values
    return made | {"me": made["me"] | {"agency_role": made["my_role"]}}


def colleague(number: int, name: str, **more) -> dict:
    plain = {"role": "member", "created_at": ago(days=400), "disabled_at": None, "last_seen": ago(hours=3), "live": 1}
    plain |= {"workspaces": 2, "next_expiry": None, "source": "invitation", "strong": True}
    return plain | {"id": UUID(int=500 + number), "name": name} | more


COLLEAGUES = [
    colleague(1, "Jonas Weber", role="admin"),
    colleague(2, LONG_NAME, role="auditor", strong=False, next_expiry=NOW + timedelta(days=5)),
    colleague(3, "أمينة حداد", last_seen=None, workspaces=0, source="operator"),
    colleague(4, "Left Long Ago", disabled_at=ago(days=9), source="scim"),
]
KEPT = {"kept": 7 * 2**40, "most": 50 * 2**40}
PEOPLE_COUNT = {"all": 4, "active": 3, "disabled": 1, "admins": 2, "weak": 1, "away": 1, "expiring": 1}
NEEDED = [
    {"kind": kind, "count": number, "href": "#go"}
    for number, kind in enumerate(("no_issuer", "refused", "expiring", "weak", "lapsing", "lone_admin", "away"), 1)
]


def act(event: str, **more) -> dict:
    plain = {"at": ago(hours=2), "result": "ok", "person": UUID(int=501), "name": "Jonas Weber", "in_workspace": False}
    return plain | {"event": event, "subject": "", "reason": ""} | more


ACTS = [
    act("person:disabled", subject=LONG_NAME),
    act("evidence:downloaded", in_workspace=True),
    act("access:refused", in_workspace=True, result="denied"),
    act("session:refused", result="denied", person=None, name="", reason="acr"),
    act("issuer:tested", result="error"),
]
INVITATIONS = [
    {"id": UUID(int=601), "claim": "email", "value": f"{'a' * 60}@agency.example", "expires_at": NOW},
    {"id": UUID(int=602), "claim": "sub", "value": "4711", "expires_at": NOW + timedelta(days=9)},
]
OWN_SESSIONS = [
    {
        "id": UUID(int=610),
        "issued_at": ago(hours=2),
        "last_seen_at": NOW,
        "not_after": NOW,
        "browser": "Firefox, Linux",
    },
    {"id": UUID(int=611), "issued_at": ago(hours=9), "last_seen_at": ago(hours=4), "not_after": NOW, "browser": ""},
]
ISSUER = {
    "id": UUID(int=620),
    "url": "https://login.berlin.example/realms/with/a/very/long/path/that/nobody/would/choose",
    "label": "",
    "key": "",
    "client_id": "jit-server",
    "auth_method": "private_key_jwt",
    "algorithms": ["ES256"],
    "profile": "fapi2",
    "trust": "manual",
    "acr_accepted": ["substantial", "high"],
    "amr_required": [],
    "step_up_acr": ["high"],
    "created_at": ago(days=90),
    "retired_at": None,
}
ISSUER_FORM = {
    "client_id": "jit-server",
    "label": "",
    "algorithms": ["ES256", "PS256"],
    "profile": "oidc",
    "jwks_ttl": "3600",
    "acr_accepted": "substantial high",
    "amr_required": "",
    "step_up_acr": "high",
    **{f"claims.{name}": name for name in ("name", "email", "locale", "zone", "groups")},
    **{f"claims.{name}": "jit-people" for name in ("required_groups", "admin_groups", "auditor_groups")},
}
ALGORITHMS = ("ES256", "PS256", "EdDSA", "RS256")
TESTED = {
    "finished": True,
    "reason": "",
    "detail": "",
    "read": [
        {"what": "subject", "claim": "sub", "value": "4711"},
        {"what": "groups", "claim": "groups", "value": ""},
    ],
    "enters": True,
    "why": "",
}


KEY = {
    "id": UUID(int=630),
    "name": "Weekly report of the registry at Rheinau",
    "scopes": ["evidence:read", "log:read", "message:post", "workspace:read"],
    "keys": [],
    "created_at": ago(days=9),
    "expires_at": NOW + timedelta(days=80),
    "revoked_at": None,
    "last_used_at": None,
}
OWN_KEY = {"kid": "2026-11", "kind": "ES256", "thumbprint": "6_A2BqqtTQucqupGAvAX5oyjN1rMEimLnPuguEmBBWw"}
SCOPES = [("evidence", ["evidence:download", "evidence:read"]), ("log", ["log:read"])]


SYNCED = {
    "run": {
        "begun_at": ago(hours=3),
        "last_at": ago(hours=2),
        "created": 1200,
        "changed": 3,
        "deactivated": 1,
        "refused": 2,
        "error": "409: This userName belongs to somebody else. " + "x" * 120,
    },
    "tokens": 0,
    "approvals": [
        {
            "title": "Be the second person: approve or reject",
            "sub": f"{LONG_NAME} · 3 days left",
            "url": "#1",
            "at": NOW,
        }
    ],
}


def keys(**more) -> dict:
    plain = {
        "live": [KEY, KEY | {"last_used_at": NOW, "keys": [OWN_KEY] * 2}],
        "ended": [KEY | {"revoked_at": NOW}],
        "scopes": SCOPES,
    }
    plain |= {"typed": {"name": "", "days": "90", "scopes": [], "jwks": ""}, "problem": None}
    return office("keys", **plain) | more


def key(**more) -> dict:
    plain = {"client": KEY, "live": True, "secret": "", "address": "https://jit.example/oauth/token", "typed": ""}
    return office("keys", **plain, audience="https://jit.example", problem=None) | more


def issuer(**more) -> dict:
    plain = {"issuer": ISSUER, "redirect": "https://jit.example/login/berlin/callback", "key": None, "looked": None}
    plain |= {"test": None, "claims": None, "values": ISSUER_FORM, "problem": None, "algorithms": ALGORITHMS}
    return office("identity", **plain) | more


def people(**more) -> dict:
    plain = {"people": COLLEAGUES, "count": PEOPLE_COUNT, "show": "", "named": "", "expected": INVITATIONS}
    plain |= {"typed": {"claim": "email", "value": "", "days": "14"}, "first": None, "older": "#more"}
    return office("members", **plain) | more


def person(who: dict, **more) -> dict:
    plain = {"person": who, "myself": False, "roles": ["member", "admin", "auditor"], "sessions": OWN_SESSIONS}
    return office("members", **plain, acts=ACTS) | more


def agency_log(**more) -> dict:
    filters = {"event": None, "result": None, "person": None, "since": None, "until": None}
    plain = {"acts": ACTS, "filters": filters, "events": ["person:disabled", "evidence:read"]}
    plain |= {"people": [("1", "Jonas Weber"), ("2", LONG_NAME)], "first": "#1", "older": "#2", "export": "#csv"}
    return office("audit", **plain) | more


THING = {"kind": "evidence_item", "id": UUID(int=700), "name": "FR-0001", "address": "#exhibit"}
HIDDEN = THING | {"name": "", "address": ""}
ASKER = {"name": "Camille Laurent", "agency": "Parquet de Paris", "state": "FR"}
OWNER = {"name": "Jonas Weber", "agency": "Staatsanwaltschaft Berlin", "state": "DE"}
WAYS_OUT = {"ask": "#ask", "asked": {"url": "#asked", "due_at": NOW}, "ended_at": ago(days=1), "emergency": "#glass"}
NOTHING_ASKED = dict.fromkeys(("recipient", "order", "content", "position", "remarks", "code", "text"), "")
TO_ASK = [{"action": "evidence:read", "words": "Open exhibits"}, {"action": "evidence:download", "words": "Download"}]
ORIGINATOR = {"state": "FR", "authority": "Parquet de Paris"}


def an_ask(state: str, **more) -> dict:
    return {
        "id": UUID(int=720),
        "workspace_id": WORKSPACE,
        "subject": THING,
        "handling": "H2",
        "originator": "Staatsanwaltschaft Berlin",
        "originator_state": "DE",
        "asked_by": ASKER,
        "actions": ["evidence:read"],
        "purpose_text": "Hearing on Monday",
        "days": 14,
        "asked_at": ago(days=2),
        "due_at": NOW + timedelta(days=8),
        "state": state,
        "decided_by": None,
        "decided_at": None,
        "reason": None,
        "clause": None,
        "granted_to": None,
        "expires_at": None,
        "live": False,
        "mine": False,
        "may_decide": False,
    } | more


GRANTED = {
    "decided_by": OWNER,
    "decided_at": NOW,
    "clause": "4.2",
    "granted_to": "party",
    "expires_at": NOW + timedelta(days=3),
    "live": True,
    "may_decide": True,
}


def one_ask(ask: dict, **more) -> dict:
    values = {"ask": ask, "purpose": "Trial in court", "asked_for": TO_ASK, "granted": ["Open exhibits"], "typed": {}}
    values |= {"clauses": [("4.2", "4.2: Originator control")], "until": "2026-12-01", "latest": date(2027, 5, 31)}
    return room("evidence", days_left=2, errors=[], **values) | more


def an_emergency(review: str, **more) -> dict:
    return {
        "id": UUID(int=730),
        "subject": THING,
        "handling": "H2",
        "originator": "Parquet de Paris",
        "originator_state": "FR",
        "opened_by": OWNER,
        "reason_text": "At the airport",
        "opened_at": NOW,
        "expires_at": NOW,
        "review": review,
        "reviewed_by": None,
        "reviewed_at": None,
        "review_text": None,
        "live": review == "open",
        "may_review": review == "open",
    } | more


def an_act(state: str, after: str = "post_operational", **more) -> dict:
    return {
        "id": UUID(int=740),
        "kind": "phase",
        "payload": {"before": "operational", "after": after},
        "digest": f"sha256:{SHA256}",
        "proposed_by": OWNER,
        "reason": "The judgment is final",
        "proposed_at": ago(days=1),
        "expires_at": NOW,
        "state": state,
        "decided_by": None,
        "decided_at": None,
        "decision": None,
        "mine": False,
        "may_decide": False,
    } | more


REVIEWED = {"reviewed_by": ASKER, "reviewed_at": NOW, "review_text": "We could have been called"}
LACKING = [{"field": "actions", "message": "Nothing is ticked.", "remedy": "Tick what you need."}]
NEW_ASK = {"subject": THING, "handling": "H2", "originator": ORIGINATOR, "choices": TO_ASK}
ENTRY = {"workspace_id": WORKSPACE, "name": "Operation Lantern", "version": "6c729e2019f4"}
TOLD = {"id": UUID(int=750), "workspace_id": WORKSPACE, "kind": "term_ends", "made_at": NOW, "ends_at": NOW}
DEALINGS = {
    "asks": (
        "consents/asks.html",
        room(
            "evidence",
            waiting=[an_ask("asked")],
            mine=[an_ask("granted", expires_at=NOW), an_ask("lapsed", subject=HIDDEN)],
            answered=[an_ask("granted", **GRANTED), an_ask("refused"), an_ask("withdrawn"), an_ask("revoked")],
            emergencies=[an_emergency("open"), an_emergency("objected", subject=HIDDEN)],
        ),
    ),
    "asks-empty": ("consents/asks.html", room("evidence", waiting=[], mine=[], answered=[], emergencies=[])),
    "ask-new": (
        "consents/new_ask.html",
        room(
            "evidence",
            purposes=[("trial", "Trial in court")],
            typed={"actions": [], "purpose_text": "x"},
            errors=LACKING,
            **NEW_ASK,
        ),
    ),
    "ask-to-answer": ("consents/ask.html", one_ask(an_ask("asked", may_decide=True))),
    "ask-mine": ("consents/ask.html", one_ask(an_ask("asked", mine=True, subject=HIDDEN), days_left=-1)),
    "ask-granted": ("consents/ask.html", one_ask(an_ask("granted", **GRANTED))),
    "ask-refused": (
        "consents/ask.html",
        one_ask(an_ask("refused", decided_by=OWNER, decided_at=NOW, reason="An informant would be exposed")),
    ),
    "emergency-new": (
        "consents/new_emergency.html",
        room("evidence", reasons=[("life", "Danger to life")], typed={}, errors=[], **NEW_ASK),
    ),
    "emergency": (
        "consents/emergency.html",
        room(
            "evidence",
            emergency=an_emergency("open"),
            opened=["Open exhibits"],
            reason="Danger to life",
            notice=UUID(int=751),
            typed={},
            errors=[],
        ),
    ),
    "emergency-reviewed": (
        "consents/emergency.html",
        room(
            "evidence",
            emergency=an_emergency("confirmed", **REVIEWED),
            opened=["Open exhibits"],
            reason="Danger to life",
            notice=None,
            typed={},
            errors=[],
        ),
    ),
    "approvals": (
        "consents/approvals.html",
        room(
            "home",
            waiting=[an_act("waiting")],
            past=[an_act("approved", decided_at=NOW), an_act("rejected", decided_at=NOW), an_act("lapsed")],
            closings=["purging"],
            typed={},
            errors=[],
        ),
    ),
    "approvals-empty": ("consents/approvals.html", room("home", waiting=[], past=[], closings=[], typed={}, errors=[])),
    "approval": (
        "consents/approval.html",
        room("home", approval=an_act("waiting", may_decide=True), remains=[], typed={}, errors=[]),
    ),
    "approval-mine": (
        "consents/approval.html",
        room("home", approval=an_act("waiting", "closed", mine=True), remains=[("exhibits", 2)], typed={}, errors=[]),
    ),
    "approval-given": (
        "consents/approval.html",
        room(
            "home",
            approval=an_act("approved", "purging", decided_by=ASKER, decided_at=NOW, decision="As agreed"),
            remains=[],
            typed={},
            errors=[],
        ),
    ),
    "enter": (
        "consents/enter.html",
        page(entry=ENTRY, undertaking="I keep secret what I learn.", today="2026-11-23", typed={}, errors=[]),
    ),
    "notice": (
        "consents/notice.html",
        page(notice=TOLD, name="Operation Lantern", says="The agreement ends in 7 days"),
    ),
}

SPECIMENS = {
    **DEALINGS,
    "sign-in": (
        "identity/login.html",
        page(
            me=None,
            my_workspaces=[],
            last=LAST,
            countries=AGENCIES,
            next="/w/1",
            problem=None,
            still_in={"name": "Parquet", "url": "#out"},
            everywhere=False,
        ),
    ),
    "sign-in-empty": (
        "identity/login.html",
        page(
            me=None,
            my_workspaces=[],
            last=None,
            countries=[],
            next=None,
            problem={"title": "Refused", "detail": "Try again."},
            still_in=None,
            everywhere=True,
        ),
    ),
    "step-up": (
        "identity/step_up.html",
        page(problem={"title": "Refused", "detail": "Somebody else came back."}, again="/step-up?next=/", back="/"),
    ),
    "me": (
        "identity/me.html",
        page(
            values={"language": "en", "zone": "UTC", "theme": "dark", "send_key": "enter", "shortcuts": True},
            languages=[("en", "English"), ("ar", "العربية")],
            zones=["Europe/Berlin", "UTC"],
            person=JONAS | {"issuer": "https://idp.example", "email": None},
            sessions=[
                SESSION | {"current": True, "browser": "Firefox"},
                SESSION | {"current": False, "browser": "Chromium"},
            ],
            errors=WRONG,
        ),
    ),
    "my-day": (
        "workspaces/my_day.html",
        page(read_at=NOW, needs=NEEDS, workspaces=CASES, notices=[{"kind": "success", "text": "Saved."}]),
    ),
    "my-day-empty": ("workspaces/my_day.html", page(read_at=NOW, needs=[], workspaces=[], my_workspaces=[])),
    "home": (
        "workspaces/home.html",
        room(
            "home",
            detail={
                "purpose": "Invoice fraud through companies in three States.",
                "reference": "2026/14",
                "valid_from": date(2026, 6, 1),
                "valid_until": date(2027, 5, 31),
                "agreement_version": 2,
                "retention": "transit",
            },
            parties=PARTIES,
            opening={"may": True, "needs": "Waits for FR."},
            phases=["suspended", "expiring"],
            latest=ENTRIES,
            rights=RIGHTS,
            counts={"exhibits": 7, "members": 9, "unread": 4},
        ),
    ),
    "agreement": (
        "workspaces/agreement.html",
        room(
            "agreement",
            agreement={
                "version": 2,
                "purpose": "Invoice fraud.",
                "legal_basis": "Convention 2000, Art. 13",
                "reference": None,
                "valid_from": date(2026, 6, 1),
                "valid_until": date(2027, 5, 31),
                "default_handling": "H1",
                "retention": "transit",
                "sha256": SHA256,
                **A_VERSION,
            },
            headings=A_TEXT,
            waiting=A_VERSION | {"version": 3, "state": "offered"},
            can_sign=True,
            can_withdraw=True,
            draft=None,
            history=[
                A_VERSION | {"version": 3, "state": "offered"},
                A_VERSION,
                A_VERSION | {"base": None, "version": 1},
            ],
            told=["The term ends on 2027-09-01 instead of 2027-05-31."],
            compared=(1, 2),
            clauses=[
                {
                    "id": "4.2",
                    "sentence": "Exhibits stay.",
                    "effect": "deny",
                    "party_class": "ms_authority eppo",
                    "role": "member leader",
                    "origin": "partner",
                    "handling": "H2",
                    "actions": ["evidence:download"],
                    "words": ["Download exhibits"],
                }
            ],
            parties=PARTIES,
        ),
    ),
    "agreement-sign": (
        "workspaces/sign.html",
        room(
            "agreement",
            agreement=A_VERSION,
            workspace_id=WORKSPACE,
            name="Operation Lantern",
            headings=A_TEXT,
            told=["Clause 9.3 is new (deny): Nobody exports."],
            parties=PARTIES,
            can_sign={"party": LONG_NAME},
            minutes=5,
            errors=[{"field": "statement", "message": "Tick the statement.", "remedy": ""}],
        ),
    ),
    "agreement-sign-to-join": (
        "workspaces/sign.html",
        page(
            agreement=A_VERSION,
            workspace_id=WORKSPACE,
            name="Operation Lantern",
            headings=A_TEXT,
            told=None,
            parties=PARTIES,
            can_sign=None,
            minutes=5,
            errors=[],
        ),
    ),
    "agreement-drafts": ("workspaces/drafts.html", page(drafts=[{"id": WORKSPACE, "name": "", "updated_at": NOW}])),
    "agreement-no-draft": ("workspaces/drafts.html", page(drafts=[])),
    "agreement-draft": (
        "workspaces/draft.html",
        room(
            "agreement",
            draft=A_DRAFT,
            tasks=[
                {"key": "about", "title": "What it is about", "state": "done"},
                {"key": "term", "title": "Term", "state": "todo"},
                {"key": "parties", "title": "Parties", "state": "mend"},
                {"key": "media", "title": "Media", "state": "optional"},
            ],
            done=1,
            ready=False,
        ),
    ),
    "agreement-heading": (
        "workspaces/heading.html",
        page(
            draft=A_DRAFT | {"amends": None},
            heading={"key": "parties", "title": "Parties", "help": "Who signs.", "many": True},
            asks=[
                question("agency", "Authority", "select", options=[("", "Choose"), ("de", LONG_NAME)], required=True),
                question("signatory", "Who signs", value="<b>Typed</b>", required=True, maxlength=200),
                question("purpose", "For what", "textarea", help="In short."),
                question("offences", "Offences", "lines", value="Fraud by invoice"),
                question("period_from", "From", "date"),
                question("roles", "Roles", "choices", value=["member"], options=[("member", "Member")]),
                question("rooms", "Compartments", "choices", value=[]),
                question("space_admin", "Administers", "tick", value=True),
            ],
            rows=[[("Authority", LONG_NAME), ("Who signs", "Head")]],
            item=0,
            following="leaders",
            errors=[{"field": "signatory", "message": "Fill this in.", "remedy": ""}],
        ),
    ),
    "agreement-answers": (
        "workspaces/answers.html",
        room(
            "agreement",
            draft=A_DRAFT,
            headings=A_TEXT,
            faults=[{"field": "parties", "message": "Parties: not filled in yet", "remedy": ""}],
        ),
    ),
    "member": (
        "workspaces/member.html",
        room(
            "members",
            member=MEMBER,
            source={"event": "member:joined", "at": NOW, "by": "Jonas Weber", "position": 12},
            rights=RIGHTS,
        ),
    ),
    "member-ended": (
        "workspaces/member.html",
        room("members", member=MEMBER | {"ended_at": NOW, "me": False}, source=None, rights=[]),
    ),
    "who-could": (
        "workspaces/who_could.html",
        room(
            "audit",
            thing={"id": UUID(int=9), "name": "DE-0001 Server image", "url": "#e"},
            on="2026-11-22T18:00",
            zone="Europe/Berlin",
            moment=NOW,
            people=[
                {
                    "name": "Claire Moreau",
                    "agency": "Parquet de Valmont",
                    "state": "FR",
                    "role": "leader",
                    "words": ["Know the exhibits", "Open exhibits"],
                }
            ],
            errors=[],
        ),
    ),
    "who-could-nobody": (
        "workspaces/who_could.html",
        room(
            "audit",
            thing={"id": UUID(int=9), "name": "DE-0001 Server image", "url": "#e"},
            on="2026-11-22T18:00",
            zone="Europe/Berlin",
            moment=NOW,
            people=[],
            errors=[],
        ),
    ),
    "members": (
        "workspaces/members.html",
        room(
            "members",
            capabilities=[
                {"action": "message:post", "words": "Post messages"},
                {"action": "log:read", "words": "Read the log"},
            ],
            groups=[
                {"state": "DE", "agency": "Staatsanwaltschaft Berlin", "party_class": "ms_authority", "members": TEAM},
                {"state": "FR", "agency": "Parquet de Paris", "party_class": "ms_authority", "members": []},
            ],
            past_term=True,
            invite={
                "people": [("9", "Theo Lang")],
                "roles": ["member", "observer"],
                "until": "2027-05-31",
                "values": {},
            },
            errors=[],
        ),
    ),
    "channel": ("messaging/channel.html", channel()),
    "channel-quiet": ("messaging/channel.html", channel(messages=[], older_url=None, people=[], draft=None)),
    "channel-reader": ("messaging/channel.html", channel(may=set())),
    "channel-none": ("messaging/channel.html", channel(channels=[], channel=None, topic="", messages=[])),
    "evidence": (
        "evidence/list.html",
        room(
            "evidence",
            **VIEWS,
            items=ITEMS,
            filters=NO_FILTER,
            states=["DE", "FR"],
            newer="#n",
            older="#o",
            total=2,
            compartments=[("1", "Bilateral")],
            outside=True,
            waiting=2,
            room={"kept": 5 * 2**30, "coming": 0, "most": 10 * 2**40},
            handed=[
                {"number": "DE-0002", "title": "Image of the office server", "mine": "answer", "late": True}
                | {"due_at": ago(days=1), "url": "#h"},
                {"number": "FR-0001", "title": "كشوف الحسابات", "mine": "withdraw", "late": False}
                | {"due_at": None, "url": "#h"},
            ],
            on_its_way={UUID(int=700): "FR"},
            erases={UUID(int=700): 3},
            erased={UUID(int=701)},
            badges={UUID(int=700): STOOD},
            unbased={UUID(int=700)},
        ),
    ),
    "timeline": (
        "evidence/timeline.html",
        room(
            "evidence",
            **VIEWS | {"place": "timeline"},
            days=[(NOW.date(), [DATED[0], HAPPENED]), (ago(days=2).date(), [*DATED[1:], TAKEN_BACK])],
            bars=[
                {"name": f"2026-{month:02}", "count": month % 4, "height": 30 * (month % 4), "url": f"#m{month}"}
                for month in range(1, 12)
            ],
            filters=NO_FILTER | {"clock": "place", "shown": ""},
            states=["DE", "FR"],
            newer="#n",
            older="#o",
        ),
    ),
    "timeline-empty": (
        "evidence/timeline.html",
        room(
            "evidence",
            **NO_VIEWS,
            days=[],
            bars=[],
            filters=NO_FILTER | {"clock": "mine", "shown": ""},
            states=[],
            newer=None,
            older=None,
        ),
    ),
    "timeline-unfound": (
        "evidence/timeline.html",
        room(
            "evidence",
            **NO_VIEWS,
            days=[],
            bars=[],
            filters=NO_FILTER | {"q": "x", "clock": "mine", "shown": ""},
            states=[],
            newer=None,
            older=None,
        ),
    ),
    "event": (
        "evidence/event.html",
        room(
            "evidence",
            zones=[("UTC", "UTC"), ("Europe/Paris", "Europe/Paris")],
            compartments=[("1", "Bilateral")],
            typed={
                "title": "",
                "at": "2026-11-20T06:10",
                "zone": "UTC",
                "day_only": "true",
                "place": "Kehl",
                "text": "",
            }
            | {"handling": "H1", "compartment_id": "1", "items": "DE-0002 FR-9999"},
            errors=[{"field": "items", "message": "names an exhibit that is not there", "remedy": "Write its number."}],
        ),
    ),
    "evidence-empty": (
        "evidence/list.html",
        room("evidence", **NO_VIEWS, items=[], filters=NO_FILTER, states=[], newer=None, older=None, total=0, **NOBODY),
    ),
    "evidence-unfound": (
        "evidence/list.html",
        room(
            "evidence",
            **NO_VIEWS | {"kept": {"q": "x"}},
            items=[],
            filters=NO_FILTER | {"q": "x"},
            states=["DE"],
            newer=None,
            older=None,
            total=2,
            **NOBODY,
        ),
    ),
    "evidence-new": (
        "evidence/new.html",
        room(
            "evidence",
            default_handling="H1",
            methods=[("seizure", "Seizure")],
            zones=["Europe/Berlin", "UTC"],
            zone="Europe/Berlin",
            max_bytes=1 << 36,
            legal_bases=[],
            compartments=[("1", "Bilateral")],
            quarantined=True,
            parent=None,
            derived=[],
            schemes=[(name, [line[:3] for line in lines]) for name, lines in SCHEMES],
            gradings=GRADINGS,
        ),
    ),
    "evidence-new-copy": (
        "evidence/new.html",
        room(
            "evidence",
            default_handling="H1",
            methods=[("seizure", "Seizure")],
            zones=["Europe/Berlin", "UTC"],
            zone="Europe/Berlin",
            max_bytes=1 << 36,
            legal_bases=[],
            compartments=[("1", "Bilateral")],
            quarantined=True,
            parent={"id": UUID(int=700), "number": "DE-0001", "title": "Interview", "handling": "H2", "marking": "H2"},
            derived=[("redacted_copy", "Redacted copy")],
            schemes=[(name, [line[:3] for line in lines]) for name, lines in SCHEMES],
            gradings=GRADINGS,
        ),
    ),
    "exhibit": (
        "evidence/item.html",
        room(
            "evidence",
            item=ITEMS[0],
            **PICTURE,
            custody=ENTRIES,
            check={"ok": True, "at": NOW, "words": "The bytes are unchanged."},
            verifier="#verifier",
            may=EVERYTHING | {"evidence:release", "evidence:remark", "custody:record"},
            hand_overs=HAND_OVERS,
            custodian=CUSTODIAN,
            stood=STOOD,
            verbs=VERBS,
            **MARKED,
        ),
    ),
    "redact": (
        "evidence/redact.html",
        room(
            "evidence",
            item=BRIEF | {"id": UUID(int=5)},
            refusals={"encrypted": "The file is encrypted."},
            title="Interview, redacted",
            areas=[
                {"page": "2", "x": "10", "y": "12.5", "width": "80", "height": "5", "reason": "witness"},
                {"page": "1", "x": "", "y": "", "width": "", "height": "", "reason": ""},
            ],
            grounds=[("personal_data", "Personal data of others"), ("witness", "Protection of a witness")],
            errors=[{"field": "areas", "message": "is no area of a page", "remedy": "Write numbers."}],
        ),
    ),
    "view": ("evidence/view.html", room("evidence", **VIEWED, shown="pages", picture=PIXEL, pages=12, page=3)),
    "view_text": (
        "evidence/view.html",
        room(
            "evidence",
            **VIEWED,
            shown="text",
            page=1,
            pages=1,
            encodings=[("utf-8", "UTF-8"), ("cp1252", "Windows-1252")],
            text={"text": "2026-11-20 06:10 call from +31 6 1234\n" * 60 + "x" * 400, "encoding": "utf-8"}
            | {"first": 65_536, "end": 131_072, "size": 5_400_000, "before": 0},
        ),
    ),
    "view_played": ("evidence/view.html", room("evidence", **VIEWED, shown="played", page=1, pages=1)),
    "view_not": (
        "evidence/view.html",
        room(
            "evidence",
            **VIEWED | {"refused": "The file is encrypted. Add a decrypted copy first."},
            shown="not",
            page=1,
        ),
    ),
    "act": (
        "evidence/act.html",
        room(
            "evidence",
            item=BRIEF,
            verb="flag",
            heading="Record admissibility",
            fields=[
                {"name": "flag", "words": "What was ruled", "kind": "select", "required": True, "value": "excluded"}
                | {"options": [("excluded", "Excluded")], "most": 200},
                {"name": "seals", "words": "Seal numbers", "kind": "textarea", "required": True, "value": ""}
                | {"options": None, "most": 2000},
                {"name": "at", "words": "Moment (UTC)", "kind": "datetime-local", "required": False, "value": ""}
                | {"options": None, "most": 200},
            ],
            errors=[{"field": "seals", "message": "Nothing is chosen.", "remedy": "Write something here."}],
        ),
    ),
    "basis": (
        "evidence/basis.html",
        room(
            "evidence",
            items=[BRIEF],
            known=[("1", "Warrant; Amtsgericht Aachen; 12 Gs 4/26")],
            like="",
            fields=[
                {"name": "kind", "words": "What it is", "kind": "select", "required": True, "value": ""}
                | {"options": [("warrant", "Warrant")], "most": 200},
            ],
            errors=[{"field": "kind", "message": "Nothing is chosen.", "remedy": "Choose one."}],
        ),
    ),
    "basis-nothing": (
        "evidence/basis.html",
        room("evidence", items=[], known=[], like="", fields=[], errors=[]),
    ),
    "several": (
        "evidence/several.html",
        room(
            "evidence",
            items=[BRIEF, BRIEF | {"number": "FR-0104", "title": "هاتف"}],
            heading="Place a hold",
            fields=[
                {"name": "reason", "words": "Why", "kind": "textarea", "required": True, "value": "", "options": None}
                | {"most": 1000},
            ],
            errors=[{"field": "reason", "message": "FR-0104: It is on hold already.", "remedy": ""}],
        ),
    ),
    "several-nothing": (
        "evidence/several.html",
        room("evidence", items=[], heading="Place a hold", fields=[], errors=[]),
    ),
    "physical": (
        "evidence/physical.html",
        room(
            "evidence",
            methods=[("seizure", "Seizure")],
            zones=[("UTC", "UTC")],
            compartments=[("1", "Bilateral")],
            typed=dict.fromkeys(PHYSICAL_FIELDS, "") | {"handling": "H1", "zone": "UTC"},
            errors=[{"field": "kept", "message": "This is missing.", "remedy": "Fill in this field."}],
        ),
    ),
    "hand-over": (
        "evidence/hand-over.html",
        room(
            "evidence",
            item=BRIEF,
            options=[("1|", "FR: Tribunal judiciaire de Paris, anybody"), ("1|2", "FR: Paris, Camille Roux")],
            typed=dict.fromkeys(("to", "place", "condition", "seals", "remarks", "due_at"), ""),
            errors=[{"field": "condition", "message": "is missing.", "remedy": "Write something here."}],
        ),
    ),
    "hand-over-nobody": (
        "evidence/hand-over.html",
        room("evidence", item=BRIEF, options=[], typed={}, errors=[]),
    ),
    "hand-over-answer": (
        "evidence/hand-over-answer.html",
        room(
            "evidence",
            item=BRIEF,
            one=HAND_OVERS[0],
            typed=dict.fromkeys(("place", "condition", "seals", "reason"), ""),
            errors=[{"field": "reason", "message": "is missing.", "remedy": "Say why."}],
        ),
    ),
    "erase": (
        "evidence/erase.html",
        room(
            "evidence",
            item=BRIEF,
            typed={"reason": "No more needed"},
            errors=[{"field": "reason", "message": "is too short.", "remedy": "Say why."}],
        ),
    ),
    "retention": (
        "evidence/retention.html",
        page(
            waiting=[DUE | {"act": "#act", "may": True}, DUE | {"act": "#act2", "may": False}],
            due=[DUE],
            outstanding=[DUE],
            held=[DUE],
            schedule=[
                {"id": UUID(int=980), "name": "Operation Test", "profile": "transit", "days": 28, "review": None},
                {"id": UUID(int=981), "name": "JIT " + "Langer Name " * 9, "profile": "repository", "days": None}
                | {"review": NOW.date()},
            ],
        ),
    ),
    "retention-empty": (
        "evidence/retention.html",
        page(waiting=[], due=[], outstanding=[], held=[], schedule=[]),
    ),
    "preview": (
        "evidence/preview.html",
        room(
            "evidence",
            recipient="CH Bundesanwaltschaft",
            mode="reference",
            item=ITEMS[0],
            picture={"lanes": [], "across": 50, "cut": False},
            viewers=[],
            custody=[],
            check=None,
            verifier=None,
            scan=None,
            may={"evidence:list", "evidence:read"},
            hand_overs=[],
            stood=None,
            verbs=[],
            custodian=None,
            **MARKED,
        ),
    ),
    "quarantine": (
        "evidence/quarantine.html",
        room(
            "evidence",
            items=[exhibit("CH-0001", "Ledger", state="CH", conditions_text="Only for the court in Aachen.")],
            outbound=[RELEASE["recipients"][0] | BRIEF | {"reason": "The court asks.", "expires_at": NOW}],
            errors=[{"field": "reason", "message": "is too short.", "remedy": "Write something here."}],
            typed={"reason": "x"},
            wrong_id=UUID(int=700),
        ),
    ),
    "quarantine-empty": (
        "evidence/quarantine.html",
        room("evidence", items=[], outbound=[], errors=[], typed={"reason": ""}, wrong_id=None),
    ),
    "marking": (
        "evidence/marking.html",
        room(
            "evidence",
            item=BRIEF,
            schemes=SCHEMES,
            gradings=GRADINGS,
            errors=[{"field": "conditions_text", "message": "is missing.", "remedy": "Write what H3 asks."}],
            typed={"marking": "TLP|AMBER+STRICT", "source_reliability": "A", "information_accuracy": "1"}
            | {"conditions_text": "", "reason": "x"},
        ),
    ),
    "release": (
        "evidence/release.html",
        room(
            "evidence",
            item=BRIEF,
            parties=[
                {"id": 1, "state": "CH", "authority": "Bundesanwaltschaft", "party_class": "third_country"}
                | {"agreed": {"basis": "adequacy", "article": "LED Art. 36", "document": ""}, "outside": True}
                | {"people": [("7", "Anna-Maria Schneider-Hämmerli")]},
                {"id": 2, "state": "ICC", "authority": "Office of the Prosecutor of the International Criminal Court"}
                | {
                    "party_class": "intl_judicial_authority",
                    "agreed": dict.fromkeys(("basis", "article", "document"), ""),
                    "outside": False,
                    "people": [],
                },
            ],
            errors=[
                {"field": "necessary", "message": "is not asserted.", "remedy": "Assert it."},
                {"field": "recipients", "message": "The transfer has no basis.", "remedy": "State one."},
            ],
            typed=dict.fromkeys(("necessary", "compliant", "reason", "until", "mode", "window_days"), "")
            | {f"{name}-{n}": "" for n in (1, 2) for name in ("to", "person_id", "basis", "article", "document")},
            window={"shortest": 10, "longest": 45},
        ),
    ),
    "purpose": (
        "evidence/purpose.html",
        room(
            "evidence",
            item=BRIEF,
            sentence="Other restriction: read the text",
            conditions="Not to be shown to the suspect’s counsel before 1 March.\nOnly in Aachen.",
            codes=[("investigation", "Investigating the offences that the team works on")],
            next="download",
            errors=[{"field": "acknowledged", "message": "is not ticked.", "remedy": "Read the conditions first."}],
            typed={"code": "", "text": ""},
        ),
    ),
    "package": (
        "evidence/package.html",
        room(
            "evidence",
            items=[BRIEF, BRIEF],
            unbased=["DE-0002"],
            total=23,
            head=1234,
            codes=[("trial", "Presenting or testing evidence in court")],
            fresh=False,
            step_up="#again",
            conditions=[{"number": "FR-0002", "words": "Not to be shown to the suspect’s counsel before 1 March."}],
            errors=[{"field": "recipient", "message": "is empty.", "remedy": "Write something here."}],
            typed=NOTHING_ASKED,
        ),
    ),
    "verify": ("evidence/verify.html", page(me=None, my_workspaces=[], seal="ab" * 32)),
    "package-of-the-case": (
        "evidence/package.html",
        room(
            "evidence",
            items=[],
            unbased=["DE-0002"],
            total=0,
            head=12,
            codes=[("trial", "Presenting or testing evidence in court")],
            fresh=True,
            step_up="#again",
            conditions=[],
            errors=[],
            typed=NOTHING_ASKED | {"recipient": "Landgericht Aachen", "content": "references"},
        ),
    ),
    **{
        f"exhibit-package-{name}": (
            "evidence/item.html",
            room(
                "evidence",
                item=ITEMS[0],
                picture={"lanes": [], "across": 50, "cut": False},
                viewers=[],
                custody=[],
                check=None,
                verifier=None,
                may=EVERYTHING,
                hand_overs=[],
                custodian=None,
                stood=STOOD,
                verbs=[],
                **MARKED | {"origin": None, "is_package": True, "opening": opening},
            ),
        )
        for name, opening in {
            "new": None,
            "asked": OPENING | {"stage": "asked"},
            "refused": OPENING | {"stage": "refused", "findings": ["content/DE-0001/a.img: was changed"]},
            "opened": OPENING,
        }.items()
    },
    "promote": (
        "evidence/promote.html",
        room(
            "evidence",
            message={
                "handling": "H1",
                "place": "# operations > Vehicles",
                "agency": "Staatsanwaltschaft Berlin",
                "at": NOW,
            }
            | {"versions": 2, "text": "The van left at 05:40, two people in it. " * 4},
            back="#back",
            typed={"legal_basis": "", "title": ""},
            errors=[{"field": "legal_basis", "message": "This is missing.", "remedy": "Fill in this field."}],
        ),
    ),
    "exhibit-damaged": (
        "evidence/item.html",
        room(
            "evidence",
            item=exhibit(
                "DE-0002",
                "Image",
                scan="infected",
                malware="Win.Trojan.Agent-1",
                nature={"outcome": "damaged", "kind": "PDF", "media_type": "application/pdf", "named": None}
                | {"facts": {}, "found_at": NOW},
                declared_sha256=None,
                locked_until=None,
                sha512=None,
                read_back_at=None,
                seal="none",
            ),
            picture={"lanes": [], "across": 50, "cut": False},
            viewers=[],
            custody=[],
            check={"ok": False, "at": NOW, "words": "Other bytes."},
            verifier=None,
            may=set(),
            hand_overs=[],
            custodian=None,
            stood=None,
            verbs=[],
            **MARKED
            | {
                "markings": [],
                "releases": [],
                "released": [],
                "erased": {"at": NOW, "cause": "two_people", "stages": ["unreadable", "removed"]},
                "erases_in": None,
                "redactions": [],
                "can_redact": False,
                "kin": {"parent": None, "children": [], "may": True, "family": None},
                "partners": False,
                "refusal": {"reason": "Not ours", "at": NOW},
            },
        ),
    ),
    "log": (
        "workspaces/log.html",
        room(
            "audit",
            entries=ENTRIES,
            filters=NO_FILTER,
            events=["message:posted"],
            actors=[("1", "Jonas Weber")],
            newer=None,
            older="#o",
            checkpoint=CHECKPOINT,
            check={"ok": True, "at": NOW, "words": "All entries agree."},
        ),
    ),
    "log-unfound": (
        "workspaces/log.html",
        room(
            "audit",
            entries=[],
            filters=NO_FILTER,
            events=[],
            actors=[],
            newer=None,
            older=None,
            checkpoint=None,
            check=None,
        ),
    ),
    "policies": (
        "workspaces/policies.html",
        page(
            spaces=[
                {
                    "id": WORKSPACE,
                    "name": "Operation Lantern",
                    "reference": "JIT-2026-4",
                    "phase": "operational",
                    "states": ["DE", "FR"],
                }
            ]
        ),
    ),
    "policies-none": ("workspaces/policies.html", page(spaces=[])),
    "policy": (
        "workspaces/policy.html",
        room(
            "policy",
            version=4,
            agreement_version=2,
            rules=[CLAUSE_RULE, OWN_RULE],
            restrictions=RESTRICTIONS,
            new={
                "actions": [("evidence:download", "Download exhibits")],
                "roles": [("member", "Member")],
                "origins": [("own", "own things"), ("partner", "partners' things")],
                "handlings": ["H0", "H1", "H2", "H3"],
                "phases": [("operational", "Operational")],
                "compartments": ["de-fr"],
            },
            history=VERSIONS,
            difference={
                "before": 3,
                "after": 4,
                "added": [OWN_RULE],
                "removed": [CLAUSE_RULE],
                "changed": [(CLAUSE_RULE, CLAUSE_RULE)],
                "effects": EFFECTS,
            },
            simulator=SIMULATOR | {"answer": ANSWER},
            errors=[{"field": "actions", "message": "agreement:read cannot be restricted", "remedy": "Leave it out."}],
            typed={"sentence": "No copies.", "actions": ["evidence:download"]},
        ),
    ),
    "policy-plain": (
        "workspaces/policy.html",
        room(
            "policy",
            version=0,
            agreement_version=None,
            rules=[],
            restrictions=[],
            new=None,
            history=[],
            difference=None,
            simulator=SIMULATOR,
            errors=[],
            typed={},
        ),
    ),
    "too-old": (
        "problem.html",
        page(
            again="/step-up?next=/me",
            out=None,
            denied=None,
            problem={
                "title": "Sign in again first",
                "detail": "It cannot be undone.",
                "status": 401,
                "type": "#t",
                "errors": [],
                "trace_id": None,
            },
        ),
    ),
    "denied-own": (
        "problem.html",
        page(
            again=None,
            out=None,
            denied=REFUSED | {"source": "own", "clause": "fr-parquet-national-antiterroriste:12"},
            problem={
                "title": "Not permitted",
                "trace_id": "a1",
                "detail": "Our members do not take copies of partners’ things.",
                "status": 403,
                "workspace": WORKSPACE,
            },
        ),
    ),
    "denied": (
        "problem.html",
        page(
            again=None,
            out=WAYS_OUT,
            denied=REFUSED,
            problem={
                "title": "Not permitted",
                "trace_id": "a1",
                "detail": "H2: the originator must agree.",
                "status": 403,
                "workspace": WORKSPACE,
            },
        ),
    ),
    "problem": (
        "problem.html",
        page(
            again=None,
            out=None,
            denied=None,
            problem={
                "title": "Wrong",
                "detail": "A field.",
                "status": 422,
                "type": "/problems/invalid",
                "errors": WRONG,
                "trace_id": "a1",
            },
        ),
    ),
    "agency": (
        "agency/home.html",
        office(
            "home",
            needs=NEEDED,
            count=PEOPLE_COUNT,
            expiring={7: 1, 30: 0, 60: 0},
            refusals=ACTS[3:4],
            **KEPT,
            **SYNCED,
        ),
    ),
    "agency-quiet": (
        "agency/home.html",
        office(
            "home",
            needs=[],
            count=dict.fromkeys(PEOPLE_COUNT, 0),
            expiring={7: 0, 30: 0, 60: 0},
            refusals=[],
            **KEPT,
            run=None,
            tokens=0,
            approvals=[],
        ),
    ),
    "agency-people": ("agency/members.html", people()),
    "agency-people-wrong": (
        "agency/members.html",
        people(
            errors=[{"field": "days", "message": "Too many.", "remedy": "At most 90."}],
            typed={"claim": "sub", "value": LONG_NAME, "days": "900"},
        ),
    ),
    "agency-nobody": (
        "agency/members.html",
        people(people=[], expected=[], older=None, first="#1", may_change=False, my_role="auditor"),
    ),
    "agency-person": ("agency/member.html", person(COLLEAGUES[1], fresh=False)),
    "agency-myself": ("agency/member.html", person(COLLEAGUES[0], myself=True)),
    "agency-switched-off": ("agency/member.html", person(COLLEAGUES[3], sessions=[], acts=[])),
    "agency-sign-in": (
        "agency/identity.html",
        office(
            "identity",
            live=[ISSUER, ISSUER | {"key": "two", "label": "Zweite", "trust": "federation"}],
            retired=[ISSUER],
            tokens=[{"id": UUID(int=7), "created_at": ago(days=9), "expires_at": NOW}],
            directory="https://jit.example/scim/v2",
        ),
    ),
    "agency-no-issuer": (
        "agency/identity.html",
        office("identity", live=[], retired=[], tokens=[], directory="https://jit.example/scim/v2"),
    ),
    "agency-directory-token": (
        "agency/directory_token.html",
        office("identity", token="s" * 43, expires_at=NOW, address="https://jit.example/scim/v2"),
    ),
    "agency-issuer": (
        "agency/issuer.html",
        issuer(
            key='{"keys": []}',
            looked=[{"state": state, "words": f"This is {state}."} for state in ("good", "note", "bad")],
            test=TESTED,
            claims='{"sub": "4711"}',
        ),
    ),
    "agency-issuer-refused": (
        "agency/issuer.html",
        issuer(
            test=TESTED | {"reason": "acr", "detail": "Too weak."},
            fresh=False,
            problem="You are signed in by this issuer.",
            errors=[{"field": "claims.groups", "message": "Name it.", "remedy": ""}],
        ),
    ),
    "agency-issuer-stranger": ("agency/issuer.html", issuer(test=TESTED | {"enters": False, "why": "Not invited."})),
    "agency-issuer-waits": ("agency/issuer.html", issuer(test=TESTED | {"finished": False}, may_change=False)),
    "agency-issuer-new": (
        "agency/issuer_new.html",
        office(
            "identity", values=ISSUER_FORM | {"url": "", "key": ""}, problem=None, algorithms=ALGORITHMS, fresh=False
        ),
    ),
    "agency-end-sessions": ("agency/end_sessions.html", office("identity")),
    "agency-keys": ("agency/keys.html", keys()),
    "agency-keys-wrong": (
        "agency/keys.html",
        keys(
            fresh=False,
            problem="Your agency has no identity provider yet.",
            errors=[{"field": "scopes", "message": "Choose.", "remedy": ""}],
        ),
    ),
    "agency-no-key": ("agency/keys.html", keys(live=[], ended=[], may_change=False)),
    "agency-key": ("agency/key.html", key(secret="Zm9v" * 10)),
    "agency-key-secret": ("agency/key.html", key(fresh=False)),
    "agency-key-own": ("agency/key.html", key(client=KEY | {"keys": [OWN_KEY, OWN_KEY | {"kid": "x" * 90}]})),
    "agency-key-wrong": (
        "agency/key.html",
        key(typed="{", errors=[{"field": "jwks", "message": "This is no JSON Web Key.", "remedy": ""}]),
    ),
    "agency-key-ended": ("agency/key.html", key(live=False, may_change=False)),
    "agency-log": ("agency/audit.html", agency_log()),
    "agency-log-empty": ("agency/audit.html", agency_log(acts=[], first=None, older=None)),
    "api": ("docs.html", page(spec=SPEC)),
}
