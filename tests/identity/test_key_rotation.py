"""B4: an issuer changes its keys while people sign in and strangers send tokens of keys that nobody knows."""

import threading
import time

import pytest
from joserfc.jwk import ECKey

from jit_server.core.errors import SignInRefused, Unavailable
from jit_server.identity import provider as provider_module
from jit_server.identity.provider import Described, Provider
from tests.identity.conftest import Meeting
from tests.identity.stub import Stub, reply, sign


class Clock:
    """Time as the provider's cache reads it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(provider_module, "time", made)
    return made


def answers(meeting: Meeting, key: ECKey, kid: str = "") -> None:
    """The issuer signs with this key from now on."""
    header = {"kid": kid or key.thumbprint()}
    meeting.stub.respond = lambda _form: (
        200,
        meeting.stub.tokens(sign(meeting.stub.header(**header), meeting.stub.claims(), key)),
    )


def publishes(stub: Stub, *keys: ECKey) -> None:
    stub.jwks = {"keys": [stub.public(key) for key in keys]}


def test_old_then_both_then_new_with_a_thousand_strangers_between(meeting: Meeting, clock: Clock) -> None:
    """No honest sign-in fails, and the keys are fetched at most once a minute, whatever strangers send."""
    old, new, stranger = (ECKey.generate_key("P-256") for _ in range(3))
    steps = [((old,), old), ((old, new), old), ((old, new), new), ((new,), new)]
    honest = strange = 0
    begun = clock.now
    for published, signs in steps:
        publishes(meeting.stub, *published)
        clock.now += 61  # an issuer publishes a key before it signs with it, and drops one after it has not for a while
        for number in range(250):
            answers(meeting, stranger, f"unknown-{number}")
            with pytest.raises(SignInRefused):
                meeting.complete()
            strange += 1
            if number % 25 == 0:
                answers(meeting, signs)
                assert meeting.complete().sub == "alice"
                honest += 1
            clock.now += 0.5
    assert (strange, honest) == (1000, 40)
    assert meeting.stub.asked["/jwks"] <= (clock.now - begun) / 60 + 1


def test_the_known_keys_stay_good_while_the_issuer_does_not_answer_about_new_ones(
    meeting: Meeting, clock: Clock
) -> None:
    stranger = ECKey.generate_key("P-256")
    assert meeting.complete().sub == "alice"
    honest = meeting.stub.respond
    meeting.stub.hooks["/jwks"] = lambda handler: reply(handler, {}, 500)
    for _ in range(20):
        clock.now += 20
        answers(meeting, stranger)
        with pytest.raises(SignInRefused) as refusal:
            meeting.complete()
        assert "has not published" in refusal.value.detail
        meeting.stub.respond = honest
        assert meeting.complete().sub == "alice"
    assert meeting.stub.asked["/jwks"] <= 1 + 400 / 60 + 1


def test_a_key_that_was_withdrawn_signs_nobody_in_once_the_cache_has_run_out(meeting: Meeting, clock: Clock) -> None:
    """An issuer whose key was stolen: at the latest after `jwks_ttl` seconds, without anybody doing anything here."""
    stolen, new = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    publishes(meeting.stub, stolen)
    answers(meeting, stolen)
    assert meeting.complete().sub == "alice"
    publishes(meeting.stub, new)
    clock.now += 3601
    with pytest.raises(SignInRefused):
        meeting.complete()
    answers(meeting, new)
    clock.now += 61
    assert meeting.complete().sub == "alice"


def test_while_the_keys_cannot_be_had_nobody_is_let_in(meeting: Meeting, clock: Clock) -> None:
    assert meeting.complete().sub == "alice"
    meeting.stub.hooks["/jwks"] = lambda handler: reply(handler, {}, 500)
    clock.now += 3601
    with pytest.raises(Unavailable):
        meeting.complete()


def test_a_description_from_elsewhere_counts_as_long_as_it_says(stub: Stub, clock: Clock) -> None:
    """A trust chain vouches for metadata and keys until it ends, and no minute longer."""
    asked: list[float] = []

    def source() -> Described:
        asked.append(clock.now)
        return Described(stub.metadata() | {"jwks_uri": ...}, stub.jwks, 300)

    known = Provider(stub.url, ttl=3600, loopback=True, source=source)
    assert len(known.keys().keys) == 3
    clock.now += 250
    assert known.metadata()["issuer"] == stub.url
    known.keys(newer=True)
    assert len(asked) == 2
    clock.now += 299
    known.keys()
    assert len(asked) == 2
    clock.now += 2
    known.keys()
    assert len(asked) == 3
    assert not stub.asked


def test_fifty_at_once_with_unknown_keys_wait_for_one_answer(meeting: Meeting, clock: Clock) -> None:
    meeting.complete()
    clock.now += 61
    meeting.stub.hooks["/jwks"] = lambda handler: (time.sleep(0.3), reply(handler, meeting.stub.jwks))
    people = [threading.Thread(target=meeting.provider.keys, kwargs={"newer": True}) for _ in range(50)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert meeting.stub.asked["/jwks"] == 2
