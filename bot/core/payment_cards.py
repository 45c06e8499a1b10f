"""Mask payment card numbers that customers type: nobody here needs them, so they are not stored.

A card number has 13 to 19 digits, of which the last one checks the others (ISO/IEC 7812, Luhn). Every digit
except the last four is replaced, whatever separates them. The rest of the text stays as it was typed.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise

from bot.core.events import Attachment, AttachmentKind, Edited, Event, Said, Started, Submitted, Tapped

_SHORTEST, _LONGEST, _SHOWN = 13, 19, 4
_LONGEST_TELEPHONE = 14  # digits; E.164 allows one more, which no country uses
_TABLE = 200  # groups in a row; more are a table, in which small groups begin no card number
_MASK = "•"
_UNSEEN = (  # invisible characters, also the one that turns a digit into a keycap
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
# What may separate digits: neither a letter nor a digit, nor a sign that makes the number an amount.
_GAP = rf"(?:[^\w$€£¥%]|[_{_UNSEEN}])"
_NUMBERS = re.compile(rf"\d+(?:{_GAP}{{1,12}}\d+)*")
_GROUP = re.compile(r"\d+")
_NOT_SEEN = re.compile(f"[{_UNSEEN}]")
_NEXT_ONE = re.compile(r"\s[+#]\Z")  # a gap before another number of a list
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ \u00a0]?[A-Z0-9]){11,30}(?![A-Z0-9])")
# Digits with a letter or two right beside them may still be a card number. They are a code of something else
# after a word that says so, between two pairs of capitals (a parcel), after UPS's 1Z, and within a long
# hexadecimal number.
_LOOK_BACK = 60  # characters beside the digits that are looked at
_REFERENCE = re.compile(
    r"\b(?:orders?|tickets?|cases?|invoices?|bills?|ref|references?|tracking|parcels?|shipments?|packages?"
    r"|bookings?|reservations?|contracts?|customers?|serials?|articles?|products?|policy|claims?"
    r"|bestell\w*|auftrag\w*|vorgang\w*|rechnung\w*|sendung\w*|paket\w*|buchung\w*|vertrag\w*|kunden\w*"
    r"|artikel\w*|seriennummer|aktenzeichen|referenz\w*"
    r"|commandes?|factures?|colis|suivi|dossiers?|contrats?|r[ée]f[ée]rences?|r[ée]servations?"
    r"|pedidos?|facturas?|env[ií]os?|paquetes?|reservas?|contratos?|referencias?|refer[êe]ncias?"
    r"|encomendas?|faturas?|rastreio)"
    r"(?:[\s.:#°º\-]{0,3}(?:number|num|no|nr|nummer|numbers|num[ée]ro|n[úu]mero|id|code|is|ist|est|es|é|n)\b)*"
    r"[\s.:#=°º\-]{0,4}(?:[A-Za-z]|[A-Z]{2})\Z",
    re.IGNORECASE,
)
_SCHEMES = frozenset({"CC", "MC", "VI", "VS", "AX", "AE", "DC", "DI", "JC", "JB", "UP", "EC"})
_CAPITALS_BEFORE = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2})\Z")
_CAPITALS_AFTER = re.compile(r"[A-Z]{2}(?![A-Za-z0-9])")
_PARCEL_BEFORE = re.compile(r"(?<![A-Za-z0-9])1Z\Z")
_PARCEL = 16  # digits at most after 1Z
_HEXADECIMAL = re.compile(r"[0-9a-f]*\Z", re.IGNORECASE), re.compile(r"[0-9a-f]*", re.IGNORECASE)
_HASH = 24  # characters; a hexadecimal number so long is none by chance
_DIGIT = re.compile(r"\d")

Span = tuple[int, int]


def masked(text: str) -> str:
    """Return the text with each payment card number masked, except its last four digits."""
    if next(islice(_DIGIT.finditer(text), _SHORTEST - 1, None), None) is None:
        return text
    rows = (row.span() for row in _NUMBERS.finditer(text) if row.end() - row.start() >= _SHORTEST)
    ibans = (iban.span() for iban in _IBAN.finditer(text) if _is_iban(iban[0]))
    signs: list[str] = []
    for row in _apart(rows, ibans):
        for digits in _card_numbers(text, [group.span() for group in _GROUP.finditer(text, *row)]):
            signs = signs or list(text)
            for at in digits[:-_SHOWN]:
                signs[at] = _MASK
    return "".join(signs) or text


def _apart(spans: Iterable[Span], others: Iterable[Span]) -> Iterator[Span]:
    """Yield each of `spans` that overlaps none of `others`. Both are in order, and read once."""
    following = iter(others)
    other = next(following, None)
    for start, end in spans:
        while other is not None and other[1] <= start:
            other = next(following, None)
        if other is None or end <= other[0]:
            yield start, end


def without_card_numbers(event: Event) -> Event:
    """Return the event of a customer with all card numbers in its texts masked."""
    content = event.content
    match content:
        case Said():
            content = replace(content, text=masked(content.text), attachments=_named(content.attachments))
        case Edited():
            content = replace(content, text=masked(content.text), attachments=_named(content.attachments))
        case Submitted():
            content = replace(content, values=tuple((name, masked(value)) for name, value in content.values))
        case Tapped():
            content = replace(content, label=masked(content.label))
        case Started():
            content = replace(content, payload=masked(content.payload))
        case _:
            pass
    sender = event.sender
    sender = replace(
        sender,
        display_name=masked(sender.display_name),
        handle=masked(sender.handle),
        # An address of digits only is an id that the platform assigned.
        address=sender.address if sender.address.removeprefix("+").isdecimal() else masked(sender.address),
    )
    about = event.reference
    reference = replace(
        about,
        quote=masked(about.quote),
        author=masked(about.author),
        origin=masked(about.origin),
        described=masked(about.described),
    )
    return replace(event, content=content, sender=sender, reference=reference)


def _named(attachments: Sequence[Attachment]) -> tuple[Attachment, ...]:
    return tuple(replace(each, name=masked(each.name), ref=_number(each)) for each in attachments)


def _number(attachment: Attachment) -> str:
    """Return the `ref` of an attachment. A contact's is a phone number, or what was typed instead of one."""
    if attachment.kind is not AttachmentKind.CONTACT:
        return attachment.ref
    digits = sum(sign.isdecimal() for sign in attachment.ref)
    return masked(attachment.ref) if digits > _LONGEST_TELEPHONE else attachment.ref


