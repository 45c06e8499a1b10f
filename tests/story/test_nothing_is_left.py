"""Nothing of a customer who was erased is in the database, the files, Redis or the logs, however encoded."""

import base64
import io
import json
import logging
import quopri
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import quote

import psycopg
import pytest
import redis
import structlog
from psycopg import sql

from bot.app.logs import configure
from bot.app.settings import LogLevel
from connectors.sandbox.mail.letters import File
from connectors.sandbox.slack import Upload
from tests.rooms.sides import (
    SUPPORT,
    ByMail,
    Customer,
    InSlack,
    OnMessenger,
    OnTelegram,
    OnWhatsApp,
    SlackThread,
)
from tests.story.rig import Rig, files_of, rig, until
from tests.story.shell import desk
from tests.tools.traces import Traces

NAME = "Zoë Quandtmüller"
WORDS = "my zeppelin was charged twice"
FILE = b"%PDF-1.4 the bill of a zeppelin captain, \x00\x01\x02 and what it cost"
FILE_NAME = "luftschiff-rechnung.pdf"
ANSWER = "We refund the airship today"


class DirectlyInSlack(Customer):
    """Writes in direct messages with our app, where each that begins a thread begins anew."""

    def __init__(self, rig: Rig, name: str) -> None:
        super().__init__(rig, name)
        self.theirs, self.user = rig.in_slack(name)
        self.direct = self.theirs.open_direct(self.user).id

    async def say(self, text: str) -> None:
        self.theirs.say(self.user, self.direct, text)

    def heard(self) -> list[str]:
        return [str(m.get("text", "")) for m in self.messages() if m.get("bot_id")]

    def messages(self) -> list[Mapping[str, object]]:
        roots = [str(m["ts"]) for m in self.theirs.messages(self.direct)]
        return [m for ts in roots for m in self.theirs.messages(self.direct, ts)]


SIDES = (OnTelegram, OnWhatsApp, OnMessenger, ByMail, InSlack, DirectlyInSlack)


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that is logged, at every level."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure(LogLevel.DEBUG, stream=stream, pretty=False)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def _send_file(r: Rig, side: Customer) -> None:
    match side:
        case OnTelegram():
            r.phone.send_media(
                r.phone.user(NAME), "document", FILE, name=FILE_NAME, mime_type="application/pdf"
            )
        case OnWhatsApp():
            r.on_whatsapp(NAME).send_media(FILE, "application/pdf", name=FILE_NAME)
        case OnMessenger():
            r.on_messenger(NAME).send_media(FILE, "application/pdf")
        case InSlack():
            bill = Upload(FILE_NAME, FILE, "application/pdf")
            channel, user = r.shared_channel, side.ids["slack"]
            r.slack_customers.post_as(user, channel, "See the bill", side.root, files=[bill])
        case DirectlyInSlack():
            bill = Upload(FILE_NAME, FILE, "application/pdf")
            root = str(side.messages()[0]["ts"])
            side.theirs.post_as(side.user, side.direct, "See the bill", root, files=[bill])
        case _:
            client = r.by_mail(NAME)
            letter = File(FILE_NAME, "application/pdf", FILE)
            await client.reply(client.sent[0], "See the bill", to=SUPPORT, attachments=(letter,))


async def _play(r: Rig, side: Customer) -> SlackThread:
    """They complain, somebody answers them, and they send a file."""
    room, about = SlackThread(r), f"{WORDS} ({type(side).__name__})"
    await side.say(about)
    await until(lambda: room.find(type(side).__name__), what="a room with the story")
    await room.press("hugo", "take")
    await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")
    room.post("hugo", ANSWER)
    await until(lambda: any(ANSWER in text for text in side.heard()), what="the answer")
    await _send_file(r, side)

    def shared() -> list[object]:
        return [m for m in r.slack.messages(room.channel, room.ts) if m.get("files")]

    await until(shared, what="the file in the thread")
    return room


def _ids(r: Rig, sides: Sequence[Customer]) -> set[str]:
    """Return the ids by which the platforms know them and their messages."""
    known = r.sandbox.customer(NAME)
    whatsapp = [message.id for message in r.on_whatsapp(NAME).chat]
    messenger = [message.id for message in r.on_messenger(NAME).chat]
    client = r.by_mail(NAME)
    mails = [letter.message_id.strip("<>") for letter in (*client.sent, *client.inbox)]
    channels = {known[channel] for channel in ("telegram", "whatsapp", "messenger", "email", "slack")}
    return {*channels, *whatsapp, *messenger, *mails, *_in_slack(r, sides)}


