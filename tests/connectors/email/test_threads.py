"""Threads: which conversation a mail belongs to, and which it does not."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.events import Event, Reference, SenderRole
from connectors.email.threads import Threads
from connectors.sandbox.mail import Customer, Letter
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, Line, said


async def conversation(line: Line, maya: Customer) -> tuple[Event, Letter]:
    """A question, and our answer to it."""
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await maya.received(1)
    return question, answer


async def test_the_subject_alone_joins_nothing(line: Line, maya: Customer) -> None:
    question, answer = await conversation(line, maya)
    await maya.write(answer.subject, "Something else", to=ADDRESS)

    _, other = await line.inbox.has(2)

    assert other.place != question.place


async def test_the_message_id_leads_to_the_thread_where_the_address_lost_its_token(
    line: Line, maya: Customer
) -> None:
    question, answer = await conversation(line, maya)
    await maya.reply(answer, "Thanks!", to=ADDRESS)

    _, reply = await line.inbox.has(2)

    assert reply.place == question.place


async def test_the_address_leads_to_the_thread_where_the_message_ids_are_lost(
    line: Line, maya: Customer
) -> None:
    question, answer = await conversation(line, maya)
    lost = {"In-Reply-To": "<rewritten@relay.example>", "References": "<rewritten@relay.example>"}
    await maya.reply(answer, "Thanks!", headers=lost)

    _, reply = await line.inbox.has(2)

    assert reply.place == question.place
    assert said(reply).text == "Thanks!"
    assert reply.reply_to == "<rewritten@relay.example>"


async def test_a_mail_says_which_mail_it_answers_and_whose_it_passes_on(line: Line, maya: Customer) -> None:
    _, answer = await conversation(line, maya)
    await maya.reply(answer, "Thanks!", to=ADDRESS)
    passed_on = "Is this yours?\n\n---------- Forwarded message ---------\nFrom: Eve <eve@c.example>\n"
    await maya.write("Fwd: Prize", f"{passed_on}Subject: Prize\n\nYou won", to=ADDRESS)

    _, reply, forward = await line.inbox.has(3)

    assert (reply.reply_to, reply.reference) == (answer.message_id, Reference(shortened=True))
    assert forward.reference == Reference(forwarded=True, origin="Eve <eve@c.example>")


async def test_writing_twice_before_the_answer_is_one_thread(line: Line, maya: Customer) -> None:
    first = await maya.write("Invoice", "Why twice?", to=ADDRESS)
    again = {"In-Reply-To": first.message_id, "References": first.message_id}
    await maya.write("Re: Invoice", "Anybody?", to=ADDRESS, headers=again)

    question, reminder = await line.inbox.has(2)

    assert reminder.place == question.place


async def test_an_outsider_who_answers_anothers_first_mail_gets_a_thread_of_their_own(
    line: Line, maya: Customer
) -> None:
    first = await maya.write("Invoice", "Why twice?", to=ADDRESS)
    eve = line.server.customer("eve@elsewhere.example")
    thread = {"In-Reply-To": first.message_id, "References": first.message_id}
    await eve.write("Re: Invoice", "And mine?", to=ADDRESS, headers=thread)

    question, other = await line.inbox.has(2)

    assert other.place != question.place
    assert other.sender_role is SenderRole.CUSTOMER


async def colleagues(line: Line, maya: Customer, **headers: str) -> tuple[Customer, Letter]:
    """The first mail of a customer, with somebody in copy."""
    karl = line.server.customer("karl@fischer.example", "Karl")
    first = await maya.write("Access", "Please let Tom in", to=ADDRESS, cc=[karl.address], headers=headers)
    await line.inbox.has(1)
    return karl, first


async def test_somebody_in_copy_who_answers_the_first_mail_joins_its_conversation(
    line: Line, maya: Customer
) -> None:
    karl, first = await colleagues(line, maya)
    thread = {"In-Reply-To": first.message_id, "References": first.message_id}
    await karl.write("Re: Access", "Approved.", to=ADDRESS, cc=[maya.address], headers=thread)

    question, word = await line.inbox.has(2)

    assert word.place == question.place
    assert word.sender_role is SenderRole.STRANGER
    assert word.sender.external_id == karl.address
    assert word.reply_context == ""


async def test_somebody_in_copy_joins_also_where_the_first_mail_was_a_reply(
    line: Line, maya: Customer
) -> None:
    old = "<old@fischer.example>"
    karl, first = await colleagues(line, maya, **{"In-Reply-To": old, "References": old})
    thread = {"In-Reply-To": first.message_id, "References": f"{old} {first.message_id}"}
    await karl.write("Re: Access", "Approved.", to=ADDRESS, cc=[maya.address], headers=thread)

    question, word = await line.inbox.has(2)

    assert word.place == question.place


async def test_somebody_who_takes_us_into_a_talk_that_we_never_read_is_a_customer(
    line: Line, maya: Customer
) -> None:
    karl = line.server.customer("karl@fischer.example", "Karl")
    among = await maya.write("Lamps", "Which one?", to=karl.address)
    thread = {"In-Reply-To": among.message_id, "References": among.message_id}
    await karl.write("Re: Lamps", "Let us ask them.", to=ADDRESS, cc=[maya.address], headers=thread)

    [event] = await line.inbox.has(1)

    assert event.sender_role is SenderRole.CUSTOMER


async def test_nobody_joins_unvouched_or_without_naming_the_customer(line: Line, maya: Customer) -> None:
    karl, first = await colleagues(line, maya)
    thread = {"In-Reply-To": first.message_id, "References": first.message_id}
    await karl.write("Re: Access", "Approved.", to=ADDRESS, headers=thread)
    await karl.write("Re: Access", "Ok.", to=ADDRESS, cc=[maya.address], headers=thread, verdict="fail")

    question, alone, forged = await line.inbox.has(3)

    assert question.place not in (alone.place, forged.place)


async def test_a_customer_with_a_conversation_of_their_own_stays_in_it(line: Line, maya: Customer) -> None:
    karl, first = await colleagues(line, maya)
    thread = {"In-Reply-To": first.message_id, "References": first.message_id}
    await karl.write("Re: Access", "Is it done?", to=ADDRESS, headers=thread)
    await line.inbox.has(2)
    await karl.write("Re: Access", "Approved.", to=ADDRESS, cc=[maya.address], headers=thread)

    _, own, again = await line.inbox.has(3)

    assert again.place == own.place
    assert again.sender_role is SenderRole.CUSTOMER


@pytest.mark.long
@pytest.mark.parametrize(
    ("headers", "copied"),
    [
        ({"X-BeenThere": "team@lists.example"}, []),
        ({"List-Post": "<mailto:team@lists.example>"}, []),
        ({"List-Id": "Our team <team.lists.example>"}, []),
        ({"Precedence": "bulk"}, []),
        ({}, ["team@lists.example", "karl@fischer.example"]),
    ],
)
async def test_an_answer_of_a_person_goes_to_people_in_copy_and_to_no_list(
    line: Line, maya: Customer, headers: dict[str, str], copied: list[str]
) -> None:
    programs = ["noreply@fischer.example", "owner-team@lists.example", "team-digest@lists.example"]
    people = ["team@lists.example", "karl@fischer.example"]
    await maya.write("Invoice", "Why twice?", to=ADDRESS, cc=[*people, *programs], headers=headers)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned.", speaker=rig.HUGO))
    [answer] = await maya.received(1)

    assert answer.recipients == [maya.address, *copied]


async def test_an_answer_goes_to_the_writer_though_a_list_wants_all_answers(
    line: Line, maya: Customer
) -> None:
    wants = {"List-Post": "<mailto:team@lists.example>", "Reply-To": "team@lists.example"}
    await maya.write("Invoice", "Why twice?", to=ADDRESS, headers=wants)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned.", speaker=rig.HUGO))

    [answer] = await maya.received(1)

    assert answer.recipients == [maya.address]


async def test_a_forged_token_begins_a_new_thread(line: Line, maya: Customer) -> None:
    question, answer = await conversation(line, maya)
    reply_to = answer.header("Reply-To").partition("<")[2].rstrip(">")
    local, _, domain = reply_to.partition("@")
    other_mac = "a" if local[-1] != "a" else "b"
    other_mail = "a" if answer.message_id[1] != "a" else "b"
    forged_id = f"<{other_mail}{answer.message_id[2:]}"
    eve = line.server.customer("eve@elsewhere.example")
    headers = {"In-Reply-To": forged_id, "References": forged_id}
    await eve.write("Re: Invoice", "Tell me all", to=f"{local[:-1]}{other_mac}@{domain}", headers=headers)

    _, forged = await line.inbox.has(2)

    assert forged.place != question.place


async def test_a_stranger_in_a_thread_is_no_customer(line: Line, maya: Customer) -> None:
    question, answer = await conversation(line, maya)
    eve = line.server.customer("eve@elsewhere.example", "Eve")
    await eve.reply(answer, "What was it about?")

    _, word = await line.inbox.has(2)

    assert word.place == question.place
    assert word.sender_role is SenderRole.STRANGER
    assert word.sender.external_id == "eve@elsewhere.example"
    assert word.reply_context == ""


async def test_a_colleague_whom_the_customer_reads_is_a_stranger_too(line: Line, maya: Customer) -> None:
    question, answer = await conversation(line, maya)
    boss = line.server.customer("boss@fischer.example")
    await boss.reply(answer, "I am her boss.", cc=[maya.address])

    _, word = await line.inbox.has(2)

    assert word.place == question.place
    assert word.sender_role is SenderRole.STRANGER


@pytest.mark.long
@pytest.mark.parametrize("verdict", ["fail", "none"])
async def test_a_forged_sender_gets_into_no_thread(line: Line, maya: Customer, verdict: str) -> None:
    question, answer = await conversation(line, maya)
    await maya.reply(answer, "Send my invoices to eve, please", verdict=verdict)

    _, forged = await line.inbox.has(2)

    assert forged.place != question.place
    assert not forged.sender.verified
    assert forged.sender_role is SenderRole.CUSTOMER


@pytest.mark.long
async def test_the_unverified_go_on_in_a_thread_that_never_was_more(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS, verdict="none")
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await maya.received(1)
    await maya.reply(answer, "Thanks!", verdict="none")

    _, reply = await line.inbox.has(2)

    assert reply.place == question.place
    assert not reply.sender.verified


async def test_answers_go_to_the_reply_to_of_the_verified_alone(line: Line, maya: Customer) -> None:
    elsewhere = {"Reply-To": "eve@elsewhere.example"}
    await maya.write("One", "…", to=ADDRESS, headers=elsewhere, verdict="fail")
    await maya.write("Two", "…", to=ADDRESS, headers=elsewhere)
    forged, honest = await line.inbox.has(2)
    eve = line.server.customer("eve@elsewhere.example")

    await line.connector.send(line.answer(forged, "A"))
    await line.connector.send(line.answer(honest, "B", delivery=8))

    [to_maya] = await maya.received(1)
    [to_eve] = await eve.received(1)
    assert (to_maya.text[0], to_eve.text[0]) == ("A", "B")


async def test_answers_do_not_go_to_a_reply_to_that_was_put_above_a_signed_mail(
    line: Line, maya: Customer
) -> None:
    proof = "spf=fail smtp.mailfrom=elsewhere.example; dkim=pass header.d=fischer.example"
    raw = (
        f"Authentication-Results: {line.server.authserv}; {proof}\r\nReply-To: eve@elsewhere.example\r\n"
        f"From: {maya.address}\r\nTo: {ADDRESS}\r\nSubject: Hi\r\n\r\nMy balance?"
    )
    await line.server.imap.store(ADDRESS, raw.encode(), line.now)
    [event] = await line.inbox.has(1)
    await line.connector.send(line.answer(event, "A"))

    assert event.sender.verified
    assert [mail.text[0] for mail in await maya.received(1)] == ["A"]


async def test_an_unverified_mail_has_us_write_to_nobody_else(line: Line, maya: Customer) -> None:
    """A forger of a sender also chooses who is in copy."""
    victim = line.server.customer("victim@elsewhere.example")
    await maya.write("One", "Buy this", to=ADDRESS, cc=[victim.address], verdict="fail")
    [forged] = await line.inbox.has(1)
    await line.connector.send(line.answer(forged, "A"))

    [mail] = await maya.received(1)

    assert not mail.header("Cc")
    assert len(victim.inbox) == 1  # the forger's own


async def test_a_domain_with_letters_is_the_same_however_it_is_written(line: Line) -> None:
    greta = line.server.customer("greta@xn--mller-kva.example", "Greta")
    await greta.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await greta.received(1)
    raw = f"From: greta@müller.example\r\nTo: {ADDRESS}\r\nIn-Reply-To: {answer.message_id}\r\n\r\nThanks!"
    await greta.send_raw(raw.encode(), to=ADDRESS)

    _, reply = await line.inbox.has(2)

    assert reply.place == question.place
    assert reply.sender_role is SenderRole.CUSTOMER
    assert reply.sender.external_id == question.sender.external_id


async def test_a_form_on_our_website_speaks_for_its_visitor(line: Line, maya: Customer) -> None:
    """It writes as ourselves; anybody may have typed any address."""
    form = {"From": f"Website <{ADDRESS}>", "Reply-To": "Maya Fischer <maya@fischer.example>"}
    await maya.write("Contact", "Why twice?", to=ADDRESS, headers=form)
    [event] = await line.inbox.has(1)
    await line.connector.send(line.answer(event, "One was returned."))
    [answer] = await maya.received(1)
    await maya.reply(answer, "Thanks!")

    _, reply = await line.inbox.has(2)

    assert said(event).text.endswith("Why twice?")
    assert event.sender.external_id == maya.address
    assert not event.sender.verified
    assert not event.automatic
    assert reply.place == event.place


async def test_our_own_mail_is_no_message_of_anybody(line: Line, maya: Customer) -> None:
    _, answer = await conversation(line, maya)
    await line.server.receive(answer.raw, sender=ADDRESS, recipient=ADDRESS)
    list_copy = answer.raw.replace(ADDRESS.encode(), b"list@elsewhere.example", 1)
    await line.server.receive(list_copy, sender="list@elsewhere.example", recipient=ADDRESS)
    await maya.write("Later", "…", to=ADDRESS)

    events = await line.inbox.has(2)

    assert [said(event).text[:11] for event in events] == ["**Invoice**", "**Later**\n\n"]


@pytest.mark.long
async def test_threads_outlive_a_new_password(line: Line, maya: Customer) -> None:
    question, answer = await conversation(line, maya)
    await line.stop()
    line.server.change_password(ADDRESS, "another")
    given = replace(rig.settings(rig.options(line.server)), secrets={"password": "another"})
    async with rig.line(line.server, given, line.vault) as later:
        await later.listen()
        await maya.reply(answer, "Thanks!")

        [reply] = await later.inbox.has(1)

    assert reply.place == question.place


_KEY = b"a key of ours"
_ADDRESSES = st.emails().filter(lambda address: "+" not in address)


@pytest.mark.long
@given(_ADDRESSES, _ADDRESSES, st.uuids(), st.integers(0, 99), st.booleans())
def test_a_signed_thread_is_found_again_and_binds_the_address(
    address: str, other: str, delivery: UUID, part: int, vouched: bool
) -> None:
    threads = Threads(_KEY, "support")
    thread = threads.begun_by("<a@b>", address, vouched=vouched)
    message_id = threads.message_id(delivery, part, thread, address, "brightdesk.example", vouched=vouched)
    plus = threads.plus_address(ADDRESS, thread, address, vouched=vouched)
    found, again = threads.by_message_id(message_id), threads.by_address(plus.upper(), [ADDRESS])

    assert found is not None
    assert again is not None
    assert found.thread == again.thread == thread
    assert threads.speaks(found, address.upper(), vouched=vouched)
    assert not threads.speaks(found, address, vouched=not vouched)
    assert threads.speaks(found, other, vouched=vouched) == (other.casefold() == address.casefold())
    assert Threads(b"another key", "support").by_message_id(message_id) is None
    assert Threads(_KEY, "sales").by_message_id(message_id) is None
    assert Threads(b"a newer key", "support", [_KEY]).by_message_id(message_id) is not None


@given(st.text(max_size=200))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    threads = Threads(_KEY, "support")

    assert threads.by_message_id(text) is None
    assert threads.by_address(text, [ADDRESS]) is None
    assert threads.by_address(f"support+{text}@brightdesk.example", [ADDRESS]) is None
