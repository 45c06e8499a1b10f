"""A customer on each channel, in one shape: what they do, and what they read from us."""

from abc import ABC, abstractmethod

from connectors.sandbox.mail.letters import File, Letter
from connectors.sandbox.slack import Upload, Wire
from tests.disclosure import undisclosed
from tests.story.rig import Rig

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84\x00\x00\x00\x00IEND\xaeB`\x82"
)


class Side(ABC):
    """Maya on one channel."""

    title: str  # as the card names the channel
    alone = True  # nobody else reads our answers

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    @abstractmethod
    async def say(self, text: str) -> None: ...

    @abstractmethod
    async def send_picture(self, text: str) -> None: ...

    def heard(self) -> list[str]:
        """Our texts, oldest first, without what says that an AI writes."""
        return [undisclosed(text) for text in self.heard_whole()]

    @abstractmethod
    def heard_whole(self) -> list[str]: ...

    @abstractmethod
    def files(self) -> list[bytes]:
        """Return the files that we sent along."""


class OnTelegram(Side):
    title = "Telegram"

    async def say(self, text: str) -> None:
        self.rig.phone.say(self.rig.maya, text)

    async def send_picture(self, text: str) -> None:
        self.rig.phone.send_media(self.rig.maya, "photo", PNG, caption=text)

    def heard_whole(self) -> list[str]:
        return [text for text in self.rig.heard_whole() if text]

    def files(self) -> list[bytes]:
        chat = self.rig.phone.chat(self.rig.maya)
        return [self.rig.phone.file(m.file_id) for m in chat if m.from_bot and m.file_id]


class OnWhatsApp(Side):
    title = "WhatsApp"

    async def say(self, text: str) -> None:
        self.rig.on_whatsapp().say(text)

    async def send_picture(self, text: str) -> None:
        self.rig.on_whatsapp().send_media(PNG, "image/png", caption=text)

    def heard_whole(self) -> list[str]:
        return [m.text for m in self.rig.on_whatsapp().chat if m.from_business and m.text]

    def files(self) -> list[bytes]:
        phone = self.rig.on_whatsapp()
        return [phone.file(m) for m in phone.chat if m.from_business and m.file_id]


class OnMessenger(Side):
    title = "Messenger"

    async def say(self, text: str) -> None:
        self.rig.on_messenger().say(text)

    async def send_picture(self, text: str) -> None:
        self.rig.on_messenger().send_media(PNG, "image/png")
        if text:
            self.rig.on_messenger().say(text)

    def heard_whole(self) -> list[str]:
        told = [m for m in self.rig.on_messenger().chat if m.from_page]
        return [m.text or str((m.template or {}).get("text", "")) for m in told if not m.attachments]

    def files(self) -> list[bytes]:
        phone = self.rig.on_messenger()
        return [phone.file(m) for m in phone.chat if m.from_page and m.attachments]


class ByMail(Side):
    """The first mail begins a thread; what follows answers our newest one, or the first again."""

    title = "Email"
    address = "support@brightdesk.example"

    def letters(self) -> list[Letter]:
        return list(self.rig.by_mail().inbox)

    async def say(self, text: str) -> None:
        await self._write(text, ())

    async def send_picture(self, text: str) -> None:
        await self._write(text, (File("stamp.png", "image/png", PNG),))

    async def _write(self, text: str, files: tuple[File, ...]) -> None:
        maya = self.rig.by_mail()
        if maya.inbox:
            await maya.reply(maya.inbox[-1], text, attachments=files)
        elif maya.sent:
            first = maya.sent[0]
            await maya.reply(first, text, to=self.address, attachments=files)
        else:
            await maya.write("A question", text, to=self.address, attachments=files)

    def heard_whole(self) -> list[str]:
        return [letter.text for letter in self.letters()]

    def files(self) -> list[bytes]:
        return [file.content for letter in self.letters() for file in letter.files]


class InSlack(Side):
    """In the channel that the customer's workspace shares with ours."""

    title = "Slack"
    alone = False

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.root = ""

    async def say(self, text: str) -> None:
        _, maya = self.rig.in_slack()
        theirs = self.rig.slack_customers
        ts = theirs.post_as(maya, self.rig.shared_channel, text, thread_ts=self.root or None)
        self.root = self.root or ts

    async def send_picture(self, text: str) -> None:
        _, maya = self.rig.in_slack()
        stamp = Upload("stamp.png", PNG, "image/png")
        self.rig.slack_customers.post_as(maya, self.rig.shared_channel, text, self.root, files=[stamp])

    def _ours(self) -> list[Wire]:
        if not self.root:
            return []
        told = self.rig.slack_customers.messages(self.rig.shared_channel, self.root)
        return [m for m in told if m.get("bot_id")]

    def heard_whole(self) -> list[str]:
        return [str(m.get("text", "")) for m in self._ours() if m.get("text")]

    def files(self) -> list[bytes]:
        theirs = self.rig.slack_customers
        return [theirs.file_content(f["id"]) for m in self._ours() for f in m.get("files", ())]


class DirectlyInSlack(Side):
    """In direct messages with our app, where she begins anew whenever she writes, and reads each thread."""

    title = "Slack"

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.theirs, self.maya = rig.in_slack()
        self.direct = self.theirs.open_direct(self.maya).id

    async def say(self, text: str) -> None:
        self.theirs.say(self.maya, self.direct, text)

    async def send_picture(self, text: str) -> None:
        stamp = Upload("stamp.png", PNG, "image/png")
        self.theirs.post_as(self.maya, self.direct, text, files=[stamp])

    def _ours(self) -> list[Wire]:
        roots = [str(m["ts"]) for m in self.theirs.messages(self.direct)]
        told = {str(m["ts"]): m for ts in roots for m in self.theirs.messages(self.direct, ts)}
        return [told[ts] for ts in sorted(told) if told[ts].get("bot_id")]

    def heard_whole(self) -> list[str]:
        return [str(m.get("text", "")) for m in self._ours() if m.get("text")]

    def files(self) -> list[bytes]:
        return [self.theirs.file_content(f["id"]) for m in self._ours() for f in m.get("files", ())]


SIDES = (OnTelegram, OnWhatsApp, OnMessenger, ByMail, InSlack, DirectlyInSlack)
