"""What the people of the demo said to each other and what they took in. Data only; all of it is invented."""

from dataclasses import dataclass
from typing import Any, Final

CHANNELS: Final = {
    "General": "News, agreements between the parties, who is on duty.",
    "Money trail": "Accounts, companies, freight papers.",
    "Action day": "Planning of the joint action day.",
}


@dataclass(frozen=True)
class Line:
    """One message: `minute` counts from the moment the workspace opened."""

    minute: int
    channel: str
    topic: str
    person: str
    text: str
    handling: str | None = None


CONVERSATION: Final = (
    Line(5, "General", "Start", "anna.keller",
         "The agreement is signed by all three of us and the space is open. **Working language is English**; write in "
         "your own language where it is quicker, we will manage.", "H0"),
    Line(11, "General", "Start", "claire.moreau",
         "Merci Anna. Hugo et Amina travailleront avec vous à partir d'aujourd'hui. Je reste joignable jour et nuit.", "H0"),
    Line(19, "General", "Start", "eva.de-wit",
         "Goed om te zien dat het rond is. Daan takes the field work here; Noor follows as an observer and does not act.",
         "H0"),
    Line(48, "Money trail", "Kesselmann Logistik", "jonas.brandt",
         "The bank answered our production order last night: statements of Kesselmann Logistik for fourteen months. "
         "I am registering them now as an exhibit."),
    Line(62, "Money trail", "Kesselmann Logistik", "mira.vogt",
         "First look: 41 cash deposits just below 10,000 EUR, nearly all on Tuesdays and Fridays. Those are the nights "
         "of the ferry from Oosterdam."),
    Line(75, "Money trail", "Kesselmann Logistik", "daan.visser",
         "Dat klopt met onze waarnemingen: steeds dezelfde trailer, kenteken eindigt op 7-KX. I will compare the gate "
         "records of the terminal."),
    Line(83, "Money trail", "Kesselmann Logistik", "hugo.lefevre",
         "On our side the same trailer is unloaded at a warehouse near Valmont about five hours later. Nobody signs."),
    Line(230, "Money trail", "Freight papers", "amina.haddad",
         "The stamp on the CMR forms is copied: the serial number repeats on 12 of 30. Comparison:\n\n"
         "| form | stamp | date |\n|---|---|---|\n| 0417 | 88-1204 | 3 March |\n| 0422 | 88-1204 | 10 March |\n"
         "| 0431 | 88-1204 | 24 March |"),
    Line(236, "Money trail", "Freight papers", "mira.vogt",
         "Same stamp on two forms in our file. I will list all serial numbers, then we compare over the whole period."),
    Line(1510, "General", "Phone of the driver", "hugo.lefevre",
         "Le téléphone du chauffeur a été saisi hier soir à Valmont, extraction logique faite par le laboratoire. "
         "The report is in the register, marked H2: our juge d'instruction wants to be asked before it goes anywhere.", "H1"),
    Line(1522, "General", "Phone of the driver", "anna.keller",
         "Verstanden, danke. Clause 7.3 lets us prosecutors look at it here; my people will ask you for consent first."),
    Line(1530, "General", "Phone of the driver", "amina.haddad",
         "A voice note in Arabic says the goods are ready at the old warehouse and the driver must bring the papers:\n\n"
         "> البضاعة جاهزة في المستودع القديم. أحضر الأوراق معك.\n\nFull translation follows."),
    Line(1544, "General", "Phone of the driver", "jonas.brandt",
         "“The old warehouse” could be the hall in Hafenstraße: Kesselmann gave it up in spring but still pays for the power."),
    Line(2890, "Action day", "Date and places", "eva.de-wit",
         "Proposal for the action day: **Friday 04:30**, when the ferry docks. Three places at the same time:\n\n"
         "1. terminal Oosterdam\n2. hall in Rheinau\n3. warehouse near Valmont", "H1"),
    Line(2902, "Action day", "Date and places", "claire.moreau",
         "D'accord pour vendredi. I need the warrants by Wednesday noon to have the judge's signature in time."),
    Line(2911, "Action day", "Date and places", "anna.keller",
         "Friday works for Rheinau. Search warrants for the hall are drafted; 14 officers, one forensic van."),
    Line(2925, "Action day", "Roles", "daan.visser",
         "Seconded on the day: Hugo comes to Oosterdam, I stay at the terminal. Under Dutch law, so Eva gives the orders."),
    Line(2933, "Action day", "Roles", "hugo.lefevre",
         "Compris. I arrive on Thursday evening and bring the keys of the seized trailer."),
    Line(2960, "Action day", "Media", "claire.moreau",
         "No word to the press before all three prosecutors agree. Embargo until Monday 10:00.", "H0"),
    Line(2966, "Action day", "Media", "anna.keller", "Einverstanden.", "H0"),
    Line(3020, "Money trail", "Kesselmann Logistik", "mira.vogt",
         "Summary of the deposits: 41 entries, 388,450 EUR in all, 33 of them within 36 hours after a ferry landed. "
         "The list is in the exhibit DE registered on the first day; please check the sums against your records."),
    Line(3034, "Money trail", "Kesselmann Logistik", "daan.visser",
         "Checked: 31 of the 33 match a gate record here. Ik zoek de andere twee nog uit."),
)  # fmt: skip


