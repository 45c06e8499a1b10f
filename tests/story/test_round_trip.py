"""The product's main job, for real: a customer on Telegram, an agent, people in Slack, and back."""

from tests.story.rig import rig, until


async def test_an_article_answers_a_question(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        r.phone.say(r.maya, "How do I invite my team?")
        await until(r.heard, what="an answer")
        assert "invite" in r.heard()[0].casefold()


async def test_the_whole_story_goes_round(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        r.phone.say(r.maya, "I was charged twice this month")
        await until(lambda: r.threads("billing-escalations"), what="a card in the staff's channel")
        card = r.threads("billing-escalations")[0]
        await until(r.heard, what="the notice of the handoff")
        ts = str(card["ts"])
        await r.press("hugo", "billing-escalations", ts, "take")
        await until(
            lambda: any("has taken this" in text for text in r.in_thread("billing-escalations", ts)),
            what="the thread says who speaks",
        )
        r.slack.post_as("hugo", "billing-escalations", "I refunded the second charge.", thread_ts=ts)
        r.slack.post_as("carla", "billing-escalations", "she is lying", thread_ts=ts)
        r.slack.post_as("hugo", "billing-escalations", "// what a fuss", thread_ts=ts)
        await until(lambda: len(r.heard()) == 2, what="the person's answer")
        assert r.heard()[1] == "I refunded the second charge."
        r.phone.say(r.maya, "Thank you, Hugo!")
        await until(
            lambda: any("Thank you, Hugo!" in text for text in r.in_thread("billing-escalations", ts)),
            what="the customer's words in the thread",
        )
        await r.press("hugo", "billing-escalations", ts, "return")
        await until(lambda: len(r.heard()) == 3, what="the agent is back")
        r.phone.say(r.maya, "How do I invite my team?")
        await until(lambda: len(r.heard()) == 4, what="the agent answers again")
        assert not any("lying" in text or "fuss" in text for text in r.heard())
