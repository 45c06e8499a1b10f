"""`desk secrets`: kept sealed, never shown, used by the accounts that name them."""

import io
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from bot.app.cli import run
from tests.commands.conftest import Chats, Desks, Ran
from tests.commands.telling import Told

VALUE = "700000001:a-token-that-nobody-may-read"
Pipes = Callable[..., Ran]


@pytest.fixture
def pipe(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> Pipes:
    """`printf VALUE | desk …`."""

    def ran(value: str, *words: str) -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(value))
        return desk(*words)

    return ran


def test_a_secret_is_kept_replaced_listed_and_removed_and_never_shown(
    desk: Desks, pipe: Pipes, story: Told, database_url: str
) -> None:
    went = [
        pipe(f"{VALUE}\n", "secrets", "set", "TELEGRAM_BOT_TOKEN"),
        pipe(VALUE[::-1], "secrets", "rotate", "TELEGRAM_BOT_TOKEN"),
        desk("secrets", "list"),
        desk("secrets", "list", "--json"),
        desk("secrets", "remove", "TELEGRAM_BOT_TOKEN", "--yes"),
        desk("audit", "tail"),
    ]
    assert [each.code for each in went] == [0] * 6, [each.err for each in went]
    assert "telegram will use it within seconds" in went[0].out
    (kept,) = went[3].data
    assert (kept["name"], kept["accounts"], kept["set_by"]) == ("TELEGRAM_BOT_TOKEN", ["telegram"], "shell")
    for action in ("secret.set", "secret.rotated", "secret.removed"):
        assert action in went[5].out
    for each in went:
        assert VALUE not in each.out + each.err
        assert VALUE[::-1] not in each.out + each.err
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from secrets").fetchone() == (0,)


def test_the_database_holds_it_sealed(pipe: Pipes, story: Told, database_url: str) -> None:
    assert pipe(VALUE, "secrets", "set", "TELEGRAM_BOT_TOKEN").code == 0
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select value from secrets").fetchone()
    assert row is not None
    assert VALUE not in str(row[0])


@pytest.mark.long
@pytest.mark.parametrize(
    ("value", "words", "told"),
    [
        ("", ("set", "TELEGRAM_BOT_TOKEN"), "Nothing was given"),
        ("x" * 20_000, ("set", "TELEGRAM_BOT_TOKEN"), "no secret"),
        (VALUE, ("set", "telegram token"), "named in capitals"),
        (VALUE, ("set", "ENCRYPTION_KEY"), "named in capitals"),
        (VALUE, ("rotate", "TELEGRAM_BOT_TOKEN"), "no secret"),
        (VALUE, ("remove", "TELEGRAM_BOT_TOKEN", "--yes"), "no secret"),
    ],
)
def test_an_invalid_secret_or_name_is_refused(
    pipe: Pipes, story: Told, value: str, words: tuple[str, ...], told: str
) -> None:
    went = pipe(value, "secrets", *words)
    assert went.code != 0
    assert told in " ".join((went.out + went.err).split())
    assert VALUE not in went.out + went.err


@pytest.mark.long
def test_a_second_set_says_how_to_replace_it(pipe: Pipes, story: Told) -> None:
    pipe(VALUE, "secrets", "set", "TELEGRAM_BOT_TOKEN")
    went = pipe(VALUE, "secrets", "set", "TELEGRAM_BOT_TOKEN")
    assert went.code == 1
    assert "desk secrets rotate TELEGRAM_BOT_TOKEN" in went.err


@pytest.mark.long
async def test_no_secret_is_told_in_chat(say: Chats, told: Told) -> None:
    for words in ("set X_TOKEN", "rotate X_TOKEN", "remove X_TOKEN --yes"):
        assert "shell" in await say(f"secrets {words}")
    assert "No secrets are kept here" in await say("secrets list")


def test_a_file_named_env_says_what_the_environment_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("PORT=99999  # too large\n", "utf-8")
    assert run(["conversations"]) == 1
    assert "PORT is '99999'" in capsys.readouterr().err
    monkeypatch.setenv("PORT", "8080")
    assert run(["conversations"]) == 1
    assert "there is no data in" in capsys.readouterr().err
