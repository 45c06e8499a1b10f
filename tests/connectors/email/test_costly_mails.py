"""Mails that take too long to read: their originals are kept, and the mailbox goes on with the next ones."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.errors import Refused, StorageUnavailable
from bot.core.events import return_address
from connectors.email.intake import ReadingBudget
from connectors.email.queue import MOST
from connectors.email.reading import Budget, ReadingProcess, TooCostly
from connectors.sandbox.mail import Customer, MailServer
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, Line, said

CPU_SECONDS = 0.2  # enough for headers, and nowhere enough for what is written here
WITHOUT_END = ReadingBudget(
    first=CPU_SECONDS, whole=100_000.0
)  # what is too costly is read until the test ends
LINE = "[This mail took too long to read. Open the original to see what it says.]"


@pytest.fixture
async def hurried(server: MailServer) -> AsyncIterator[Line]:
    """A connector whose mails may cost little CPU, so that no test has to use up much of it."""
    limits = ReadingBudget(first=CPU_SECONDS, whole=3 * CPU_SECONDS)
    async with rig.line(server, rig.settings(rig.options(server)), limits=limits) as made:
        await made.listen()
        yield made


@pytest.fixture
async def patient(server: MailServer) -> AsyncIterator[Line]:
    async with rig.line(server, rig.settings(rig.options(server)), limits=WITHOUT_END) as made:
        await made.listen()
        yield made


@pytest.fixture
def robin(server: MailServer) -> Customer:
    return server.customer("robin@bakery.example")


def costly(sender: str, *, parts: int = 10, to: str = ADDRESS) -> bytes:
    head = (
        f"From: Mallory <{sender}>\r\nTo: {to}\r\nSubject: Entities\r\n"
        "Message-ID: <costly@x.example>\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    part = "--b\r\nContent-Type: text/html\r\n\r\n" + "&a;" * 330_000 + "\r\n"
    return (head + part * parts + "--b--\r\n").encode()


@pytest.mark.long
async def test_a_mail_that_is_too_costly_is_kept_as_its_original(hurried: Line, maya: Customer) -> None:
    raw = costly(maya.address, parts=2)
    await maya.send_raw(raw, to=ADDRESS)
    await maya.write("Hello", "Is anybody there?", to=ADDRESS)

    hostile, next_one = await hurried.inbox.has(2)

    assert said(hostile).text == f"**Entities**\n\n{LINE}"
    assert hostile.sender.handle == maya.address
    assert hostile.message == "<costly@x.example>"
    [original] = said(hostile).attachments
    assert original.name == "original.eml"
    assert raw in (await hurried.fetched(original.ref)).replace(b"\n", b"\r\n").replace(b"\r\r", b"\r")
    assert said(next_one).text == "**Hello**\n\nIs anybody there?"


async def test_blanks_in_a_header_cost_no_more_than_letters(hurried: Line, maya: Customer) -> None:
    head = f"From: {maya.address}\r\nTo: {ADDRESS}\r\nX-Mailer: a{' ' * 20_000}b\r\n"
    letter = f"{head}Subject: Hello{' ' * 40_000}there\r\n\r\nMy order is lost"
    await maya.send_raw(letter.encode(), to=ADDRESS)

    [event] = await hurried.inbox.has(1)

    assert said(event).text.endswith("My order is lost")


@pytest.mark.long
async def test_a_mail_whose_headers_are_too_costly_is_kept_as_its_original(
    server: MailServer, maya: Customer
) -> None:
    """Its author and its thread are known all the same, and people see it."""
    words = ", ".join(f"=?utf-8?q?a{n}?= <a@x.example>" for n in range(1_600))
    letter = f"From: {maya.address}\r\nTo: {ADDRESS}\r\nMessage-ID: <1@x.example>\r\nCc: {words}\r\n\r\nHello"
    limits = ReadingBudget(first=0.001, whole=0.003)
    async with rig.line(server, rig.settings(rig.options(server)), limits=limits) as line:
        await line.listen()
        await maya.send_raw(letter.encode(), to=ADDRESS)
        [event] = await line.inbox.has(1)
        [original] = said(event).attachments
        assert words.encode() in await line.fetched(original.ref)

    assert not event.automatic
    assert event.sender.handle == maya.address
    assert event.message == "<1@x.example>"
    assert event.returns == return_address(maya.address, verified=False)
    assert said(event).text.endswith(LINE)


@pytest.mark.long
async def test_others_do_not_wait_for_a_mail_that_takes_long(
    patient: Line, maya: Customer, robin: Customer
) -> None:
    before = patient.vault.kept["uid:INBOX"]
    await maya.send_raw(costly(maya.address), to=ADDRESS)
    for number in range(3):
        await robin.write(f"{number}", "A word. " * 8_000, to=ADDRESS)

    events = await patient.inbox.has(3)

    assert [said(event).text[:5] for event in events] == ["**0**", "**1**", "**2**"]
    assert patient.vault.kept["uid:INBOX"] == before, "after a crash all of them are read once more"


@pytest.mark.long
async def test_a_process_killed_while_reading_loses_no_mail(
    patient: Line, maya: Customer, robin: Customer, server: MailServer
) -> None:
    await maya.send_raw(costly(maya.address), to=ADDRESS)
    await maya.write("Second", "Is anybody there?", to=ADDRESS)
    await robin.write("Hello", "Is anybody there?", to=ADDRESS)
    await patient.inbox.has(1)
    await patient.stop()

    limits = ReadingBudget(first=CPU_SECONDS, whole=3 * CPU_SECONDS)
    async with rig.line(server, rig.settings(rig.options(server)), patient.vault, limits=limits) as again:
        again.inbox.events = patient.inbox.events
        await again.listen()
        events = await again.inbox.has(3)
        newest = said(events[0]).attachments[-1].ref.split(";")[2]
        await again.vault.until(lambda vault: vault.kept["uid:INBOX"].endswith(f":{newest}"))

    told = [said(event).text.partition("\n")[0] for event in events]
    assert told == ["**Hello**", "**Entities**", "**Second**"]


@pytest.mark.long
async def test_others_do_not_wait_for_the_keys_of_a_mail(
    server: MailServer, maya: Customer, robin: Customer
) -> None:
    """The signer of a mail chooses the name server that is asked for the key, and how long that takes."""
    answered = asyncio.Event()

    async def look_up(name: str) -> tuple[bytes, ...]:
        if "x.example" in name:
            await answered.wait()
        return ()

    signed = (
        "DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=AA==; b=AA==\r\n"
        f"From: mallory@x.example\r\nTo: {ADDRESS}\r\nMessage-ID: <1@x.example>\r\n\r\nHello"
    )
    given = rig.settings(rig.options(server, trusted_servers=""))
    async with rig.line(server, given, limits=ReadingBudget(lookups=0.01), look_up=look_up) as line:
        await line.listen()
        await maya.send_raw(signed.encode(), to=ADDRESS)
        await maya.send_raw(signed.replace("<1@", "<2@").encode(), to=ADDRESS)
        await robin.write("Hello", "Is anybody there?", to=ADDRESS)
        [event] = await line.inbox.has(1)
        assert event.sender.handle == robin.address
        answered.set()
        _, *signed_ones = await line.inbox.has(3)

    assert [event.message for event in signed_ones] == ["<1@x.example>", "<2@x.example>"]
    assert [said(event).text for event in signed_ones] == ["Hello", "Hello"]


@pytest.mark.long
async def test_a_later_mail_of_the_same_person_comes_later(
    patient: Line, maya: Customer, robin: Customer
) -> None:
    await maya.send_raw(costly(maya.address), to=ADDRESS)
    await maya.write("Second", "Is anybody there?", to=ADDRESS)
    await robin.write("Hello", "Is anybody there?", to=ADDRESS)

    [event] = await patient.inbox.has(1)

    assert event.sender.handle == robin.address


@pytest.mark.long
async def test_a_colleague_in_the_same_conversation_waits_for_it_too(
    patient: Line, maya: Customer, robin: Customer, server: MailServer
) -> None:
    await maya.write("Hello", "Is anybody there?", to=ADDRESS)
    [hello] = await patient.inbox.has(1)
    await patient.connector.send(patient.answer(hello, "Yes."))
    [answer] = await maya.received(1)
    token_address = answer.header("Reply-To").partition("<")[2].rstrip(">")

    await maya.send_raw(costly(maya.address, to=token_address), to=token_address)
    colleague = server.customer("mia@fischer.example")
    await colleague.write("Re: Hello", "I read this, too.", to=token_address)
    await robin.write("Hello", "Is anybody there?", to=ADDRESS)
    _, event = await patient.inbox.has(2)

    assert event.sender.handle == robin.address


@pytest.mark.long
async def test_the_next_mails_of_its_author_come_behind_a_costly_one(hurried: Line, maya: Customer) -> None:
    await maya.send_raw(costly(maya.address), to=ADDRESS)
    for number in range(3):
        await maya.write(f"{number}", "…", to=ADDRESS)

    events = await hurried.inbox.has(4)

    told = [said(event).text.partition("\n")[0] for event in events]
    assert told == ["**Entities**", "**0**", "**1**", "**2**"]


@pytest.mark.long
async def test_no_more_wait_than_there_is_room_for(patient: Line, maya: Customer, robin: Customer) -> None:
    """The reading that has waited longest is given up for them."""
    await maya.send_raw(costly(maya.address), to=ADDRESS)
    for number in range(MOST - 1):
        await maya.write(f"{number}", "…", to=ADDRESS)
    await robin.write("Hello", "Is anybody there?", to=ADDRESS)

    events = await patient.inbox.has(MOST + 1)

    told = [said(event).text for event in events]
    assert told[0] == f"**Entities**\n\n{LINE}"
    assert [text for text in told[1:] if "Hello" not in text] == [f"**{n}**\n\n…" for n in range(MOST - 1)]


@pytest.mark.long
async def test_a_mail_that_cannot_be_stored_keeps_back_later_mails_of_its_author(
    hurried: Line, maya: Customer
) -> None:
    hurried.inbox.raises = [StorageUnavailable("away")] * 2
    await maya.send_raw(costly(maya.address), to=ADDRESS)
    await maya.write("Second", "Is anybody there?", to=ADDRESS)

    events = await hurried.inbox.has(2)

    assert [said(event).text.partition("\n")[0] for event in events] == ["**Entities**", "**Second**"]


@pytest.mark.long
async def test_the_budget_is_one_for_all_that_is_asked_about_a_mail() -> None:
    process, budget = ReadingProcess(), Budget(CPU_SECONDS)
    letter = costly("mallory@x.example")
    try:
        with pytest.raises(TooCostly):
            await process.read(letter, trusted_servers=(), own_addresses=(), keys={}, budget=budget)
        assert budget.left == 0
        with pytest.raises(TooCostly):
            await process.key_names(letter, trusted_servers=(), budget=budget)

        enough = Budget(60.0)
        await process.key_names(letter, trusted_servers=(), budget=enough)
        left = enough.left
        cheap = letter[:300_000]
        await process.read(cheap, trusted_servers=(), own_addresses=(), keys={}, budget=enough)
        assert enough.left < left
    finally:
        await process.close()


@pytest.mark.long
async def test_the_files_of_a_mail_have_a_budget_of_their_own(server: MailServer, maya: Customer) -> None:
    limits = ReadingBudget(first=CPU_SECONDS, whole=3 * CPU_SECONDS, files=0.05)
    async with rig.line(server, rig.settings(rig.options(server)), limits=limits) as line:
        await line.listen()
        await maya.send_raw(costly(maya.address), to=ADDRESS)
        [hostile] = await line.inbox.has(1)
        [original] = said(hostile).attachments

        with pytest.raises(Refused, match="too_costly"):
            await line.fetched(original.ref)


@pytest.mark.long
async def test_all_files_of_a_mail_are_there(hurried: Line, maya: Customer) -> None:
    part = "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename={}.pdf\r\n\r\n"
    files = "".join(f"{part.format(number)}{number}{'x' * 1_000}\r\n" for number in range(20))
    head = f"From: {maya.address}\r\nTo: {ADDRESS}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    await maya.send_raw(f"{head}--b\r\n\r\nHello\r\n{files}--b--\r\n".encode(), to=ADDRESS)
    [event] = await hurried.inbox.has(1)

    contents = [await hurried.fetched(each.ref) for each in said(event).attachments[:-1]]

    assert contents == [f"{number}{'x' * 1_000}".encode() for number in range(20)]


@pytest.mark.long
async def test_an_answer_to_a_costly_mail_quotes_no_line_of_ours(hurried: Line, maya: Customer) -> None:
    await maya.send_raw(costly(maya.address), to=ADDRESS)

    [hostile] = await hurried.inbox.has(1)

    assert LINE not in hostile.reply_context


@pytest.mark.long
async def test_a_small_mail_is_read_apart_where_it_is_signed_or_has_html(line: Line, maya: Customer) -> None:
    others = reading_processes()
    head = f"From: {maya.address}\r\nTo: {ADDRESS}\r\n"
    await maya.send_raw(f"{head}\r\nHello".encode(), to=ADDRESS)
    await line.inbox.has(1)
    assert reading_processes() == others

    signature = "dkim-signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=AA==; b=AA=="
    await maya.send_raw(f"{head}{signature}\r\n\r\nHello".encode(), to=ADDRESS)
    await line.inbox.has(2)
    [reader] = reading_processes() - others
    os.kill(reader, signal.SIGKILL)

    await maya.send_raw(f"{head}Content-Type: text/html\r\n\r\n<b>Hello</b>".encode(), to=ADDRESS)
    await line.inbox.has(3)
    assert reading_processes() - others - {reader}


@pytest.mark.long
async def test_a_process_that_is_killed_loses_no_mail(line: Line, maya: Customer) -> None:
    others = reading_processes()
    long = "A word. " * 8_000
    await maya.write("First", long, to=ADDRESS)
    await line.inbox.has(1)
    [reader] = reading_processes() - others

    os.kill(reader, signal.SIGKILL)
    await maya.write("Second", long, to=ADDRESS)
    _, second = await line.inbox.has(2)

    assert said(second).text.startswith("**Second**\n\nA word. A word.")
    assert reader not in reading_processes()


@pytest.mark.long
async def test_a_process_that_hangs_is_replaced() -> None:
    """Stopped, it uses no CPU, which is what is bounded."""
    process, others = ReadingProcess(hung_seconds=0.2), reading_processes()
    letter = costly("mallory@x.example", parts=1)
    try:
        await process.key_names(letter, trusted_servers=(), budget=Budget(60.0))
        [reader] = reading_processes() - others
        os.kill(reader, signal.SIGSTOP)

        assert await process.key_names(letter, trusted_servers=(), budget=Budget(3.0)) == ()
        assert reader not in reading_processes()
    finally:
        await process.close()


async def test_the_process_ends_with_its_mailbox(line: Line, maya: Customer) -> None:
    others = reading_processes()
    await maya.write("First", "A word. " * 8_000, to=ADDRESS)
    await line.inbox.has(1)
    assert reading_processes() - others

    await line.stop()

    assert reading_processes() - others == set()


@pytest.mark.long
async def test_the_process_has_no_secret_in_its_environment(
    line: Line, maya: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = reading_processes()
    monkeypatch.setenv("DESK_TEST_SECRET", "sesame")
    await maya.write("First", "A word. " * 8_000, to=ADDRESS)
    await line.inbox.has(1)
    [reader] = reading_processes() - others

    assert b"sesame" not in Path(f"/proc/{reader}/environ").read_bytes()


def reading_processes() -> set[int]:
    """The children of this process that read mails."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = ((child, Path(f"/proc/{child}/cmdline")) for child in children)
    return {
        int(child) for child, path in commands if path.exists() and b"reading.process" in path.read_bytes()
    }
