"""Refusals of a mail server, and what the desk is told of them."""

from uuid import UUID

import pytest

from bot.core.connector import Resources
from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    Unreachable,
)
from bot.core.events import Event
from bot.core.ids import DeliveryId
from bot.core.outbound import Erase, Outbound, Post, Speaker, Typing
from connectors.email.connector import EmailConnector
from connectors.email.submission import Stage, as_send_error
from connectors.sandbox.faults import FaultPlan, Mischief
from connectors.sandbox.mail import Customer, MailServer
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, Line


@pytest.fixture
async def question(line: Line, maya: Customer) -> Event:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [event] = await line.inbox.has(1)
    return event


@pytest.mark.long
@pytest.mark.parametrize("call", ["MAIL", "RCPT", "DATA"])
async def test_greylisting_is_waited_for(
    line: Line, maya: Customer, question: Event, faults: FaultPlan, call: str
) -> None:
    faults.add("*", Mischief.RATE_LIMITED, pattern=call, count=1)
    with pytest.raises(PlatformDown) as refused:
        await line.connector.send(line.answer(question, "One was returned."))
    await line.connector.send(line.answer(question, "One was returned."))

    assert refused.value.retry_after is not None
    assert refused.value.retry_after.total_seconds() == 60
    assert len(await maya.received(1)) == 1


@pytest.mark.long
@pytest.mark.parametrize("call", ["MAIL", "RCPT"])
async def test_a_connection_lost_before_the_mail_is_a_platform_that_is_down(
    line: Line, question: Event, faults: FaultPlan, call: str
) -> None:
    faults.add("*", Mischief.RESET, pattern=call, count=1)

    with pytest.raises(PlatformDown):
        await line.connector.send(line.answer(question, "One was returned."))


@pytest.mark.long
@pytest.mark.parametrize("kind", [Mischief.RESET, Mischief.LOST_RESPONSE])
async def test_a_connection_lost_after_the_mail_is_an_unknown_outcome(
    line: Line, question: Event, faults: FaultPlan, kind: Mischief
) -> None:
    faults.add("*", kind, pattern="DATA", count=1)

    with pytest.raises(OutcomeUnknown):
        await line.connector.send(line.answer(question, "One was returned."))


@pytest.mark.long
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("550 5.1.1 <maya@fischer.example>: no such user", Unreachable),
        ("550 No such user", Unreachable),
        ("550 5.2.1 The account is disabled", Unreachable),
        ("552 5.2.2 Mailbox full", Refused),
        ("550 5.7.1 Blocked by policy", Refused),
        ("450 4.2.1 The user is receiving mail at a rate that prevents delivery", RateLimited),
        ("550 5.4.5 Daily user sending limit exceeded", RateLimited),
        ("451 4.3.0 Try later", PlatformDown),
    ],
)
async def test_the_recipients_server_refuses(
    line: Line, maya: Customer, question: Event, answer: str, error: type[SendError]
) -> None:
    line.server.smtp.refused[maya.address] = answer

    with pytest.raises(SendError) as refused:
        await line.connector.send(line.answer(question, "One was returned."))

    assert type(refused.value) is error
    assert refused.value.reason.startswith(answer[:3])
    assert maya.address not in refused.value.reason


async def test_a_refused_copy_does_not_keep_the_mail_back(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS, cc=["boss@fischer.example"])
    [event] = await line.inbox.has(1)
    line.server.smtp.refused["boss@fischer.example"] = "550 5.1.1 no"

    await line.connector.send(line.answer(event, "One was returned."))

    assert len(await maya.received(1)) == 1


async def test_a_copy_that_is_put_off_is_waited_for_once(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS, cc=["boss@fischer.example"])
    [event] = await line.inbox.has(1)
    line.server.smtp.refused["boss@fischer.example"] = "450 4.2.0 Greylisted"

    with pytest.raises(PlatformDown):
        await line.connector.send(line.answer(event, "One was returned."))
    assert not maya.inbox

    await line.connector.send(line.answer(event, "One was returned."))
    assert len(await maya.received(1)) == 1


async def test_a_mail_that_is_spam_is_refused(line: Line, question: Event) -> None:
    line.server.smtp.refused_data = "554 5.6.0 Message refused"

    with pytest.raises(Refused):
        await line.connector.send(line.answer(question, "One was returned."))


async def test_a_wrong_password_suspends_the_account(line: Line, question: Event) -> None:
    line.server.change_password(ADDRESS, "another")

    with pytest.raises(AccountSuspended, match="535"):
        await line.connector.send(line.answer(question, "One was returned."))


async def test_a_server_that_is_not_there_is_down(server: MailServer, line: Line, question: Event) -> None:
    async with rig.line(server, rig.settings(rig.options(server, smtp="127.0.0.1:1"))) as other:
        with pytest.raises(PlatformDown, match=r"127\.0\.0\.1:1"):
            await other.connector.send(line.answer(question, "One was returned."))


async def test_operations_that_mail_cannot_do_are_refused(line: Line, question: Event) -> None:
    assert not (await line.connector.send(line.answer(question, Typing()))).message
    for operation in (Erase("<a@b>"), Post("")):
        with pytest.raises(Refused):
            await line.connector.send(line.answer(question, operation))
    with pytest.raises(Refused):
        await line.connector.send(line.answer(question, "One", part=1))


@pytest.mark.parametrize(
    "address",
    [
        *("", "no address", "a@b\r\nBcc: eve@x.example", "é@fischer.example", "a b@c"),
        *(ADDRESS, ADDRESS.upper(), ADDRESS.replace("@", "+token@"), "help@brightdesk.example"),
    ],
)
def test_a_first_mail_to_an_invalid_address_or_our_own_is_refused(address: str) -> None:
    options = {
        "address": ADDRESS,
        "aliases": "help@brightdesk.example",
        "imap": "localhost",
        "smtp": "localhost",
    }
    connector = EmailConnector(rig.settings(options), Resources(files=rig.Files(), vault=rig.Vault()))

    with pytest.raises(Refused):
        connector.begin(address, "Hello")


async def test_neither_subject_nor_names_can_bring_headers(line: Line, maya: Customer) -> None:
    injected = "Hello\r\nBcc: eve@elsewhere.example"
    place, context = line.connector.begin(maya.address, injected)
    post = Post("Hello", speaker=Speaker(injected, human=True))
    await line.connector.send(Outbound(DeliveryId(UUID(int=1)), place, post, context=context))

    [mail] = await maya.received(1)

    assert "Bcc" not in mail.message
    assert mail.subject == "Hello  Bcc: eve@elsewhere.example".replace("  ", " ")


@pytest.mark.long
async def test_a_mailbox_that_may_not_send_as_its_address_is_suspended(
    server: MailServer, question: Event
) -> None:
    given = rig.settings(rig.options(server, address="other@elsewhere.example", username=ADDRESS))
    async with rig.line(server, given) as other:
        with pytest.raises(AccountSuspended, match="550"):
            await other.connector.send(other.answer(question, "One was returned."))


@pytest.mark.parametrize("code", [421, 450, 500, 535, 550, 554, 599])
def test_every_code_is_some_error(code: int) -> None:
    assert as_send_error(code, "", Stage.DATA).reason.startswith(str(code))
