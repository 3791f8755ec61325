"""The unit of work: one actor, one transaction, one moment. Nobody else commits.

A use-case fetches, adds, records. On the way out the rows are flushed, the audit entries sealed under the workspace's
lock, and both committed at once; news leaves after the commit. A refusal rolls back and is recorded in a commit of
its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol, Self, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine, and_, event, or_
from sqlmodel import Session, SQLModel, select
from sqlmodel.sql.expression import SelectOfScalar

from jit_server import access, audit
from jit_server.access import Action, Actor, Decision, Gate, Handling, Origin, Policy, Refusal, Standing, kinds_of
from jit_server.audit.records import Record, entry_of, log_of, refused
from jit_server.core import clock, jobs
from jit_server.core.database import act_as, as_problems, goes_on, problem_of
from jit_server.core.errors import JitError, NotFound, PurposeRequired, StepUp

if TYPE_CHECKING:
    from jit_server.core.keys import SigningKey
    from jit_server.core.settings import Settings
    from jit_server.core.vault import Vault

RowT = TypeVar("RowT")
TableT = TypeVar("TableT", bound=SQLModel)

SERVER_LOG = audit.SERVER_LOG


class Hints(Protocol):
    """Whoever wants to know that a log has grown (the bus)."""

    def hint(self, log_id: UUID, position: int) -> None:
        """The log has reached this position; called after the commit, must not block."""


@dataclass(frozen=True)
class House:
    """What one process holds for its whole life."""

    settings: "Settings"
    engine: Engine
    vault: "Vault"
    key: "SigningKey"
    bus: Hints | None = None

    def work(self, actor: Actor) -> "UnitOfWork":
        """A unit of work for this actor."""
        return UnitOfWork(self, actor)


class UnitOfWork:
    """One use-case's access to rows, policy, log and vault, as a context manager; every door calls it the same way."""

    def __init__(self, house: House, actor: Actor) -> None:
        self.house = house
        self.actor = actor
        self.now: datetime = clock.now()
        self.vault = house.vault
        self.purpose: dict[str, str] | None = None
        self.acknowledged = False
        self.session = Session(house.engine, expire_on_commit=False)
        self._mark = actor.mark
        self._standings: dict[UUID, Standing | None] = {}
        self._every: list[Standing] | None = None
        self._policies: dict[tuple[UUID, int], Policy] = {}
        self._placed, self._following = list[Any](), list[Any]()
        self._records: list[Record] = []
        self._last_word: tuple[JitError, Record] | None = None
        event.listen(self.session, "after_begin", self._say_who)

    def _say_who(self, _session: Any, _transaction: Any, connection: Connection) -> None:
        act_as(connection, self._mark)

    @property
    def connection(self) -> Connection:
        """The transaction's connection, for statements that are no rows of one table."""
        return self.session.connection()

    def __enter__(self) -> Self:
        """Begin; the connection is taken only when first needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit rows and entries together, or nothing; then tell the bus. A refusal is recorded by itself."""
        try:
            if error is None:
                with as_problems():
                    self._commit()
                return
            self.session.rollback()
            self._placed.clear()
            self._following.clear()
            if isinstance(error, Refusal):
                self._record_refusal(error)
            elif self._last_word is not None and self._last_word[0] is error:
                self._records = [self._last_word[1]]
                self._commit()
            known = problem_of(error)
            if known is not None and known is not error:
                raise known from error
        finally:
            event.remove(self.session, "after_begin", self._say_who)
            self.session.close()

    # --- who asks

    def standing(self, workspace_id: UUID) -> Standing | None:
        """What the actor is in the workspace; None for outsiders. Asked once per unit of work."""
        if workspace_id not in self._standings:
            person = self.actor.person_id
            found = access.standing(self.connection, person, workspace_id) if person else None
            self._standings[workspace_id] = found
        return self._standings[workspace_id]

    def standings(self) -> list[Standing]:
        """What the actor is in every workspace they belong to; one query, asked once per unit of work."""
        person = self.actor.person_id
        if self._every is None:
            self._every = access.standings_of(self.connection, person) if person else []
            self._standings.update((one.workspace_id, one) for one in self._every)
        return self._every

    def _member(self, workspace_id: UUID) -> Standing:
        standing = self.standing(workspace_id)
        if standing is None:
            raise NotFound
        return standing

    def policy(self, standing: Standing) -> Policy:
        """The rules in force in the workspace of this standing; together with those of all standings known so far."""
        key = standing.workspace_id, standing.policy_version
        if key not in self._policies:
            known = [one for one in self._standings.values() if one is not None]
            wanted = {(one.workspace_id, one.policy_version) for one in (standing, *known)}
            self._policies |= access.policies_of(self.connection, wanted - self._policies.keys())
        return self._policies[key]

    def decide(self, action: Action, row: Any, standing: Standing) -> Decision:
        """What the policy says about this action on this row; a live grant may lift its refusal."""
        scopes = self.actor.scopes
        if scopes is not None and action not in scopes:
            return Decision(allowed=False, clause="", reason=f"This key was not given {action}.")
        policy, kinds = self.policy(standing), kinds_of(row, standing)
        decision = policy.judge(standing, action, **kinds)
        if decision.allowed or not getattr(type(row), "__grantable__", False):
            return decision
        own = policy.judge(standing, action, gate=kinds["gate"], compartment=kinds["compartment"])
        if not own.allowed or not policy.liftable(standing, action):
            return decision
        clause = access.live_grant(self.connection, standing, action, row.id)
        return decision if clause is None else Decision(allowed=True, clause=clause, reason="")

    def permits(self, action: Action, row: Any) -> bool:
        """Whether the actor may do this to the row, without asking for it (buttons, lists)."""
        standing = self.standing(log_of(row))
        return standing is not None and self.decide(action, row, standing).allowed

    def require_fresh_sign_in(self) -> None:
        """Refuse unless the actor signed in a moment ago, strongly enough for an act that cannot be undone (B8).

        Raises:
            StepUp: the sign-in is too old or too weak.
        """
        actor, minutes = self.actor, self.house.settings.fresh_minutes
        if actor.kind in {"operator", "system"}:
            return
        young = actor.auth_time is not None and self.now - actor.auth_time <= timedelta(minutes=minutes)
        if not (young and actor.strong):
            raise StepUp(max_age=minutes * 60, acr_values=" ".join(actor.acr_wanted))

    def require_purpose(self, row: Any) -> dict[str, str] | None:
        """The stated purpose, for the record of a use; restricted things are not used without one (LED Art. 25(1)).

        Raises:
            PurposeRequired: none was stated.
        """
        if self.purpose is None and getattr(row, "handling", None) in {Handling.H2, Handling.H3}:
            raise PurposeRequired(f"Marked {row.handling}: say for what purpose you use it.")
        return self.purpose

    # --- fetch and authorise in one call

    def get(self, table: type[TableT], key: UUID, *, to: Action, within: UUID | None = None) -> TableT:
        """Fetch a row in order to do something with it.

        Args:
            table: has `workspace_id`, or is the workspace itself.
            key: the row's id.
            to: what will be done with it.
            within: the workspace named by the caller, if any; a row of another one is absent.

        Raises:
            NotFound: no such row, or none that the actor may know of: outsiders and hidden rows look alike.
            NotPermitted: an insider without the right; the refusal goes on the workspace's log.
        """
        row = self.session.get(table, key)
        if row is None or (within is not None and log_of(row) != within):
            raise NotFound
        standing = self._member(log_of(row))
        known_by: Action | None = getattr(table, "__known_by__", None)
        decision = self.decide(to, row, standing)
        if not decision.allowed and known_by is not None and not self.decide(known_by, row, standing).allowed:
            raise NotFound
        self._insist(decision, to, row, standing)
        return row

    def require(self, action: Action, row: Any, standing: Standing | None = None) -> None:
        """Refuse, with the reason and on the record, unless the actor may do this to the row."""
        standing = standing or self._member(log_of(row))
        self._insist(self.decide(action, row, standing), action, row, standing)

    def _insist(self, decision: Decision, action: Action, row: Any, standing: Standing) -> None:
        if not decision.allowed:
            raise Refusal(action, row, standing, self.policy(standing).explained(decision, standing, action, row))

    def select(self, table: type[TableT], *, to: Action, within: UUID) -> SelectOfScalar[TableT]:
        """A query over those rows of a workspace to which the actor may do this; narrow it and pass it to `all`."""
        return select(table).where(self.scope(table, to=to, within=within))

    def scope(self, table: type[Any], *, to: Action, within: UUID) -> Any:
        """The condition that `select` adds, for queries over columns.

        Raises:
            NotFound: an outsider.
            NotPermitted: an insider to whom no row of this kind is open.
        """
        standing = self._member(within)
        policy = self.policy(standing)
        scopes = self.actor.scopes
        cells = product(Origin, Handling, Gate)
        if (scopes is not None and to not in scopes) or not any(
            policy.permits(standing, to, origin=origin, handling=code, gate=gate) for origin, code, gate in cells
        ):
            raise Refusal(to, None, standing, self.decide(to, None, standing))
        found = policy.visible(table, standing, to)
        if getattr(table, "__grantable__", False) and policy.liftable(standing, to):
            inside = policy.within(table, standing)
            found = or_(found, and_(inside, access.granted(table, standing, to)))
        return found

    def scopes(self, table: type[Any], *, to: Action, within: Iterable[UUID]) -> dict[UUID, Any]:
        """The condition of each of these workspaces; where nothing of the kind is open to the actor, there is none."""
        found: dict[UUID, Any] = {}
        for workspace_id in within:
            with suppress(NotFound, Refusal):
                found[workspace_id] = self.scope(table, to=to, within=workspace_id)
        return found

    def all(self, statement: SelectOfScalar[RowT]) -> Sequence[RowT]:
        """The rows of a statement made by `select`."""
        return self.session.scalars(statement).all()

    def first(self, statement: SelectOfScalar[RowT]) -> RowT | None:
        """The first row of a statement made by `select`, or None."""
        return self.session.scalars(statement).first()

    def find(self, table: type[TableT], **equal: Any) -> TableT | None:
        """A room's own look-up of one of its rows by its unique columns; row-level security still holds."""
        statement = select(table)
        for name, value in equal.items():
            statement = statement.where(getattr(table, name) == value)
        return self.session.scalars(statement).first()

    def every(self, table: type[TableT], *where: Any, limit: int = 500) -> Sequence[TableT]:
        """A room's own rows that belong to no workspace (people, agencies), at most `limit`."""
        return self.session.scalars(select(table).where(*where).limit(limit)).all()

    # --- change and record

    def add(self, row: TableT, *, after: Any = None) -> TableT:
        """Keep a new row; one with a `position` comes once its place in the log is known, then what is `after` it."""
        if getattr(row, "position", 0) is None:
            self._placed.append(row)
        elif getattr(after, "position", 0) is None:
            self._following.append(row)
        else:
            self.session.add(row)
        return row

    def record(
        self,
        event: str,
        subject: Any = None,
        *,
        workspace_id: UUID | None = None,
        why: dict[str, str] | None = None,
        clause: str | None = None,
        recipients: tuple[str, ...] = (),
        result: Literal["ok", "denied", "error"] = "ok",
        **facts: Any,
    ) -> None:
        """Put an event on the record; it commits with the rows or not at all.

        Args:
            event: past tense, `evidence:registered`.
            subject: the row it happened to.
            workspace_id: whose log, where there is no subject.
            why: `{code, text}`: purpose or legal basis (LED Art. 25).
            clause: the clause of the agreement under which it happened.
            recipients: ids of those to whom something was disclosed.
            result: `ok`, `denied` or `error`.
            facts: JSON values; never personal text, only keyed commitments of it.
        """
        log_id = workspace_id or (log_of(subject) if subject is not None else SERVER_LOG)
        self._records.append(Record(log_id, event, subject, facts, why, clause, recipients, result))

    def later(self, task: str, **ids: UUID) -> None:
        """Put a job in the row: it exists if and only if this work commits. A person's names its `workspace_id`."""
        jobs.put(self.connection, task, **ids)

    def refuse(self, error: JitError, event: str, *, workspace_id: UUID, **facts: Any) -> NoReturn:
        """End this unit of work with an error that is itself put on the record, alone, in a commit of its own."""
        self._last_word = (error, Record(workspace_id, event, None, facts, result="denied"))
        raise error

    @contextmanager
    def as_system(self) -> Iterator[None]:
        """Pass the second wall for a step that founds a membership (proposing a workspace): nobody is a member yet."""
        self._mark = "system"
        if self.session.in_transaction():
            act_as(self.connection, self._mark)
        try:
            yield
            self.session.flush()
        finally:
            self._mark = self.actor.mark
            if self.session.in_transaction() and goes_on(self.connection):
                act_as(self.connection, self._mark)

    def forget_standings(self) -> None:
        """Ask anew what the actor is, after a change of members or phase in this unit of work."""
        self._standings.clear()
        self._every = None
        self._policies.clear()

    # --- the end

    def _commit(self) -> dict[UUID, int]:
        reached = self._seal()
        self.session.commit()
        if self.house.bus is not None:
            for log_id, position in reached.items():
                self.house.bus.hint(log_id, position)
        return reached

    def _seal(self) -> dict[UUID, int]:
        """Give every entry its place. Locks are taken late and in the order of the logs: none waits in a ring."""
        if not self._records:
            if self._placed:
                msg = "a row with a position needs an event that records it"
                raise RuntimeError(msg)
            return {}
        if not self._placed:
            self.session.flush()
        by_log: dict[UUID, list[Record]] = defaultdict(list)
        for record in self._records:
            by_log[record.log_id].append(record)
        reached: dict[UUID, int] = {}
        for log_id in sorted(by_log):
            records = by_log[log_id]
            size = audit.append(self.connection, log_id, [entry_of(record, self.actor, self.now) for record in records])
            for place, record in enumerate(records, start=size - len(records) + 1):
                if record.subject is not None and getattr(record.subject, "position", 0) is None:
                    record.subject.position = place
            self.session.add_all(row for row in self._placed if row.position is not None)
            self._placed = [row for row in self._placed if row.position is None]
            self.session.flush()
            reached[log_id] = size
        if self._placed:
            msg = "a row with a position was added without the event that records it"
            raise RuntimeError(msg)
        self.session.add_all(self._following)
        return reached

    def _record_refusal(self, error: "Refusal") -> None:
        """The refusal alone, in a transaction of its own, after the work was rolled back."""
        self._records = [refused(error)]
        error.members["policy"]["position"] = self._commit().get(error.workspace_id)


def rows_by_id(uow: UnitOfWork, table: type[TableT], ids: Iterable[UUID]) -> dict[UUID, TableT]:
    """A room's own rows by id in one query: people, agencies, and whatever names what the actor may already see."""
    wanted = set(ids)
    if not wanted:
        return {}
    found = uow.session.scalars(select(table).where(table.id.in_(wanted)))  # type: ignore[attr-defined]
    return {row.id: row for row in found}  # type: ignore[attr-defined]
