"""The two sides of a tale: a customer on any channel, and the room in which staff handle the matter."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

from connectors.sandbox.mail import Letter
from connectors.sandbox.people import identity
from connectors.sandbox.slack.files import Upload
from connectors.sandbox.slack.wire import Refused
from connectors.sandbox.telegram import TelegramUser
from connectors.sandbox.telegram.model import ChatMessage
from connectors.slack.emoji import code_for
from tests.story.rig import Rig, until

SUPPORT = "support@brightdesk.example"


class Customer(ABC):
    """Somebody new to the desk."""

    def __init__(self, rig: Rig, name: str) -> None:
        self.rig, self.name = rig, name
        self.ids = rig.sandbox.customer(name)

    @abstractmethod
    async def say(self, text: str) -> None: ...

    @abstractmethod
    def heard(self) -> list[str]:
        """Our texts, oldest first."""

    async def interfere(self, text: str) -> None:  # noqa: B027 (on most channels nobody can)
        """A stranger writes where this customer writes, if the channel lets them."""


class OnTelegram(Customer):
    async def say(self, text: str) -> None:
        self.rig.phone.say(self.rig.phone.user(self.name), text)

    def heard(self) -> list[str]:
        return self.rig.heard(self.rig.phone.user(self.name))


class OnWhatsApp(Customer):
    async def say(self, text: str) -> None:
        self.rig.on_whatsapp(self.name).say(text)

    def heard(self) -> list[str]:
        return [m.text for m in self.rig.on_whatsapp(self.name).chat if m.from_business]


class OnMessenger(Customer):
    async def say(self, text: str) -> None:
        self.rig.on_messenger(self.name).say(text)

    def heard(self) -> list[str]:
        chat = self.rig.on_messenger(self.name).chat
        return [m.text or str((m.template or {}).get("text", "")) for m in chat if m.from_page]


class ByMail(Customer):
    """A customer by mail, whose replies quote as mail programs do; `heard` is what is new in each mail."""

    async def say(self, text: str) -> None:
        client = self.rig.by_mail(self.name)
        if client.inbox:
            await client.reply(client.inbox[-1], text)
        elif client.sent:
            await client.reply(client.sent[0], text, to=SUPPORT)
        else:
            await client.write("", text, to=SUPPORT)

    def heard(self) -> list[str]:
        return [_new(letter) for letter in self.rig.by_mail(self.name).inbox]

    async def interfere(self, text: str) -> None:
        client = self.rig.by_mail(self.name)
        stranger = self.rig.mail.customer("nobody@elsewhere.example", "Nobody")
        if client.inbox:
            await stranger.reply(client.inbox[-1], text)


def _new(letter: Letter) -> str:
    return "\n".join(line for line in letter.text.splitlines() if not line.startswith(">"))


class InSlack(Customer):
    root = ""

    async def say(self, text: str) -> None:
        theirs, channel = self.rig.slack_customers, self.rig.shared_channel
        ts = theirs.post_as(self.ids["slack"], channel, text, thread_ts=self.root or None)
        self.root = self.root or ts

    def heard(self) -> list[str]:
        thread = self.rig.slack_customers.messages(self.rig.shared_channel, self.root)
        return [str(m.get("text", "")) for m in thread if m.get("bot_id")]

    async def interfere(self, text: str) -> None:
        self.rig.sandbox.customer("Nobody")
        if self.root:
            channel, stranger = self.rig.shared_channel, identity("Nobody").slack
            self.rig.slack_customers.post_as(stranger, channel, text, thread_ts=self.root)


EVERYWHERE: tuple[type[Customer], ...] = (OnTelegram, OnWhatsApp, OnMessenger, ByMail, InSlack)


def reached_customers(rig: Rig) -> str:
    """All that ever left for a customer, on every channel."""
    calls = (*rig.telegram.sent(), *rig.whatsapp.sent(), *rig.messenger.sent())
    letters = [letter for client in rig.mail.customers for letter in client.inbox]
    theirs = rig.slack_customers
    posts = [
        message
        for root in theirs.messages(rig.shared_channel)
        for message in theirs.messages(rig.shared_channel, str(root["ts"]))
        if message.get("bot_id")
    ]
    return "\n".join(
        [
            *(str(dict(call.params)) for call in calls),
            *(f"{letter.subject}\n{letter.text}\n{letter.html}" for letter in letters),
            *map(str, posts),
        ]
    )


def reactions_at_customers(rig: Rig) -> list[str]:
    """Each emoji that we ever put on a customer's message, however the channel spells it."""
    calls = (
        *rig.telegram.sent("setMessageReaction"),
        *rig.whatsapp.sent("messages"),
        *rig.messenger.sent("messages"),
    )
    posts = [
        message
        for root in rig.slack_customers.messages(rig.shared_channel)
        for message in rig.slack_customers.messages(rig.shared_channel, str(root["ts"]))
        if not message.get("bot_id")
    ]
    return [str(call.params) for call in calls if "reaction" in str(call.params)] + [
        str(message["reactions"]) for message in posts if message.get("reactions")
    ]


