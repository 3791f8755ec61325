"""A worker notices that it slept, and asks about everybody before it says another word."""

from time import monotonic

import gevent
import pytest
from sqlalchemy.exc import OperationalError

from jit_server.web.sockets.waking import ASLEEP, Watch


@pytest.fixture(autouse=True)
def loop_that_knows_the_time() -> None:
    """An event loop that stood still while other tests ran believes it is still then: its timers would end at once."""
    gevent.get_hub().loop.update_now()


def long_ago(watch: Watch) -> None:
    """As after a stop: the last beat is too long past."""
    watch._beat = monotonic() - 2 * ASLEEP


def test_after_a_sleep_it_asks_once_and_goes_on() -> None:
    asked: list[float] = []
    watch = Watch(lambda: asked.append(monotonic()))
    watch.wake()
    assert not asked
    long_ago(watch)
    watch.wake()
    watch.wake()
    assert len(asked) == 1


def test_two_who_want_to_speak_after_a_sleep_wait_for_one_answer() -> None:
    asked: list[float] = []

    def ask() -> None:
        gevent.sleep(0.05)
        asked.append(monotonic())

    watch = Watch(ask)
    long_ago(watch)
    spoke: list[int] = []

    def speak() -> None:
        watch.wake()
        spoke.append(len(asked))

    gevent.joinall([gevent.spawn(speak) for _ in range(3)], timeout=2, raise_error=True)
    assert spoke == [1, 1, 1]


def test_when_nobody_can_be_asked_nothing_is_said() -> None:
    def down() -> None:
        raise OperationalError("SELECT", {}, OSError())

    watch = Watch(down)
    long_ago(watch)
    with pytest.raises(OperationalError):
        watch.wake()
    assert watch.slept


def test_the_heart_goes_on_after_the_answer_and_not_without() -> None:
    asked: list[float] = []
    watch = Watch(lambda: asked.append(monotonic()))
    heart = gevent.spawn(watch.run)
    try:
        gevent.sleep(0.05)
        long_ago(watch)
        gevent.sleep(0.6)
        assert len(asked) == 1
        assert not watch.slept
    finally:
        heart.kill()
