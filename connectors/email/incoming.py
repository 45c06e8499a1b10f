"""Turn a mail that was read into the events it means. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.core.errors import Refused, Unreachable
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Content,
    Event,
    Place,
    Reacted,
    Receipt,
    ReceiptStatus,
    Reference,
    ReturnAddress,
    Said,
    Sender,
    SenderRole,
    Unsupported,
    return_address,
)
from bot.core.payment_cards import masked
from connectors.email.capabilities import CHANNEL, MAX_BYTES
from connectors.email.context import ReplyContext, bounded_references
from connectors.email.domain import missing_authentication
from connectors.email.reading import (
    MAX_BEYOND,
    Bounce,
    Digests,
    Mail,
    Mailbox,
    Trust,
    is_daemon,
    is_no_reply,
    is_website,
)
from connectors.email.threads import Found, Threads
from connectors.rendering import escaped

ORIGINAL_TYPE = "message/rfc822"
WHOLE = "whole"  # the index of the original among a mail's files
_MAX_ID = 200  # characters: the product refuses longer ids
_MAX_NAME = 200
_MAX_NAMED = 100  # names of files that were not fetched
_MAX_OTHERS = 10  # people in copy whose conversation a mail may belong to
_TO_MANY = ("list", "newsletter", "bulk")  # values of `Mail.automatic` for mails that many people get
# Values of `Mail.automatic` that a website's form may have: such a program may say that it is one.
_OF_FORMS = ("", "own", "no-reply", "auto-generated", "suppressed", "bulk")
_QUOTED = 5_000  # characters that our answer may quote: more than 4 KiB, so that a cut card number is masked
_TOO_COSTLY = "[This mail took too long to read. Open the original to see what it says.]"
_UNREADABLE = "[A mail came that cannot be read, nor whom it is from. Open the original to see what it says.]"
_UNVOUCHED = "unvouched"  # the root of a thread; no Message-ID looks like this
_KINDS = {"image": AttachmentKind.PHOTO, "audio": AttachmentKind.AUDIO, "video": AttachmentKind.VIDEO}


@dataclass(frozen=True, slots=True)
class MailLocation:
    """The place where a mail can be fetched again. A file's `ref` is this with the index of the file."""

    prefix: str  # "imap;7;42" or "spool;<name and key>"
    suffix: str = ""  # the folder, which may hold any character and so comes last
    size: int | None = None

    def ref(self, index: int | str) -> str:
        return ";".join(each for each in (self.prefix, str(index), self.suffix) if each)


@dataclass(frozen=True, slots=True)
class _Seat:
    """The thread to which a mail belongs, and the role in which its author speaks there."""

    thread: str
    sender_role: SenderRole = SenderRole.CUSTOMER
    begins: bool = False
    vouched: bool = True
    named: bool = False  # it names a token that we sent to the author, who so reads mail there


