"""Asking the originator: only for what one may know of, with a clock; the answer is scoped, expiring and on record."""

from datetime import timedelta
from uuid import uuid4

import pytest

from jit_server import audit, consents, evidence
from jit_server.access import SYSTEM, Action, Role
from jit_server.consents.lifecycle import ConsentState
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, StepUp
from jit_server.evidence import EvidenceItem
from tests.builders import Team, Who, World, stale
from tests.evidence.builders import exhibit

READ = frozenset({Action.EVIDENCE_READ})


def asked(team: Team, who: Who, item: EvidenceItem, actions=READ, **more) -> consents.Consent:
    with team.world.work(who) as uow:
        return consents.ask(uow, team.id, new_ask(item, actions, **more))


def new_ask(item: EvidenceItem, actions=READ, **more) -> consents.NewAsk:
    said = {"purpose": "prosecution", "purpose_text": "The indictment needs the statements", "days": 30} | more
    return consents.NewAsk(subject_kind="evidence_item", subject_id=item.id, actions=actions, **said)


def granting(days: float = 7, actions=READ, **more) -> consents.Granting:
    said = {"to": "person", "expires_at": clock.now() + timedelta(days=days), "clause": "B30"} | more
    return consents.Granting(actions=actions, **said)


def granted(team: Team, who: Who, consent: consents.Consent, **more) -> consents.Consent:
    with team.world.work(who) as uow:
        return consents.grant(uow, consent.id, granting(**more))


def may(team: Team, who: Who, item: EvidenceItem, action: Action = Action.EVIDENCE_READ) -> bool:
    with team.world.work(who) as uow:
        return uow.permits(action, uow.find(EvidenceItem, id=item.id))


def record(team: Team, event: str) -> list[dict]:
    with team.world.work(SYSTEM) as uow:
        entries = audit.read(uow.connection, team.id, 0, 10_000)
    return [one.content for one in entries if one.content["event"] == event]


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def item(team: Team) -> EvidenceItem:
    """An exhibit of DE that France may know of and not open."""
    return exhibit(team, team.admin, handling="H2")


def test_an_ask_waits_ten_days_for_the_originator_and_is_on_record_with_its_purpose(team: Team, item: EvidenceItem):
    consent = asked(team, team.leaders["FR"], item)
    assert consent.due_at - consent.asked_at == timedelta(days=10)
    (entry,) = record(team, "access:asked")
    assert entry["why"] == {"code": "prosecution", "text": "The indictment needs the statements"}
    assert entry["subject"]["id"] == str(item.id)
    assert entry["recipients"] == [str(item.party_id)]


def test_a_grant_opens_exactly_what_was_granted_to_exactly_whom_and_names_its_clause(team: Team, item: EvidenceItem):
    asker, colleague = team.leaders["FR"], team.join("FR")
    consent = asked(team, asker, item, frozenset({Action.EVIDENCE_READ, Action.EVIDENCE_DOWNLOAD}))
    assert not may(team, asker, item)
    granted(team, team.admin, consent)
    assert may(team, asker, item)
    assert not may(team, asker, item, Action.EVIDENCE_DOWNLOAD)
    assert not may(team, colleague, item)
    (entry,) = record(team, "access:granted")
    assert (entry["clause"], entry["recipients"]) == ("B30", [str(asker.id)])
    assert entry["facts"]["actions"] == ["evidence:read"]
    with team.world.work(asker) as uow:
        assert [one.kind for one in consents.unseen(uow)] == ["answered"]


def test_a_grant_to_the_party_opens_it_to_the_askers_colleagues_and_to_nobody_else(world: World):
    team = world.workspace(classes={"NL": "ms_authority"})
    item = exhibit(team, team.admin, handling="H2")
    granted(team, team.admin, asked(team, team.leaders["FR"], item), to="party")
    assert may(team, team.join("FR"), item)
    assert not may(team, team.leaders["NL"], item)


def test_a_consent_can_be_ended_at_once_and_moves_the_epoch(team: Team, item: EvidenceItem):
    consent = granted(team, team.admin, asked(team, team.leaders["FR"], item))
    with team.world.work(team.admin) as uow:
        before = uow.standing(team.id).epoch
    with team.world.work(team.admin) as uow:
        consents.revoke(uow, consent.id, consents.Because(reason="no longer needed"))
    assert not may(team, team.leaders["FR"], item)
    with team.world.work(team.admin) as uow:
        assert uow.standing(team.id).epoch == before + 1
    assert record(team, "access:revoked")[0]["why"]["text"] == "no longer needed"


def test_a_running_download_ends_with_the_consent(team: Team, monkeypatch: pytest.MonkeyPatch):
    from jit_server.evidence.usecases import content

    asker = team.leaders["FR"]
    item = exhibit(team, team.admin, bytes(3 * 2**20), handling="H2")
    taking = frozenset({Action.EVIDENCE_READ, Action.EVIDENCE_DOWNLOAD})
    consent = granted(team, team.admin, asked(team, asker, item, taking), actions=taking)
    monkeypatch.setattr(content, "LOOK_AGAIN_SECONDS", 0)
    from tests.evidence.builders import begins

    _, blocks = evidence.download(begins(team, asker), item.id)
    next(blocks)
    with team.world.work(team.admin) as uow:
        consents.revoke(uow, consent.id, consents.Because(reason="at once"))
    with pytest.raises(NotPermitted):
        list(blocks)


