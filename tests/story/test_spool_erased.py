"""Somebody whose mail a listener took is erased: what is left of it in the spool can be read by nobody."""

import asyncio
import hashlib
import json
import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from connectors.email.threads import derived
from tests.rooms.sides import SlackThread
from tests.story.rig import Rig, rig, until
from tests.story.shell import desk
from tests.story.test_nothing_is_left import _stored

ZOE = "zoe@zeppelin.example"
RAW = (
    b"Received: from a (a.example [8.8.4.4]) by mx.brightdesk.example with ESMTP id 4\r\n"
    b"Authentication-Results: mx.brightdesk.example; dmarc=pass header.from=zeppelin.example\r\n"
    b"From: Zoe Quandt <zoe@zeppelin.example>\r\nTo: support@brightdesk.example\r\nSubject: charged\r\n"
    b"Message-ID: <1@zeppelin.example>\r\n\r\nI was charged twice, my zeppelin needs it\r\n"
)


def _listener(folder: Path, port: int) -> Callable[[dict[str, object]], None]:
    def change(document: dict[str, object]) -> None:
        account = {
            "id": "letters",
            "channel": "email",
            "serves": "customers",
            "mode": "listener",
            "secrets": {"thread_key": "EMAIL_PASSWORD"},
            "limits": {"per_second": 10000.0, "per_chat_per_second": 1000.0},
            "options": {
                "address": "support@brightdesk.example",
                "listen": f"127.0.0.1:{port}",
                "protocol": "smtp",
                "spool": str(folder),
                "smtp": "127.0.0.1:1",
                "security": "none",
                "trusted_servers": "mx.brightdesk.example",
            },
        }
        document["accounts"].append(account)  # type: ignore[attr-defined]
        for agent in document["agents"]:  # type: ignore[attr-defined]
            agent["channels"].append("letters")

    return change


async def _handed_over(port: int) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
            server.sendmail(ZOE, ["support@brightdesk.example"], RAW)

    for _ in range(1200):
        try:
            await asyncio.to_thread(send)
        except OSError:  # it does not listen yet
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("nobody listens")


async def _fetched(r: Rig) -> None:
    for _ in range(1200):
        async with r.desks[0].database.begin() as connection:
            if not await connection.scalar(text("select count(*) from files where state = 'waiting'")):
                return
        await asyncio.sleep(0.1)
    raise AssertionError("files still wait")


@pytest.mark.long
async def test_a_mail_in_the_spool_is_opened_by_neither_the_accounts_secret_nor_its_name(
    database_url: str, redis_url: str, tmp_path: Path, free_port: int
) -> None:
    spool = tmp_path / "spool"
    async with rig(database_url, redis_url, _listener(spool, free_port)) as r:
        await _handed_over(free_port)
        room = SlackThread(r)
        await until(lambda: room.find("zeppelin"), what="a room with the story")
        await _fetched(r)
        [zoe] = json.loads((await desk(r, "customers", "--json")).out)
        ran = await desk(r, "customers", "erase", zoe["id"], "--yes")
        assert "the mailboxes and threads in which your organization had their words" in ran.out
        await until(lambda: "was erased" in str(room.card()), what="the card")

        [kept] = list(spool.iterdir())
        sealed = kept.read_bytes()
        assert kept.name != hashlib.sha256(RAW).hexdigest()
        secret = derived(r.settings.environ["EMAIL_PASSWORD"].encode(), "signing")
        for key in (secret, derived(secret, "spool")):
            try:
                AESGCM(key).decrypt(sealed[:12], sealed[12:], kept.name.encode())
            except InvalidTag:
                continue
            raise AssertionError("the account's secret opens it")
        written = [where for where, what in _stored(database_url, redis_url, r) if kept.name.encode() in what]
        assert written == [], "the key stands beside the name, and both are sealed"
