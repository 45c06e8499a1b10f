"""Return addresses: where answers to a mail go, and whether anybody vouches for that."""

import pytest

from bot.core.events import ReturnAddress, return_address
from bot.core.outbound import Post
from connectors.sandbox.mail import Customer
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, Line


def test_spellings_of_one_mailbox_are_one() -> None:
    spelled = ("maya@a.example", "Maya@A.example", "maya+spam@a.example", "maya+a+b@a.EXAMPLE")
    assert len({return_address(each, verified=True) for each in spelled}) == 1
    odd = [return_address(each, verified=True).mailbox for each in ("+1@a.example", "nobody", "")]
    assert odd == ["+1@a.example", "nobody", ""]


def test_dots_tell_no_mailboxes_of_gmail_apart() -> None:
    spelled = ("maya.fischer@gmail.com", "m.aya.fischer+shop@googlemail.com", "MayaFischer@Gmail.com.")
    assert {return_address(each, verified=False).mailbox for each in spelled} == {"mayafischer@gmail.com"}
    assert return_address("maya.fischer@a.example", verified=False).mailbox == "maya.fischer@a.example"


@pytest.mark.parametrize(
    ("domain", "registered"),
    [
        ("a.example", "a.example"),
        ("sub1.a.example", "a.example"),
        ("x.y.a.co.uk", "a.co.uk"),
        ("a.com.br", "a.com.br"),
        ("co.uk", "co.uk"),
        ("com.example", "com.example"),
        ("mail.co.example", "co.example"),
        ("localhost", "localhost"),
    ],
)
def test_all_below_one_registered_domain_are_counted_as_one(domain: str, registered: str) -> None:
    assert return_address(f"maya@{domain}", verified=False).domain == registered


@pytest.mark.parametrize(
    ("address", "acknowledged"),
    [
        ("maya@a.example", True),
        ("maya+shop-2026@a.example", True),
        ("maya+claim-500-eur-at-prizes@a.example", False),
        ("maya+prizes.example@a.example", False),
        ("maya+claim=now@a.example", False),
        ("", False),
    ],
)
def test_no_address_that_says_something_is_acknowledged(address: str, acknowledged: bool) -> None:
    assert return_address(address, verified=False).acknowledged == acknowledged


async def test_a_good_verdict_is_for_the_author_alone(line: Line, maya: Customer) -> None:
    tagged = {"Reply-To": "Maya+Shop@fischer.example"}
    elsewhere = {"Reply-To": "vera@harbor.example"}
    await maya.write("Hi", "One", to=ADDRESS)
    await maya.write("Hi", "Two", to=ADDRESS, headers=tagged)
    await maya.write("Hi", "Three", to=ADDRESS, headers=elsewhere)
    await maya.write("Hi", "Four", to=ADDRESS, headers=elsewhere, verdict="fail")
    events = await line.inbox.has(4)
    hers = ReturnAddress(mailbox=maya.address, domain="fischer.example")
    veras = ReturnAddress(mailbox="vera@harbor.example", domain="harbor.example", verified=False)
    forged = ReturnAddress(mailbox=maya.address, domain="fischer.example", verified=False)
    assert [event.returns for event in events] == [hers, hers, veras, forged]


async def test_a_reply_to_our_mail_proves_that_its_address_is_read(line: Line, maya: Customer) -> None:
    await maya.write("Hi", "One", to=ADDRESS, verdict="none")
    [first] = await line.inbox.has(1)
    await line.connector.send(line.answer(first, "Was it you?"))
    [asked] = await maya.received(1)
    await maya.reply(asked, "Yes", verdict="none")
    _, second = await line.inbox.has(2)
    assert second.place == first.place
    assert second.returns == ReturnAddress(mailbox=maya.address, domain="fischer.example")
    assert not second.sender.verified, "and is not known to be who they say"


async def test_mails_that_nobody_vouches_for_are_one_thread_for_each_address(
    line: Line, maya: Customer
) -> None:
    for n in range(3):
        await maya.write(
            f"Win {n}", "…", to=ADDRESS, verdict="fail", headers={"From": f"maya+{n}@fischer.example"}
        )
        await maya.write(f"Question {n}", "…", to=ADDRESS)
    await maya.write("Win", "…", to=ADDRESS, verdict="fail", headers={"From": "vera@harbor.example"})
    events = await line.inbox.has(7)
    forged = {event.place for event in events if not event.sender.verified}
    assert len(forged) == 2
    assert len({event.place for event in events if event.sender.verified}) == 3


async def test_an_answer_that_quotes_nothing_of_a_mail_has_none_of_its_headers(
    line: Line, maya: Customer
) -> None:
    thread = {"Message-ID": "<spam@prizes.example>", "References": "<bait@prizes.example>"}
    await maya.write("You won", "Claim it", to=ADDRESS, headers=thread, verdict="fail")
    [event] = await line.inbox.has(1)
    await line.connector.send(
        line.answer(event, Post("It has come.", speaker=rig.AGENT, subject="Your message"))
    )
    [mail] = await maya.received(1)
    assert (mail.subject, mail.header("To")) == ("Your message", maya.address)
    assert mail.header("Auto-Submitted") == "auto-replied"
    for theirs in ("prizes.example", "You won", "Claim it", "Maya Fischer"):
        assert theirs not in mail.raw.decode()


async def test_a_program_copies_nobody_of_another_domain(line: Line, maya: Customer) -> None:
    boss = line.server.customer("boss@fischer.example")
    vera = line.server.customer("vera@harbor.example")
    await maya.write("Invoice", "Why twice?", to=ADDRESS, cc=[boss.address, vera.address])
    [event] = await line.inbox.has(1)
    await line.connector.send(line.answer(event, "One was returned."))
    assert (len(boss.inbox), len(vera.inbox)) == (2, 1), "her own mail, and our answer"
    await line.connector.send(line.answer(event, "It was.", delivery=8, speaker=rig.HUGO))
    assert (len(boss.inbox), len(vera.inbox)) == (3, 2)