class MailReader:
    """Turns mails to one account into events."""

    def __init__(self, account: str, addresses: Sequence[str], threads: Threads) -> None:
        """Keep our addresses. Our mails are sent from the first of them."""
        self._account = account
        self._domain = addresses[0].rpartition("@")[2]
        self._addresses = tuple(each.casefold() for each in addresses)
        self._threads = threads

    def events(
        self,
        mail: Mail,
        kept: MailLocation,
        arrived: datetime,
        *,
        digests: Digests,
        too_large: bool = False,
        too_costly: bool = False,
    ) -> tuple[Event, ...]:
        """Return the events of a mail; none for a mail of our own.

        With `too_large` only the beginning of the mail was fetched. With `too_costly` only its headers were
        read.
        """
        mail = replace(mail, digest=digests.whole)
        if mail.bounces and (mail.bounces[0].evidence == "report" or self._returned(mail, mail.bounces[0])):
            return tuple(filter(None, (self._bounced(mail, bounce, arrived) for bounce in mail.bounces)))
        if self._threads.by_message_id(mail.message_id) is not None:
            return ()
        if too_costly and not mail.sender.address:
            return (self.unreadable(mail.digest, kept, arrived),)
        if self._is_ours(mail.sender):
            if len(mail.reply_to) != 1 or self._is_ours(mail.reply_to[0]):
                return ()
            mail = _form(mail)
        elif self._is_of_a_visitor(mail):
            mail = _form(mail)
        seat = self._seat(mail)
        content: Content
        if mail.reaction and seat.named:
            content = Reacted(next(iter(mail.in_reply_to), "")[:_MAX_ID], mail.reaction, added=True)
        elif too_costly:
            content = self._said(replace(mail, new=_TOO_COSTLY), seat, kept)
        else:
            content = _beginning(mail, seat) if too_large else self._said(mail, seat, kept)
        speaks = seat.sender_role is SenderRole.CUSTOMER
        # In an open conversation, the next answer never replies to an automatic mail.
        answerable = speaks and bool(mail.sender.address) and (seat.begins or not mail.automatic)
        answerable = answerable and not isinstance(content, Reacted)
        answerable = answerable and not (mail.automatic == "list" and self._answered(mail).key in mail.lists)
        return (
            Event(
                external_id=_identity(mail, digests.body),
                place=self._place(seat.thread),
                sender=_sender(mail),
                content=content,
                occurred_at=_time(mail, arrived),
                message=mail.message_id[:_MAX_ID],
                reply_to=next((each for each in mail.in_reply_to), "")[:_MAX_ID],
                reference=Reference(
                    forwarded=mail.forwarded is not None,
                    origin=mail.forwarded or "",
                    shortened=bool(mail.quoted),
                ),
                shared=True,
                sole_reader=answerable and self._answers_sender_alone(mail),
                sender_role=seat.sender_role,
                automatic=bool(mail.automatic or mail.reaction),
                addressed=self._addressed(mail),
                reply_context=self._context(mail, seat) if answerable else "",
                returns=self._returns(mail, seat) if answerable else None,
            ),
        )

    def of_others(self, mail: Mail) -> tuple[Place, ...]:
        """Return the threads of other people that a mail may belong to: those opened by the mail that it
        answers.

        Somebody in Cc of a customer's first mail answers that mail, and knows no Message-ID of ours. The
        author's own thread comes first. Return none if the mail answers none, names a thread itself, or is
        not authenticated.
        """
        root = next(iter((*mail.references, *mail.in_reply_to)), "")
        if not root or not mail.trust.verified or mail.automatic or self._named(mail) is not None:
            return ()
        others = [each for each in (*mail.to, *mail.cc) if each.address and not self._is_ours(each)]
        return tuple(
            self._place(self._threads.begun_by(root, each.address, vouched=True))
            for each in (mail.sender, *others[:_MAX_OTHERS])
        )

    def unreadable(self, name: str, kept: MailLocation, arrived: datetime) -> Event:
        """Return the event of a mail of which nothing is known but that it came. `name` tells it from others.

        All such mails are one conversation, in which nobody can be answered.
        """
        return Event(
            external_id=name,
            place=self._place(self._threads.begun_by(_UNVOUCHED, "", vouched=False)),
            sender=Sender("unknown", verified=False),
            content=Said(_UNREADABLE, (_original(kept),)),
            occurred_at=arrived,
            shared=True,
            returns=return_address("", verified=False),
        )

    def order_keys(self, mail: Mail, events: Sequence[Event]) -> frozenset[str]:
        """Return keys for the mail's author and its conversation, and for a conversation that it only claims
        to belong to.

        Mails that share a key keep their order.
        """
        found = self._named(mail)
        keys = {key for event in events for key in (event.sender.external_id, event.place.chat)}
        keys |= {place.chat for place in self.of_others(mail)}
        return frozenset(keys if found is None else {*keys, found.thread})

    def _seat(self, mail: Mail) -> _Seat:
        vouched = mail.trust.verified
        found = self._named(mail)
        if found is None:
            return _Seat(self._begun(mail), begins=True, vouched=vouched)
        if self._threads.speaks(found, mail.sender.address, vouched=True) and vouched:
            return _Seat(found.thread, named=True)
        if self._threads.speaks(found, mail.sender.address, vouched=False):
            # The thread was never verified, and we sent its token to this very address.
            return _Seat(found.thread, vouched=False, named=True)
        if not vouched:
            return _Seat(self._begun(mail), begins=True, vouched=False)
        return _Seat(found.thread, SenderRole.STRANGER)

    def _begun(self, mail: Mail) -> str:
        """Return the thread of a mail that has no token of ours.

        A customer who writes twice before we answer replies to their own first mail. We believe that only of
        an authenticated sender, and make their address part of the thread's name. All mails that are not
        authenticated and name the same sender are one thread: however many are forged, staff get one room for
        them.
        """
        if not mail.trust.verified:
            mailbox = return_address(mail.sender.address, verified=False).mailbox
            return self._threads.begun_by(_UNVOUCHED, mailbox, vouched=False)
        root = next(iter((*mail.references, *mail.in_reply_to)), "") or mail.message_id or mail.digest
        return self._threads.begun_by(root, mail.sender.address, vouched=True)

    def _named(self, mail: Mail) -> Found | None:
        for recipient in mail.recipients:
            if (found := self._threads.by_address(recipient, self._addresses)) is not None:
                return found
        for message_id in (*mail.in_reply_to, *reversed(mail.references)):
            if (found := self._threads.by_message_id(message_id)) is not None:
                return found
        return None

    def _said(self, mail: Mail, seat: _Seat, kept: MailLocation) -> Said:
        files = tuple(
            Attachment(
                kind=_KINDS.get(part.mime.partition("/")[0], AttachmentKind.DOCUMENT),
                ref=kept.ref(part.index),
                mime_type=part.mime,
                name=part.name,
                size=part.size,
            )
            for part in mail.attachments
            if not (part.inline and part.content_id in mail.old_pictures)
        )
        return Said(f"{_text(mail, seat)}{_unread(mail)}", (*files, _original(kept)))

    def _addressed(self, mail: Mail) -> str:
        """Return the address of ours that the mail was sent to, with its tag. Return "" if it names none."""
        ours = (each for each in mail.recipients if self._is_ours(Mailbox(each)))
        return next(ours, "")[:_MAX_ID]

    def _answered(self, mail: Mail) -> Mailbox:
        """Return the mailbox that answers go to: a trustworthy Reply-To, or the sender."""
        believed = mail.trust.verified and mail.trust.reply_to  # otherwise answers could go to anybody
        wanted = [each for each in mail.reply_to if each.key not in mail.lists]
        if believed and len(wanted) == 1 and not self._is_ours(wanted[0]):
            return wanted[0]
        return mail.sender

    def _returns(self, mail: Mail, seat: _Seat) -> ReturnAddress:
        """Return the address that answers go to, and whether it is verified.

        The verdict is about the author's mailbox. Another mailbox is never verified.
        """
        to = self._answered(mail)
        author = return_address(mail.sender.address, verified=mail.trust.verified or seat.named)
        returns = return_address(to.address or mail.sender.address, verified=author.verified)
        return returns if returns.mailbox == author.mailbox else replace(returns, verified=False)

    def _answers_sender_alone(self, mail: Mail) -> bool:
        to = self._answered(mail)
        return to.key == mail.sender.key and not mail.lists and not self._copied(mail, to)

    def _copied(self, mail: Mail, to: Mailbox) -> tuple[str, ...]:
        """Return the addresses that an answer goes to in copy."""
        left_out = {to.key, mail.sender.key}
        # A forger could have us write to anybody, and a list would send our answer to all its members.
        copied = (*mail.to, *mail.cc) if mail.trust.verified and mail.automatic not in _TO_MANY else ()
        cc = (
            each.address
            for each in copied
            if each.address and each.key not in left_out | mail.lists and not self._is_ours(each)
        )
        return tuple(dict.fromkeys(cc))

    def _context(self, mail: Mail, seat: _Seat) -> str:
        to = self._answered(mail)
        return ReplyContext(
            thread=seat.thread,
            address=mail.sender.address,
            to=to.address or mail.sender.address,
            vouched=seat.vouched,
            name=mail.sender.name,
            subject=masked(mail.subject),
            in_reply_to=mail.message_id,
            references=bounded_references(
                (*mail.references, *([mail.message_id] if mail.message_id else ()))
            ),
            cc=self._copied(mail, to),
            quoted=masked(mail.new[:_QUOTED]),
            at=mail.date.isoformat() if mail.date is not None else "",
        ).text()

    def _returned(self, mail: Mail, bounce: Bounce) -> str:
        """Return the Message-ID of the mail of ours that a bounce is about, or "" if it is about none.

        A mail that only reads like a bounce must bring our mail back. It must not come from the customer of
        that thread, who may have forwarded it.
        """
        is_report = bounce.evidence == "report"
        named = (bounce.original, *mail.returned)
        if is_report and not any(named):
            named = (*mail.in_reply_to, *mail.references)
        known = (each for each in named if self._threads.by_message_id(each) is not None)
        original = next(known, "")
        if not original and (is_report or (bounce.evidence == "words" and is_daemon(mail.sender))):
            returned = (
                self._threads.returned(each, self._addresses, self._domain) for each in mail.recipients
            )
            original = next(filter(None, returned), "")
        found = self._threads.by_message_id(original)
        if found is None or (not is_report and self._speaks(found, mail.sender.address)):
            return ""
        return original

    def _bounced(self, mail: Mail, bounce: Bounce, arrived: datetime) -> Event | None:
        """Return a failed receipt for the mail of ours that bounced.

        Return None if it is not ours or may still arrive.

        The receipt is also failed where only somebody in Cc was not reached.
        """
        original = self._returned(mail, bounce)
        found = self._threads.by_message_id(original)
        if found is None or bounce.fate != "permanent":
            return None
        reason = (
            " ".join(each for each in (bounce.status, bounce.diagnostic) if each) or "returned by a server"
        )
        if why := missing_authentication(bounce.status):
            reason = f"{bounce.status}: {why}"
        unreachable = bounce.status.startswith(("5.1.", "5.2.1")) or not bounce.status
        # The customer's Reply-To, or an address that their mail is forwarded to, is not the thread's address.
        customer = not bounce.recipient or bounce.in_copy is False or self._speaks(found, bounce.recipient)
        return Event(
            external_id=_hashed("bounce", mail.message_id or mail.digest, original, bounce.recipient),
            place=self._place(found.thread),
            sender=Sender(_named(bounce.recipient.casefold()) or "mailer-daemon", verified=False),
            content=Receipt(
                status=ReceiptStatus.FAILED,
                messages=(original,),
                code=Unreachable.code if unreachable else Refused.code,
                reason=reason[:200],
                copied="" if customer else bounce.recipient[:_MAX_ID],
            ),
            occurred_at=_time(mail, arrived),
            shared=True,
            automatic=True,
        )

    def _speaks(self, found: Found, address: str) -> bool:
        return any(self._threads.speaks(found, address, vouched=vouched) for vouched in (True, False))

    def _is_of_a_visitor(self, mail: Mail) -> bool:
        """Return True if a form on a website wrote this mail for a visitor.

        In a mail that a shop writes itself, Reply-To has the shop's domain. A form answers no mail.
        """
        by_program = is_no_reply(mail.sender) or is_website(mail.sender)
        if not by_program or mail.automatic not in _OF_FORMS or mail.in_reply_to or len(mail.reply_to) != 1:
            return False
        visitor, form = mail.reply_to[0], f".{mail.sender.domain}"
        theirs = f".{visitor.domain}"
        akin = theirs.endswith(form) or form.endswith(theirs)
        return not (akin or self._is_ours(visitor) or is_no_reply(visitor) or is_daemon(visitor))

    def _is_ours(self, mailbox: Mailbox) -> bool:
        local, _, domain = mailbox.key.rpartition("@")
        return mailbox.key in self._addresses or f"{local.partition('+')[0]}@{domain}" in self._addresses

    def _place(self, thread: str) -> Place:
        return Place(CHANNEL, self._account, thread)