def _statements() -> bytes:
    """Fourteen months of bank statements, made up by rule so that every demo has the same bytes."""
    lines = ["date;booking;amount_eur;text"]
    for number in range(420):
        month, day = divmod(number * 7 % 392, 28)
        year, month = (2025, month + 1) if month < 12 else (2026, month - 11)
        cash = number % 10 == 3
        amount = 9000 + number * 37 % 990 if cash else -(120 + number * 53 % 4200)
        text = "Cash deposit, branch Rheinau harbour" if cash else f"Freight invoice K-{4000 + number}"
        lines.append(f"{year}-{month:02}-{day + 1:02};{number:05};{amount}.00;{text}")
    return ("\r\n".join(lines) + "\r\n").encode()


def _phone_report() -> bytes:
    """The report of a logical extraction, likewise invented."""
    lines = [
        "Laboratoire de police technique, Valmont",
        "Extraction logique: Samsung SM-A546B, IMEI 35-209900-176148-1",
        "Outil: extraction 12.4, opérateur 2217",
        "",
        "Messages (extrait)",
    ]
    lines += [
        f"{number:04}  2026-{1 + number % 9:02}-{1 + number * 3 % 28:02} 0{number % 9}:{number * 7 % 60:02}Z  "
        f"+33 6 00 00 {number % 100:02} 17  {'entrant' if number % 2 else 'sortant'}  {20 + number * 11 % 180} caractères"
        for number in range(600)
    ]
    return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True)
class Exhibit:
    """An exhibit: who took it in, when (minutes after the opening), what was stated, and the bytes."""

    minute: int
    person: str
    stated: dict[str, Any]
    content: bytes


EXHIBITS: Final = (
    Exhibit(
        52,
        "jonas.brandt",
        {
            "title": "Bank statements of Kesselmann Logistik GmbH, January 2025 to February 2026",
            "legal_basis": "Production order of the Amtsgericht Rheinau, §§ 94, 95 StPO",
            "method": "production_order",
            "collector": "Jonas Brandt, Kriminalhauptkommissar",
            "place": "Sparkasse Rheinau, head office",
            "zone": "Europe/Berlin",
            "handling": "H1",
            "file_name": "kesselmann-statements-2025-2026.csv",
            "media_type": "text/csv",
            "client_id": "demo-exhibit-01",
        },
        _statements(),
    ),
    Exhibit(
        1506,
        "hugo.lefevre",
        {
            "title": "Logical extraction of the driver's phone (Samsung A54)",
            "legal_basis": "Commission rogatoire, art. 81 et 151 CPP",
            "method": "logical_extraction",
            "collector": "Laboratoire de police technique, Valmont",
            "place": "Valmont, quai n° 4",
            "zone": "Europe/Paris",
            "handling": "H2",
            "file_name": "extraction-A54-rapport.txt",
            "media_type": "text/plain",
            "client_id": "demo-exhibit-02",
        },
        _phone_report(),
    ),
)
