"""Going on at another address: nothing before it is proved, and then everything, there."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.bus.accept import Bus
from bot.bus.directory import Directory
from bot.bus.wakeups import Wakeups
from bot.core.answering import HandOver
from bot.core.connector import ChatCommand
from bot.core.conversation import MessageState
from bot.core.errors import Refused, TurnFailed
from bot.core.events import AddressChanged, Content, Edited, Place, Said, SenderRole, Started
from bot.core.ids import ConversationId
from bot.core.outbound import Post
from bot.jobs.job import Context
from bot.jobs.sweep import sweep
from bot.turns.channel_switch import MAX_TRIES
from bot.turns.story import lines
from storage.accounts import Account
from storage.customers import customers
from storage.erased import erase
from storage.organizations import Organizations
from storage.queries import conversations
from storage.sealed_fields import ADDRESS as SEALED
from storage.sealing import Keyring
from storage.verification import CODES
from tests.storage.test_places import invited
from tests.turns.bench import CODE, Bench, Left, message, states, to_customers, to_rooms

ADDRESS = "maya@a.example"
ASK = f"Please send this to my email {ADDRESS}"


def there(left: list[Left]) -> list[str]:
    return [one.text for one in left if one.place.channel == "email"]


async def asked(desk: Bench) -> ConversationId:
    id_ = await desk.say("My order is late")
    await desk.deliver()
    await desk.say(ASK)
    return id_


async def proved(desk: Bench) -> tuple[ConversationId, str]:
    """Going on by mail. Returns the chat there."""
    id_ = await asked(desk)
    await desk.deliver()
    await desk.say(CODE)
    left = await desk.deliver()
    return id_, next(one.place.chat for one in left if one.place.channel == "email")


async def test_the_code_goes_to_the_new_address_and_the_notice_of_it_to_the_chat(desk: Bench) -> None:
    await asked(desk)
    left = await desk.deliver()
    [mail] = there(left)
    assert "123 456" in mail
    [here] = [one.text for one in left if one.place.channel == "telegram"]
    assert "m•••@a.example" in here
    assert "123" not in here
    assert "late" not in mail, "nothing that was said goes to an address that nobody proved"


async def test_the_right_code_takes_the_conversation_to_the_new_address(desk: Bench) -> None:
    id_, chat = await proved(desk)
    view = await desk.view(id_)
    assert (view.conversation.place.channel, view.conversation.place.chat) == ("email", chat)
    assert await desk.say("I am here", ADDRESS, on="email", chat=chat, shared=True) == id_
    assert there(await desk.deliver()) == ["An answer."]
    assert await desk.say("And here again") == id_
    assert [one.place.channel for one in await desk.deliver()] == ["telegram"]


async def test_the_new_address_gets_only_what_the_customer_has_read(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    id_ = accepted.wakes[0].conversation
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(id_)
    await desk.staff("// they are rude", view, ref="n1")
    await desk.staff("Not yet gone", view, ref="s1")  # waits for its undo
    await desk.say(ASK)
    await desk.deliver()
    await desk.say(f"It is {CODE[:3]} {CODE[3:]}")
    [mail] = there(await desk.deliver())
    assert "Help!" in mail
    assert "rude" not in mail
    assert "Not yet gone" not in mail
    await desk.undo_is_over()
    assert there(await desk.deliver()) == ["Not yet gone"]


async def test_an_edit_does_not_bring_the_code_back(desk: Bench) -> None:
    """The message was the code alone, said more, or is none that the log has."""
    accepted = await desk.hear(desk.event("Help!"))
    id_ = accepted.wakes[0].conversation
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.held(id_)
    await desk.say(ASK)
    await desk.say(CODE, message="m-alone")
    await desk.say(f"Hello, the code that has come by mail is {CODE}, thanks", message="m-more")
    spaced = f"{CODE[:3]} {CODE[3:]}"
    edits = [
        ("m-alone", f"It is {spaced}"),
        ("m-more", f"Hello, the code by mail was {CODE}, order 7654321"),
        ("m-unknown", f"{CODE}!"),
    ]
    for ref, text in edits:
        await desk.say(Edited(ref, text))
    said = [m.text for m in (await desk.view(id_)).story]
    for text in ("It is [code]", "Hello, the code by mail was [code], order 7654321", "[code]!"):
        assert text in said
    told = "\n".join(to_rooms(await desk.deliver()))
    assert "order 7654321" in told
    for text in (*said, told):
        assert CODE not in text
        assert spaced not in text


async def test_an_edit_of_a_wrong_code_brings_no_other_one(desk: Bench) -> None:
    id_ = await asked(desk)
    await desk.say("654321", message="m-wrong")
    await desk.say(CODE)
    await desk.say(Edited("m-wrong", "654322, sorry"))
    assert "654322" not in str([m.text for m in (await desk.view(id_)).story])


async def test_people_see_that_the_customer_confirmed_another_address(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.held(accepted.wakes[0].conversation)
    await desk.say(ASK)
    told = to_rooms(await desk.deliver())
    assert any(ASK in text for text in told)
    await desk.say(CODE)
    assert any("confirmed an address" in text for text in to_rooms(await desk.deliver()))


async def test_a_mail_from_the_proved_address_is_the_customers_however_it_is_spelt(desk: Bench) -> None:
    id_ = await desk.say("Hello")
    await desk.deliver()
    await desk.say("Please write to my email Maya@A.example")
    await desk.say(CODE)
    await desk.deliver()
    await desk.end(id_)
    other = await desk.say("Another matter", ADDRESS, on="email", chat="new", shared=True)
    assert await desk.root_of(other) == await desk.root_of(id_)


async def test_proving_the_address_of_another_customer_merges_the_two(desk: Bench) -> None:
    before = await desk.say("By mail", ADDRESS, on="email", chat="t1", shared=True)
    id_, _ = await proved(desk)
    assert await desk.root_of(before) == await desk.root_of(id_)
    view = await desk.view(before)
    assert [m.text for m in view.story if m.role == "customer"] == ["By mail"]


async def test_a_wrong_code_links_nothing_and_five_are_enough(desk: Bench) -> None:
    id_ = await asked(desk)
    for _ in range(MAX_TRIES):
        await desk.say("999999")
    await desk.deliver()
    await desk.say(CODE)
    assert there(await desk.deliver()) == []
    assert (await desk.view(id_)).conversation.place.channel == "telegram"


async def test_asking_again_and_again_gives_no_more_tries_and_no_more_mails(desk: Bench) -> None:
    """Else anybody could try codes for ever, or have us write to an address as often as they like."""
    id_ = await desk.say("Hello")
    for _ in range(12):
        await desk.say(ASK)
        await desk.say("999999")
    left = await desk.deliver()
    assert len([text for text in there(left) if "code" in text]) <= MAX_TRIES
    assert (await desk.view(id_)).conversation.place.channel == "telegram"


async def test_many_who_ask_for_one_address_have_no_more_tries_and_fill_no_mailbox(desk: Bench) -> None:
    for n in range(CODES + 2):
        await desk.say(ASK, f"{n}")
    assert len(there(await desk.deliver())) == CODES
    unsent = f"{int(CODE) + CODES + 1}"
    accepted = await desk.hear(desk.event(unsent, f"{CODES + 1}"))
    with pytest.raises(TurnFailed):
        await desk.turn()
    assert (await desk.view(accepted.wakes[0].conversation)).conversation.place.channel == "telegram"
    await desk.say("Please write to my email other@a.example", "1")
    assert len(there(await desk.deliver())) == 1
    await desk.execute("update links set expires_at = now() - interval '1 second'")
    await desk.say(ASK, "late")
    assert len(there(await desk.deliver())) == 1


async def test_a_code_that_is_too_old_links_nothing(desk: Bench) -> None:
    id_ = await asked(desk)
    await desk.deliver()
    await desk.execute(
        "update conversations set memory = jsonb_set(memory, '{proof,expires_at}',"
        " to_jsonb(cast('2020-01-01T00:00:00Z' as text))) where id = :id",
        id=id_,
    )
    await desk.say(CODE)
    assert there(await desk.deliver()) == []
    await desk.say(ASK)
    assert len(there(await desk.deliver())) == 1


async def test_a_number_that_is_no_code_is_answered_all_the_same(desk: Bench) -> None:
    await asked(desk)
    await desk.deliver()
    await desk.say("By the way, my order number is 482913 and it is a fortnight late by now")
    assert "An answer." in to_customers(await desk.deliver())


@pytest.mark.parametrize("more", [{"private": False}, {"shared": True}, {"verified": False}])
async def test_where_others_read_or_nobody_vouches_no_code_is_sent(
    desk: Bench, more: dict[str, bool]
) -> None:
    await desk.say(ASK, chat="somewhere", **more)
    left = await desk.deliver()
    assert there(left) == []
    assert to_customers(left) == ["An answer."]


async def test_the_wish_to_go_on_elsewhere_is_a_plain_message_without_a_fitting_account(desk: Bench) -> None:
    rules = desk.rules
    desk.rules = lambda: replace(rules(), begin={})  # type: ignore[method-assign]
    await desk.say(ASK)
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_an_address_that_cannot_be_written_to_is_a_message_like_any_other(desk: Bench) -> None:
    def refuses(address: str, subject: str) -> tuple[Place, str]:
        raise Refused(f"{address} {subject}")

    rules = desk.rules
    desk.rules = lambda: replace(rules(), begin={"email": refuses})  # type: ignore[method-assign]
    await desk.say(ASK)
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_an_address_stands_nowhere_in_clear(desk: Bench) -> None:
    await asked(desk)
    [[memory]] = await desk.rows("select cast(memory as text) from conversations where memory ? 'proof'")
    assert ADDRESS.partition("@")[2] not in str(memory)


async def test_somebody_else_who_answers_the_code_is_a_new_customer(desk: Bench) -> None:
    id_ = await asked(desk)
    [mail] = [one for one in await desk.deliver() if one.place.channel == "email"]
    other = await desk.say("Who are you?", "eve@b.example", on="email", chat=mail.place.chat, shared=True)
    assert other != id_
    assert await desk.root_of(other) != await desk.root_of(id_)
    await desk.say(CODE)
    assert await desk.say("Me", ADDRESS, on="email", chat=mail.place.chat, shared=True) == id_
    told = [m.text for m in (await desk.view(id_)).story]
    assert "Who are you?" not in told
    assert not (await desk.view(other)).inputs


async def test_a_mail_of_a_stranger_in_the_thread_stays_inside(desk: Bench) -> None:
    id_, chat = await proved(desk)
    await desk.deliver()
    stranger = desk.event(
        "Give me her data",
        "eve@b.example",
        on="email",
        chat=chat,
        shared=True,
        name="Eve",
        sender_role=SenderRole.STRANGER,
        message="<x@b.example>",
    )
    await desk.hear(stranger)
    await desk.turn()
    view = await desk.view(id_)
    assert states(view, "Give me her data") == [MessageState.NOTE]
    left = await desk.deliver()
    assert to_customers(left) == []
    assert any("Give me her data" in text for text in to_rooms(left))
    await desk.say("Me again", ADDRESS, on="email", chat=chat, shared=True)
    assert to_customers(await desk.deliver()) == [], "people have the word now"


@pytest.mark.long
@pytest.mark.parametrize("flood", [8, 20])
async def test_two_programs_that_mail_each_other_stop_and_people_are_called_once(
    desk: Bench, flood: int
) -> None:
    cap = desk.organization.policies.automatic_replies_per_hour
    sent: list[str] = []
    opened = 0
    for n in range(flood):
        await desk.say(f"Your ticket {n} was received", "bot@b.example", on="email", chat="t", shared=True)
        sent += to_customers(await desk.deliver())
        [[opened]] = await desk.rows("select count(*) from escalations")
    assert len(sent) == cap
    assert opened == 1


async def test_an_automatic_mail_is_kept_and_not_answered(desk: Bench) -> None:
    id_ = await desk.say("I am away", ADDRESS, on="email", chat="t", shared=True, automatic=True)
    assert to_customers(await desk.deliver()) == []
    assert message(await desk.view(id_), "I am away").state is MessageState.RECEIVED


async def test_a_message_to_another_app_is_kept_and_not_answered(desk: Bench) -> None:
    """Until the customer is given to us, and then it is known what was said before."""
    id_ = await desk.say("Hello, robot", "p1", on="messenger", overheard=True)
    assert id_ == await desk.say(Started(""), "p1", on="messenger", overheard=True)
    assert await desk.deliver() == []
    await desk.say("Is there anybody?", "p1", on="messenger")
    assert to_customers(await desk.deliver()) == ["An answer."]
    view = await desk.view(id_)
    assert [line.text for line in lines(view.story)][:2] == ["Hello, robot", "Is there anybody?"]


async def test_a_held_answer_does_not_interrupt_another_app(desk: Bench) -> None:
    await desk.say("Hello?", "p1", on="messenger")
    await desk.deliver(desk.closed)
    await desk.turn()
    await desk.say("Hello, robot", "p1", on="messenger", overheard=True)
    assert to_customers(await desk.deliver()) == []
    await desk.say("Is there anybody?", "p1", on="messenger")
    assert to_customers(await desk.deliver())[0] == "An answer."


async def test_a_persons_correction_is_no_automatic_reply(desk: Bench) -> None:
    """A correction is a mail where mails cannot be changed, and leaves however often agents answered."""
    cap = desk.organization.policies.automatic_replies_per_hour
    there_ = {"on": "email", "chat": "t", "shared": True}
    for n in range(cap):
        await desk.say(f"Question {n}", ADDRESS, **there_)  # type: ignore[arg-type]
    id_ = await desk.say("One more", ADDRESS, **there_)  # type: ignore[arg-type]
    view = await desk.held(id_)
    await desk.staff("It costs 100", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver()
    await desk.turn()
    await desk.staff(Edited("s1", "It costs 10"), view)
    assert to_customers(await desk.deliver()) == ["Correction: It costs 10"]


async def test_the_mail_with_the_code_is_addressed_to_the_new_address(desk: Bench) -> None:
    await asked(desk)
    [mail] = [one for one in await desk.deliver() if one.place.channel == "email"]
    assert isinstance(mail.operation, Post)
    assert mail.item.context.startswith(f"to {ADDRESS}")


async def listed(desk: Bench) -> tuple[int, int]:
    """Return how many conversations and customers the lists of staff hold."""
    async with desk.database.begin() as connection:
        matters = await conversations(connection, desk.keys, desk.tenant)
        return len(matters), len(await customers(connection, desk.keys, desk.tenant))


async def swept(desk: Bench, later: timedelta) -> int:
    context = Context(
        database=desk.database,
        keyring=Keyring((b"k" * 32,)),
        files_url="file:///nowhere",
        clock=lambda: datetime.now(UTC) + later,
        spent=lambda: False,
        place="",
        remember=lambda _: None,
        rewrite_max=0,
    )
    return (await sweep(context))["unproved"]


async def test_an_address_that_was_only_sent_a_code_is_in_no_list(desk: Bench) -> None:
    await asked(desk)
    assert await listed(desk) == (1, 1)


async def test_an_address_that_nobody_proved_is_forgotten_a_day_later(desk: Bench) -> None:
    id_ = await asked(desk)
    await desk.deliver()
    assert await swept(desk, timedelta(hours=23)) == 0
    assert await swept(desk, timedelta(hours=25)) == 1
    assert await swept(desk, timedelta(hours=25)) == 0, "it is done once"
    rows = await desk.rows("select count(*) from identities i join accounts a on a.id = i.account_id"
                           " where a.channel = 'email'")  # fmt: skip
    assert rows == [(0,)]
    assert states(await desk.view(id_), "My order is late") == [MessageState.RECEIVED]


async def test_an_address_that_was_proved_stays(desk: Bench) -> None:
    id_, chat = await proved(desk)
    await swept(desk, timedelta(hours=25))
    assert await desk.say("Still me", ADDRESS, on="email", chat=chat, shared=True) == id_
    assert await listed(desk) == (1, 1)


async def erased(desk: Bench, conversation: ConversationId) -> None:
    customer = await desk.customer_of(conversation)
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)


async def readable(desk: Bench) -> list[str]:
    """Every address for which there still is a key."""
    rows = await desk.rows(
        "select c.id, c.data_key, i.address from customers c join identities i on i.customer_id = c.id"
        " where c.data_key is not null"
    )
    return [desk.keys.customer(id_, key).open(address, field=SEALED) for id_, key, address in rows]  # type: ignore[arg-type]


async def asked_who_wrote(desk: Bench, who: str, *, verified: bool = True) -> ConversationId:
    """Somebody answers the mail with the code, and people take that up."""
    [mail] = [one for one in await desk.deliver() if one.place.channel == "email"]
    event = desk.event("Who are you?", who, on="email", chat=mail.place.chat, shared=True, verified=verified)
    accepted = await desk.hear(event)
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return accepted.wakes[0].conversation


@pytest.mark.parametrize("who", [ADDRESS, "eve@b.example"])
async def test_an_answer_to_the_code_keeps_its_conversation_when_the_address_is_forgotten(
    desk: Bench, who: str
) -> None:
    await asked(desk)
    other = await asked_who_wrote(desk, who)
    view = await desk.held(other)
    assert await swept(desk, timedelta(hours=25)) == 1
    await desk.staff("We are Acme", view, ref="s1")
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == ["We are Acme"]
    assert (await desk.view(other)).conversation.place == view.conversation.place


async def test_somebody_else_who_answers_the_code_is_answered_alone_also_after_the_proof(desk: Bench) -> None:
    id_ = await asked(desk)
    other = await asked_who_wrote(desk, "eve@b.example")
    view = await desk.held(other)
    await desk.say(CODE)
    [mail] = [one for one in await desk.deliver() if one.place.channel == "email"]
    assert "late" in mail.text
    assert mail.item.context.startswith(f"to {ADDRESS}")
    await desk.staff("We are Acme", view, ref="s1")
    await desk.undo_is_over()
    [answer] = [one for one in await desk.deliver() if one.place.channel == "email"]
    assert answer.item.context == "to eve@b.example"
    await erased(desk, id_)
    await desk.staff("We really are", view, ref="s2")
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == ["We really are"]


async def test_erasing_the_customer_who_began_a_thread_leaves_the_one_who_goes_on_there(desk: Bench) -> None:
    first = await desk.say("By mail", ADDRESS, on="email", chat="t", shared=True)
    await desk.end(first)
    second = await desk.say("I was in copy", "tom@a.example", on="email", chat="t", shared=True)
    await desk.deliver()
    await erased(desk, first)
    assert await desk.say("Is anybody there?", "tom@a.example", on="email", chat="t", shared=True) == second
    assert there(await desk.deliver()) == ["An answer."]


async def test_an_address_that_was_proved_is_kept_as_the_customers_alone(desk: Bench) -> None:
    id_, chat = await proved(desk)
    assert (await readable(desk)).count(ADDRESS) == 1
    await erased(desk, id_)
    assert ADDRESS not in await readable(desk)
    assert await swept(desk, timedelta(hours=25)) == 0
    assert await desk.say("Hello", ADDRESS, on="email", chat=chat, shared=True) != id_


async def test_an_address_that_an_erased_customer_asked_for_is_forgotten_and_gets_no_code(
    desk: Bench,
) -> None:
    id_ = await asked(desk)
    await erased(desk, id_)
    assert ADDRESS not in await readable(desk)
    assert there(await desk.deliver()) == []
    assert await swept(desk, timedelta(hours=25)) == 0


async def test_an_erased_customer_who_answered_the_code_is_forgotten_within_a_day(
    desk: Bench,
) -> None:
    await asked(desk)
    await erased(desk, await asked_who_wrote(desk, ADDRESS))
    assert await swept(desk, timedelta(hours=25)) == 1
    assert ADDRESS not in await readable(desk)


async def test_people_are_told_that_the_number_changed(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!", "+1", on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.held(accepted.wakes[0].conversation)
    await desk.say(AddressChanged("+2"), "+1", on="whatsapp")
    assert any(
        "has a new number. The conversation continues there" in text
        for text in to_rooms(await desk.deliver())
    )


@pytest.mark.parametrize("by", [Started, lambda token: Said(f"Hello! ({token})")], ids=["link", "typed"])
async def test_a_customer_who_comes_by_an_invitation_is_told_once_that_we_go_on_there(
    desk: Bench, by: Callable[[str], Content]
) -> None:
    id_ = await desk.say("Hello")
    await desk.deliver()
    token = await invited(desk, id_)
    assert await desk.say(by(token), "+1", on="whatsapp") == id_
    assert to_customers(await desk.deliver()) == ["We go on here."]
    other = await desk.say(by(token), "+2", on="whatsapp")
    assert other != id_
    assert "We go on here." not in to_customers(await desk.deliver()), "it was used: nothing goes on"


async def test_words_beside_an_invitation_are_answered(desk: Bench) -> None:
    id_ = await desk.say("Hello")
    await desk.deliver()
    token = await invited(desk, id_)
    await desk.say(f"I come with {token}, and my order is late", "+1", on="whatsapp")
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_words_from_a_new_number_are_theirs_also_in_the_batch_that_tells_of_it(desk: Bench) -> None:
    """As a platform brings after an outage all that it has kept."""
    directory = Directory(desk.database, desk.keys, Organizations(desk.database))
    bus = Bus(desk.database, desk.inboxes, directory, Wakeups(None, "test", []), nobody_commands)
    writing = asyncio.create_task(bus.run())
    try:
        await bus.accept(
            desk.accounts["whatsapp"].id,
            [
                desk.event("From the old one", "+1", on="whatsapp"),
                desk.event(AddressChanged("+2"), "+1", on="whatsapp"),
                desk.event("From the new one", "+2", on="whatsapp"),
            ],
        )
    finally:
        writing.cancel()
    assert await desk.conversations() == 1
    assert await desk.rows("select count(*) from customers") == [(1,)]


async def nobody_commands(account: Account, command: ChatCommand) -> str:
    raise AssertionError(f"{account.account}: {command.text}")


@pytest.mark.long
@pytest.mark.parametrize("then", ["proved", "forgotten", "erased"])
async def test_an_unverified_answer_to_the_code_keeps_its_customer_readable(desk: Bench, then: str) -> None:
    asking = await asked(desk)
    other = await asked_who_wrote(desk, ADDRESS, verified=False)
    await desk.held(other)
    match then:
        case "proved":
            await desk.say(CODE)
        case "forgotten":
            await swept(desk, timedelta(hours=25))
        case _:
            await erased(desk, asking)
    rows = await desk.rows(
        "select c.data_key is not null, c.erased_at is null from conversations v"
        " join customers c on c.id = v.customer_id where v.id = :id",
        id=other,
    )
    assert rows == [(True, True)]
