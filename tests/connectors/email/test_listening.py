"""The mailbox watched: nothing is lost, nothing is let go too early, whatever the server does."""

import asyncio
import json
from datetime import timedelta

import pytest

from bot.core.errors import MalformedPayload, PlatformDown, Refused, StorageUnavailable
from bot.core.events import Unsupported
from connectors.email import watching
from connectors.email.capabilities import MAX_BYTES
from connectors.email.imap import opened
from connectors.email.settings import read_settings
from connectors.sandbox.faults import FaultPlan, Mischief
from connectors.sandbox.mail import Customer, MailServer
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, UNREADABLE, Line, said


def subjects(line: Line) -> list[str]:
    return [said(event).text.partition("\n")[0].strip("*") for event in line.inbox.events]


async def test_the_first_start_begins_at_now(server: MailServer, maya: Customer) -> None:
    await maya.write("Old", "…", to=ADDRESS)
    async with rig.line(server, rig.settings(rig.options(server))) as line:
        await line.listen()
        await maya.write("New", "…", to=ADDRESS)
        await line.inbox.has(1)

        assert subjects(line) == ["New"]


@pytest.mark.long
async def test_mails_that_came_while_nobody_listened_are_fetched_in_order(line: Line, maya: Customer) -> None:
    await line.stop()
    for number in range(60):
        await maya.write(f"{number}", "…", to=ADDRESS)
    await line.listen()

    await line.inbox.has(60)

    assert subjects(line) == [f"{number}" for number in range(60)]


async def test_a_mail_is_let_go_only_once_accepted(line: Line, maya: Customer) -> None:
    before = line.vault.kept["uid:INBOX"]
    line.inbox.raises = [StorageUnavailable("away"), StorageUnavailable("still away")]
    await maya.write("Hello", "…", to=ADDRESS)
    await line.inbox.has(1)
    await line.vault.until(lambda vault: vault.kept["uid:INBOX"] != before)

    marks = [value for name, value in line.vault.puts if name == "uid:INBOX"]
    assert len(line.pauses) == 2
    assert marks == [before, line.vault.kept["uid:INBOX"]]


@pytest.mark.long
async def test_a_lost_connection_is_made_again(line: Line, maya: Customer) -> None:
    for number in range(3):
        await line.server.imap.drop()
        await maya.write(f"{number}", "…", to=ADDRESS)
        await line.inbox.has(number + 1)

    assert subjects(line) == ["0", "1", "2"]


async def test_a_server_that_is_away_is_asked_ever_more_rarely(line: Line, maya: Customer) -> None:
    line.server.imap.refusing = True
    await line.server.imap.drop()
    await line.paused(4)
    line.server.imap.refusing = False
    await maya.write("Hello", "…", to=ADDRESS)
    await line.inbox.has(1)

    assert line.pauses[:4] == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.long
async def test_mails_numbered_anew_are_neither_lost_nor_told_twice(line: Line, maya: Customer) -> None:
    await maya.write("One", "…", to=ADDRESS)
    await maya.write("Two", "…", to=ADDRESS)
    await line.inbox.has(2)
    validity = line.vault.kept["uid:INBOX"].partition(":")[0]
    await line.stop()
    await maya.write("Three", "…", to=ADDRESS)
    await line.server.imap.renumber(ADDRESS)
    await line.listen()
    await line.inbox.has(3)
    await maya.write("Four", "…", to=ADDRESS)
    await line.inbox.has(4)

    assert subjects(line) == ["One", "Two", "Three", "Four"]
    assert line.inbox.accepted >= 6  # gone through once more; the house knew two
    anew = [value for name, value in line.vault.puts if name == "uid:INBOX" and validity not in value]
    assert len(anew) == 2  # not before all were gone through: who dies meanwhile begins again
    assert line.vault.kept["uid:INBOX"] == anew[-1]


@pytest.mark.long
async def test_a_mailbox_restored_from_a_backup_is_gone_through_as_well(line: Line, maya: Customer) -> None:
    """Its UIDs begin lower again, and some servers forget to say so."""
    for subject in ("One", "Two"):
        await maya.write(subject, "…", to=ADDRESS)
    await line.inbox.has(2)
    await line.stop()
    await line.server.imap.renumber(ADDRESS, says_so=False)
    await maya.write("Three", "…", to=ADDRESS)
    await line.listen()
    await line.inbox.has(3)

    assert subjects(line) == ["One", "Two", "Three"]


