"""The calls of people with a mail program."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.control.calls import SentFile, action, view
from connectors.sandbox.control.files import designed_answer, file_answer
from connectors.sandbox.mail import Customer, File, Letter, programs
from connectors.sandbox.mailbox import Mailbox

_MOST_LETTERS = 200  # shown on the page, for each folder
_FOLDERS = ("inbox", "sent")


@dataclass(frozen=True, slots=True)
class EmailControl:
    """`user` is a person's address or name. A Message-ID names a mail."""

    mailbox: Mailbox

    def file(self, path: str, mime_type: str) -> web.Response:  # noqa: ARG002
        """Return the file at `<address>/<folder>/<place>/<file>`, or at `…/design` the letter's own HTML.

        Raise LookupError.
        """
        address, folder, place, which = path.split("/") if path.count("/") == 3 else ("", "", "", "")
        letters = _letters(self._customer(address), folder)
        if not place.isdecimal() or int(place) >= len(letters):
            raise LookupError(path)
        letter = letters[int(place)]
        if which == "design":
            return designed_answer(letter.html)
        if not which.isdecimal() or int(which) >= len(letter.files):
            raise LookupError(path)
        file = letter.files[int(which)]
        return file_answer(file.content, file.mime_type)

    def _customer(self, user: str) -> Customer:
        for customer in self.mailbox.mail.customers:
            if user and user in (customer.address, customer.name):
                return customer
        raise CommandError(f"Nobody has a mail program with the address {user[:60]!r}.")

    @view
    def users(self) -> object:
        return [{"id": each.address, "name": each.name} for each in self.mailbox.mail.customers]

    @view
    def programs(self) -> object:
        return programs()

    @view
    def box(self, user: str) -> object:
        customer = self._customer(user)
        shown = [
            _shown(customer, folder, place, letter)
            for folder in _FOLDERS
            for place, letter in list(enumerate(_letters(customer, folder)))[-_MOST_LETTERS:]
        ]
        return {
            "support": self.mailbox.address,
            "letters": sorted(shown, key=lambda each: (each["at"], each["depth"])),
        }

    @action
    def user(self, address: str, name: str = "") -> object:
        customer = self.mailbox.mail.customer(address, name)
        self.mailbox.changed(customer.address)
        return {"id": customer.address, "name": customer.name}

    @action
    async def write(
        self,
        user: str,
        text: str,
        subject: str = "",
        to: str = "",
        cc: str = "",
        program: str = "gmail",
        files: Sequence[SentFile] = (),
        verdict: str = "pass",
    ) -> object:
        customer = self._customer(user)
        letter = await customer.write(
            subject,
            text,
            to=to or self.mailbox.address,
            cc=_addresses(cc),
            program=_program(program),
            attachments=_attachments(files),
            verdict=verdict,
        )
        self.mailbox.changed(customer.address)
        return {"id": letter.message_id}

    @action
    async def reply(
        self,
        user: str,
        message_id: str,
        text: str,
        all: bool = False,
        program: str = "gmail",
        language: str = "en",
        files: Sequence[SentFile] = (),
    ) -> object:
        customer = self._customer(user)
        answered = _letter(customer, message_id)
        others = [each for each in answered.recipients if each != customer.address]
        letter = await customer.reply(
            answered,
            text,
            cc=others if all else (),
            program=_program(program),
            language=language,
            attachments=_attachments(files),
        )
        self.mailbox.changed(customer.address)
        return {"id": letter.message_id}

    @action
    async def bounce(self, user: str, message_id: str) -> None:
        """Return a mail of ours from the customer's server, as when their mailbox is full."""
        customer = self._customer(user)
        await customer.bounce(_letter(customer, message_id))

    @action
    def refuse(self, user: str, words: str = "") -> None:
        """Set what our provider answers to mail for this person from now on. "" accepts it again."""
        address = self._customer(user).address
        if words and not words[:3].isdecimal():
            raise CommandError("'words' begin with a number, such as 550 or 451.")
        self.mailbox.mail.smtp.refused.pop(address, None)
        if words:
            self.mailbox.mail.smtp.refused[address] = words


def _letters(customer: Customer, folder: str) -> list[Letter]:
    if folder not in _FOLDERS:
        raise LookupError(folder)
    return customer.inbox if folder == "inbox" else customer.sent


def _letter(customer: Customer, message_id: str) -> Letter:
    for letter in (*customer.inbox, *customer.sent):
        if letter.message_id == message_id:
            return letter
    raise CommandError("There is no such mail here.")


def _shown(customer: Customer, folder: str, place: int, letter: Letter) -> dict[str, Any]:
    message = letter.message
    name, address = letter.sender
    recipients = [str(each) for each in (*message.get_all("To", ()), *message.get_all("Cc", ()))]
    base = f"{customer.address}/{folder}/{place}"
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


def _program(name: str) -> str:
    if name not in programs():
        raise CommandError(f"'program' is one of {', '.join(programs())}.")
    return name


def _attachments(files: Sequence[SentFile]) -> list[File]:
    return [File(each.name, each.mime_type or "application/octet-stream", each.content) for each in files]
