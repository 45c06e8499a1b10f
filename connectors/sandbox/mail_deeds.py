"""Offer what people with a mail program can do and see through the control API."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.files_shown import designed_answer, file_answer
from connectors.sandbox.mail import Customer, File, Letter, programs
from connectors.sandbox.mailbox import Mailbox

_MOST_LETTERS = 200  # shown on the page, for each folder
_FOLDERS = ("inbox", "sent")


@dataclass(frozen=True, slots=True)
class MailDeeds:
    """The mail part of the control API. `user` is an address. A Message-ID names a letter."""

    mailbox: Mailbox

    def views(self) -> Mapping[str, Deed]:
        return {"users": self._users, "box": self._box, "programs": self._programs}

    def deeds(self) -> Mapping[str, Deed]:
        return {
            "user": self._user,
            "write": self._write,
            "reply": self._reply,
            "bounce": self._bounce,
            "refuse": self._refuse,
        }

    def file(self, path: str) -> web.Response:
        """Return the file at `<address>/<folder>/<place>/<file>`, or at `…/design` the letter's own HTML.

        Raise KeyError.
        """
        address, folder, place, which = path.split("/") if path.count("/") == 3 else ("", "", "", "")
        letters = self._letters(self._client(address), folder)
        if not place.isdecimal() or int(place) >= len(letters):
            raise KeyError(path)
        letter = letters[int(place)]
        if which == "design":
            return designed_answer(letter.html)
        if not which.isdecimal() or int(which) >= len(letter.files):
            raise KeyError(path)
        file = letter.files[int(which)]
        return file_answer(file.content, file.mime_type)

    def _letters(self, client: Customer, folder: str) -> list[Letter]:
        if folder not in _FOLDERS:
            raise KeyError(folder)
        return client.inbox if folder == "inbox" else client.sent

    def _client(self, wanted: str) -> Customer:
        for client in self.mailbox.mail.customers:
            if wanted and wanted in (client.address, client.name):
                return client
        raise CommandError(f"Nobody has a mail program with the address {wanted[:60]!r}.")

    def _letter(self, client: Customer, wanted: str) -> Letter:
        for letter in (*client.inbox, *client.sent):
            if letter.message_id == wanted:
                return letter
        raise CommandError("There is no such mail here.")

    async def _users(self, _: Body) -> object:
        return [{"id": each.address, "name": each.name} for each in self.mailbox.mail.customers]

    async def _programs(self, _: Body) -> object:
        return programs()

    async def _box(self, body: Body) -> object:
        client = self._client(body.text("user"))
        shown = [
            _shown(client, folder, place, letter)
            for folder in _FOLDERS
            for place, letter in list(enumerate(self._letters(client, folder)))[-_MOST_LETTERS:]
        ]
        return {
            "support": self.mailbox.address,
            "letters": sorted(shown, key=lambda each: (each["at"], each["depth"])),
        }

    async def _user(self, body: Body) -> object:
        client = self.mailbox.mail.customer(body.text("address"), body.text("name", ""))
        self.mailbox.changed(client.address)
        return {"id": client.address, "name": client.name}

    async def _write(self, body: Body) -> object:
        client, text = self._client(body.text("user")), body.text("text")
        letter = await client.write(
            body.text("subject", ""),
            text,
            to=body.text("to", "") or self.mailbox.address,
            cc=_addresses(body.text("cc", "")),
            program=_program(body),
            attachments=_files(body),
            verdict=body.text("verdict", "pass"),
        )
        self.mailbox.changed(client.address)
        return {"id": letter.message_id}

    async def _reply(self, body: Body) -> object:
        client = self._client(body.text("user"))
        answered = self._letter(client, body.text("message_id"))
        others = [each for each in answered.recipients if each != client.address]
        letter = await client.reply(
            answered,
            body.text("text"),
            cc=others if body.flag("all") else (),
            program=_program(body),
            language=body.text("language", "en"),
            attachments=_files(body),
        )
        self.mailbox.changed(client.address)
        return {"id": letter.message_id}

    async def _bounce(self, body: Body) -> object:
        """Return a mail of ours from the customer's server, as when their mailbox is full."""
        client = self._client(body.text("user"))
        await client.bounce(self._letter(client, body.text("message_id")))
        return {}

    async def _refuse(self, body: Body) -> object:
        """Set what our provider answers to mail for this person from now on. "" accepts it again."""
        client, words = self._client(body.text("user")), body.text("words", "")
        if words and not words[:3].isdecimal():
            raise CommandError("'words' begin with a number, such as 550 or 451.")
        self.mailbox.mail.smtp.refused.pop(client.address, None)
        if words:
            self.mailbox.mail.smtp.refused[client.address] = words
        return {}


def _shown(client: Customer, folder: str, place: int, letter: Letter) -> dict[str, Any]:
    message = letter.message
    name, address = letter.sender
    recipients = [str(each) for each in (*message.get_all("To", ()), *message.get_all("Cc", ()))]
    base = f"{client.address}/{folder}/{place}"
    return {
        "id": letter.message_id,
        "folder": folder,
        "subject": letter.subject,
        "from": {"name": name, "address": address},
        "to": [shown or plain for shown, plain in getaddresses(recipients)],
        "at": _when(letter),
        "depth": len(letter.header("References").split()),  # orders mails of the same second
        "text": letter.text,
        "design": f"{base}/design" if letter.html else "",
        "automatic": message.get("Auto-Submitted", "no") != "no",
        "files": [
            {
                "path": f"{base}/{n}",
                "name": file.name or "file",
                "type": file.mime_type,
                "size": len(file.content),
            }
            for n, file in enumerate(letter.files)
        ],
    }


def _when(letter: Letter) -> float:
    try:
        return parsedate_to_datetime(letter.header("Date")).timestamp()
    except ValueError:
        return 0.0


def _addresses(words: str) -> list[str]:
    return [address for _, address in getaddresses([words]) if address]


def _program(body: Body) -> str:
    chosen = body.text("program", "gmail")
    if chosen not in programs():
        raise CommandError(f"'program' is one of {', '.join(programs())}.")
    return chosen


def _files(body: Body) -> list[File]:
    return [
        File(
            file.text("name"),
            file.text("mime_type", "") or "application/octet-stream",
            file.content("content"),
        )
        for file in body.objects("files")
    ]
