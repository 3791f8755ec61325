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
class Model:
    """Everything that decides."""

    people: dict[str, Person]
    phase: str = "operational"
    messages: list[Thing] = field(default_factory=list)
    items: list[Thing] = field(default_factory=list)

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
