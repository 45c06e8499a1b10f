"""Logs on stderr: one JSON object per line, or coloured lines on a terminal. Ids and codes, no one's words.

Three rules keep text, addresses and tokens out, whoever calls the logger:

- A field is written only if its name is in FIELDS. Others are dropped, and `dropped` counts them. Fields
  that name a subject (SUBJECTS) are written only if they look like an id.
- Of an exception the type, our code and the places in the source are written. Its message is written only
  for our own errors, whose messages are for operators by contract; other libraries put values into theirs.
- Of other libraries' records only the first line of the template is written, without arguments; records
  below WARNING are dropped.

Whatever is left passes `scrub`, which knows the shapes of tokens.

    log = structlog.get_logger(__name__)
    log.info("delivery sent", delivery=delivery.id, attempt=2)
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import TextIO
from uuid import UUID

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from bot.app.settings import LogLevel
from bot.core.errors import DeskError

# Fields whose values are our own ids and names. A value with spaces, an @ or a + is neither, and is withheld.
_SUBJECTS = """organization account channel customer conversation message turn lane effect outbox delivery
    escalation room team agent person flow node article listing version rule command job timer worker process
    connector request trace feature file"""
_FATES = """code kind state outcome stage reason attempt attempts fence signal exit_code method route status
    sqlstate leader mode ready"""
_FIGURES = """count dropped pending depth size bytes limit ms seconds age_seconds retry_after rows events
    messages deliveries accounts port pid host beginning position hash at signature"""
_OURS = "event level logger timestamp exception"  # written by this module
SUBJECTS = frozenset(_SUBJECTS.split())
FIELDS = SUBJECTS | frozenset(f"{_FATES} {_FIGURES} {_OURS}".split())
_ID = re.compile(r"[\w.:/-]{1,80}")
_OWN = frozenset(("bot", "connectors", "orgs", "flows", "storage"))
_LONGEST = 300
_FRAMES = 30

_TOKENS = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+"  # Slack
    r"|(?:bot)?\d{6,}:[\w-]{20,}"  # Telegram, alone and in its URLs
    r"|\bEAA\w{20,}"  # Meta
    r"|\bsk-[\w-]{16,}"  # model providers
    r"|(?i:\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
    r"|(?i:\b(?:token|secret|password|api_?key|access_token|signature)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;]+"
    r"|hooks\.slack\.com/\S+"
    r"|(?<=://)[^/\s@]*:[^/\s@]+(?=@)",  # user:password in any URL
)


def configure(level: LogLevel, *, stream: TextIO | None = None, pretty: bool | None = None) -> None:
    """Route structlog and the standard library's logging to `stream`, by default the present sys.stderr.

    `pretty` chooses coloured lines instead of JSON; None means only if `stream` is a terminal.
    """
    stream = stream or sys.stderr
    if pretty is None:
        pretty = stream.isatty()
    renderer = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    shared = (
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_exception,
        _keep_allowed,
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # loggers made before this call must obey it too
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(_foreign_as_template)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([_unfold_exception] if pretty else []),
                renderer,
            ],
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.value)
    logging.captureWarnings(True)


def scrub(text: str) -> str:
    """Return the text without anything that looks like a token or a password, cut to a sensible length."""
    return _TOKENS.sub("[secret]", text)[:_LONGEST]


def describe(error: BaseException) -> Mapping[str, object]:
    """Describe an exception as data that is safe to log: no local values, and only our own messages."""
    described: dict[str, object] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    if isinstance(error, DeskError):
        described |= {"code": error.code, "message": scrub(str(error))}
    elif isinstance(error, OSError) and error.strerror:
        described["message"] = scrub(f"{error.strerror} (errno {error.errno})")
    if isinstance(sqlstate := getattr(error, "sqlstate", None), str):
        described["sqlstate"] = sqlstate
    described["frames"] = [
        f"{_short(frame.f_code.co_filename)}:{line} in {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ][-_FRAMES:]
    if isinstance(error, BaseExceptionGroup):
        described["members"] = [describe(member) for member in error.exceptions]
    causes = [f"{type(cause).__module__}.{type(cause).__qualname__}" for cause in _causes(error)]
    if causes:
        described["causes"] = causes
    return described


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _short(filename: str) -> str:
    """Return a source file without the folders that show where things are installed on this machine."""
    parts = Path(filename).parts
    return "/".join(parts[-3:])


def _foreign_as_template(record: logging.LogRecord) -> bool:
    """Keep warnings and errors of other libraries, without their arguments; drop the rest.

    httpx, for one, logs the address it calls at INFO, which for Telegram contains the bot's token.
    """
    if "_from_structlog" in record.__dict__ or isinstance(record.msg, dict):
        return True
    if record.name.partition(".")[0] in _OWN:
        return True
    if record.levelno < logging.WARNING:
        return False
    record.msg = str(record.msg).partition("\n")[0]
    record.args = None
    return True


def _describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    error = _exception(event.pop("exc_info", None))
    event.pop("stack_info", None)
    if error is not None:
        event["exception"] = describe(error)
        if isinstance(error, DeskError):
            event.setdefault("code", error.code)
    return event


def _exception(given: ExcInfo | BaseException | bool | None) -> BaseException | None:
    match given:
        case BaseException():
            return given
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exception()
        case _:
            return None


def _keep_allowed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    kept = {
        name: value if name == "exception" else _id(value) if name in SUBJECTS else _plain(value)
        for name, value in event.items()
        if name in FIELDS or name in ("_record", "_from_structlog")
    }
    if dropped := len(event) - len(kept):
        kept["dropped"] = dropped
    return kept


def _id(value: object) -> object:
    plain = _plain(value)
    return "[withheld]" if isinstance(plain, str) and not _ID.fullmatch(plain) else plain


def _plain(value: object) -> object:
    """Return a value as JSON has it.

    A value without a plain form is named by its type, as its repr could contain anything.
    """
    match value:
        case None | bool() | int() | float() | logging.LogRecord():
            return value
        case Enum():
            return _plain(value.value)
        case str():
            return scrub(value)
        case UUID() | date():
            return str(value)
        case timedelta():
            return value.total_seconds()
        case _:
            return f"<{type(value).__qualname__}>"


def _unfold_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Show an exception below its line on a terminal, in the usual way."""
    described = event.pop("exception", None)
    if isinstance(described, Mapping):
        frames = "".join(f"  {frame}\n" for frame in described["frames"])
        event["exception"] = f"{frames}{described['type']}: {described.get('message', '(message withheld)')}"
    return event
