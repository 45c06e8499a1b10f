"""Files that customers attach: fetched from Meta, and from nowhere else."""

import pytest
from aiohttp import web

from bot.core.errors import PlatformDown, Refused
from connectors.messenger.capabilities import MAX_FILE
from connectors.messenger.media import may_fetch
from tests.connectors.messenger.conftest import Line


async def fetched(line: Line, url: str) -> bytes:
    return b"".join([piece async for piece in line.page.open(url)])


async def test_a_file_is_streamed_and_the_cdn_sees_no_token(line: Line) -> None:
    line.graph.files["invoice.pdf"] = b"%PDF" * 100_000

    content = await fetched(line, f"{line.url}/cdn/invoice.pdf?oe=1&_nc_ad=z-m")

    assert content == b"%PDF" * 100_000
    assert line.graph.calls[0].token == ""


async def test_reading_can_stop_halfway(line: Line) -> None:
    line.graph.files["film.mp4"] = b"0" * 4_000_000
    pieces = line.page.open(f"{line.url}/cdn/film.mp4")

    assert await anext(pieces)
    await pieces.aclose()  # type: ignore[attr-defined]


async def test_a_file_larger_than_messenger_carries_is_not_read_to_its_end(line: Line) -> None:
    line.graph.files["bomb"] = b"0" * (MAX_FILE + 1)

    with pytest.raises(Refused, match="too_large"):
        await fetched(line, f"{line.url}/cdn/bomb")


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_an_address_that_has_expired_is_gone_for_good(line: Line, status: int) -> None:
    line.graph.answers.append(web.Response(status=status))

    with pytest.raises(Refused, match="file_gone"):
        await fetched(line, f"{line.url}/cdn/photo.jpg")


async def test_a_cdn_in_trouble_is_asked_again_later(line: Line) -> None:
    # Twice, for aiohttp asks once more by itself when a GET goes out on a connection that was just ending.
    line.graph.answers += [web.Response(status=502), ConnectionResetError(), ConnectionResetError()]

    for _ in range(2):
        with pytest.raises(PlatformDown):
            await fetched(line, f"{line.url}/cdn/photo.jpg")


async def test_a_redirect_is_not_followed(line: Line) -> None:
    line.graph.files["inside"] = b"secret"
    line.graph.answers.append(web.Response(status=302, headers={"Location": f"{line.url}/cdn/inside"}))

    with pytest.raises(Refused):
        await fetched(line, f"{line.url}/cdn/photo.jpg")
    assert len(line.graph.calls) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://scontent.xx.fbcdn.net/v/t35.0-12/17887258_o.jpg?_nc_ad=z-m&oh=e44a&oe=58ECF78B",
        "https://scontent-ams2-1.xx.fbcdn.net/v/1.jpg",
        "https://video.xx.fbcdn.net/v/1.mp4",
        "https://cdn.fbsbx.com/v/t59.2708-21/invoice.pdf?_nc_cat=1",
        "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1&signature=x",
    ],
)
def test_metas_own_addresses_are_fetched(url: str) -> None:
    assert may_fetch(url, "")


ELSEWHERE = [
    "",
    "file:///etc/passwd",
    "http://scontent.xx.fbcdn.net/1.jpg",  # not encrypted
    "https://example.com/1.jpg",
    "https://fbcdn.net.example.com/1.jpg",
    "https://evilfbcdn.net/1.jpg",
    "https://evil-fbsbx.com/1.jpg",
    "https://www.facebook.com/l.php?u=http://127.0.0.1",
    "https://fbcdn.net@example.com/1.jpg",
    "https://user:pass@scontent.fbcdn.net/1.jpg",
    "https://scontent.fbcdn.net:8443/1.jpg",
    "https://example.com\\@scontent.fbcdn.net/1.jpg",
    "https://example.com\\.fbcdn.net/1.jpg",
    "https://example.com#.fbcdn.net/1.jpg",
    "https://example.com?.fbcdn.net/1.jpg",
    "https://example.com/.fbcdn.net/1.jpg",
    "https://scontent.fbcdn.net",
    "https://scontent.fbcdn.net/a b",
    "https://scontent.fbcdn.net/a\\b",
    "https://scontent.fbcdn.net/1.jpg\r\nHost: example.com",
    "https://scontent.fbcdn.net/1.jpg\n",
    " https://scontent.fbcdn.net/1.jpg",
    "https://scontent.fbcdn.net./1.jpg",
    "https://ｆbcdn.net/1.jpg",
    "https://scontent.fbcdn.net%2f.example.com/1.jpg",
    "https://[::1]/1.jpg",
    "https://169.254.169.254/latest/meta-data",
    "//scontent.fbcdn.net/1.jpg",
    "HTTPS://scontent.fbcdn.net/1.jpg",
]


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_nothing_else_is_fetched(line: Line, url: str) -> None:
    assert not may_fetch(url, "")
    with pytest.raises(Refused, match="file_elsewhere"):
        await fetched(line, url)
    assert not line.graph.calls


def test_the_api_urls_own_host_is_fetched_and_no_neighbour() -> None:
    assert may_fetch("http://127.0.0.1:8080/cdn/1", "http://127.0.0.1:8080/sandbox/meta")
    for url in ("http://127.0.0.1:8081/cdn/1", "https://127.0.0.1:8080/cdn/1", "http://127.0.0.1/cdn/1"):
        assert not may_fetch(url, "http://127.0.0.1:8080/sandbox/meta")
    assert not may_fetch("https://graph.facebook.com/v23.0/me", "")
