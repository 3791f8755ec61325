"""The budgets of feel: a weak line, the time from key to eye, and what comes back after a cut."""

import statistics
import time

import pytest
from playwright.sync_api import expect

from tests.journeys.talk import channel_of, hears, said, says, talks

WEAK = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}  # 400 kbit/s
USABLE = """() => {
  const [{ domContentLoadedEventEnd, startTime }] = performance.getEntriesByType('navigation');
  return (domContentLoadedEventEnd - startTime) / 1000;
}"""
pytestmark = pytest.mark.alone
LISTEN = """window.seen = {};
new MutationObserver(() => {
  const shown = document.querySelectorAll('article.message:not(.pending) .words');
  for (const { textContent } of shown) window.seen[textContent.trim()] ??= Date.now();
}).observe(document.querySelector('jit-chat'), { childList: true, subtree: true, characterData: true });"""


def on_a_weak_line(visitor):
    """The page's line is slow from now on."""
    line = visitor.context.new_cdp_session(visitor.page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", WEAK)
    return visitor.page


def test_my_day_is_usable_within_three_seconds_on_a_weak_line_with_nothing_cached(
    arrives, window, team, record_property
):
    """Scripts are modules: once the document is complete they have run. The best of three, each with a cold cache."""
    said(team, team.leaders["FR"], channel_of(team), "Good morning")
    session = arrives(team.admin).context.storage_state()
    taken = []
    for _ in range(3):
        page = on_a_weak_line(window(team.admin, storage_state=session))
        page.goto("/")
        expect(page.get_by_role("link", name="Open first")).to_be_visible()
        taken.append(page.evaluate(USABLE))
        if taken[-1] <= 3:
            break
    record_property("my_day_on_a_weak_line_s", taken)
    print(taken)
    assert min(taken) <= 3, taken


@pytest.fixture
def two(arrives, team):
    """Two people of two States in one topic."""
    channel_id = channel_of(team)
    said(team, team.admin, channel_id, "Ready")
    return [talks(arrives(who), team, channel_id) for who in (team.admin, team.leaders["FR"])]


def test_what_one_sends_the_other_sees_within_a_second(two, record_property):
    sender, receiver = two
    receiver.evaluate(LISTEN)
    taken = []
    for number in range(20):
        sender.get_by_label("Message", exact=True).fill(f"Message {number}")
        sent = sender.evaluate("Date.now()")
        sender.get_by_label("Message", exact=True).press("Control+Enter")
        hears(receiver, f"Message {number}")
        taken.append(receiver.evaluate(f"window.seen['Message {number}']") - sent)
    figures = {"median": statistics.median(taken), "p95": sorted(taken)[18], "most": max(taken)}
    record_property("send_to_visible_ms", figures)
    print(figures)
    assert figures["p95"] <= 1000, sorted(taken)


def test_what_was_missed_is_there_soon_after_the_network_returns(arrives, team, record_property):
    channel_id = channel_of(team)
    said(team, team.admin, channel_id, "Ready")
    away, speaker = arrives(team.leaders["FR"]), arrives(team.admin)
    page, other = talks(away, team, channel_id), talks(speaker, team, channel_id)
    with away.offline():
        for number in range(3):
            says(other, f"Missed {number}")
            hears(other, f"Missed {number}")
    back = time.monotonic()
    hears(page, "Missed 2")
    taken = time.monotonic() - back
    record_property("caught_up_s", taken)
    assert page.locator("article.message .words").all_inner_texts() == ["Ready", "Missed 0", "Missed 1", "Missed 2"]
    print(taken)
    assert taken <= 1
