"""Files that customers sent, whether the account works, and the templates it may send."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest

from bot.core.connector import HasFiles
from bot.core.errors import AccountSuspended, PlatformDown, Refused, SendError
from tests.connectors.meta.graph_server import GraphServer, hangs_up, refuses, says, sends
from tests.connectors.whatsapp.rig import BUSINESS, NUMBER, Desk, Json, connector

CONTENT = b"a picture" * 1000


async def fetched(desk: Desk, ref: str = "1003383421387256") -> bytes:
    assert isinstance(desk.connector, HasFiles)
    return b"".join([piece async for piece in desk.connector.open(ref)])


def keeps(graph: GraphServer, content: bytes = CONTENT, **changes: object) -> None:
    file = {
        "url": f"{graph.url}/files/a",
        "sha256": sha256(CONTENT).hexdigest(),
        "file_size": str(len(CONTENT)),
        "mime_type": "image/jpeg",
    }
    graph.on("GET /1003383421387256", says(file | changes))
    graph.on("GET /a", sends(content))


async def test_a_file_is_asked_for_by_id_and_fetched_with_the_token(desk: Desk) -> None:
    keeps(desk.graph)
    assert await fetched(desk) == CONTENT
    asked, fetching = desk.graph.asked
    assert asked.query["phone_number_id"] == NUMBER
    assert fetching.headers["authorization"] == "Bearer TOKEN"


async def test_a_hash_in_base64_is_as_good(desk: Desk) -> None:
    keeps(desk.graph, sha256=base64.b64encode(sha256(CONTENT).digest()).decode())
    assert await fetched(desk) == CONTENT


async def test_a_file_that_is_not_what_was_promised_is_fetched_again(desk: Desk) -> None:
    keeps(desk.graph, content=CONTENT[:-1])
    with pytest.raises(PlatformDown, match="hash_mismatch"):
        await fetched(desk)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"file_size": 104857601}, "too_large"), ({"url": "https://evil.example/a"}, "elsewhere")],
)
async def test_a_file_too_large_or_elsewhere_is_not_fetched(desk: Desk, changes: Json, reason: str) -> None:
    keeps(desk.graph, **changes)
    with pytest.raises(Refused, match=reason):
        await fetched(desk)
    assert len(desk.graph.asked) == 1


async def test_a_file_that_meta_has_thrown_away_is_gone(desk: Desk) -> None:
    with pytest.raises(Refused, match="file_gone"):
        await fetched(desk)


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429])
async def test_an_address_that_has_ended_is_asked_for_anew(desk: Desk, status: int) -> None:
    """It lives for five minutes, and the file behind it for a week."""
    keeps(desk.graph)
    desk.graph.on("GET /a", sends(b"", status), sends(CONTENT))
    with pytest.raises(PlatformDown, match="url_refused"):
        await fetched(desk)
    assert await fetched(desk) == CONTENT


async def test_a_download_that_breaks_off_is_tried_again(desk: Desk) -> None:
    keeps(desk.graph)
    desk.graph.on("GET /a", hangs_up, sends(b"", 503))
    for _ in range(2):
        with pytest.raises(PlatformDown):
            await fetched(desk)


@pytest.mark.parametrize("ref", ["", "../x", "1/2", "x" * 300, "https://evil.example"])
async def test_a_reference_that_is_no_id_is_not_asked_for(desk: Desk, ref: str) -> None:
    with pytest.raises(Refused):
        await fetched(desk, ref)
    assert desk.graph.asked == []


# Whether it works

PHONE = {
    "display_phone_number": "+1 555-555-5555",
    "verified_name": "Jaspers Market",
    "quality_rating": "GREEN",
}


def template(name: str, *parts: Json, **changes: object) -> Json:
    return {"name": name, "language": "en_US", "status": "APPROVED", "components": list(parts), **changes}


def body(text: str) -> Json:
    return {"type": "BODY", "text": text}


TEMPLATES = [
    template("hello", body("Hello")),
    template("ready", {"type": "HEADER", "format": "TEXT", "text": "Hi"}, body("{{1}}, {{2}} and {{1}}")),
    template("reply", body("Yes?"), {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]}),
    template("picture", {"type": "HEADER", "format": "IMAGE"}, body("Look")),
    template("greeted", {"type": "HEADER", "format": "TEXT", "text": "Hi {{1}}"}, body("Look")),
    template("code", body("{{1}} is it"), {"type": "BUTTONS", "buttons": [{"type": "OTP"}]}),
    template("named", body("Hi {{name}}"), parameter_format="NAMED"),
    template("nameless", body("Hi {{name}}")),
    template("rejected", body("Buy"), status="REJECTED"),
    template(
        "link",
        body("Track"),
        {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://a.example/{{1}}"}]},
    ),
]


def works(graph: GraphServer, **changes: object) -> None:
    graph.on(f"GET /{NUMBER}", says(PHONE | changes))
    graph.on(
        f"GET /{BUSINESS}/subscribed_apps", says({"data": [{"whatsapp_business_api_data": {"id": "1"}}]})
    )
    graph.on(f"GET /{BUSINESS}/message_templates", says({"data": TEMPLATES}))


async def test_an_account_that_works_says_as_whom_it_speaks(desk: Desk) -> None:
    works(desk.graph)
    assert await desk.connector.check() == "+1 555-555-5555 (Jaspers Market), 4 approved templates"


@asynccontextmanager
async def without_business(desk: Desk) -> AsyncIterator[Desk]:
    other = connector(api_url=desk.graph.url)
    yield Desk(desk.graph, other, desk.resources)
    await other.close()


async def test_without_a_business_account_only_the_number_is_asked_for(desk: Desk) -> None:
    works(desk.graph)
    async with without_business(desk) as other:
        assert await other.connector.check() == "+1 555-555-5555 (Jaspers Market)"
        with pytest.raises(Refused, match="business_account_id"):
            await other.connector.approved_templates()
    assert len(desk.graph.asked) == 1


async def problem(desk: Desk) -> SendError:
    with pytest.raises(SendError) as raised:
        await desk.connector.check()
    return raised.value


async def test_each_trouble_of_an_account_is_told_in_a_sentence(desk: Desk) -> None:
    works(desk.graph, status="BANNED")
    assert "Account Quality" in (await problem(desk)).reason
    works(desk.graph, platform_type="NOT_APPLICABLE")
    assert "register it" in (await problem(desk)).reason
    works(desk.graph)
    desk.graph.on(f"GET /{NUMBER}", refuses(190, 401))
    assert "access token" in (await problem(desk)).reason
    desk.graph.on(f"GET /{NUMBER}", refuses(100, error_subcode=33))
    assert "phone_number_id" in (await problem(desk)).reason
    wrong = {"message": "Invalid appsecret_proof provided in the API argument", "code": 100}
    desk.graph.on(f"GET /{NUMBER}", says({"error": wrong}, 400))
    assert "app secret" in (await problem(desk)).reason
    works(desk.graph)
    desk.graph.on(f"GET /{BUSINESS}/subscribed_apps", says({"data": []}))
    assert "subscribe" in (await problem(desk)).reason
    desk.graph.on(f"GET /{BUSINESS}/subscribed_apps", refuses(200, 403))
    failure = await problem(desk)
    assert isinstance(failure, AccountSuspended)
    assert "whatsapp_business_management" in failure.reason


async def test_low_quality_is_mentioned(desk: Desk) -> None:
    works(desk.graph, quality_rating="RED")
    assert "quality low" in await desk.connector.check()


async def test_the_templates_that_can_be_sent_are_those_with_blanks_in_the_body_alone(desk: Desk) -> None:
    works(desk.graph)
    found = await desk.connector.approved_templates()
    known = [(one.name, one.parameters) for one in found]
    assert known == [("hello", 0), ("ready", 2), ("reply", 0), ("named", 1)]


async def test_templates_are_read_page_by_page(desk: Desk) -> None:
    works(desk.graph)
    paging = {"cursors": {"after": "MjQZD"}, "next": "https://graph.facebook.com/…"}
    desk.graph.on(
        f"GET /{BUSINESS}/message_templates",
        says({"data": TEMPLATES[:1], "paging": paging}),
        says({"data": TEMPLATES[1:2], "paging": {"cursors": {"after": "x"}}}),
    )
    assert [one.name for one in await desk.connector.approved_templates()] == ["hello", "ready"]
    assert desk.graph.last().query["after"] == "MjQZD"
