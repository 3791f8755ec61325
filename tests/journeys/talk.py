"""The conversation as the tests prepare and read it."""

from uuid import UUID, uuid4

from playwright.sync_api import Locator, Page, expect
from sqlmodel import col, select

from jit_server import messaging
from jit_server.access import SYSTEM
from jit_server.messaging.models import Message
from tests.builders import Team, Who
from tests.journeys.visitor import Visitor

TOPIC = "general"
_LIVE = """chat => chat.live.state === 'live' || new Promise((done) => chat.live.addEventListener('state', () => {
  if (chat.live.state === 'live') done(true);
}))"""


def channel_of(team: Team, name: str = "operations") -> UUID:
    """A channel of the team, opened by its administrator."""
    with team.world.work(team.admin) as uow:
        return messaging.create_channel(uow, team.id, messaging.NewChannel(name=name)).id


def said(team: Team, who: Who, channel_id: UUID, *texts: str, topic: str = TOPIC) -> None:
    """Somebody has said this."""
    for text in texts:
        new = messaging.NewMessage(channel_id=channel_id, topic=topic, text=text, client_id=uuid4().hex)
        with team.world.work(who) as uow:
            messaging.post(uow, new)


def stored(team: Team) -> list[str]:
    """What the database keeps of the team's conversation, in order."""
    with team.world.work(SYSTEM) as uow:
        kept = select(Message.id, Message.text).where(col(Message.workspace_id) == team.id)
        return [text for _, text in uow.session.execute(kept.order_by(col(Message.position))).all()]


def talks(visitor: Visitor, team: Team, channel_id: UUID, topic: str = TOPIC) -> Page:
    """The person opens the topic and is connected."""
    page = visitor.go(f"/w/{team.id}/c/{channel_id}/{topic}").page
    connected(page)
    return page


def connected(page: Page) -> None:
    """Wait until the live line stands."""
    page.locator("jit-chat").evaluate(_LIVE)


def says(page: Page, text: str) -> None:
    """Type it and send it by the keyboard."""
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_label("Message", exact=True).press("Control+Enter")


def message(page: Page, text: str) -> Locator:
    """The message with this text that the server has."""
    return page.locator("article.message:not(.pending)", has_text=text)


def pending(page: Page) -> Locator:
    """What has not left yet."""
    return page.locator("article.message.pending")


def texts(page: Page) -> list[str]:
    """What stands on the page, from top to bottom."""
    return page.locator("article.message .words").all_inner_texts()


def hears(page: Page, text: str) -> None:
    """The message appears."""
    expect(message(page, text)).to_be_visible()