@pytest.mark.parametrize("said", ["own", "open already", "no consent helps", "unknown kind", "absent", "outsider"])
def test_what_cannot_be_asked_for(team: Team, world: World, item: EvidenceItem, said: str):
    plain = exhibit(team, team.admin, handling="H0")
    who, new, error = {
        "own": (team.admin, new_ask(item), NotPermitted),
        "open already": (team.leaders["FR"], new_ask(plain), Invalid),
        "no consent helps": (team.leaders["FR"], new_ask(item, frozenset({Action.MEMBER_INVITE})), Invalid),
        "unknown kind": (team.leaders["FR"], new_ask(item).model_copy(update={"subject_kind": "person"}), NotFound),
        "absent": (team.leaders["FR"], new_ask(item).model_copy(update={"subject_id": uuid4()}), NotFound),
        "outsider": (world.person("NL"), new_ask(item), NotFound),
    }[said]
    with pytest.raises(error), world.work(who) as uow:
        consents.ask(uow, team.id, new)
    assert record(team, "access:asked") == []


def test_whoever_may_not_know_that_it_exists_cannot_ask_and_learns_nothing(team: Team, item: EvidenceItem):
    seconded = team.join("FR", Role.SECONDED_MEMBER)
    before = record(team, "access:refused")
    with pytest.raises(NotFound), team.world.work(seconded) as uow:
        consents.ask(uow, team.id, new_ask(item))
    assert record(team, "access:refused") == before


def test_nobody_of_another_party_sees_or_answers_an_ask(world: World):
    team = world.workspace(classes={"NL": "ms_authority"})
    item = exhibit(team, team.admin, handling="H2")
    consent = asked(team, team.leaders["FR"], item)
    with team.world.work(team.leaders["NL"]) as uow:
        assert consents.asks(uow, team.id) == []
    for who in (team.leaders["NL"], team.join("DE")):
        with pytest.raises(NotFound), world.work(who) as uow:
            consents.grant(uow, consent.id, granting())
    with pytest.raises(NotPermitted), world.work(team.leaders["FR"]) as uow:
        consents.grant(uow, consent.id, granting())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"actions": frozenset({Action.EVIDENCE_READ, Action.EVIDENCE_EXPORT})}, "actions"),
        ({"days": -1}, "expires_at"),
        ({"days": 400}, "expires_at"),
        ({"clause": "99.9"}, "clause"),
    ],
)
def test_a_grant_beyond_what_was_asked_or_agreed_is_refused_and_nothing_opens(team: Team, item, changes, field):
    consent = asked(team, team.leaders["FR"], item)
    with pytest.raises(Invalid) as error:
        granted(team, team.admin, consent, **changes)
    assert error.value.members["errors"][0]["field"] == field
    assert not may(team, team.leaders["FR"], item)


def test_an_answer_takes_a_recent_sign_in(team: Team, item: EvidenceItem):
    consent = asked(team, team.leaders["FR"], item)
    with pytest.raises(StepUp):
        granted(team, stale(team.admin), consent)
    with pytest.raises(StepUp), team.world.work(stale(team.admin)) as uow:
        consents.refuse(uow, consent.id, consents.Because(reason="no"))


def test_an_ask_is_answered_once_and_may_be_asked_again_after_a_no(team: Team, item: EvidenceItem):
    consent = asked(team, team.leaders["FR"], item)
    with pytest.raises(Conflict):
        asked(team, team.leaders["FR"], item)
    with team.world.work(team.admin) as uow:
        refused = consents.refuse(uow, consent.id, consents.Because(reason="An informant would be exposed"))
    assert refused.state is ConsentState.REFUSED
    with pytest.raises(Conflict):
        granted(team, team.admin, consent)
    assert asked(team, team.leaders["FR"], item).id != consent.id


def test_only_whoever_asked_takes_an_ask_back(team: Team, item: EvidenceItem):
    consent = asked(team, team.leaders["FR"], item)
    with pytest.raises(NotFound), team.world.work(team.admin) as uow:
        consents.withdraw(uow, consent.id)
    with team.world.work(team.leaders["FR"]) as uow:
        assert consents.withdraw(uow, consent.id).state is ConsentState.WITHDRAWN


def test_no_consent_reaches_into_a_compartment(world: World):
    team = world.workspace(classes={"NL": "ms_authority"})
    room = team.compartment("DE", "FR")
    item = exhibit(team, team.admin, handling="H2", compartment_id=str(room))
    with pytest.raises(NotFound), world.work(team.leaders["NL"]) as uow:
        consents.ask(uow, team.id, new_ask(item))
    consent = asked(team, team.leaders["FR"], item)
    with world.work(team.leaders["NL"]) as uow:
        assert uow.find(consents.Consent, id=consent.id) is None
