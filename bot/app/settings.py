"""Read the program's settings from its environment and from a `.env` file beside it, once at start.

    DATABASE_URL, REDIS_URL   your own servers; without them the program runs its own
    DESK_ENV                  production or embedded; by default production if DATABASE_URL is set
    ENCRYPTION_KEY            base64 of 32 bytes; several with commas, newest first: it encrypts, all decrypt
    HOST, PORT                where to listen: 127.0.0.1 (in production 0.0.0.0) and 8080
    PUBLIC_URL                where platforms reach this program from outside: http://127.0.0.1:<PORT>
    <CHANNEL>_API_URL         another address of a platform; <ACCOUNT>_API_URL: for one account
    <CHANNEL>_<OPTION>_SERVER another address of a server that an account's option names; or <ACCOUNT>_…:
                              EMAIL_IMAP_SERVER=127.0.0.1:1143
    VAR_DIR                   folder with the data of the embedded servers: ./var
    FILES_URL                 store of sealed attachments: <VAR_DIR>/files, or s3://bucket/prefix
                              (AWS_REGION, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)
    FILES_MAX_MB              larger attachments are refused: 50
    SCAN_COMMAND, CLAMD       the virus scanner: a command that reads the file, or clamd's address
    AUDIT_ANCHORS_URL         second place for anchors of the audit chain: file:///folder/file, to which
                              lines are added, or https://…, which gets each one as JSON
    LEASE_SECONDS             after how long another worker takes over what a dead one held: 15
    REWRITE_MAX_MB            `desk jobs` does not rewrite a larger table of customers after an erasure: 1024
    HEALTH_PORT               port on which the process answers /healthz, /readyz and /metrics; without it
                              `desk serve` does on PORT, `desk work` and `desk jobs` nowhere
    METRICS_TOKEN             token that /readyz and /metrics require (Authorization: Bearer …); without it
                              and HEALTH_PORT they are answered only on a HOST of this machine
    LOG_LEVEL                 DEBUG, INFO, WARNING or ERROR

Tokens of accounts are read by name with `Settings.secret`, as the organization file says in which variable
each one is. `.env.example` has a line for each variable.
"""

import base64
import binascii
import io
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from redis.connection import parse_url
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.core.errors import SettingsError

KEY_BYTES = 32
ENV_FILE = Path(".env")  # in the folder in which the program is started
_MAKE_A_KEY = "python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"

E = TypeVar("E", bound=Enum)


class Environment(Enum):
    PRODUCTION = "production"
    EMBEDDED = "embedded"


class LogLevel(Enum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, valid as a whole. Neither keys nor addresses with passwords appear in their repr."""

    environment: Environment
    database_url: str | None = field(repr=False)  # None: run our own
    redis_url: str | None = field(repr=False)  # None: run our own
    encryption_keys: tuple[bytes, ...] = field(repr=False)  # newest first, each of KEY_BYTES
    host: str
    port: int
    health_port: int | None  # None: no port of its own
    metrics_token: str = field(repr=False)  # "": none is required
    public_url: str  # without a slash at its end
    var: Path
    files_url: str
    files_max: int  # bytes
    anchors_url: str  # "": no second place
    rewrite_max: int  # bytes
    log_level: LogLevel
    environ: Mapping[str, str] = field(repr=False)

    @property
    def anchors_webhook(self) -> str:
        """Return the address to which anchors of the audit chain are sent; "" means nowhere."""
        return "" if self.anchors_url.startswith("file:") else self.anchors_url

    def secret(self, name: str) -> str:
        """Return the value of a variable that must be set, such as an account's token.

        Raises SettingsError.
        """
        value = self.environ.get(name, "").strip()
        if not value:
            raise SettingsError(
                f"the environment variable {name} is not set: give it the value it should have"
            )
        return value

    def has(self, name: str) -> bool:
        """Return whether `secret` would find the variable."""
        return bool(self.environ.get(name, "").strip())

    def api_url(self, channel: str, account: str = "") -> str:
        """Return the address of a platform, without a slash at the end; "" means the platform's own address.

        The variable of the account takes precedence over that of its channel: SLACK_CUSTOMERS_API_URL,
        SLACK_API_URL.
        """
        name = self._told("API_URL", channel, account)
        return _http_url(name, self.environ.get(name, "").strip())

    def server(self, option: str, channel: str, account: str = "") -> str:
        """Return the server for an account's option, as "host:port"; "" means the option's own value.

        EMAIL_IMAP_SERVER, for example. Again, the variable of the account takes precedence.
        """
        name = self._told(f"{option.upper()}_SERVER", channel, account)
        return self.environ.get(name, "").strip()

    def _told(self, what: str, channel: str, account: str) -> str:
        """Return the name of the variable that is set for the account or its channel, else the channel's."""
        names = [f"{word.upper().replace('-', '_')}_{what}" for word in (account, channel) if word]
        return next((name for name in names if self.has(name)), names[-1])


def surroundings(environ: Mapping[str, str], file: Path = ENV_FILE) -> Mapping[str, str]:
    """Return the environment, completed from a `.env` file. A variable of the environment takes precedence.

    Raises SettingsError for a file that cannot be read.
    """
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return environ
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{file} cannot be read ({type(error).__name__}): mend it, or take it away"
        ) from None
    # The library skips what it cannot read, so that a setting would silently keep its default.
    bindings = parse_stream(io.StringIO(text))
    if wrong := next(
        (b.original for b in bindings if b.error or (b.key is not None and b.value is None)), None
    ):
        blank = wrong.string[: len(wrong.string) - len(wrong.string.lstrip())]
        line = wrong.line + blank.count("\n")
        raise SettingsError(f"{file}, line {line} is no NAME=value, or a quote in it is not closed: mend it")
    if "\0" in text:
        raise SettingsError(f"{file} has a NUL in it, which no variable may have: mend it")
    given = dotenv_values(stream=io.StringIO(text), interpolate=False)  # a password may have a $ in it
    return {**{name: value for name, value in given.items() if value is not None}, **environ}


