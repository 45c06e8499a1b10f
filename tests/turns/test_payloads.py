"""Outcomes of each payload of the corpus: events that are nobody's words begin nothing, nor do edits."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.core.answering import Answer, Clarify, HandOver, Option, Passage
from bot.core.conversation import MessageState, Role
from bot.core.events import (
    OPTION,
    Attachment,
    AttachmentKind,
    Edited,
    Event,
    ReachabilityChanged,
    Reference,
    Said,
    SenderRole,
    Tapped,
)
from bot.core.ids import OrgId
from bot.turns.decide import question
from bot.turns.turn import Decision
from orgs.answering.grounded import Grounded
from orgs.specification.texts import fill
from orgs.translations import texts_in
from tests.connectors.payloads.corpus import Kind
from tests.connectors.payloads.reading import CORPUS
from tests.turns.bench import Bench, states, to_customers, to_rooms

ACCOUNTS = {"slack": "slack-customers"}
PHOTO = Attachment(kind=AttachmentKind.PHOTO, ref="photo:p1", mime_type="image/jpeg")
OTHER = replace(PHOTO, ref="photo:p2")
VOICE = Attachment(kind=AttachmentKind.VOICE, ref="voice:v1")
THUMB = Attachment(kind=AttachmentKind.STICKER, ref="sticker:s1", name="👍")
BARE, NAMED = replace(THUMB, name=""), replace(THUMB, name="sticker invite team.webp")


def events(channel: str, *kinds: Kind) -> list[tuple[str, Event]]:
    """Return the events of a channel's payloads of these kinds by name, each of a customer of its own."""
    account = ACCOUNTS.get(channel, channel)
    payloads, read = CORPUS[channel]
    found = [(p.name, event) for p in payloads if p.kind in kinds for event in read(p.body)]
    return [
        (
            name,
            replace(
                event,
                external_id=f"{event.external_id}-{n}",
                place=replace(event.place, account=account, chat=f"{event.place.chat}-{n}"),
                sender=replace(event.sender, external_id=f"{event.sender.external_id}-{n}"),
            ),
        )
        for n, (name, event) in enumerate(found)
    ]


class NoArticles:
    """Nobody looks into the articles for what is no question."""

    async def search(
        self, organization: OrgId, query: str, *, collections: Sequence[str] = (), limit: int = 8
    ) -> Sequence[Passage]:
        raise AssertionError(f"{query!r} was searched: {organization} {collections} {limit}")

    async def section(self, organization: OrgId, article: str) -> Sequence[Passage]:
        raise AssertionError(f"{article} of {organization} was asked for")


def grounded(decision: Decision) -> Answer:
    answering = Grounded(NoArticles()).answer(question(decision))
    try:
        answering.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    raise AssertionError("it waits for something")


@pytest.mark.parametrize("channel", CORPUS)
async def test_events_that_are_nobodys_words_begin_nothing(desk: Bench, channel: str) -> None:
    for name, event in events(channel, Kind.NOBODY):
        accepted = await desk.hear(event)
        assert (accepted.fresh, accepted.ignored) == (0, 1), name
    assert await desk.conversations() == 0


@pytest.mark.long
@pytest.mark.parametrize("channel", CORPUS)
async def test_events_that_are_nobodys_words_are_ignored_in_an_open_conversation(
    desk: Bench, channel: str
) -> None:
    for name, event in events(channel, Kind.NOBODY):
        before = replace(
            event,
            external_id=f"before-{event.external_id}",
            content=Said("Hello"),
            message="m0",
            sender_role=SenderRole.CUSTOMER,
            overheard=False,
        )
        [wake] = (await desk.hear(before)).wakes
        await desk.turn()
        await desk.deliver()
        assert (await desk.hear(event)).wakes == (), name
        await desk.turn()
        assert to_customers(await desk.deliver()) == [], name
        view = await desk.view(wake.conversation)
        assert [m.text for m in view.story if m.text not in ("Hello", "An answer.")] == [], name


