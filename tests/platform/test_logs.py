"""Logs carry ids and codes; text, addresses and tokens stay out."""

import io
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import structlog

from bot.app.logs import FIELDS, configure, describe, scrub
from bot.app.settings import LogLevel
from bot.core.errors import SettingsError

SLACK = "xoxb-2" + "0" * 12 + "-abcDEF"
TELEGRAM = "bot123456789:" + "AAH" + "x" * 32


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(LogLevel.INFO, stream=stream, pretty=False)
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_where_when_and_of_which_conversation(stream: io.StringIO) -> None:
    conversation = uuid.UUID(int=7)
    structlog.get_logger("bot.bus.accept").info("event accepted", conversation=conversation, ms=1.5)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "event accepted",
        "level": "info",
        "logger": "bot.bus.accept",
        "conversation": str(conversation),
        "ms": 1.5,
    }


def test_a_field_that_is_not_listed_is_dropped_and_counted(stream: io.StringIO) -> None:
    structlog.get_logger("bot.x").info(
        "accepted", text="my card is in the mail", email="ann@example.org", kind="text"
    )
    (line,) = lines(stream)
    assert line["kind"] == "text"
    assert line["dropped"] == 2
    assert "in the mail" not in stream.getvalue()
    assert "ann@" not in stream.getvalue()


@pytest.mark.parametrize("value", ["Hello, my name is Ann", "ann@example.org", "+49 30 1234"])
def test_a_subject_is_an_id_or_withheld(stream: io.StringIO, value: str) -> None:
    structlog.get_logger("bot.x").info("accepted", message=value, customer=value)
    (line,) = lines(stream)
    assert line["message"] == line["customer"] == "[withheld]"


def test_context_bound_to_a_task_is_held_to_the_same_list(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(turn=3, text="private"):
        structlog.get_logger("bot.x").info("turn begun")
    (line,) = lines(stream)
    assert line["turn"] == 3
    assert "private" not in stream.getvalue()


def test_a_value_without_a_plain_form_is_named_by_its_type(stream: io.StringIO) -> None:
    structlog.get_logger("bot.x").info("odd", reason={"text": "private"})
    assert lines(stream)[0]["reason"] == "<dict>"


def test_no_field_of_the_list_invites_text_or_an_address() -> None:
    assert not FIELDS & {
        "text",
        "content",
        "body",
        "name",
        "email",
        "phone",
        "address",
        "url",
        "token",
        "chat",
        "user",
    }


def test_our_own_error_is_written_with_its_code_and_sentence(stream: io.StringIO) -> None:
    try:
        raise SettingsError("PORT is 'x'")
    except SettingsError:
        structlog.get_logger("bot.x").exception("start failed")
    (line,) = lines(stream)
    assert line["code"] == "settings.invalid"
    assert line["exception"]["message"] == "PORT is 'x'"
    assert "in test_our_own_error" in line["exception"]["frames"][0]


def test_another_librarys_error_is_written_without_its_message(stream: io.StringIO) -> None:
    private = "my card is 4111"
    try:
        try:
            int(private)
        except ValueError as error:
            raise KeyError(private) from error
    except KeyError:
        structlog.get_logger("bot.x").exception("turn failed")
    (line,) = lines(stream)
    assert line["exception"]["type"] == "builtins.KeyError"
    assert line["exception"]["causes"] == ["builtins.ValueError"]
    assert "4111" not in stream.getvalue()


def test_a_group_names_its_members_and_the_database_its_code() -> None:
    described = describe(ExceptionGroup("private", [psycopg.errors.UniqueViolation("Key (text)=(private)")]))
    assert described["members"] == [
        {"type": "psycopg.errors.UniqueViolation", "sqlstate": "23505", "frames": []},
    ]


def test_httpx_cannot_write_the_address_with_the_bots_token(stream: io.StringIO) -> None:
    logger = logging.getLogger("httpx")
    logger.info(
        'HTTP Request: POST %s "%s"', f"https://api.telegram.org/{TELEGRAM}/sendMessage", "HTTP/1.1 200 OK"
    )
    logger.warning("slow: %s", f"https://api.telegram.org/{TELEGRAM}/sendMessage")
    (line,) = lines(stream)
    assert line["event"] == "slow: %s"
    assert line["logger"] == "httpx"


def test_a_foreign_records_arguments_and_further_lines_stay_out(stream: io.StringIO) -> None:
    logging.getLogger("slack_bolt").warning("Unhandled request\n{'text': 'private'}")
    logging.getLogger("asyncio").error("failed: %s", "private", exc_info=ValueError("private"))
    first, second = lines(stream)
    assert first["event"] == "Unhandled request"
    assert second["exception"]["type"] == "builtins.ValueError"
    assert "private" not in stream.getvalue()


def test_our_own_modules_may_use_the_standard_library(stream: io.StringIO) -> None:
    logging.getLogger("storage.x").info("migrated to %s", "0003")
    assert lines(stream)[0]["event"] == "migrated to 0003"


@pytest.mark.parametrize(
    "secret",
    [
        SLACK,
        "xapp-1-A0-123-abc",
        TELEGRAM,
        TELEGRAM.removeprefix("bot"),
        "Bearer abcdefgh12345678",
        "token=abc123",
        '"password": "hush"',
        "EAA" + "G" * 40,
        "sk-proj-" + "a" * 30,
        "hooks.slack.com/commands/T0/1/abc",
    ],
)
def test_texts_that_look_like_a_token_are_taken_out(secret: str) -> None:
    scrubbed = scrub(f"before {secret} after")
    assert secret not in scrubbed
    assert "[secret]" in scrubbed
    assert scrubbed.startswith("before ")


def test_a_password_in_an_address_is_taken_out() -> None:
    assert scrub("postgresql://desk:hush@127.0.0.1/desk") == "postgresql://[secret]@127.0.0.1/desk"


def test_ordinary_words_and_ids_are_left_alone() -> None:
    text = "conversation 0198c0de-0000-7000-8000-000000000001 at 12:30 of bot.turns took 12 ms"
    assert scrub(text) == text


def test_on_a_terminal_an_exception_is_readable_and_as_discreet() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure(LogLevel.INFO, stream=stream, pretty=True)
    try:
        try:
            raise ValueError("private")
        except ValueError:
            structlog.get_logger("bot.x").exception("turn failed", turn=1)
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(level)
    assert "turn failed" in stream.getvalue()
    assert "ValueError: (message withheld)" in stream.getvalue()
    assert "private" not in stream.getvalue()