async def test_a_mail_that_comes_twice_is_one_event(line: Line, maya: Customer, faults: FaultPlan) -> None:
    faults.add("*", Mischief.DUPLICATE, count=1, seconds=0.01)
    await maya.write("One", "…", to=ADDRESS)
    await line.inbox.until(lambda inbox: inbox.accepted == 2)

    assert subjects(line) == ["One"]


async def test_several_folders_are_watched(server: MailServer, maya: Customer) -> None:
    await server.imap.add_user(ADDRESS, rig.PASSWORD, ["Kunden & Müller"])
    given = rig.settings(rig.options(server, folders="INBOX, Kunden & Müller"))
    async with rig.line(server, given) as line:
        await line.listen()
        await line.vault.until(lambda vault: "uid:Kunden & Müller" in vault.kept)
        letter = await maya.write("Here", "…", to=ADDRESS)
        moved = letter.raw.replace(b"Here", b"There").replace(b"Message-ID: <", b"Message-ID: <x")
        await server.receive(moved, sender=maya.address, recipient=ADDRESS, folder="Kunden & Müller")
        events = await line.inbox.has(2)
        there = next(event for event in events if "There" in said(event).text)

        assert sorted(subjects(line)) == ["Here", "There"]
        assert b"There" in await line.fetched(said(there).attachments[-1].ref)


async def test_an_idle_ends_in_time_and_can_be_begun_again(line: Line, maya: Customer) -> None:
    given = read_settings(rig.settings(rig.options(line.server)))
    async with opened(given, None) as session:
        await session.select("INBOX")
        last = 0
        for _ in range(3):
            await session.wait(0.02)
            assert await session.uids_after(last) == []
        waiting = asyncio.create_task(session.wait(60))
        await maya.write("Hello", "…", to=ADDRESS)
        await asyncio.wait_for(waiting, 10)
        assert len(await session.uids_after(last)) == 1

    assert watching.IDLE_SECONDS < 29 * 60


@pytest.mark.long
@pytest.mark.parametrize("answer", [None, ""])
@pytest.mark.parametrize("command", ["IDLE", "CAPABILITY", "SELECT", "SEARCH", "FETCH", "LOGIN", "NOOP"])
async def test_a_server_that_falls_silent_or_hangs_up_is_down(
    line: Line, maya: Customer, command: str, answer: str | None
) -> None:
    """A connection that is only held says nothing for ever: nobody would hear of it."""
    await maya.write("Hello", "…", to=ADDRESS)
    [event] = await line.inbox.has(1)
    uid = int(said(event).attachments[-1].ref.split(";")[2])
    line.server.imap.answers[rf"^\w+ (UID )?{command}\b"] = answer
    given = read_settings(rig.settings(rig.options(line.server)))

    async def everything() -> None:
        async with opened(given, None, patience=0.5) as session:
            await session.select("INBOX")
            assert await session.uids_after(uid) == []
            assert await session.fetch(uid)
            await session.noop()
            await session.wait(60)

    async with asyncio.timeout(120):
        with pytest.raises(PlatformDown):
            await everything()


async def test_without_idle_the_server_is_asked_every_so_often(faults: FaultPlan) -> None:
    async with MailServer(faults=faults, idle=False) as server:
        await server.add_account(ADDRESS, rig.PASSWORD)
        async with rig.line(server, rig.settings(rig.options(server))) as line:
            await line.listen()
            await line.paused(1)
            await server.customer("maya@fischer.example").write("Hello", "…", to=ADDRESS)
            await line.inbox.has(1)

    assert set(line.pauses) == {watching.POLL_SECONDS}


