"""One customer on every channel: their ids there, and adding them."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from connectors.sandbox.mail import MailServer
from connectors.sandbox.messenger import MessengerStandIn
from connectors.sandbox.slack import SlackStandIn, Tenant, User
from connectors.sandbox.telegram import TelegramStandIn
from connectors.sandbox.whatsapp import WhatsAppStandIn

TEAM, TEAM_NAME = "T0HARBOR", "Harbor Coffee"  # the workspace of all customers
SHARED_CHANNEL = "brightdesk-support"


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids of a person on each channel. The same name always gives the same ids."""

    name: str
    number: str  # the number on WhatsApp
    address: str
    slack: str


def identity(name: str) -> Identity:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    digest = crc32(name.encode())
    slug = ".".join(re.findall(r"[a-z0-9]+", plain)) or f"customer.{digest}"
    return Identity(name, f"49151{digest % 10**8:08}", f"{slug}@harbor.example", f"U0C{digest:08X}")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    telegram: TelegramStandIn
    whatsapp: WhatsAppStandIn
    messenger: MessengerStandIn
    mail: MailServer
    slack: SlackStandIn

    def add(self, names: Iterable[str], *, inside: Iterable[str] = ()) -> None:
        """Add people to every channel. `inside` are our own staff in the Slack channel shared with them."""
        wanted = [identity(name) for name in names]
        for who in wanted:
            self.telegram.user(who.name)
            if not any(phone.name == who.name for phone in self.whatsapp.phones()):  # numbers may change
                self.whatsapp.customer(who.name, who.number)
            self.messenger.customer(who.name)
            self.mail.customer(who.address, who.name)
        self._in_slack(wanted, list(inside))

    def _in_slack(self, wanted: list[Identity], inside: list[str]) -> None:
        theirs = self._workspace()
        there = {str(user["id"]) for user in theirs.users()}
        outside = []
        for who in wanted:
            handle = who.address.partition("@")[0]
            if who.slack not in there:
                theirs.add_user(handle, real_name=who.name, email=who.address, user_id=who.slack)
            theirs_here = User(
                id=who.slack, name=handle, real_name=who.name, team_id=TEAM, team_name=TEAM_NAME
            )
            outside.append(theirs_here)
        self.slack.connect_channel(SHARED_CHANNEL, outside, inside)

    def names(self) -> list[str]:
        """Return the names of all people on any channel, in the order in which they came."""
        return list(
            dict.fromkeys(
                [
                    *(user.name for user in self.telegram.users()),
                    *(phone.name for phone in self.whatsapp.phones()),
                    *(phone.name for phone in self.messenger.phones()),
                    *(client.name for client in self.mail.customers if client.name),
                ]
            )
        )

    def addresses(self) -> set[str]:
        """Return every id by which a platform knows a person."""
        known = [self.ids(name) for name in self.names()]
        return {address for ids in known for channel, address in ids.items() if channel != "name"}

    def ids(self, name: str) -> dict[str, str]:
        """Return a person's name and their ids by channel. Omit channels where the person is not."""
        who = identity(name)
        known = {
            "telegram": (str(user.id) for user in self.telegram.users() if user.name == name),
            "whatsapp": (phone.wa_id for phone in self.whatsapp.phones() if phone.name == name),
            "messenger": (phone.psid for phone in self.messenger.phones() if phone.name == name),
            "email": (client.address for client in self.mail.customers if client.name == name),
            "slack": (who.slack for user in self._workspace().users() if user["id"] == who.slack),
        }
        found = {channel: next(iter(ids), "") for channel, ids in known.items()}
        return {"name": name, **{channel: each for channel, each in found.items() if each}}

    def _workspace(self) -> Tenant:
        return self.slack.workspace(TEAM, TEAM_NAME)
