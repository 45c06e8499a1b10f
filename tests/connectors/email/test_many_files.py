# ruff: noqa: E501 - mails read better whole
"""Mails with more files than are read, and with lines that no standard allows."""

import pytest

from connectors.sandbox.mail import Customer
from tests.connectors.email.rig import ADDRESS, Line, said


def with_files(count: int) -> bytes:
    parts = "".join(
        f'--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="page-{n}.pdf"\r\n\r\nx\r\n'
        for n in range(count)
    )
    head = f"From: maya@fischer.example\r\nTo: {ADDRESS}\r\nSubject: Scans\r\nMessage-ID: <s{count}@x.example>\r\n"
    mime = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nAll pages.\r\n"
    return f"{head}{mime}{parts}--b--\r\n".encode()


async def test_files_that_are_too_many_are_named(line: Line, maya: Customer) -> None:
    await maya.send_raw(with_files(203), to=ADDRESS)
    await maya.send_raw(with_files(150), to=ADDRESS)

    many, few = await line.inbox.has(2)

    assert len(said(many).attachments) == 199, "198 and the mail as it came"
    assert (
        said(many)
        .text.replace("\\", "")
        .endswith(
            "All pages.\n\n[5 more files are in the original: page-198.pdf, page-199.pdf, page-200.pdf,"
            " page-201.pdf, page-202.pdf]"
        )
    )
    assert said(few).text.endswith("All pages.")


@pytest.mark.long
async def test_a_hundred_of_very_many_files_are_named(line: Line, maya: Customer) -> None:
    await maya.send_raw(with_files(3_000), to=ADDRESS)

    [event] = await line.inbox.has(1)

    text = said(event).text.replace("\\", "")
    assert "[At least 1000 more files are in the original: page-198.pdf," in text
    assert text.endswith("page-297.pdf, …]")


@pytest.mark.long
@pytest.mark.parametrize("size", [300_000, 2_000_000])
async def test_a_mail_in_one_long_line_is_taken(line: Line, maya: Customer, size: int) -> None:
    words = "lamp " * (size // 5)
    head = (
        f"From: {maya.address}\r\nTo: {ADDRESS}\r\nSubject: Lamps\r\nMessage-ID: <{size}@x.example>\r\n\r\n"
    )
    await maya.send_raw(f"{head}{words}\r\n".encode(), to=ADDRESS)

    [event] = await line.inbox.has(1)

    assert said(event).text.startswith("**Lamps**\n\nlamp lamp lamp")