@pytest.mark.long
async def test_the_words_of_a_mail_that_is_too_large_are_read(line: Line, maya: Customer) -> None:
    head = f"From: {maya.address}\r\nTo: {ADDRESS}\r\nSubject: Huge\r\nMessage-ID: <huge@x.example>\r\n"
    parts = (
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nThe film shows it.\r\n--b\r\n"
        "Content-Type: video/mp4; name=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    film = (b"A" * 76 + b"\r\n") * (MAX_BYTES // 78 + 1)
    await maya.send_raw((head + parts).encode() + film + b"--b--\r\n", to=ADDRESS)

    [huge] = await line.inbox.has(1)

    assert said(huge).text == (
        "**Huge**\n\nThe film shows it.\n\n[with film\\.mp4, larger than 25 MB: not fetched]"
    )
    assert said(huge).attachments == ()
    assert huge.sender.verified
    assert huge.message == "<huge@x.example>"


async def test_a_mail_too_large_to_find_words_in_is_told_of(line: Line, maya: Customer) -> None:
    head = f"From: {maya.address}\r\nTo: {ADDRESS}\r\nContent-Type: video/mp4\r\n\r\n"
    await maya.send_raw(head.encode() + b"x" * (MAX_BYTES + 1), to=ADDRESS)
    await maya.write("Small", "…", to=ADDRESS)

    huge, small = await line.inbox.has(2)

    assert huge.content == Unsupported("mail_too_large")
    assert huge.sender.external_id == maya.address
    assert said(small).text.startswith("**Small**")


@pytest.mark.long
@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\xff\xfe\x00nothing at all", b"From: \r\n\r\n"])
async def test_bytes_that_are_no_mail_keep_nothing_back(line: Line, maya: Customer, raw: bytes) -> None:
    await line.server.imap.store(ADDRESS, raw, line.now)
    await maya.write("Hello", "…", to=ADDRESS)

    await line.inbox.until(
        lambda inbox: any(event.sender.external_id == maya.address for event in inbox.events)
    )


async def one_of_three(line: Line, maya: Customer, command: str, answer: str) -> None:
    """Three mails arrive while nobody listens; the server has that answer when it is asked for the second."""
    await maya.write("Before", "…", to=ADDRESS)
    [before] = await line.inbox.has(1)
    uid = int(said(before).attachments[-1].ref.split(";")[2]) + 2
    await line.stop()
    line.server.imap.answers[command.replace("ITS", rf"\b{uid}\b")] = answer.replace("ITS", str(uid))
    for subject in ("One", "Two", "Three"):
        await maya.write(subject, "…", to=ADDRESS)
    await line.listen()


NOT_GIVEN = "TAG NO [SERVERBUG] Internal error occurred"


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (r"FETCH ITS \(UID BODY", NOT_GIVEN),
        (r"FETCH ITS \(UID BODY", "TAG BAD Command Error. 12"),
        (r"FETCH ITS \(UID BODY", "* 3 FETCH (UID ITS BODY[] NIL)\r\nTAG OK done"),
        (r"FETCH .*ITS.* \(UID RFC822", NOT_GIVEN),
        (r"FETCH ITS \(UID BODY", ""),  # it crashes
    ],
)
async def test_a_mail_that_the_server_does_not_give_keeps_none_back(
    line: Line, maya: Customer, command: str, answer: str
) -> None:
    await one_of_three(line, maya, command, answer)
    await line.inbox.has(3)
    assert subjects(line) == ["Before", "One", "Three"]

    await line.stop()
    line.server.imap.answers.clear()
    await line.listen()
    await line.inbox.has(4)

    assert subjects(line) == ["Before", "One", "Three", "Two"]
    await line.vault.until(lambda vault: '"since": {}' in vault.kept["aside:INBOX"])


@pytest.mark.long
async def test_a_mail_that_is_never_given_is_told_of(line: Line, maya: Customer) -> None:
    await one_of_three(line, maya, r"FETCH ITS \(UID BODY", NOT_GIVEN)
    await line.inbox.has(3)
    await line.stop()
    kept = json.loads(line.vault.kept["aside:INBOX"])
    an_hour_ago = (line.now - timedelta(hours=1)).isoformat()
    line.vault.kept["aside:INBOX"] = json.dumps(kept | {"since": dict.fromkeys(kept["since"], an_hour_ago)})
    await line.listen()
    await maya.write("Later", "…", to=ADDRESS)  # the server gives others

    *_, told = await line.inbox.has(5)

    assert said(told).text == UNREADABLE
    assert not told.automatic, "people must see it"
    assert told.returns is not None
    assert not told.returns.verified
    await line.vault.until(lambda vault: '"since": {}' in vault.kept["aside:INBOX"])


