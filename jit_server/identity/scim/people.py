"""The agency's people as its directory reads and writes them: the storage under `scim2_server`.

A person is known by `externalId`, or by `userName` where there is none: it must be the subject that the agency's issuer
asserts. An e-mail address is never looked at. Whom an administrator switched off here stays off, whatever the
directory says; the answer tells it so.
"""

from typing import Any, Final
from uuid import UUID

from scim2_models import (
    ConflictException,
    InvalidValueException,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
    UniquenessException,
)
from scim2_server.storage import ScimStorage, SearchPage
from sqlalchemy import func, select
from sqlmodel import col

from jit_server.identity.models import Agency, Issuer, Person
from jit_server.identity.programs.usecases import SUBJECT
from jit_server.identity.scim import filters
from jit_server.identity.scim.models import ScimUser
from jit_server.identity.scim.offer import MOST, User
from jit_server.identity.scim.runs import Tally
from jit_server.identity.usecases.account import LANGUAGES, end_all_sessions, zones
from jit_server.work import UnitOfWork

LONGEST: Final = 255


class People(ScimStorage):
    """One agency's people, in one unit of work."""

    def __init__(self, uow: UnitOfWork, agency: Agency) -> None:
        self._uow, self._agency = uow, agency
        self.tally = Tally()

    def get(
        self,
        resource_type: ResourceType,  # noqa: ARG002 - there is one
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002 - the service leaves out itself
    ) -> User:
        """One person."""
        row = self._row(resource_id)
        return resource_of(row, self._person(row))

    def search(
        self,
        resource_types: list[ResourceType],  # noqa: ARG002 - there is one
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002 - pages go by number
    ) -> SearchPage:
        """One page of the people that a filter finds, by the moment they came."""
        where = [col(ScimUser.agency_id) == self._agency.id, col(ScimUser.deleted_at).is_(None)]
        if search_request.filter is not None:
            where.append(filters.condition(search_request.filter))
        both = select(ScimUser, Person).join(Person, col(Person.id) == col(ScimUser.person_id)).where(*where)
        total = self._uow.session.execute(select(func.count()).select_from(both.subquery())).scalar_one()
        start = min(search_request.start_index_0 or 0, total)
        page = both.order_by(col(ScimUser.created_at), col(ScimUser.person_id)).offset(start)
        rows = self._uow.session.execute(page.limit(min(search_request.count or 0, MOST)))
        return SearchPage(total, [resource_of(row, person) for row, person in rows])

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> User:  # noqa: ARG002 - there is one
        """Make a person known before their first sign-in, or take over one whom the issuer has asserted already."""
        user = _user(resource)
        user.active = user.active is not False
        person = self._known(user)
        row = self._uow.find(ScimUser, person_id=person.id)
        if row is not None and row.deleted_at is None:
            raise UniquenessException(detail="This person is here already.")
        if row is None:
            row = ScimUser(
                person_id=person.id,
                agency_id=self._agency.id,
                user_name=_folded(str(user.user_name)),
                document={},
                created_at=self._uow.now,
                changed_at=self._uow.now,
            )
        row.deleted_at, row.changed_at = None, self._uow.now
        self._take(row, person, user)
        self.tally.created += 1
        return resource_of(row, person)

    def update(
        self,
        resource_type: ResourceType,  # noqa: ARG002 - there is one
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> User:
        """Take what the directory says now, as a whole."""
        row = self._row(str(resource.id), expected_version)
        person = self._person(row)
        row.version += 1
        row.changed_at = self._uow.now
        self._take(row, person, _user(resource))
        self.tally.changed += not self.tally.deactivated
        return resource_of(row, person)

    def delete(
        self,
        resource_type: ResourceType,  # noqa: ARG002 - there is one
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        """End the person's access and forget what the directory said; what the person did stays on record."""
        row = self._row(resource_id, expected_version)
        self._switch(row, self._person(row), active=False)
        row.document, row.deleted_at, row.external_id = {}, self._uow.now, None
        row.user_name = f"{row.person_id}"
        self._uow.add(row)

    # --- rows

    def _row(self, resource_id: str, expected_version: str | None = None) -> ScimUser:
        try:
            key = UUID(resource_id)
        except ValueError:
            raise NotFoundException(detail="There is no such person.") from None
        found = self._uow.find(ScimUser, person_id=key, agency_id=self._agency.id, deleted_at=None)
        if found is None:
            raise NotFoundException(detail="There is no such person.")
        if expected_version is not None and expected_version != _version(found):
            raise PreconditionFailedException
        return found

    def _person(self, row: ScimUser) -> Person:
        found = self._uow.find(Person, id=row.person_id)
        if found is None:
            raise NotFoundException(detail="There is no such person.")
        return found

    def _known(self, user: User) -> Person:
        """The person whom the agency's first issuer asserts by this subject; a new one if nobody has come yet."""
        sub = user.external_id or str(user.user_name)
        if not 0 < len(sub) <= LONGEST or not sub.isprintable() or sub.startswith(SUBJECT):
            raise InvalidValueException(detail="externalId or userName cannot be the subject of a person.")
        live = (col(Issuer.agency_id) == self._agency.id, col(Issuer.retired_at).is_(None))
        issuers = sorted(self._uow.every(Issuer, *live), key=lambda one: (one.key, one.created_at))
        if not issuers:
            raise ConflictException(detail="The agency has no identity provider here yet.")
        found = self._uow.find(Person, issuer_id=issuers[0].id, sub=sub)
        if found is not None:
            return found
        made = Person(
            issuer_id=issuers[0].id, sub=sub, agency_id=self._agency.id, name=_shown(user), created_at=self._uow.now
        )
        self._uow.add(made)
        self._uow.session.flush()
        self._uow.record("person:enrolled", made, agency=self._agency.slug, source="scim")
        return made

    def _take(self, row: ScimUser, person: Person, user: User) -> None:
        """Write what the directory says on both rows."""
        name = _folded(str(user.user_name))
        other = self._uow.find(ScimUser, agency_id=self._agency.id, user_name=name, deleted_at=None)
        if other is not None and other.person_id != row.person_id:
            raise UniquenessException(detail="This userName belongs to somebody else.")
        if max(len(name), len(user.external_id or "")) > LONGEST:
            raise InvalidValueException(detail="userName and externalId have at most 255 characters.")
        row.user_name, row.external_id = name, user.external_id
        row.document = user.model_dump(mode="json", by_alias=True, exclude={"id", "meta", "schemas"})
        before = person.name, person.language, person.zone
        person.name = _shown(user)
        if person.settings_at is None:
            language = (user.preferred_language or "").partition("-")[0].lower()
            person.language = language if language in LANGUAGES else person.language
            person.zone = user.timezone if user.timezone in zones() else person.zone
        if before != (person.name, person.language, person.zone):
            self._uow.record("person:changed", person, agency=self._agency.slug, source="scim")
        self._uow.add(person)
        self._uow.add(row)
        self._switch(row, person, active=user.active is not False)

    def _switch(self, row: ScimUser, person: Person, *, active: bool) -> None:
        """End the person's access everywhere, or give back what the directory itself took."""
        agency = self._agency.slug
        if not active and person.disabled_at is None:
            end_all_sessions(self._uow, person, by="scim")
            self.tally.deactivated += 1
            person.disabled_at, person.epoch, row.switched_off = self._uow.now, person.epoch + 1, True
            self._uow.record("person:disabled", person, agency=agency, by="scim")
        elif active and person.disabled_at is not None and row.switched_off:
            person.disabled_at, row.switched_off = None, False
            self._uow.record("person:enabled", person, agency=agency, by="scim")
        elif active and person.disabled_at is None:
            row.switched_off = False
        self._uow.add(person)
        self._uow.add(row)


def _user(resource: Resource[Any]) -> User:
    if not isinstance(resource, User) or not resource.user_name:
        raise InvalidValueException(detail="userName is missing.")
    return resource


def _folded(name: str) -> str:
    return name.casefold()


def _shown(user: User) -> str:
    """The name as teams see it: what the directory shows, else its parts, else the user name."""
    parts = user.name
    whole = " ".join(filter(None, (parts.given_name, parts.family_name))) if parts else ""
    wanted = user.display_name or (parts.formatted if parts else "") or whole or user.user_name or ""
    clean = "".join(sign for sign in wanted if sign.isprintable()).strip()
    return clean[:120] or str(user.user_name)[:120]


def _version(row: ScimUser) -> str:
    return f'W/"{row.version}"'


def resource_of(row: ScimUser, person: Person) -> User:
    """The person as the directory reads them."""
    found = User.model_validate({"schemas": [str(User.__schema__)], **row.document})
    found.id = str(row.person_id)
    found.active = False if person.disabled_at is not None else None if found.active is None else True
    found.meta = Meta(resource_type="User", created=row.created_at, last_modified=row.changed_at, version=_version(row))
    return found
