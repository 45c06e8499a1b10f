"""Write and read what a reply to a mail needs to know, as opaque text that the product keeps for us."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

MAX_BYTES = 16 * 1024
_MAX_REFERENCES = 20
_MAX_CC = 20
_MAX_ID = 250  # characters of a Message-ID or an address; a longer one is left out
_MAX_SUBJECT = 400
_MAX_QUOTED = 4096  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """The facts for a reply.

    `address` is the customer of the thread, `to` where answers go; usually they are the same.
    """

    thread: str
    address: str
    to: str
    vouched: bool = True
    name: str = ""
    subject: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    quoted: str = ""
    at: str = ""  # ISO 8601: when the quoted mail was written

    def text(self) -> str:
        """Return the context as JSON of at most 16 KiB.

        Leave out what is too long, beginning with the quoted text.
        """
        bounded = replace(
            self,
            name=self.name[:200],
            subject=self.subject[:_MAX_SUBJECT],
            in_reply_to=self.in_reply_to if len(self.in_reply_to) <= _MAX_ID else "",
            references=bounded_references(self.references),
            cc=tuple(each for each in self.cc if len(each) <= _MAX_ID)[:_MAX_CC],
            quoted=_cut(self.quoted, _MAX_QUOTED),
        )
        for spare in ({}, {"quoted": ""}, {"references": ()}, {"cc": ()}):
            bounded = replace(bounded, **spare)
            text = json.dumps(asdict(bounded), ensure_ascii=False, separators=(",", ":"))
            if len(text.encode("utf-8", "replace")) <= MAX_BYTES:
                break
        return text.encode("utf-8", "replace").decode()  # a lone surrogate cannot be stored


def without(text: str, is_theirs: Callable[[str], bool]) -> str:
    """Return a context without somebody who was erased: no answer goes to them. Return "" if it was theirs.

    `is_theirs` takes an address in lower case, or a Message-ID.
    """
    context = read_context(text)
    if context is None:
        return text
    if is_theirs(context.address.casefold()):
        return ""
    references = tuple(each for each in context.references if not is_theirs(each))
    return replace(
        context,
        to=context.address if is_theirs(context.to.casefold()) else context.to,
        cc=tuple(each for each in context.cc if not is_theirs(each.casefold())),
        references=references,
        in_reply_to="" if is_theirs(context.in_reply_to) else context.in_reply_to,
    ).text()


def bounded_references(references: Sequence[str]) -> tuple[str, ...]:
    """Return the first Message-ID, which opened the thread, and the newest ones, without duplicates."""
    known = list(dict.fromkeys(each for each in references if len(each) <= _MAX_ID))
    return tuple(known if len(known) <= _MAX_REFERENCES else [known[0], *known[1 - _MAX_REFERENCES :]])


def read_context(text: str) -> ReplyContext | None:
    """Return the context that `ReplyContext.text` wrote, or None if the text is not one."""
    try:
        data = json.loads(text)
        if not isinstance(data, dict):
            return None
        return ReplyContext(**(data | {name: tuple(data.get(name, ())) for name in ("references", "cc")}))
    except (ValueError, TypeError, RecursionError):
        return None


def _cut(text: str, limit: int) -> str:
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