@pytest.mark.long
async def test_a_server_that_gives_nothing_at_all_is_waited_for(line: Line, maya: Customer) -> None:
    await line.stop()
    line.server.imap.answers[r"FETCH"] = NOT_GIVEN
    for number in range(60):
        await maya.write(f"{number}", "…", to=ADDRESS)
    await line.listen()
    await line.paused(2)
    line.server.imap.answers.clear()

    await line.inbox.has(60)

    assert not [event for event in line.inbox.events if isinstance(event.content, Unsupported)]


LONG = f"{'m' * 64}@{'fischer.' * 24}example"


@pytest.mark.long
@pytest.mark.parametrize(
    ("author", "message_id"),
    [(LONG, "<1@fischer.example>"), ("mia@fischer.example", "<1\0@fischer.example>")],
)
async def test_ids_that_no_index_holds_keep_nothing_back(
    line: Line, maya: Customer, author: str, message_id: str
) -> None:
    """Legal or not, one mail must not end the channel for everybody."""
    head = f"From: {author}\r\nTo: {ADDRESS}\r\nSubject: Odd\r\nMessage-ID: {message_id}\r\n\r\nHello"
    await maya.send_raw(head.encode(), to=ADDRESS)
    await maya.write("Hello", "…", to=ADDRESS)

    odd, hello = await line.inbox.has(2)

    assert said(odd).text == "**Odd**\n\nHello"
    assert odd.sender.handle == author
    assert said(hello).text.startswith("**Hello**")


async def test_mails_with_one_id_are_one_where_they_say_the_same(line: Line, maya: Customer) -> None:
    """Some programs give all their mails one Message-ID."""
    head = f"From: {maya.address}\r\nTo: {ADDRESS}\r\nSubject: Scan\r\nMessage-ID: <1@x.example>\r\n\r\n"
    for words in ("Page one", "Page one", "Page two"):
        await maya.send_raw(f"{head}{words}".encode(), to=ADDRESS)

    one, two = await line.inbox.has(2)

    assert [said(event).text.split("\n")[-1] for event in (one, two)] == ["Page one", "Page two"]
    assert one.external_id != two.external_id
    assert one.place == two.place


async def test_the_long_addresses_of_two_are_two(line: Line, maya: Customer) -> None:
    for author in (LONG, LONG.replace("example", "exampla")):
        await maya.send_raw(f"From: {author}\r\nTo: {ADDRESS}\r\n\r\nHello".encode(), to=ADDRESS)

    one, two = await line.inbox.has(2)

    assert one.sender.external_id != two.sender.external_id


@pytest.mark.long
async def test_an_event_that_is_refused_as_it_is_keeps_nothing_back(line: Line, maya: Customer) -> None:
    line.inbox.raises = [MalformedPayload("event", "nobody knows why")]
    await maya.write("Odd", "…", to=ADDRESS)
    await maya.write("Hello", "…", to=ADDRESS)

    odd, hello = await line.inbox.has(2)

    assert said(odd).text == UNREADABLE
    [original] = said(odd).attachments
    assert b"Subject: Odd" in await line.fetched(original.ref)
    assert said(hello).text.startswith("**Hello**")
    assert not line.pauses


async def test_a_wrong_password_is_said_in_a_sentence(server: MailServer) -> None:
    given = rig.settings(rig.options(server), password="wrong")
    async with rig.line(server, given) as line:
        line.begin_listening()
        await line.paused(1)

    assert line.pauses[0] == 300  # a locked mailbox is not helped by trying every second


async def test_a_file_of_a_mail_that_is_gone_is_refused(line: Line, maya: Customer) -> None:
    await maya.write("Hello", "…", to=ADDRESS)
    [event] = await line.inbox.has(1)
    await line.server.imap.renumber(ADDRESS)

    with pytest.raises(Refused):
        await line.fetched(said(event).attachments[-1].ref)
    for nonsense in ("", "imap", "imap;1;x;0;INBOX", "spool;../../etc/passwd;0", "imap;1;2"):
        with pytest.raises(Refused):
            await line.fetched(nonsense)