def _in_slack(r: Rig, sides: Sequence[Customer]) -> Iterator[str]:
    """Yield the ids of messages in their threads, and of their direct channel with us."""
    for side in sides:
        match side:
            case InSlack():
                yield from (str(m["ts"]) for m in r.slack_customers.messages(r.shared_channel, side.root))
            case DirectlyInSlack():
                yield side.direct
                yield from (str(m["ts"]) for m in side.messages())


def _stored(database_url: str, redis_url: str, r: Rig) -> Iterator[tuple[str, bytes]]:
    """Yield each row of each table as text, each file, each key of Redis with what it holds."""
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "select c.oid::regclass::text, n.nspname, c.relname from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r'"
            " and n.nspname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > 20
        for name, schema, table in tables:
            statement = sql.SQL("copy {} to stdout").format(sql.Identifier(schema, table))
            with connection.cursor().copy(statement) as rows:
                for row in rows:
                    yield f"table {name}", bytes(row)
    for path in files_of(r.settings.port).rglob("*"):
        yield "files", str(path).encode()
        if path.is_file():
            yield "files", path.read_bytes()
    with redis.Redis.from_url(redis_url) as kept:
        for key in kept.scan_iter(count=1000):
            yield "redis", key + b" " + repr(_value(kept, key)).encode()


def _value(kept: "redis.Redis", key: bytes) -> object:
    kind = kept.type(key)
    reads: dict[bytes, Callable[[], object]] = {
        b"string": lambda: kept.get(key),
        b"hash": lambda: kept.hgetall(key),
        b"list": lambda: kept.lrange(key, 0, -1),
        b"set": lambda: kept.smembers(key),
        b"zset": lambda: kept.zrange(key, 0, -1),
        b"stream": lambda: kept.xrange(key),
        b"none": lambda: b"",  # it has expired
    }
    return reads[kind]()  # type: ignore[index]


@pytest.mark.long
async def test_nothing_is_left_of_a_customer_who_was_erased(
    database_url: str, redis_url: str, logs: io.StringIO
) -> None:
    async with rig(database_url, redis_url, customers=(NAME,), every_channel=True) as r:
        sides = [kind(r, NAME) for kind in SIDES]
        rooms = [await _play(r, side) for side in sides]
        client = r.by_mail(NAME)
        await client.bounce(client.inbox[-1], words=f"<{client.address}>: mailbox is full of zeppelins")
        address = r.sandbox.customer(NAME)["email"]
        r.mail.smtp.refused[address] = f"550 5.1.1 <{address}>: Recipient address rejected"
        rooms[3].post("hugo", f"{ANSWER} and tomorrow")
        await until(lambda: any("cannot be reached" in line for line in rooms[3].lines()), what="a failure")
        told = (await desk(r, "deliveries", "--dead", "--json")).out
        assert "no such mailbox" in told, "until then, whoever looks sees what the platform said"

        ids = _ids(r, sides)
        traces = Traces(
            [
                NAME,
                "Quandtmüller",
                "quandtmuller",
                "zeppelin",
                WORDS,
                FILE,
                FILE[9:40],
                FILE_NAME,
                ANSWER,
                *ids,
            ]
        )
        for customer in json.loads((await desk(r, "customers", "--json")).out):
            ran = await desk(r, "customers", "erase", customer["id"], "--yes")
            assert ran.code == 0, ran.out
        for room in rooms:
            await until(lambda room=room: "was erased" in str(room.card()), what="the card")  # type: ignore[misc]

        left = {
            f"{where}: {what}"
            for where, content in _stored(database_url, redis_url, r)
            for what in traces.within(content)
        }
        left |= {f"logs: {what}" for what in traces.within(logs.getvalue().encode())}
        assert left == set()


@pytest.mark.parametrize(
    "written",
    [
        NAME.upper().encode(),
        NAME.encode("utf-16-le"),
        NAME.encode("utf-16-be"),
        NAME.encode("latin-1"),
        *(base64.b64encode(b"x" * n + NAME.encode() + b"yz") for n in range(3)),
        base64.urlsafe_b64encode(NAME.encode()),
        NAME.encode().hex().upper().encode(),
        quote(NAME).encode(),
        quopri.encodestring(NAME.encode()),
        quopri.encodestring(NAME.encode(), header=True),
        json.dumps({"name": NAME}).encode(),
        b"tel: +49 (151) 234-567-89",
        base64.b64encode(b"wamid of 4915123456789"),
    ],
)
def test_a_trace_is_found_in_every_encoding(written: bytes) -> None:
    assert Traces([NAME, "4915123456789"]).within(b"before, " + written + b" and after")