def joining(event: Event, place: Place) -> Event:
    """Return the event of a mail moved to a customer's thread, as the words of somebody else."""
    return replace(event, place=place, sender_role=SenderRole.STRANGER, reply_context="", returns=None)


def _original(kept: MailLocation) -> Attachment:
    return Attachment(
        kind=AttachmentKind.ORIGINAL,
        ref=kept.ref(WHOLE),
        mime_type=ORIGINAL_TYPE,
        name="original.eml",
        size=kept.size,
    )


def _text(mail: Mail, seat: _Seat) -> str:
    if seat.begins and mail.subject:
        return f"**{escaped(mail.subject)}**\n\n{mail.new}".strip()
    return mail.new


def _unread(mail: Mail) -> str:
    """Name the files that are only in the original mail."""
    if not mail.unread_files:
        return ""
    names = ", ".join(escaped(name) for name in mail.unread_files[:_MAX_NAMED])
    count, more = str(len(mail.unread_files)), ""
    if len(mail.unread_files) >= MAX_BEYOND:
        count = f"At least {MAX_BEYOND}"
    if len(mail.unread_files) > _MAX_NAMED:
        more = ", …"
    return f"\n\n[{count} more files are in the original: {names}{more}]"


def _beginning(mail: Mail, seat: _Seat) -> Content:
    """Return what was written in a mail that is too large, with a note that its files were not fetched."""
    if not mail.new:
        return Unsupported("mail_too_large")
    names = ", ".join(escaped(part.name) for part in mail.attachments)
    files = f"with {names}, " if names else ""
    return Said(f"{_text(mail, seat)}\n\n[{files}larger than {MAX_BYTES // 1024 // 1024} MB: not fetched]")