def _card_numbers(text: str, groups: Sequence[Span]) -> Iterator[list[int]]:
    """Yield the positions of the digits of each card number in a row of groups of digits."""
    first = 0
    while first < len(groups):
        ends = _ends(groups, first)
        last = next((end for end in reversed(ends) if _is_card(text, groups, first, end)), 0)
        if last:
            yield [at for start, end in groups[first:last] for at in range(start, end)]
        first = max(first + 1, last)


def _ends(groups: Sequence[Span], first: int) -> list[int]:
    """Return after which groups a card number that begins at `first` can end: a few, however many follow."""
    ends: list[int] = []
    if len(groups) > _TABLE and groups[first][1] - groups[first][0] < 4:
        return ends
    digits = 0
    for end in range(first, len(groups)):
        digits += groups[end][1] - groups[end][0]
        if digits > _LONGEST:
            break
        if digits >= _SHORTEST:
            ends.append(end + 1)
    return ends


def _is_card(text: str, groups: Sequence[Span], first: int, last: int) -> bool:
    """Return whether the groups from `first` to before `last` are a card number, not part of a longer one."""
    chosen = groups[first:last]
    sizes = [end - start for start, end in chosen]
    if not _SHORTEST <= sum(sizes) <= _LONGEST:
        return False
    digits = [unicodedata.digit(sign) for a, b in chosen for sign in text[a:b]]
    if not (_is_issued(digits) and _checks(digits)):  # the cheapest tests, which most numbers fail
        return False
    gaps = [_NOT_SEEN.sub("", text[a[1] : b[0]]) for a, b in pairwise(chosen)]
    if not _shaped(sizes, gaps) or _is_code(text, chosen[0][0], chosen[-1][1], sum(sizes)):
        return False
    alone = len(chosen) == len(groups)
    return alone or (2 <= digits[0] <= 6 and len(set(gaps)) <= 1) or not _goes_on(text, groups, first, last)


