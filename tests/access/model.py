"""Who may do and see what in a team of two States and a bystander, as one would tell it to a new colleague. Pure."""

from dataclasses import dataclass, field

OPEN = {"operational", "expiring"}
NEXT = {
    "operational": {"suspended", "expiring"},
    "suspended": {"operational"},
    "expiring": {"operational", "suspended"},
}
WORKS = {"leader", "space_admin", "member"}
LISTED = {"seconded_member": {"H0", "H1"}, "observer": {"H0"}}
READ = {"observer": {"H0"}}
OPENED = {"seconded_member": {"H0", "H1"}} | {role: {"H0", "H1", "H3"} for role in WORKS}
LEADS = {"leader", "space_admin"}
ALL = {"H0", "H1", "H2", "H3"}
ROOM = {"DE", "FR"}


@dataclass
class Person:
    """Somebody, in the team or out of it."""

    party: str
    role: str = ""
    status: str = "out"
    sworn: bool = False


@dataclass
class Thing:
    """A message or an exhibit: whose, how marked, in the compartment or not."""

    name: str
    party: str
    code: str
    inside_room: bool = False


@dataclass
class Lifted:
    """What was asked of an originator or opened in an emergency: for one person or for their whole party."""

    name: str
    thing: Thing
    who: str
    state: str = "asked"
    emergency: bool = False
    party: str = ""
    lasts: bool = False


@dataclass
class Model:
    """Everything that decides."""

    people: dict[str, Person]
    phase: str = "operational"
    messages: list[Thing] = field(default_factory=list)
    items: list[Thing] = field(default_factory=list)
    exceptions: list[Lifted] = field(default_factory=list)

    def inside(self, who: str) -> bool:
        """Whether the person belongs to the team now."""
        return self.people[who].status == "in"

    def may_speak(self, who: str, *, room: bool) -> bool:
        """Whoever works here or is seconded speaks, while the team works."""
        one = self.people[who]
        return self._present(who, room=room) and one.role != "observer"

    def may_take_in(self, who: str, *, room: bool) -> bool:
        """Whoever works here for their party takes evidence in."""
        return self._present(who, room=room) and self.people[who].role in WORKS

    def may_mark(self, who: str, *, room: bool) -> bool:
        """Whoever may read a channel remembers how far."""
        return self._present(who, room=room)

    def _present(self, who: str, *, room: bool) -> bool:
        return self.inside(who) and self.phase in OPEN and (not room or self.people[who].party in ROOM)

    def sees(self, who: str, thing: Thing, codes: dict[str, set[str]]) -> bool:
        """A marking hides by role; a dispute hides what is not one's own, and everything from guests."""
        one = self.people[who]
        if not self.inside(who) or (thing.inside_room and one.party not in ROOM):
            return False
        if self.phase == "suspended":
            return one.role in WORKS and thing.party == one.party
        return thing.code in codes.get(one.role, ALL)

    def opens(self, who: str, thing: Thing) -> bool:
        """One's own; of partners what its marking lets one open, or what was granted, while the team works."""
        one = self.people[who]
        if not self.inside(who) or (thing.inside_room and one.party not in ROOM):
            return False
        if self.phase == "suspended" or (one.role in WORKS and thing.party == one.party):
            return one.role in WORKS and thing.party == one.party
        return one.role != "observer" and (thing.code in OPENED[one.role] or self.granted(who, thing))

    def granted(self, who: str, thing: Thing) -> bool:
        """Whether something that still lasts opens it to this person, or to everybody of their party."""
        mine = [one for one in self.exceptions if one.lasts and one.thing is thing]
        return any(one.party == self.people[who].party if one.party else one.who == who for one in mine)

    def may_ask(self, who: str, thing: Thing) -> bool:
        """Who works here asks partners for what they know of and cannot open, once at a time."""
        waits = any(one.who == who and one.thing is thing and one.state == "asked" for one in self.exceptions)
        return self._lacks(who, thing) and not waits

    def may_break_glass(self, who: str, thing: Thing) -> bool:
        """A leader does, for the same."""
        return self._lacks(who, thing) and self.people[who].role in LEADS

    def _lacks(self, who: str, thing: Thing) -> bool:
        one = self.people[who]
        works = self._present(who, room=thing.inside_room) and one.role != "observer"
        return works and one.party != thing.party and self.sees(who, thing, LISTED) and not self.opens(who, thing)

    def may_decide(self, who: str, thing: Thing) -> bool:
        """Who leads the party that supplied it."""
        one = self.people[who]
        return self._present(who, room=False) and one.role in LEADS and one.party == thing.party
