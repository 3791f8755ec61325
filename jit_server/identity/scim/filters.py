"""A directory's filter as a condition in SQL: what it finds is what the library's own evaluation would find.

Every part is true or false, never unknown: an attribute without a value differs from every value (RFC 7644, 3.4.2.2).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from scim2_models import InvalidFilterException
from scim2_models.path import (
    AttributeBinding,
    CompareOperator,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ScimFilter,
    ValuePath,
    coerce_value,
)
from sqlalchemy import ColumnElement, String, and_, case, cast, false, func, literal, not_, null, or_, true
from sqlmodel import col

from jit_server.identity.models import Person
from jit_server.identity.scim.models import ScimUser
from jit_server.identity.scim.offer import User

MOST: Final = 100
"""Comparisons in one filter."""
_DOCUMENT: Final[Any] = col(ScimUser.document)
_OFF: Final = col(Person.disabled_at).is_not(None)
_STATED: Final = _DOCUMENT["active"].astext
_COLUMNS: Final[Mapping[tuple[str, str | None], Any]] = {
    ("id", None): cast(col(ScimUser.person_id), String),
    ("external_id", None): col(ScimUser.external_id),
    ("user_name", None): col(ScimUser.user_name),
    ("display_name", None): _DOCUMENT["displayName"].astext,
    ("preferred_language", None): _DOCUMENT["preferredLanguage"].astext,
    ("timezone", None): _DOCUMENT["timezone"].astext,
    ("active", None): case((_OFF, false()), (_STATED.is_not(None), true()), else_=null()),
    ("name", "formatted"): _DOCUMENT["name"]["formatted"].astext,
    ("name", "family_name"): _DOCUMENT["name"]["familyName"].astext,
    ("name", "given_name"): _DOCUMENT["name"]["givenName"].astext,
    ("meta", "resource_type"): literal("User"),
    ("meta", "created"): col(ScimUser.created_at),
    ("meta", "last_modified"): col(ScimUser.changed_at),
    ("meta", "location"): cast(null(), String),
    ("meta", "version"): func.concat('W/"', col(ScimUser.version), '"', type_=String),
    ("schemas", None): literal(str(User.__schema__)),
}
_FOLDED: Final = ("user_name", None)
"""Kept as it is compared."""
_ORDER: Final[Mapping[CompareOperator, Callable[[Any, Any], Any]]] = {
    CompareOperator.gt: lambda left, right: left > right,
    CompareOperator.ge: lambda left, right: left >= right,
    CompareOperator.lt: lambda left, right: left < right,
    CompareOperator.le: lambda left, right: left <= right,
}
_PARTS: Final[Mapping[CompareOperator, Callable[[Any, Any], Any]]] = {
    CompareOperator.co: lambda left, right: func.strpos(left, right) > 0,
    CompareOperator.sw: func.starts_with,
    CompareOperator.ew: lambda left, right: func.right(left, func.length(right)) == right,
}


def condition(wanted: ScimFilter[Any]) -> ColumnElement[bool]:
    """The filter, over rows of `scim_user` joined with their `person`.

    Raises:
        InvalidFilterException: it is longer than anybody needs; what it compares was looked at by the library before.
    """
    return _Conditions(wanted).visit(wanted.ast)


class _Conditions(FilterVisitor[ColumnElement[bool]]):
    def __init__(self, wanted: ScimFilter[Any]) -> None:
        self._wanted, self._left = wanted, MOST

    def visit_comparison(self, node: Comparison) -> ColumnElement[bool]:
        self._count()
        bound = self._wanted.resolve_comparison(node.attr_path, strict=False)
        place = _place(bound)
        if bound is None or place is None or place not in _COLUMNS:
            return false()
        value = bound.comparable(coerce_value(bound, node.value, node.op))
        column = _COLUMNS[place]
        if isinstance(value, str):
            if not _can_be_kept(value):
                return _beside(_comparable(column, value, bound, place), node.op)
            column, value = _comparable(column, value, bound, place)
        return _compared(column, node.op, value)

    def visit_present(self, node: Present) -> ColumnElement[bool]:
        self._count()
        place = _place(self._wanted.resolve(node.attr_path, strict=False))
        found = [column for key, column in _COLUMNS.items() if key == place or (key[0], None) == place]
        return or_(false(), *(_present(column) for column in found))

    def visit_not(self, node: Not) -> ColumnElement[bool]:
        return not_(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> ColumnElement[bool]:
        terms = [self.visit(term) for term in node.terms]
        return and_(true(), *terms) if node.op == LogicalOperator.and_ else or_(false(), *terms)

    def visit_value_path(self, node: ValuePath) -> ColumnElement[bool]:  # noqa: ARG002 - nothing here has entries
        self._count()
        return false()

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise InvalidFilterException(detail=f"At most {MOST} comparisons in one filter.")


def _place(bound: AttributeBinding | None) -> tuple[str, str | None] | None:
    return (bound.field_name, bound.sub_field_name) if bound is not None else None


def _can_be_kept(value: str) -> bool:
    """Whether the database could hold it; what it cannot hold is nobody's."""
    return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value)


def _beside(pair: tuple[Any, str], op: CompareOperator) -> ColumnElement[bool]:
    """A comparison with text that no row can equal, but that still has its place in the order of code points."""
    column, value = pair
    if op not in _ORDER or not _is_text(column):
        return true() if op == CompareOperator.ne else false()
    until = next(at for at, sign in enumerate(value) if not _can_be_kept(sign))
    less = op in {CompareOperator.lt, CompareOperator.le}
    if value[until] == "\0":
        return _compared(column, CompareOperator.le if less else CompareOperator.gt, value[:until])
    return _compared(column, CompareOperator.lt if less else CompareOperator.ge, value[:until] + "\ue000")


def _comparable(column: Any, value: str, bound: AttributeBinding, place: Any) -> tuple[Any, str]:
    """Both sides as the library compares text: in one normal form, and in lower case unless case matters."""
    if place == _FOLDED:
        return column, value.casefold()
    if not _is_text(column):
        return column, value
    plain = func.normalize(column, type_=String)
    return (plain if bound.case_exact else func.lower(plain, type_=String)), value


def _compared(column: Any, op: CompareOperator, value: Any) -> ColumnElement[bool]:
    if value is None:
        found = column.is_(None) if op == CompareOperator.eq else column.is_not(None)
        return found if op in {CompareOperator.eq, CompareOperator.ne} else false()
    if op == CompareOperator.ne:
        return column.is_distinct_from(value)  # type: ignore[no-any-return]
    text = isinstance(value, str)
    if op in _PARTS:
        return func.coalesce(_PARTS[op](column, value), false()) if text and _is_text(column) else false()
    if op == CompareOperator.eq:
        return func.coalesce(column == value, false())
    return func.coalesce(_ORDER[op](column.collate("C") if text else column, value), false())


def _is_text(column: Any) -> bool:
    return isinstance(column.type, String)


def _present(column: Any) -> ColumnElement[bool]:
    return and_(column.is_not(None), column != "") if _is_text(column) else column.is_not(None)