class Room(ABC):
    """One thread of staff. People go by short names."""

    people: ClassVar[Mapping[str, str]]  # with their full names

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    @abstractmethod
    def find(self, words: str) -> bool:
        """Return whether there is a room whose story holds the words; use that room from then on."""

    @abstractmethod
    def lines(self) -> list[str]: ...

    @abstractmethod
    def card(self) -> str: ...

    def everywhere(self) -> str:
        """Return what is posted in all rooms of all teams: a stranger's words may call the first tier."""
        slack, told = self.rig.slack, [m.text for m in self.rig.night_watch.messages()]
        for channel in (str(each.get("name", "")) for each in slack.channels()):
            if "escalation" in channel:
                threads = [str(card["ts"]) for card in self.rig.threads(channel)]
                told += [str(slack.messages(channel, ts)) for ts in threads]
        return "\n".join(told)

    @abstractmethod
    def post(self, who: str, text: str) -> str: ...

    @abstractmethod
    def broadcast(self, who: str, text: str) -> str:
        """Written in the thread, and shown outside of it as well where the platform has that."""

    @abstractmethod
    def post_marked(self, who: str, before: str, kind: str, part: str, after: str) -> str:
        """A part of it is marked as a block of code (`pre`), as `code`, or as a link (`text_link`)."""

    @abstractmethod
    def attach(self, who: str, text: str, name: str) -> str:
        """A file with words beside it."""

    @abstractmethod
    def forward(self, who: str, text: str) -> str:
        """Words that somebody else wrote."""

    @abstractmethod
    def reply(self, who: str, text: str, quote: str, *, elsewhere: bool) -> str:
        """Words that answer, and quote, a private note of that person, or a message of another chat."""

    @abstractmethod
    def react(self, who: str, words: str, emoji: str) -> None:
        """On the line that holds the words, if there is one."""

    @abstractmethod
    def post_as_namesake(self, who: str, text: str) -> str:
        """From another account that has that person's name."""

    @abstractmethod
    def edit(self, who: str, ref: str, text: str) -> None: ...

    @abstractmethod
    def delete(self, who: str, ref: str) -> bool:
        """False where the desk would not be told."""

    @abstractmethod
    async def press(self, who: str, action: str) -> None:
        """Raises AssertionError when there is no such button any more."""

    async def settled(self) -> None:  # noqa: B027
        """Wait until the desk has taken everything."""


class SlackThread(Room):
    people: ClassVar[Mapping[str, str]] = {
        "hugo": "Hugo Martin",
        "carla": "Carla Mendes",
        "anna": "Anna Lindqvist",
    }
    channel = "billing-escalations"
    ts = ""

    def find(self, words: str) -> bool:
        for card in self.rig.threads(self.channel):
            ts = str(card["ts"])
            if words in str(self.rig.slack.messages(self.channel, ts)):
                self.ts = ts
                return True
        return False

    def lines(self) -> list[str]:
        return self.rig.in_thread(self.channel, self.ts)

    def card(self) -> str:
        return next(str(c["blocks"]) for c in self.rig.threads(self.channel) if c["ts"] == self.ts)

    def post(self, who: str, text: str) -> str:
        return self.rig.slack.post_as(who, self.channel, text, thread_ts=self.ts)

    def broadcast(self, who: str, text: str) -> str:
        return self.rig.slack.post_as(who, self.channel, text, thread_ts=self.ts, broadcast=True)

    def post_marked(self, who: str, before: str, kind: str, part: str, after: str) -> str:
        """Code of several lines is a block in Slack."""
        marked = f"<https://shop.example|{part}>" if kind == "text_link" else f"```{part}```"
        return self.post(who, f"{before}{marked}{after}")

    def attach(self, who: str, text: str, name: str) -> str:
        files = [Upload(name, b"%PDF a file")]
        return self.rig.slack.post_as(who, self.channel, text, thread_ts=self.ts, files=files)

    def forward(self, who: str, text: str) -> str:
        told = self.rig.slack.post_as("anna", self.channel, text)
        return self.rig.slack.share_as(who, self.channel, told, self.channel, text, self.ts)

    def reply(self, who: str, text: str, quote: str, *, elsewhere: bool) -> str:
        """Slack quotes nothing by itself but what is shared."""
        if elsewhere:
            self.forward(who, quote)
        else:
            self.post(who, f"// {quote}")
        return self.post(who, text)

    def react(self, who: str, words: str, emoji: str) -> None:
        for message in self.rig.slack.messages(self.channel, self.ts):
            if words in str(message.get("text", "")) and message.get("bot_id"):
                with suppress(Refused):  # they did already
                    self.rig.slack.react_as(who, self.channel, str(message["ts"]), code_for(emoji))

    def post_as_namesake(self, who: str, text: str) -> str:
        name = f"{who}-too"
        if name not in {str(user["name"]) for user in self.rig.slack.users()}:
            self.rig.slack.add_user(name, real_name=self.people[who])
            self.rig.slack.join(name, self.channel)
        return self.rig.slack.post_as(name, self.channel, text, thread_ts=self.ts)

    def edit(self, who: str, ref: str, text: str) -> None:
        self.rig.slack.edit_as(who, self.channel, ref, text)

    def delete(self, who: str, ref: str) -> bool:
        self.rig.slack.delete_as(who, self.channel, ref)
        return True

    async def press(self, who: str, action: str) -> None:
        if action != "assign":
            await self.rig.press(who, self.channel, self.ts, action)
            return
        await self.rig.press("anna", self.channel, self.ts, "assign")
        await until(lambda: self.rig.slack.views("anna"), what="the form")
        view = self.rig.slack.views("anna")[-1]
        ids = {str(user["name"]): str(user["id"]) for user in self.rig.slack.users()}
        await self.rig.slack.submit_view("anna", str(view["id"]), {"person": {"answer": ids[who]}})
        await self.rig.press(who, self.channel, self.ts, "take")

    async def settled(self) -> None:
        await self.rig.slack.settled()