def _form(mail: Mail) -> Mail:
    """Return a mail that a form on a website wrote, as a mail of the visitor.

    The form sends as ourselves, as noreply@, or as wordpress@ and the like. Anybody may type any address
    into it, so the mail is not trusted.
    """
    return replace(
        mail,
        sender=mail.reply_to[0],
        reply_to=(),
        trust=Trust(False, "none", "a form writes for them"),
        automatic="" if mail.automatic in _OF_FORMS else mail.automatic,
    )


def _identity(mail: Mail, content: str) -> str:
    """Return an id that is the same however often the mail is fetched, and by whichever way it came.

    The Message-ID alone is not enough. Some programs give all their mails the same one. A stranger who
    guesses one could have a customer's mail taken for a duplicate.
    """
    if not mail.message_id:
        return _hashed("digest", mail.digest)
    return _hashed("mail", mail.message_id, mail.sender.key, str(mail.trust.verified), mail.subject, content)


def _hashed(*facts: str) -> str:
    return hashlib.sha256("\0".join(facts).encode("utf-8", "replace")).hexdigest()


def _named(address: str) -> str:
    """Return an address as an id that can be stored. Two long addresses keep two ids.

    RFC 5321 allows 320 characters.
    """
    return address if len(address) <= _MAX_ID else f"{address[:120]}…{_hashed(address)[:32]}"


def _sender(mail: Mail) -> Sender:
    key = mail.sender.key.replace("\0", "")
    return Sender(
        _named(key) or "unknown",
        display_name=mail.sender.name[:_MAX_NAME],
        handle=key,
        verified=mail.trust.verified and bool(key),
    )


def _time(mail: Mail, arrived: datetime) -> datetime:
    """Return when the mail was written, or when it arrived if it claims a later time."""
    written = mail.date
    return arrived if written is None or written > arrived else written.astimezone(UTC)
