"""Whom row-level security is told about: once a transaction, never left behind for the next one."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from jit_server.core import database
from jit_server.core.postgres import Urls

ASKS = "SELECT coalesce(nullif(current_setting('jit.actor', true), ''), 'nobody')"


@pytest.fixture
def one(urls: Urls) -> Iterator[Engine]:
    """An engine with one connection, so that each transaction meets what the last one left."""
    made = database.engine(urls.app, pool=1)
    yield made
    made.dispose()


def asks(engine: Engine) -> str:
    with engine.begin() as connection:
        return str(connection.execute(text(ASKS)).scalar_one())


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_who_asked_in_one_transaction_asks_in_no_other(one: Engine, end: str) -> None:
    with one.connect() as connection:
        database.act_as(connection, "system")
        assert connection.execute(text(ASKS)).scalar_one() == "system"
        getattr(connection, end)()
    assert asks(one) == "nobody"


def test_an_actor_named_before_the_first_statement_is_gone_when_none_follows(one: Engine) -> None:
    with one.connect() as connection:
        database.act_as(connection, "system")
    assert asks(one) == "nobody"


def test_the_actor_may_change_within_a_transaction(one: Engine) -> None:
    with one.begin() as connection:
        database.act_as(connection, "system")
        database.act_as(connection, "a-person")
        assert connection.execute(text(ASKS)).scalar_one() == "a-person"


def test_a_transaction_of_an_actor_is_one_transaction(one: Engine) -> None:
    with one.connect() as connection:
        database.act_as(connection, "system")
        connection.execute(text("CREATE TEMP TABLE kept (n int) ON COMMIT DROP"))
        connection.execute(text("INSERT INTO kept VALUES (1)"))
        connection.rollback()
        assert connection.execute(text("SELECT to_regclass('pg_temp.kept')")).scalar_one() is None


@pytest.mark.parametrize("actor", ["x'; DROP TABLE message; --", "a b", "É", "A"])
def test_an_actor_is_an_id_or_a_word_and_nothing_else(one: Engine, actor: str) -> None:
    with one.connect() as connection, pytest.raises(ValueError, match="id, a word"):
        database.act_as(connection, actor)


def test_naming_the_actor_costs_no_statement_of_its_own(one: Engine) -> None:
    with one.connect() as connection:
        said: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *words: said.append(words[2]))
        database.act_as(connection, "system")
        connection.execute(text(ASKS))
        assert said == [ASKS]


def test_errors_of_the_drivers_own_words_are_those_of_every_other_statement(one: Engine) -> None:
    with one.connect() as connection, pytest.raises(DBAPIError):
        database.call(connection, "SELECT 1 / %s", (0,))
