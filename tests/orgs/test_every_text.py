"""Every fixed text to customers that the organization file words is said in these words."""

import copy
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from bot.core.conversation import Case, Status
from bot.core.events import (
    MISSED_CALL,
    NO_REFERENCE,
    Attachment,
    AttachmentKind,
    Content,
    Deleted,
    Edited,
    Reference,
    Said,
    Started,
    Unsupported,
    return_address,
)
from bot.core.ids import ConversationId, CustomerId, new_id
from orgs.loading import Loaded, load
from orgs.specification.texts import Texts
from tests.orgs.playing import CODE, MINUTE, MONDAY, Play, World
from tests.orgs.test_every_field import BASE, Document, taken, world, written

__all__ = ("world",)  # the fixture

HOUR, DAY, UNDO = timedelta(hours=1), timedelta(days=1), timedelta(seconds=6)
INVITATION = "go-" + "a" * 22
Plays = Callable[[World, Loaded], Awaitable[Play]]


def told(
    *said: Content | str,
    later: timedelta = timedelta(),
    then: timedelta = timedelta(),
    able: bool = True,
    reference: Reference = NO_REFERENCE,
) -> Plays:
    """A customer writes, some time after Monday at ten, and the clock goes on."""

    async def played(_: World, file: Loaded) -> Play:
        play = Play(file, at=MONDAY + later, able=able)
        for one in said:
            await play.says(one, message="m", reference=reference)
        await play.wait(MINUTE, then // MINUTE)
        return play

    return played


def after_a_colleague(*deeds: Content | str, on: str = "whatsapp", **can: object) -> Plays:
    """A colleague has answered and does something more, or presses a button."""

    async def played(_: World, file: Loaded) -> Play:
        play = await taken(file, on, **can)  # type: ignore[arg-type]
        await play.wait(UNDO)
        play.desk.state.deliver()
        for deed in deeds:
            await (play.press(deed) if isinstance(deed, str) else play.staff(deed))
        await play.wait(UNDO)
        return play

    return played


async def invited(_: World, file: Loaded) -> Play:
    play = Play(file)
    play.desk.state.memory = replace(play.desk.state.memory, channel="whatsapp")
    await play.says(Started(INVITATION))
    return play


async def unvouched(_: World, file: Loaded) -> Play:
    play = Play(file, on="email")
    await play.says(REFUND, returns=return_address("maya@a.example", verified=False))
    return play


async def late_code(_: World, file: Loaded) -> Play:
    play = Play(file)
    await play.says(ASK)
    await play.wait(16 * MINUTE)
    await play.says(CODE)
    return play


def asking(*said: str, status: Status = Status.IN_PROGRESS, **more: object) -> Plays:
    """The customer asks for the number of a conversation, by it, or for a copy."""

    async def played(_: World, file: Loaded) -> Play:
        play = Play(file)
        play.case = Case(
            id=ConversationId(new_id()),
            number=483127,
            customer=CustomerId(new_id()),
            status=status,
            created_at=MONDAY,
            resolved_at=MONDAY if status is Status.RESOLVED else None,
        )
        for one in said:
            await play.says(one, **more)
        return play

    return played


def read(*said: str) -> Plays:
    """A customer is answered from the articles."""

    async def played(world: World, file: Loaded) -> Play:
        return await world.read(file, *said)

    return played


ASK = "Please send this to my email maya@a.example"
REFUND = "I want a refund"
NUMBER = "How is case #4831-27?"
COPY = "Send me a copy of my messages"
SAYS: dict[str, Plays] = {
    "disclosure": told("Hello"),
    "greeting": told(Started()),
    "unreadable": told(Unsupported("poll")),
    "received_subject": unvouched,
    "received": unvouched,
    "correction": after_a_colleague(Edited("m3", "It is not on its way")),
    "disregard": after_a_colleague(Deleted("m3")),
    "handoff": told(REFUND),
    "answer_expected": told(REFUND),
    "out_of_hours": told(REFUND, later=5 * DAY),
    "opens_today": told(REFUND, later=-3 * HOUR),
    "opens_tomorrow": told(REFUND, later=8 * HOUR),
    "opens_later": told(REFUND, later=5 * DAY),
    "not_taken_in_time": told(REFUND, then=HOUR),
    "team_is_back": told(REFUND, later=6.8 * HOUR, then=HOUR),
    "returned": after_a_colleague("return"),
    "resolved": after_a_colleague("resolve"),
    "asks_number": after_a_colleague("ask_number", asks_number=True),
    "apology": told("Where is my spade?", able=False),
    "goes_on_here": invited,
    "story_subject": told(ASK),
    "code_subject": told(ASK),
    "code": told(ASK),
    "code_sent": told(ASK),
    "code_wrong": told(ASK, "654321"),
    "code_wrong_too_often": told(ASK, *["654321"] * 5),
    "code_too_old": late_code,
    "codes_too_many": told(*[ASK] * 7),
    "address_proved": told(ASK, CODE),
    "story_so_far": told(ASK, CODE),
    "case_number": asking("What is my case number?"),
    "case_open": asking(NUMBER),
    "case_with_people": asking(NUMBER, status=Status.ESCALATED),
    "case_closed": asking(NUMBER, status=Status.RESOLVED),
    "case_unknown": told(NUMBER),
    "case_in_private": asking(NUMBER, private=False),
    "case_copy": asking(COPY),
    "case_copy_heading": asking(COPY),
    "case_copied_before": asking(COPY, COPY),
    "steps_follow": read("How do I oil a rake?"),
    "text_follows": read("How do I sharpen a spade?"),
    "article_source": read("How do I sharpen a spade?"),
    "which_article": read("spade or rake?", "yes"),
    "not_sure": read("spade or rake?"),
    "nothing_found": read("Where is the frobnicator?"),
    "did_not_help": read("How do I sharpen a spade?", "That did not help"),
    "or_one_of_these": read("How do I sharpen a spade?", "That did not help"),
    "none_of_these": read("spade or rake?"),
    "hello": told("Hello"),
    "thanks": told("Thanks!"),
    "bye": told("Goodbye"),
    "ok": told("ok"),
    "help": told("help"),
    "empty": told(""),
    "got_picture": told(Said("", (Attachment(kind=AttachmentKind.PHOTO, ref="p1"),))),
    "got_voice": told(Said("", (Attachment(kind=AttachmentKind.VOICE, ref="v1"),))),
    "got_file": told(Said("", (Attachment(kind=AttachmentKind.DOCUMENT, ref="d1"),))),
    "got_something": told(Said("", (Attachment(kind=AttachmentKind.LOCATION, ref="geo:1,2"),))),
    "got_call": told(Said(""), reference=Reference(described=MISSED_CALL)),
    "automated": told("Are you a robot?"),
}


def worded(document: Document) -> Document:
    """The file with a text of its own for everything: each says its name, and the moment where it has one."""
    changed = copy.deepcopy(document)
    own = {name: f"‹{name}›" for name in Texts.model_fields}
    own |= {name: f"‹{name}› {{opens}}" for name in ("out_of_hours", "team_is_back")}
    own["disclosure"] += " {organization}"
    changed["policies"]["texts"] = {"en": own}
    return changed


def test_every_text_has_its_line() -> None:
    assert set(SAYS) == set(Texts.model_fields)


@pytest.mark.parametrize("name", SAYS)
async def test_a_text_of_the_file_is_said_as_the_file_words_it(
    name: str,
    world: World,  # the fixture
    tmp_path: Path,
) -> None:
    document = yaml.safe_load(BASE)
    before = await SAYS[name](world, load(written(tmp_path / "before", document)))
    after = await SAYS[name](world, load(written(tmp_path / "after", worded(document))))
    assert f"‹{name}›" not in before.happened()
    assert f"‹{name}›" in after.happened()