class Topic(Room):
    """A topic of the night watch's group. To assign somebody is to let them take it."""

    people: ClassVar[Mapping[str, str]] = {"farid": "Farid Haddad", "grace": "Grace Kim"}
    topic = 0

    def find(self, words: str) -> bool:
        found = [m for m in self.rig.night_watch.messages() if words in m.text and m.topic]
        self.topic = found[0].topic if found else 0
        return bool(found)

    def lines(self) -> list[str]:
        return [m.text for m in self.rig.night_watch.messages(self.topic)]

    def card(self) -> str:
        card = self._card()
        return card.text if card else ""

    def labels(self) -> list[str]:
        """Return what the buttons of the card say."""
        card = self._card()
        return [str(button.get("text", "")) for row in card.buttons for button in row] if card else []

    def _card(self) -> ChatMessage | None:
        return next((m for m in self.rig.night_watch.messages(self.topic) if m.buttons), None)

    def post(self, who: str, text: str) -> str:
        return str(self.rig.night_watch.say(self._user(who), text, topic=self.topic).message_id)

    def broadcast(self, who: str, text: str) -> str:
        return self.post(who, text)

    def post_marked(self, who: str, before: str, kind: str, part: str, after: str) -> str:
        entity = {"type": kind, "offset": len(before), "length": len(part)}
        entity |= {"url": "https://shop.example/"} if kind == "text_link" else {}
        text = f"{before}{part}{after}"
        said = self.rig.night_watch.say(self._user(who), text, topic=self.topic, marked=[entity])
        return str(said.message_id)

    def attach(self, who: str, text: str, name: str) -> str:
        sent = self.rig.night_watch.send_media(
            self._user(who), "document", b"%PDF a file", topic=self.topic, name=name, caption=text
        )
        return str(sent.message_id)

    def forward(self, who: str, text: str) -> str:
        origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}
        return str(self.rig.night_watch.forward(self._user(who), text, origin, topic=self.topic).message_id)

    def reply(self, who: str, text: str, quote: str, *, elsewhere: bool) -> str:
        group, user = self.rig.night_watch, self._user(who)
        if elsewhere:
            origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}
            said = group.say(user, text, topic=self.topic, quote=quote, elsewhere={"origin": origin})
        else:
            note = group.say(user, f"// {quote}", topic=self.topic).message_id
            said = group.say(user, text, topic=self.topic, reply_to=note, quote=quote)
        return str(said.message_id)

    def react(self, who: str, words: str, emoji: str) -> None:
        for message in self.rig.night_watch.messages(self.topic):
            if words in message.text and message.from_bot:
                self.rig.night_watch.react(self._user(who), message.message_id, emoji)

    def post_as_namesake(self, who: str, text: str) -> str:
        other = self.rig.telegram_staff.user(f"{self.people[who]} ")  # names are unique but for a blank
        self.rig.night_watch.join(other)
        return str(self.rig.night_watch.say(other, text, topic=self.topic).message_id)

    def edit(self, who: str, ref: str, text: str) -> None:
        self.rig.night_watch.edit(self._user(who), int(ref), text)

    def delete(self, who: str, ref: str) -> bool:  # noqa: ARG002
        return False

    async def press(self, who: str, action: str) -> None:
        label = {"assign": "Take", "return": "Return to agent"}.get(action, action.capitalize())
        card = self._card()
        assert card is not None, "the card has no buttons any more"
        labels = self.labels()
        found = next((each for each in labels if each.startswith(label)), None)
        assert found is not None, f"there is no button {label!r} among {labels}"
        for _ in range(2 if found == "Take over" else 1):  # which asks first
            self.rig.night_watch.tap(self._user(who), card.message_id, found)

    async def settled(self) -> None:
        await until(lambda: not self.rig.telegram_staff.webhook_info()["pending_update_count"])

    def _user(self, who: str) -> TelegramUser:
        members: Sequence[TelegramUser] = self.rig.night_watch.members()
        return next(user for user in members if user.name == self.people[who])
