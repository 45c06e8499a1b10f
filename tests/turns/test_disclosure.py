"""Automatic words say that an AI writes: the first ones, after a pause, and after a person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.app.channels import CHANNELS
from bot.core.answering import HandOver
from bot.core.conversation import MessageState, View
from bot.core.events import Deleted, Receipt, ReceiptStatus, Started, Unsupported
from bot.core.ids import new_id
from bot.core.outbound import Button, Post
from bot.turns.decide import Decision, question
from connectors.rendering import TextPart, plan, to_plain
from orgs.specification.texts import Texts, fill
from orgs.translations import SHIPPED, shipped, texts_in
from storage.delivery_outcomes import Dead
from tests.turns.bench import KNOWN, Bench, message, to_rooms, whole_to_customers

OURS = "This is Brightdesk’s AI assistant. To reach a person, just write “person”."
FIRST = {
    "en": "My boards are gone since this morning",
    "de": "Ich kann mich seit gestern nicht mehr anmelden",
}
FIRST |= {"fr": "Je n'arrive pas à me connecter depuis hier", "es": "No puedo entrar en mi cuenta desde ayer"}
FIRST |= {"pt": "Não consigo entrar na minha conta desde ontem"}


def to_people(_: Decision) -> HandOver:
    return HandOver("They want a person.", "asked for one", "security")


def speaking(desk: Bench, *languages: str, **texts: Texts) -> None:
    policies = desk.organization.policies.model_copy(update={"languages": languages, "texts": texts})
    desk.organization = desk.organization.model_copy(update={"policies": policies})


async def read(desk: Bench) -> list[str]:
    return whole_to_customers(await desk.deliver())


async def hours_pass(desk: Bench, hours: float) -> None:
    """All that was said was said, and left, so much earlier."""
    by = timedelta(hours=hours)
    await desk.execute("update messages set created_at = created_at - :by", by=by)
    await desk.execute(
        "update outbox set settled_at = settled_at - :by, disclosed_at = disclosed_at - :by", by=by
    )


async def held(desk: Bench, on: str = "telegram") -> View:
    accepted = await desk.hear(desk.event("Help!", on=on))
    await desk.turn(to_people)
    return await desk.held(accepted.wakes[0].conversation)


async def answered_by_hugo(desk: Bench, view: View, text: str = "I have refunded it.") -> None:
    await desk.staff(text, view, ref=f"s{new_id()}")
    await desk.undo_is_over()


# When it is said


@pytest.mark.parametrize("on", [name for name in KNOWN if name != "slack"])
async def test_the_first_answer_on_every_channel_discloses_in_the_same_message(desk: Bench, on: str) -> None:
    await desk.say("My boards are gone", on=on)
    assert await read(desk) == [f"{OURS}\n\nAn answer."]
    await desk.say("All of them", on=on)
    assert await read(desk) == ["An answer."]


@pytest.mark.parametrize("language", SHIPPED)
async def test_the_disclosure_is_in_the_language_of_the_customer(desk: Bench, language: str) -> None:
    speaking(desk, *SHIPPED)
    await desk.say(FIRST[language])
    [said] = await read(desk)
    assert said == f"{fill(shipped(language).disclosure, organization='Brightdesk')}\n\nAn answer."


async def test_a_customer_who_changes_language_reads_the_disclosure_once_in_the_new_one(desk: Bench) -> None:
    speaking(desk, "en", "de")
    told = []
    for language in ("en", "de", "en", "de"):
        await desk.say(FIRST[language])
        told += [text.partition("\n")[0] for text in await read(desk)]
    german = fill(shipped("de").disclosure, organization="Brightdesk")
    assert told == [OURS, german, "An answer.", "An answer."]


async def test_the_words_of_the_file_are_said(desk: Bench) -> None:
    speaking(desk, "en", en=Texts(disclosure="A machine of {organization} writes. Call 112 for us."))
    await desk.say("My boards are gone")
    assert await read(desk) == ["A machine of Brightdesk writes. Call 112 for us.\n\nAn answer."]


@pytest.mark.parametrize("deed", [Started(), Unsupported("a poll"), "maya@a.example, please write there"])
async def test_the_first_message_says_that_an_ai_writes_whatever_it_is(
    desk: Bench, deed: Started | Unsupported | str
) -> None:
    await desk.say(deed, message="m0")  # greeted, asked for words, told of a code
    told = [text for text in await read(desk) if not text.startswith("Your code")]
    assert len(told) == 1
    assert told[0].startswith(f"{OURS}\n\n")


async def test_a_handoff_that_is_the_first_message_discloses(desk: Bench) -> None:
    await desk.hear(desk.event("Help!"))
    await desk.turn(to_people)
    [said] = await read(desk)
    assert said.startswith(f"{OURS}\n\n")


async def test_two_answers_of_one_turn_disclose_once(desk: Bench) -> None:
    await desk.hear(desk.event(Started()), desk.event("My boards are gone"))
    await desk.turn()
    greeting, answer = await read(desk)
    assert (
        greeting
        == f"{OURS}\n\n{texts_in(desk.organization, 'en').greeting.format(organization='Brightdesk')}"
    )
    assert answer == "An answer."


async def test_the_disclosure_is_repeated_after_a_day(desk: Bench) -> None:
    told = []
    for text, hours in (("My boards are gone", 23), ("All of them", 1), ("And the others?", 0)):
        await desk.say(text)
        told += await read(desk)
        await hours_pass(desk, hours)
    assert told == [f"{OURS}\n\nAn answer.", "An answer.", f"{OURS}\n\nAn answer."]


async def test_each_conversation_discloses_anew(desk: Bench) -> None:
    await desk.end(await desk.say("My boards are gone"))
    await desk.say("Something else now")
    assert await read(desk) == [f"{OURS}\n\nAn answer."] * 2


@pytest.mark.parametrize("closed", ["resolve", "return"])
async def test_the_first_automatic_words_after_a_person_disclose(desk: Bench, closed: str) -> None:
    view = await held(desk)
    await answered_by_hugo(desk, view)
    assert await read(desk) == ["I have refunded it."], "words of a person need none"
    await desk.press(closed, view)
    await desk.undo_is_over()
    [said] = await read(desk)
    assert said.startswith(f"{OURS}\n\n")
    await desk.say("How do I invite my team?")
    assert OURS not in "\n".join(await read(desk)), "it was said above the closing words"


async def test_closing_words_that_leave_after_words_of_a_person_disclose(desk: Bench) -> None:
    view = await held(desk)
    await desk.staff("I have refunded it.", view, ref="s1")
    await desk.press("return", view)
    await desk.undo_is_over()
    refunded, returned = await read(desk)
    assert refunded == "I have refunded it."
    assert returned.startswith(f"{OURS}\n\n")


async def test_automatic_words_disclose_after_late_words_of_a_person(
    desk: Bench,
) -> None:
    view = await held(desk)
    await answered_by_hugo(desk, view)
    await desk.staff("One more thing: it was my fault.", view, ref="s1")
    await desk.say("What is my case number?")
    await desk.deliver()
    await desk.undo_is_over()
    assert await read(desk) == ["One more thing: it was my fault."]
    await desk.press("return", view)
    await desk.undo_is_over()
    [returned] = await read(desk)
    assert returned.startswith(f"{OURS}\n\n")


async def test_waiting_closing_words_do_not_disclose_after_an_answer_that_did(
    desk: Bench,
) -> None:
    view = await held(desk)
    await answered_by_hugo(desk, view)
    await desk.deliver()
    await desk.press("return", view)
    await desk.say("What is my case number?")
    [number] = await read(desk)
    assert number.startswith(f"{OURS}\n\n")
    await desk.undo_is_over()
    [returned] = await read(desk)
    assert OURS not in returned


async def test_closing_words_do_not_disclose_when_the_person_took_theirs_back(desk: Bench) -> None:
    view = await held(desk)
    await desk.staff("I have refunded it.", view, ref="s1")
    await desk.press("return", view)
    await desk.staff(Deleted("s1"), view)
    await desk.undo_is_over()
    [returned] = await read(desk)
    assert OURS not in returned


async def test_a_holder_who_wrote_nothing_causes_no_new_disclosure(desk: Bench) -> None:
    view = await held(desk)
    await desk.press("return", view)
    await desk.undo_is_over()
    [returned] = await read(desk)
    assert OURS not in returned


async def test_the_notice_that_a_person_takes_longer_discloses(desk: Bench) -> None:
    view = await held(desk)
    await answered_by_hugo(desk, view)
    await desk.say("And when?")
    await desk.deliver()
    await desk.rings("promised")
    [said] = await read(desk)
    assert said.startswith(f"{OURS}\n\n"), "or it reads as if Hugo had written it"


async def test_corrections_of_a_person_do_not_disclose(desk: Bench) -> None:
    desk.capabilities["telegram"] = replace(desk.capabilities["telegram"], edits=False, erases=False)
    view = await held(desk)
    await answered_by_hugo(desk, view)
    await desk.deliver()
    ref = message(await desk.view(view.conversation.id), "I have refunded it.").ref
    await desk.staff(Deleted(ref), view)
    assert await read(desk) == ["Please disregard our previous message: it was sent by mistake."]


async def test_a_disclosure_that_never_arrived_is_not_counted(desk: Bench) -> None:
    """The platform took it, and says later that it could not be delivered."""
    await desk.say("My boards are gone", on="whatsapp")
    await desk.deliver(lambda item: desk.taken(item, "w1"))
    failed = Receipt(status=ReceiptStatus.FAILED, messages=("w1",), code="send.refused", reason="131026")
    await desk.hear(desk.event(failed, on="whatsapp"))
    await desk.turn()
    [handoff] = await read(desk)
    assert handoff.startswith(f"{OURS}\n\n")


async def test_a_turn_that_is_tried_again_discloses_once(desk: Bench) -> None:
    """The first worker dies before it can commit; then one that did is asked again."""
    await desk.hear(desk.event("My boards are gone"))
    [(_, lost)] = await desk.decided()
    await desk.execute("update conversations set lease_until = clock_timestamp() - interval '1 second'")
    [(_, commit)] = await desk.decided()
    assert await desk.commit(commit) == "committed"
    assert await desk.commit(lost) != "committed"
    assert await read(desk) == [f"{OURS}\n\nAn answer."]
    assert await read(desk) == []


# When what carried it does not arrive, or waits


async def days_pass(desk: Bench, days: int) -> None:
    """Let days pass, also since they wrote: the window has closed."""
    await hours_pass(desk, 24 * days)
    await desk.execute("update places set heard_at = heard_at - :by", by=timedelta(days=days))


async def parked(desk: Bench) -> None:
    await desk.deliver(desk.closed)
    await desk.turn()


async def test_a_message_that_waited_for_days_discloses_once(desk: Bench) -> None:
    await desk.say("My boards are gone", on="whatsapp")
    assert await read(desk) == [f"{OURS}\n\nAn answer."]
    id_ = await desk.say("All of them", on="whatsapp")
    await parked(desk)
    await days_pass(desk, 3)
    await desk.say("Hello?", on="whatsapp")
    assert await read(desk) == [f"{OURS}\n\nAn answer.", "An answer."]
    told = [m.reference.disclosed for m in (await desk.view(id_)).story if m.text == "An answer."]
    assert told == [OURS, OURS, ""]


async def test_an_answer_after_a_waiting_message_that_disclosed_does_not_disclose_again(desk: Bench) -> None:
    view = await held(desk, "whatsapp")
    await hours_pass(desk, 2)
    await desk.execute("update places set heard_at = heard_at - interval '25 hours'")
    await desk.press("return", view)
    await desk.undo_is_over()
    await parked(desk)
    await days_pass(desk, 3)
    await desk.say("Hello?", on="whatsapp")
    waited, answer = await read(desk)
    assert waited.startswith(f"{OURS}\n\n")
    assert answer == "An answer."


async def test_the_next_waiting_message_discloses_when_the_one_that_did_is_taken_back(desk: Bench) -> None:
    view = await held(desk, "whatsapp")
    await desk.deliver()
    await days_pass(desk, 2)
    for _ in range(2):
        await desk.rings("promised")
        await parked(desk)
    first, second = [
        m for m in (await desk.view(view.conversation.id)).story if m.state is MessageState.PARKED
    ]
    await desk.press("discard", view, value=str(first.id))
    await desk.turn()
    await desk.say("Hello?", on="whatsapp")
    assert await read(desk) == [f"{OURS}\n\n{second.text}"]


async def test_the_next_message_discloses_when_the_one_that_did_fails(desk: Bench) -> None:
    id_ = await desk.say("My boards are gone")
    [item] = await desk.claim()
    await desk.say("What is my case number?")
    await desk.settle(Dead(item, "failed", "send.refused", "bad request"))
    await desk.turn()
    number, handoff = await read(desk)
    assert number.startswith(f"{OURS}\n\n")
    assert OURS not in handoff
    assert message(await desk.view(id_), "An answer.").state is MessageState.FAILED


async def test_the_mail_with_the_story_so_far_discloses_and_the_next_mail_does_not(desk: Bench) -> None:
    await desk.say("Please send this to maya@a.example")
    await desk.deliver()
    await desk.say("123456")
    [mail] = [one for one in await desk.deliver() if one.place.channel == "email"]
    assert mail.text.startswith(f"{OURS}\n\n")
    asked = replace(desk.event("How do I pay?", "maya@a.example", on="email"), place=mail.place)
    await desk.hear(asked)
    await desk.turn()
    assert await read(desk) == ["An answer."]


# Where it is not said


async def test_the_acknowledgement_of_an_unverified_mail_does_not_disclose(desk: Bench) -> None:
    await desk.say("Who am I?", "eve@a.example", on="email", verified=False)
    [said] = await read(desk)
    assert said == fill(shipped("en").received, organization="Brightdesk")


async def test_a_template_outside_the_window_leaves_as_it_was_approved(desk: Bench) -> None:
    view = await held(desk, "whatsapp")
    await desk.staff("It is back.", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    offered = [one.operation for one in await desk.deliver() if one.item.kind == "offer"]
    button = next(
        b for post in offered if isinstance(post, Post) for b in post.buttons if b.action == "template"
    )
    await desk.press("template", view, value=button.value)
    [sent] = [one for one in await desk.deliver(desk.closed) if one.item.room is None]
    assert isinstance(sent.operation, Post)
    assert sent.operation.template is not None
    assert OURS not in sent.text


# Where it stands


async def test_a_message_that_waits_for_the_customer_discloses_when_read_after_a_pause(desk: Bench) -> None:
    view = await held(desk, "whatsapp")
    await days_pass(desk, 2)
    await desk.press("resolve", view)
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    await desk.say("Hello?", on="whatsapp")
    waited, *_ = await read(desk)
    assert waited.startswith(f"{OURS}\n\nWe have marked this")


async def test_the_disclosure_is_in_the_log_and_the_room_but_not_in_the_agents_story(desk: Bench) -> None:
    id_ = await desk.say("My boards are gone")
    await desk.deliver()
    assert message(await desk.view(id_), "An answer.").reference.disclosed == OURS
    await desk.hear(desk.event("Help!"))
    [decision] = await desk.turn(to_people)
    asked = question(replace(decision, agent=desk.organization.agents[0].id))
    assert [line.text for line in asked.story if line.speaker == "agent"] == ["An answer."]
    told = "\n".join(to_rooms(await desk.deliver()))
    assert f"> {OURS}\n>\n> An answer." in told


@pytest.mark.parametrize("channel", CHANNELS)
def test_long_answers_are_split_below_the_disclosure_and_keep_their_choices_last(channel: str) -> None:
    text = f"{OURS}\n\n" + "\n\n".join(f"Then do the thing number {n} of many." for n in range(300))
    choices = (Button("option", "1", "this"), Button("option", "2", "that"))
    known = CHANNELS[channel].capabilities
    known = replace(known, text_limit=min(known.text_limit, 4000))
    parts = plan(Post(text, choices), known, render=to_plain, link=str)
    texts = [part for part in parts if isinstance(part, TextPart)]
    assert len(texts) > 1
    assert texts[0].text.startswith(OURS)
    assert [bool(part.buttons or part.rows) for part in texts[:-1]] == [False] * (len(texts) - 1)
    assert "".join(part.text for part in texts).count(OURS) == 1
