"""Groups and topics that staff can use no more: the same as in Slack, as far as Telegram tells of it."""

from collections.abc import AsyncIterator

import pytest

from tests.rooms.test_leak import in_telegram
from tests.rooms.test_lost_rooms import LAST, directly
from tests.rooms.test_topic import Topic
from tests.story.rig import Rig, rig, until


@pytest.fixture
async def desk(database_url: str, redis_url: str) -> AsyncIterator[Rig]:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        yield r


async def goes_on_in_slack(r: Rig, topic: Topic, words: str) -> None:
    """Wait until it goes on in the channel of the escalation team, where nobody holds it yet."""
    await until(lambda: r.threads(LAST), what="a card in Slack")
    card = str(r.threads(LAST)[0]["ts"])
    await until(
        lambda: any(words in told for told in r.in_thread(LAST, card)), what=f"{words!r} in the thread"
    )
    heard = len(topic.maya.heard())
    await r.press("ben", LAST, card, "take")
    await until(lambda: any("From now on" in told for told in r.in_thread(LAST, card)), what="taken")
    r.slack.post_as("ben", LAST, "Ben here.", thread_ts=card)
    await topic.hears("Ben here.")
    assert len(topic.maya.heard()) == heard + 1, "the customer is not told of groups"


@pytest.mark.long
async def test_removed_from_its_group_the_bot_goes_on_in_slack_and_tells_the_holder(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    topic.group.remove_bot(topic.person("Grace"))
    await goes_on_in_slack(desk, topic, "the bot was removed from the group")
    await until(
        lambda: any("was given to *Escalation Team*" in told for told in directly(desk, "farid")),
        what="a direct message to Farid",
    )


@pytest.mark.long
@pytest.mark.parametrize("loss", [{"bot_inside": False}, {"forum": False}])
async def test_the_customers_next_words_move_a_lost_topic_though_no_event_told_of_it(
    desk: Rig, loss: dict[str, bool]
) -> None:
    topic = await (await Topic(desk).opened()).taken()
    topic.group.settings(**loss)
    await topic.maya.say("hello?")
    await goes_on_in_slack(desk, topic, "hello?")


@pytest.mark.long
async def test_a_topic_that_somebody_closes_is_opened_again(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    topic.group.close_topic(topic.person("Grace"), topic.id)
    await topic.shows("still needs a person here")
    await until(lambda: not topic.group.group.topics[topic.id].closed, what="an open topic")
    topic.write("Farid", "Still me.")
    await topic.hears("Still me.")


@pytest.mark.long
async def test_the_holder_is_called_in_a_new_topic(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    topic.group.delete_topic(topic.id)
    await topic.maya.say("hello?")
    await topic.stands()
    await topic.shows("Farid Haddad is still talking to")


@pytest.mark.long
async def test_with_the_bots_token_revoked_staff_in_slack_go_on(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    desk.telegram_staff.revoke()
    await topic.maya.say("hello?")
    await goes_on_in_slack(desk, topic, "hello?")