def _is_code(text: str, start: int, end: int, digits: int) -> bool:
    """Return whether the text right beside the digits makes them a phone number or a code of something."""
    before, after = text[max(0, start - _LOOK_BACK) : start], text[end : end + _LOOK_BACK]
    if before.endswith("+"):
        return digits <= _LONGEST_TELEPHONE
    if not (before[-1:].isascii() and before[-1:].isalpha()) and not (
        after[:1].isascii() and after[:1].isalpha()
    ):
        return False
    capitals = _CAPITALS_BEFORE.search(before)
    if capitals and _CAPITALS_AFTER.match(after) and capitals[1] not in _SCHEMES:
        return True
    if _PARCEL_BEFORE.search(before) and digits <= _PARCEL:
        return True
    if _REFERENCE.search(before) and before[-2:].upper() not in _SCHEMES:
        return True
    back, on = (pattern.search(side) for pattern, side in zip(_HEXADECIMAL, (before, after), strict=True))
    around = (back[0] if back else "") + (on[0] if on else "")
    return len(around) + end - start >= _HASH and sum(sign.isalpha() for sign in around) > 2


def _shaped(sizes: Sequence[int], gaps: Sequence[str]) -> bool:
    """Return whether the digits are grouped as in card numbers: by four or more, or all groups of one size.

    A list of amounts is not.
    """
    if any(_NEXT_ONE.search(gap) for gap in gaps) or (len(set(gaps)) > 1 and "+" in "".join(gaps)):
        return False  # a list of phone numbers or tickets
    if all(size >= 4 for size in sizes[:-1]):
        return True
    return len(set(gaps)) == 1 and len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0]


def _goes_on(text: str, groups: Sequence[Span], first: int, last: int) -> bool:
    """Return whether the same gap leads to more digits: the number of a parcel is longer than a card's."""
    inner = text[groups[first][1] : groups[first + 1][0]] if last - first > 1 else ""
    before = text[groups[first - 1][1] : groups[first][0]] if first else None
    after = text[groups[last - 1][1] : groups[last][0]] if last < len(groups) else None
    return bool(inner) and inner in (before, after)


def _is_issued(digits: Sequence[int]) -> bool:
    """Return whether payment cards begin with these digits.

    That is 2 to 6; of 16 digits also 81 and 82 (RuPay) and 9792 (Troy). Of 15 digits that begin with 3 only
    American Express's are cards. Phones (IMEI) and SIM cards (ICCID, from 89 on) have numbers with the same
    check digit.
    """
    if len(digits) == 15 and digits[0] == 3:
        return digits[1] in (4, 7)
    others = ([8, 1], [8, 2], [9, 7, 9, 2])
    return 2 <= digits[0] <= 6 or (
        len(digits) == 16 and any(list(digits[: len(one)]) == one for one in others)
    )


def _checks(digits: Sequence[int]) -> bool:
    """Return whether the digits pass Luhn's check. A single repeated digit does not count: no card has it."""
    if len(set(digits)) == 1:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _is_iban(text: str) -> bool:
    """Return whether a text is an IBAN: turned round, as a number, it leaves 1 when divided by 97.

    See https://www.iso.org/standard/81090.html.
    """
    flat = "".join(text.split())
    return int("".join(str(int(sign, 36)) for sign in flat[4:] + flat[:4])) % 97 == 1
