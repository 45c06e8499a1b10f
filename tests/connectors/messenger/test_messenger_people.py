"""Messenger tells who writes by id alone: the name is asked for, and nothing waits for it for long."""

import asyncio

from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.messenger.people import People
from connectors.meta import Graph
from tests.connectors.messenger import rig
from tests.connectors.messenger.conftest import Line

MAYA = {"first_name": "Maya", "last_name": "Fischer", "id": rig.PSID}


async def knock(line: Line, *items: rig.Json) -> list[tuple[str, str]]:
    """Post the items to our webhook. Return who is said to have written, by id and name."""
    inbox = rig.Inbox()
    (route,) = line.page.routes(inbox)
    assert (await route.handle(rig.signed(rig.body(rig.entry(*items))))).status == 200
    return [(event.sender.external_id, event.sender.display_name) for event in inbox.events]


def text(words: str, **more: str) -> rig.Json:
    return rig.item(message={"mid": f"m_{words}", "text": words}, **more)


def asked(line: Line) -> list[str]:
    return [call.path for call in line.graph.calls]


async def test_a_customer_has_the_name_that_messenger_knows(line: Line) -> None:
    line.graph.people[rig.PSID] = MAYA
    assert await knock(line, text("one"), text("two")) == [(rig.PSID, "Maya Fischer")] * 2
    assert await knock(line, text("three")) == [(rig.PSID, "Maya Fischer")]
    assert asked(line) == [rig.PSID]


async def test_nobody_is_asked_who_the_page_is_or_who_has_read(line: Line) -> None:
    echo = rig.item(
        sender=rig.PAGE, recipient=rig.PSID, message={"mid": "m_e", "is_echo": True, "text": "Hi"}
    )
    read = rig.item(read={"watermark": rig.STAMP})
    plugin = text("hello", sender="a-plug-in/../me")
    assert len(await knock(line, echo, read, plugin)) == 3
    assert asked(line) == []


async def test_a_name_that_is_not_told_keeps_no_message_back(line: Line) -> None:
    line.graph.refuse(100, 33)
    assert await knock(line, text("one")) == [(rig.PSID, "")]
    assert await knock(line, text("two")) == [(rig.PSID, "")]
    assert asked(line) == [rig.PSID], "it would be refused again"


async def test_after_a_passing_trouble_the_name_is_asked_for_again(line: Line) -> None:
    line.graph.people[rig.PSID] = MAYA
    line.graph.refuse(2, status=500)
    line.graph.refuse(190, status=401)
    line.graph.refuse(4, status=429)
    told = [await knock(line, text(words)) for words in ("one", "two", "three", "four")]
    assert [name for [(_, name)] in told] == ["", "", "", "Maya Fischer"]


async def test_a_name_that_does_not_come_is_not_waited_for() -> None:
    over = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    app = web.Application()
    app.router.add_get("/{rest:.*}", silent)
    async with TestServer(app) as server:
        graph = Graph("token", str(server.make_url("")))
        [event] = await People(graph, patience=0.05).named(rig.parsed(text("one")))
        assert event.sender.display_name == ""
        over.set()
        await graph.close()


async def test_words_of_one_customer_stay_in_order_while_the_name_of_the_first_is_asked_for() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        if asked.is_set():
            return web.json_response(MAYA)
        asked.set()
        await may_answer.wait()
        return web.json_response({}, status=500)  # the first learns nothing, and has waited for it

    app = web.Application()
    app.router.add_get("/{rest:.*}", slow)
    async with TestServer(app) as server:
        graph, inbox = Graph("token", str(server.make_url(""))), rig.Inbox()
        people = People(graph)
        async with asyncio.TaskGroup() as webhooks:
            webhooks.create_task(people.accept(inbox, rig.parsed(text("one"))))
            await asked.wait()
            second = webhooks.create_task(people.accept(inbox, rig.parsed(text("two"))))
            await people.accept(inbox, rig.parsed(text("other", sender="7000001")))
            assert not second.done()
            assert [event.message for event in inbox.events] == ["m_other"], "others never wait"
            may_answer.set()
        assert [event.message for event in inbox.events] == ["m_other", "m_one", "m_two"]
        assert inbox.events[-1].sender.display_name == "Maya Fischer"
        await graph.close()