@pytest.mark.parametrize("channel", CORPUS)
async def test_an_edit_begins_no_conversation(desk: Bench, channel: str) -> None:
    for name, event in events(channel, Kind.EDIT):
        assert (await desk.hear(event)).wakes == (), name
    assert await desk.conversations() == 0


@pytest.mark.long
@pytest.mark.parametrize("channel", CORPUS)
async def test_a_description_is_never_searched_and_never_met_with_silence(desk: Bench, channel: str) -> None:
    for name, event in events(channel, Kind.DESCRIPTION):
        await desk.hear(event)
        await desk.turn(grounded)
        [told] = to_customers(await desk.deliver())
        assert told, name


async def test_a_change_of_reachability_begins_no_conversation(desk: Bench) -> None:
    assert (await desk.hear(desk.event(ReachabilityChanged(False)))).wakes == ()
    assert await desk.conversations() == 0


async def test_a_picture_without_words_is_acknowledged_once_and_then_given_to_people(desk: Bench) -> None:
    texts = texts_in(desk.organization, "de")
    asked: list[Answer] = []

    def answer(decision: Decision) -> Answer:
        asked.append(grounded(decision))
        return asked[-1]

    await desk.hear(desk.event(Said("", (PHOTO,)), language="de"))
    await desk.turn(answer)
    assert to_customers(await desk.deliver()) == [texts.got_picture]
    await desk.hear(desk.event(Said("", (OTHER,)), language="de"))
    await desk.turn(answer)
    assert isinstance(asked[0], Clarify)
    assert isinstance(asked[1], HandOver)
    assert asked[1].reason == "The customer sent a picture without words."


async def test_a_voice_message_is_answered_honestly(desk: Bench) -> None:
    await desk.hear(desk.event(Said("", (VOICE,))))
    await desk.turn(grounded)
    assert to_customers(await desk.deliver()) == [texts_in(desk.organization, "en").got_voice]


async def test_a_thumb_is_thanks_once_somebody_has_answered(desk: Bench) -> None:
    await desk.say("How do I invite my team?")
    await desk.deliver()
    await desk.hear(desk.event(Said("", (THUMB,))))
    await desk.turn(grounded)
    assert to_customers(await desk.deliver()) == [texts_in(desk.organization, "en", _voice(desk)).thanks]


@pytest.mark.parametrize("content", [Said("👍"), Said("", (THUMB,)), Said("", (BARE,)), Said("", (NAMED,))])
async def test_a_customer_who_begins_with_a_sign_alone_is_greeted(desk: Bench, content: Said) -> None:
    await desk.hear(desk.event(content))
    await desk.turn(grounded)
    org = desk.organization
    greeting = texts_in(org, "en", _voice(desk)).hello
    greeting = fill(greeting, organization=org.display_name, agent=org.agents[0].title)
    assert to_customers(await desk.deliver()) == [greeting]


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b\u2060"])
async def test_a_text_of_blanks_is_nobodys_words(desk: Bench, text: str) -> None:
    accepted = await desk.hear(desk.event(text))
    assert (accepted.fresh, accepted.ignored) == (0, 1)
    assert await desk.conversations() == 0


def _voice(desk: Bench) -> str:
    agent = desk.organization.agents[0]
    return agent.voice or desk.organization.identity.voice


async def test_words_beside_a_picture_are_what_is_asked(desk: Bench) -> None:
    asked: list[Decision] = []

    def answer(decision: Decision) -> Answer:
        asked.append(decision)
        return Clarify("Which?", (), "test")

    await desk.hear(desk.event(Said("", (PHOTO,))), desk.event(Said("Why is it so slow?")))
    await desk.turn(answer)
    told = question(asked[0])
    assert told.messages == ("", "Why is it so slow?")
    assert told.about == ("with 🖼 photo", "")