def load(environ: Mapping[str, str]) -> Settings:
    """Return the settings, always with an encryption key.

    In embedded mode without ENCRYPTION_KEY it is the key in the var folder, which is created if it is
    missing. Raises SettingsError.
    """
    settings = parse(environ)
    if settings.encryption_keys:
        return settings
    return replace(settings, encryption_keys=(kept_key(settings.var),))


def parse(environ: Mapping[str, str]) -> Settings:
    """Return the settings from variables alone, without touching a file.

    In embedded mode there may be no key. Raises SettingsError.
    """

    def get(name: str, default: str = "") -> str:
        return environ.get(name, "").strip() or default

    database_url, redis_url = get("DATABASE_URL"), get("REDIS_URL")
    _check_database_url(database_url)
    _check_redis_url(redis_url)
    environment = _environment(get("DESK_ENV"), database_url)
    if environment is Environment.PRODUCTION and not database_url:
        raise SettingsError(
            "DESK_ENV is production but DATABASE_URL is not set: give it a PostgreSQL database"
        )
    keys = tuple(_key(part.strip()) for part in get("ENCRYPTION_KEY").split(",") if part.strip())
    if environment is Environment.PRODUCTION and not keys:
        raise SettingsError(
            "ENCRYPTION_KEY is not set, and in production no key is made for you: make one with"
            f" {_MAKE_A_KEY}, keep it where your secrets are kept, and set it for every process"
        )
    port, health_port = _port("PORT", get("PORT", "8080")), get("HEALTH_PORT")
    var = Path(get("VAR_DIR", "var")).expanduser().absolute()
    return Settings(
        environment=environment,
        database_url=database_url or None,
        redis_url=redis_url or None,
        encryption_keys=keys,
        host=get("HOST", "0.0.0.0" if environment is Environment.PRODUCTION else "127.0.0.1"),  # noqa: S104
        port=port,
        health_port=_port("HEALTH_PORT", health_port) if health_port else None,
        metrics_token=get("METRICS_TOKEN"),
        public_url=_http_url("PUBLIC_URL", get("PUBLIC_URL", f"http://127.0.0.1:{port}")),
        var=var,
        files_url=_files_url(get("FILES_URL"), var),
        anchors_url=_anchors_url(get("AUDIT_ANCHORS_URL")),
        files_max=_megabytes("FILES_MAX_MB", get("FILES_MAX_MB", "50")),
        rewrite_max=_megabytes("REWRITE_MAX_MB", get("REWRITE_MAX_MB", "1024"), most=100_000),
        log_level=_choice("LOG_LEVEL", get("LOG_LEVEL", "INFO").upper(), LogLevel),
        environ=environ,
    )


def kept_key(var: Path) -> bytes:
    """Return the key in `var/encryption.key` (mode 0600). Create it if it is missing.

    If several processes create it at once, all use the first one's.
    """
    file = var / "encryption.key"
    try:
        if not file.exists():
            _make_key(file)
        text = file.read_text("ascii").strip()
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read or made ({error.strerror}): set VAR_DIR or ENCRYPTION_KEY"
        ) from None
    try:
        return _key(text)
    except SettingsError:
        raise SettingsError(
            f"{file} holds no base64 of {KEY_BYTES} bytes: restore it; without it nothing stored can be read"
        ) from None


