"""Which of the numbered choices under a question of ours was meant by what the customer typed."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from orgs.answering.formulas import unsigned
from orgs.answering.lexicon import each
from orgs.answering.words import bounded, clauses, words
from orgs.answering.yes_no import Reply, yes_or_no

NONE_OF_THESE: Final = "none"  # the value of the choice that says so
LONGEST: Final = 200  # characters of a text that may be one
_LONGEST_NUMBER = 4  # digits
_AMOUNT = re.compile(r"(?<!\w)[-−–]\d|[$€£]\s?\d|\d\s?[$€£%]")  # "-1" and "2 €" are no places in a list
_MOST_WORDS = 12
_MOST_NAMES = 6  # words of a name
_SIGNS = re.compile(r"^[\W_]+|[\W_]+$")
# "option 2 please", "the second one is what I meant", "lieber die zweite"
_AROUND = frozenset(
    each(
        """
the option number no nr n num answer article choice please pls thanks thank you one i mean meant take
pick choose
want would like id say ill my is its it was that thats this will be best go going with for need needed
what which
looking number sorry actually rather let lets yes ok okay hi hello hey and
die der das den nummer antwort artikel punkt bitte danke lieber nehme ich nehmen wir wahle wahlen will
mochte es ist
ware meine meinte meine gemeint war ja hallo am besten passt fur mich
le la les numero reponse article choix merci svp sil vous plait je veux celui celle prends prendrai
choisis voudrais
cest ce serait sera est ma mon oui bonjour celui
el lo los las opcion respuesta articulo por favor gracias quiero elijo escojo prefiero tomo seria es mi
si hola
o a opcao resposta artigo obrigado obrigada quero escolho fico com prefiro e seria minha sim ola
"""
    )
)
_FIRST = (
    "first 1st eins uno erste ersten erster erstes premier premiere 1er primero primera primeiro primeira"
)
_SECOND = "second 2nd two zwei zweite zweiten zweiter zweites deux deuxieme seconde dos dois segundo segunda"
_THIRD = (
    "third 3rd three drei dritte dritten dritter drittes trois troisieme 3e tres tercero tercera terceiro"
)
_PLACES: Final = tuple(frozenset(each(names)) for names in (_FIRST, _SECOND, _THIRD))
_NUMBER_ONE: Final = frozenset({"number one", "option one", "answer one", "choice one", "article one"})
_A_MOMENT: Final = re.compile(r"\b(?:a|one|une|eine) (?:second|seconde|sekunde)\b")
_NONE: Final = re.compile(
    r"(?:none|neither|nothing|keins|keine[rs]?|nichts|aucune?|rien|ningun[oa]?|nada|nenhum[a]?)"
    r"(?: (?:davon|destes|deles)| (?:of|von|de|des|dentre)"
    r"(?: (?:these|those|them|the above|beiden|diesen|ces|ceux ci|ellos|estos|eles))?)?"
)
_GREETING: Final = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|hallo|guten (?:tag|morgen|abend)|moin"
    r"|liebe[rs]?|sehr geehrte[r]?|bonjour|bonsoir|salut|cher|chere|hola|buenos dias"
    r"|buenas(?: tardes| noches)?"
    r"|estimad[oa]s?|ola|bom dia|boa (?:tarde|noite)|prezad[oa]s?|car[oa]s?)(?: [^\W\d]+){0,3}"
)
_SIGN_OFF: Final = re.compile(
    r"(?:(?:many |kind |best |warm )?(?:thanks|regards|wishes)|best|thank you|thanks and regards|cheers"
    r"|sincerely|yours(?: sincerely| faithfully| truly)?|all the best|danke|vielen dank"
    r"|viele grusse|vg|lg|mfg"
    r"|(?:liebe|beste|schone|freundliche|herzliche) grusse|mit freundlichen grussen|gruss|grusse"
    r"|merci|cordialement|bien (?:cordialement|a vous)|salutations|gracias|saludos(?: cordiales)?"
    r"|un saludo|atentamente|obrigad[oa]|cumprimentos|atenciosamente|abracos?)"
)
_LAST = frozenset(each("last letzte letzten letzter dernier derniere ultimo ultima"))


def choice_of(text: str, options: Sequence[tuple[str, str]], name: str = "") -> int | None:
    """Return the place of the option, a value and its label, that the text is; None if it is none of them.

    An option is typed as its number, its label, "the second one", or "yes" where there is only one. `name` is
    the writer's: a mail's greeting and sign-off are left out.
    """
    if not options:
        return None
    text = _without_letterhead(text, name)
    if len(text) > LONGEST:
        return None
    typed = _bare(text)
    labels = [label.casefold() for _, label in options]
    if text.strip().casefold() in labels:
        return labels.index(text.strip().casefold())
    if _AMOUNT.search(text):
        return None
    if _is_number(typed):
        return _numbered(int(typed), len(options))
    found = _said(text, name)
    if (named := _named(found, labels)) is not None:
        return named
    real = [at for at, (value, _) in enumerate(options) if value != NONE_OF_THESE]
    if len(real) == 1 and yes_or_no(text) is Reply.YES:
        return real[0]
    if _NONE.fullmatch(" ".join(words(text))):
        return next((at for at, (value, _) in enumerate(options) if value == NONE_OF_THESE), None)
    return _described(found, len(options))


def _without_letterhead(text: str, name: str) -> str:
    """Leave out the greeting above, and below the name, a signature, or a sign-off with a name."""
    lines = [line.strip() for line in bounded(text).splitlines() if line.strip()]
    if len(lines) > 1 and _GREETING.fullmatch(" ".join(words(lines[0]))):
        lines = lines[1:]
    for at, line in enumerate(lines[1:], start=1):
        below = lines[at + 1 :]
        if _SIGN_OFF.fullmatch(" ".join(words(line))) and (not below or _is_name(below[0], name)):
            return "\n".join(lines[:at])
    return unsigned("\n".join(lines), name)


def _is_name(line: str, name: str) -> bool:
    found = words(line)
    return 0 < len(found) <= _MOST_NAMES and set(found) <= set(words(name))


def _said(text: str, name: str) -> list[str]:
    """Return the words of the text without the greeting, the sign-off and the name beside the choice."""
    normal = unicodedata.normalize("NFKC", text)
    own = set(words(name))
    kept = [
        clause
        for clause in clauses(normal)
        if not _GREETING.fullmatch(" ".join(clause)) and not _SIGN_OFF.fullmatch(" ".join(clause))
    ]
    return [word for clause in kept for word in clause if word not in own]


def _meant(found: Sequence[str]) -> list[str]:
    return [word for word in found if word not in _AROUND]


def _named(found: Sequence[str], labels: Sequence[str]) -> int | None:
    """Return the place of the only label that was typed, with its number or without: "2. Payment methods"."""
    said = _meant(found)
    places = []
    for at, label in enumerate(labels):
        if (wanted := words(label)) and found and found[-len(wanted) :] == wanted:
            before = _meant(found[: -len(wanted)])
        elif (wanted := _meant(wanted)) and said[-len(wanted) :] == wanted:
            before = said[: -len(wanted)]
        else:
            continue
        if before in ([], [str(at + 1)]):
            places.append(at)
    return places[0] if len(places) == 1 else None


def _described(found: Sequence[str], number: int) -> int | None:
    left = _meant(found)
    if not left and found and " ".join(found[-2:]) in _NUMBER_ONE:
        return _numbered(1, number)
    if len(found) > _MOST_WORDS or len(left) != 1 or _A_MOMENT.search(" ".join(found)):
        return None
    [word] = left
    if _is_number(word):
        return _numbered(int(word), number)
    if word in _LAST:
        return number - 1
    return next((at for at, names in enumerate(_PLACES) if word in names and at < number), None)


def _numbered(typed: int, number: int) -> int | None:
    return typed - 1 if 0 < typed <= number else None


def _is_number(typed: str) -> bool:
    return typed.isdecimal() and len(typed) < _LONGEST_NUMBER


def _bare(text: str) -> str:
    """Without the signs around it, in whatever form it was typed: "(2)", "#2", "２" and "2️⃣" are all 2."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", text).casefold())