async def test_an_edit_of_an_unknown_message_is_a_note_and_never_answered(desk: Bench) -> None:
    id_ = await desk.say("I was charged twice", message="m1")
    await desk.deliver()
    await desk.say(Edited("m0", "How do I invite my team?"))
    assert to_customers(await desk.deliver()) == []
    assert states(await desk.view(id_), "How do I invite my team?") == [MessageState.NOTE]


async def test_people_read_an_edit_of_an_unknown_message_in_the_room(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.held(accepted.wakes[0].conversation)
    await desk.say(Edited("m0", "How do I invite my team?"))
    left = await desk.deliver()
    assert any("changed a message that we do not know here" in text for text in to_rooms(left))


async def test_the_first_and_the_newest_point_of_a_live_location_are_kept(desk: Bench) -> None:
    points = [Attachment(kind=AttachmentKind.LOCATION, ref=f"geo:52.{n},13.4") for n in range(4)]
    id_ = await desk.say(Said("", (points[0],)), message="m1")
    for point in points[1:]:
        await desk.say(Edited("m1", "", (point,)))
    story = (await desk.view(id_)).story
    kept = [m.attachments[0].ref for m in story if m.attachments and m.state is not MessageState.DELETED]
    assert kept == [points[0].ref, points[-1].ref]


async def test_a_button_of_another_program_is_ignored_and_counted(desk: Bench) -> None:
    accepted = await desk.hear(desk.event(Tapped("menu_3", "", "Prices")))
    assert (accepted.fresh, accepted.ignored) == (0, 1)


async def test_a_tap_whose_label_the_platform_does_not_tell_shows_what_its_button_said(desk: Bench) -> None:
    options = (Option("article:invite", "Invite people"), Option("article:pay", "Pay an invoice"))
    await desk.hear(desk.event("Hello"))
    await desk.turn(lambda _: Clarify("Which?", options, "test"))
    id_ = await desk.say(Tapped(OPTION, "article:pay"))
    await desk.say(Tapped(OPTION, "article:gone"))
    said = [m.text for m in (await desk.view(id_)).story if m.role is Role.CUSTOMER]
    assert said == ["Hello", "Pay an invoice", "article:gone"]


async def test_a_colleagues_own_answer_silences_the_agent_as_a_persons_word_does(desk: Bench) -> None:
    accepted = await desk.hear(
        desk.event("How do I invite my team?", on="messenger"),
        desk.event("You are in.", on="messenger", name="The Page's inbox", sender_role=SenderRole.INSIDER),
    )
    await desk.turn()
    left = await desk.deliver()
    assert to_customers(left) == []
    assert any("The Page's inbox** wrote to Maya directly" in text for text in to_rooms(left))
    await desk.say("Thanks, and how do I pay?", on="messenger")
    left = await desk.deliver()
    assert to_customers(left) == []
    assert any("how do I pay?" in text for text in to_rooms(left))
    view = await desk.view(accepted.wakes[0].conversation)
    assert view.escalation is not None


async def test_messages_of_another_program_of_the_page_silence_nobody(desk: Bench) -> None:
    await desk.say("How do I invite my team?", on="messenger")
    await desk.deliver()
    await desk.say("Rate us!", on="messenger", sender_role=SenderRole.INSIDER, automatic=True)
    await desk.say("And how do I pay?", on="messenger")
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_people_read_an_order_or_a_contact_beside_the_words(desk: Bench) -> None:
    order = Reference(described="Order:\n- 2 × mug")
    accepted = await desk.hear(desk.event(Said(""), on="whatsapp", reference=order))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    assert any("2 × mug" in text for text in to_rooms(await desk.deliver()))
    await desk.held(accepted.wakes[0].conversation)
    card = Reference(described="Ines, ines@a.example")
    await desk.say(Said("This is who"), on="whatsapp", reference=card)
    assert any("This is who" in text and "Ines" in text for text in to_rooms(await desk.deliver()))