def _make_key(file: Path) -> None:
    """Write a new key to another file and link it into place.

    A link fails if another process was first, and never leaves half a file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            target.flush()
            os.fsync(target.fileno())
        os.link(scratch, file)
    except FileExistsError:
        pass
    finally:
        scratch.unlink()


def _environment(word: str, database_url: str) -> Environment:
    if not word:
        return Environment.PRODUCTION if database_url else Environment.EMBEDDED
    return _choice("DESK_ENV", word.lower(), Environment)


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"ENCRYPTION_KEY has a part that is no base64 of {KEY_BYTES} bytes: make one with {_MAKE_A_KEY}"
        )
    return key


def _port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise SettingsError(f"{name} is {text[:20]!r}: it must be a number from 1 to 65535")
    return int(text)


def _files_url(text: str, var: Path) -> str:
    if not text:
        return (var / "files").as_uri()
    _check_url("FILES_URL", text, ("file", "s3"))
    return text


def _anchors_url(text: str) -> str:
    _check_url("AUDIT_ANCHORS_URL", text, ("file", "http", "https"))
    if text and not (_names_a_file(text) if _scheme(text) == "file" else _can_be_asked(text)):
        raise SettingsError(
            "AUDIT_ANCHORS_URL cannot be read: it must be file:///folder/file, or an address such as"
            " https://audit.example/anchors, without a blank, with a port from 1 to 65535 if it has one, and"
            " with 1 to 63 characters between the dots of its name"
        )
    return text


def _megabytes(name: str, text: str, *, most: int = 2000) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:7]) <= most):
        raise SettingsError(f"{name} is {text[:20]!r}: it must be a number from 1 to {most}")
    return int(text) * 1024 * 1024


def _http_url(name: str, text: str) -> str:
    _check_url(name, text, ("http", "https"))
    if text and not _is_plain(text):
        raise SettingsError(
            f"{name} cannot be read: it must be an address such as https://desk.example, without a question"
            " mark or a blank, with a port from 1 to 65535 if it has one, and with 1 to 63 characters between"
            " the dots of its name"
        )
    return text.rstrip("/")


def _is_plain(url: str) -> bool:
    parts = urlsplit(url)
    return _can_be_asked(url) and not (parts.query or parts.fragment)


def _can_be_asked(url: str) -> bool:
    """Return whether a web address has a host name and a port to which a request can be sent."""
    parts = urlsplit(url)
    try:
        port = parts.port
        name = (parts.hostname or "").encode("idna")  # as the resolver writes it
    except ValueError:
        return False
    return bool(name) and not any(sign.isspace() for sign in url) and (port is None or port > 0)


def _names_a_file(url: str) -> bool:
    parts = urlsplit(url)
    path = unquote(parts.path)
    return parts.netloc in ("", "localhost") and not path.endswith("/") and "\0" not in path


def _check_url(name: str, text: str, schemes: tuple[str, ...]) -> None:
    """Check that a URL has one of the schemes. The error does not contain it, as it may have a password."""
    if text and _scheme(text) not in schemes:
        raise SettingsError(
            f"{name} must be an address that begins with {' or '.join(f'{s}://' for s in schemes)}"
        )


def _check_database_url(text: str) -> None:
    _check_url("DATABASE_URL", text, ("postgresql", "postgres", "postgresql+psycopg"))
    try:
        port = make_url(text).port if text else None
    except (ArgumentError, ValueError):
        port = 0
    if port is not None and not 0 < port < 65536:
        raise SettingsError(
            "DATABASE_URL cannot be read, its port must be one number from 1 to 65535: write it as"
            " postgresql://user:password@host:5432/database"
        )

    try:
        conninfo_to_dict(text.replace("postgresql+psycopg:", "postgresql:", 1))
    except ProgrammingError:  # its message may contain the password
        raise SettingsError(
            "DATABASE_URL cannot be read, it has an option that PostgreSQL does not know, or a sign in its"
            " password that must be written with % (a blank is %20, a % is %25)"
        ) from None


def _check_redis_url(text: str) -> None:
    _check_url("REDIS_URL", text, ("redis", "rediss", "unix"))
    try:
        told = parse_url(text) if text else {}  # type: ignore[no-untyped-call]
    except ValueError as error:
        if "port" not in str(error).lower():
            raise SettingsError(
                "REDIS_URL cannot be read, an option in it has no such value: write it as"
                " redis://user:password@host:6379/0"
            ) from None
        told = {"port": 0}
    number = urlsplit(text).path.strip("/") if text and not text.startswith("unix:") else ""
    if number and not (number.isascii() and number.isdigit()):
        raise SettingsError(
            "REDIS_URL must end with the number of a database, or with the port: redis://host:6379/0"
        )
    if not 0 < told.get("port", 6379) < 65536:
        raise SettingsError(
            "REDIS_URL cannot be read, its port must be a number from 1 to 65535: write it as"
            " redis://user:password@host:6379/0"
        )


def _scheme(text: str) -> str:
    """Return the scheme of an address; "" if the text is no address."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return parts.scheme if parts.netloc or parts.path.startswith("/") else ""


def _choice(name: str, text: str, kind: type[E]) -> E:
    try:
        return kind(text)
    except ValueError:
        known = " or ".join(str(member.value) for member in kind)
        raise SettingsError(f"{name} is {text[:20]!r}: it must be {known}") from None
