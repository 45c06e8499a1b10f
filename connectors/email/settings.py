"""A mailbox as the organization file describes it.

Options
    address          ours, as customers write to it: "support@example.com"
    smtp             "host" or "host:port" of the server that takes our mail (587 if no port is given)
    imap             "host" or "host:port" of the mailbox (993 if no port is given); polling and oauth
    listen, spool    "host:port" to listen on, and the folder where mails wait for their files to be fetched;
                     listener. Every process of the product must reach that folder
    protocol         of the listener: "lmtp" (usual) or "smtp"
    aliases          our other addresses, by commas
    username         to log in with, if not the address
    security         "tls" from the first byte, "starttls", or "none"; without it ports 993 and 465 are tls, a
                     server on this very machine none, and all others starttls
    ca_file          certificates to believe besides the system's, for a server of one's own
    folders          to watch, by commas; INBOX
    trusted_servers  names (authserv-id) of the mail servers whose Authentication-Results are believed. With a
                     number, as in mx.example.com/1, only below so many Received lines at most; with
                     mx.example.com/above only above the Received line that this server itself wrote. One
                     that is seen to write there is taken so, unless it has a number
    dkim_selectors   under which names our provider publishes its DKIM keys, by commas, where they are not its
                     usual ones; `check` looks for them
    plus             "no" where the provider does not deliver name+anything@… to name@…
    sent             the folder into which the provider itself files what we send by SMTP (Gmail, Microsoft
                     365); with it, a delivery whose fate a crash hid can be looked up
    name, signature  for From and below each answer (Markdown), where they are not the organization's own
    oauth_token_url, oauth_scope  where access tokens come from

Secrets
    password, or oauth_client_id, oauth_client_secret and oauth_refresh_token (XOAUTH2)
    thread_key       signs threads; without it the password or client secret does. A listener must have it
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from bot.core.connector import AccountSettings
from bot.core.errors import SettingsError
from connectors.email.threads import derived

_IMPLICIT_TLS = (993, 465)
_SECURITIES = ("tls", "starttls", "none")


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    security: str  # "tls", "starttls" or "none"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    token_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSettings:
    account: str
    address: str
    aliases: tuple[str, ...]
    username: str
    password: str = field(repr=False)
    oauth: OAuthSettings | None
    key: bytes = field(repr=False)
    smtp: Server
    imap: Server | None
    listen: Server | None
    lmtp: bool
    spool: Path | None
    folders: tuple[str, ...]
    sent: str
    trusted_servers: tuple[str, ...]
    dkim_selectors: tuple[str, ...]
    plus: bool
    name: str
    signature: str
    languages: tuple[str, ...]
    tls: ssl.SSLContext = field(repr=False)

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.address, *self.aliases)

    def is_ours(self, address: str) -> bool:
        """Return True if the address is one of ours, also with anything behind a plus."""
        local, _, domain = address.casefold().rpartition("@")
        ours = {each.casefold() for each in self.addresses}
        return f"{local}@{domain}" in ours or f"{local.partition('+')[0]}@{domain}" in ours

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def read_settings(settings: AccountSettings) -> EmailSettings:
    """Read and check the settings of a mailbox. Raise SettingsError with a sentence for the administrator."""
    return _Reader(settings).read()


@lru_cache(maxsize=16)
def _trusting(ca_file: str) -> ssl.SSLContext:
    """Return the TLS context shared by all mailboxes that trust the same authorities.

    One takes up to a megabyte.
    """
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _usual_security(host: str, port: int) -> str:
    if port in _IMPLICIT_TLS:
        return "tls"
    return "none" if _is_this_machine(host) else "starttls"


def _is_this_machine(host: str) -> bool:
    """Return True for a host on this machine: no network lies between, and no certificate could name it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Reader:
    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings
        self._options: Mapping[str, str] = settings.options
        self._secrets: Mapping[str, str] = settings.secrets

    def read(self) -> EmailSettings:
        address = self._required("address").strip()
        if address.count("@") != 1 or address.startswith("@") or address.endswith("@"):
            raise self._wrong("address", "is not an address like support@example.com")
        listens = self._settings.mode == "listener"
        smtp = self._server("smtp", self._required("smtp"), 587)
        oauth = self._oauth()
        return EmailSettings(
            account=self._settings.account,
            address=address,
            aliases=self._several("aliases"),
            username=self._options.get("username") or address,
            password=self._secrets.get("password", ""),
            oauth=oauth,
            key=self._key(oauth),
            smtp=smtp,
            imap=None if listens else self._server("imap", self._required("imap"), 993),
            listen=self._server("listen", self._required("listen"), 24) if listens else None,
            lmtp=self._choice("protocol", ("lmtp", "smtp")) == "lmtp",
            spool=Path(self._required("spool")) if listens else None,
            folders=self._several("folders") or ("INBOX",),
            sent=self._options.get("sent", ""),
            trusted_servers=self._several("trusted_servers"),
            dkim_selectors=self._several("dkim_selectors"),
            plus=self._choice("plus", ("yes", "no")) == "yes",
            name=self._options.get("name", self._settings.name),
            signature=self._options.get("signature", self._settings.signature),
            languages=self._settings.languages,
            tls=self._tls(),
        )

    def _server(self, option: str, given: str, usual: int) -> Server:
        host, colon, digits = given.strip().rpartition(":")
        if not colon:
            host, digits = given.strip(), str(usual)
        host = host.strip("[]")
        if not host or not digits.isdecimal() or not 0 <= int(digits) <= 65535:
            raise self._wrong(option, "is not a host like mail.example.com:587")
        port = int(digits)
        security = self._options.get("security") or _usual_security(host, port)
        if security not in _SECURITIES:
            raise self._wrong("security", f"is one of {', '.join(_SECURITIES)}")
        return Server(host, port, security)

    def _oauth(self) -> OAuthSettings | None:
        if not self._secrets.get("oauth_refresh_token"):
            return None
        missing = [name for name in ("oauth_client_id", "oauth_client_secret") if not self._secrets.get(name)]
        if missing:
            raise SettingsError(f"the email account {self._settings.account!r} has no secret {missing[0]}")
        return OAuthSettings(
            self._required("oauth_token_url"),
            self._secrets["oauth_client_id"],
            self._secrets["oauth_client_secret"],
            self._secrets["oauth_refresh_token"],
            self._options.get("oauth_scope", ""),
        )

    def _key(self, oauth: OAuthSettings | None) -> bytes:
        listens = self._settings.mode == "listener"
        secret = self._secrets.get("thread_key", "")
        if not secret and not listens:
            secret = oauth.client_secret if oauth is not None else self._secrets.get("password", "")
        if not secret:
            wanted = "thread_key" if listens else "password"
            raise SettingsError(f"the email account {self._settings.account!r} has no secret {wanted}")
        return derived(secret.encode(), "signing")  # this key is stored, and the secret itself must not be

    def _tls(self) -> ssl.SSLContext:
        try:
            return _trusting(self._options.get("ca_file", ""))
        except OSError as error:
            raise self._wrong("ca_file", "cannot be read as certificates") from error

    def _required(self, option: str) -> str:
        found = self._options.get(option, "")
        if not found.strip():
            raise SettingsError(f"the email account {self._settings.account!r} has no option {option}")
        return found

    def _several(self, option: str) -> tuple[str, ...]:
        return tuple(each.strip() for each in self._options.get(option, "").split(",") if each.strip())

    def _choice(self, option: str, known: tuple[str, ...]) -> str:
        found = self._options.get(option) or known[0]
        if found not in known:
            raise self._wrong(option, f"is one of {', '.join(known)}")
        return found

    def _wrong(self, option: str, problem: str) -> SettingsError:
        return SettingsError(f"the option {option} of the email account {self._settings.account!r} {problem}")
