"""Find which of our numbered choices a customer means by what they typed."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Final

from orgs.answering.formulas import is_signature, unsigned
from orgs.answering.tokens import bounded, clauses, words
from orgs.answering.vocabulary import FILLERS, SYNONYMS, each
from orgs.answering.yes_no import YesOrNo, yes_or_no

NONE_OF_THESE: Final = "none"  # the value of the choice "none of these"
LONGEST: Final = 200  # characters of a typed choice
_LONGEST_NUMBER = 4  # digits
_AMOUNT = re.compile(r"(?<!\w)[-−–]\d|[$€£]\s?\d|\d\s?[$€£%]")  # "-1" and "2 €" are no choices
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
_QUOTED: Final = re.compile(r"\s*[>＞]")
_NAME: Final = re.compile(r"[^\W\d_]+(?:[-'’.][^\W\d_]+)*\.?")
_IN_NAMES: Final = frozenset(
    each("de da do dos das di du del la le van von der den ten ter zu el al bin ibn y e")
)
_STRANGERS_NAME = 3  # words of an unknown name in a sign-off, not counting "de", "van" and the like
_SIGNATURE_LINES = 5
# Words below a choice that change it or ask for something else, and so are no name.
_CORRECTS: Final = frozenset(
    each(
        """
no not nope yes wait stop hold sorry actually instead rather but or and also neither nor none nothing never
wrong both urgent urgently asap help now today still question more
nein nicht ja doch warte warten halt stopp aber oder und auch stattdessen lieber falsch beide dringend eilig
hilfe jetzt heute keine keins nichts moment frage
non pas oui attendez attends mais ou et aussi plutot faux urgence urgente aide aucun rien maintenant
si espera espere pero o tambien mejor mal ambos ayuda ahora ninguno nada
nao sim espere mas ou tambem melhor errado ajuda agora nenhum duvida
"""
    )
)
_TOPICS: Final = (
    _CORRECTS
    | FILLERS
    | {word for group in SYNONYMS for word in group}
    | set(
        each(
            """
refund refunds money account login password card charged charge subscription order board boards human
invoice agent person support broken complaint error export
erstattung geld konto anmeldung passwort kennwort karte kundigung rechnung mensch mitarbeiter fehler
beschwerde remboursement argent compte connexion facture carte humain personne plainte erreur
reembolso dinero cuenta factura tarjeta humano persona queja
dinheiro conta fatura cartao pessoa reclamacao estorno
"""
        )
    )
)
_LAST = frozenset(each("last letzte letzten letzter dernier derniere ultimo ultima"))


def choice_of(text: str, options: Sequence[tuple[str, str]], name: str = "") -> int | None:
    """Return the index of the option that the text names, or None. An option is a value and its label.

    A customer types an option as its number, its label, "the second one", or "yes" if there is only one.
    Quoted lines, a greeting, and a sign-off are ignored, also one with a name that we do not know. `name` is
    the writer's.
    """
    if not options:
        return None
    text = _without_letterhead(_unquoted(text), name)
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
    if len(real) == 1 and yes_or_no(text) is YesOrNo.YES:
        return real[0]
    if _NONE.fullmatch(" ".join(words(text))):
        return next((at for at, (value, _) in enumerate(options) if value == NONE_OF_THESE), None)
    return _described(found, len(options))


def _without_letterhead(text: str, name: str) -> str:
    """Remove the greeting above the text, and below it the name, the signature, or a sign-off with a name."""
    all_lines = [line.strip() for line in bounded(text).splitlines()]
    lines = [line for line in all_lines if line]
    if len(lines) > 1 and _GREETING.fullmatch(" ".join(words(lines[0]))):
        lines = lines[1:]
    if lines and (number := _above_a_stranger(lines, all_lines)):
        return number
    for at, line in enumerate(lines[1:], start=1):
        below = lines[at + 1 :]
        if _SIGN_OFF.fullmatch(" ".join(words(line))) and (not below or _is_name(below[0], name)):
            return "\n".join(lines[:at])
    return unsigned("\n".join(lines), name)


def _above_a_stranger(lines: Sequence[str], all_lines: Sequence[str]) -> str:
    """Return the number in the first line if only a sign-off follows, by anybody; else "".

    A name alone must stand apart, below an empty line: the word below "2" may be what it is about.
    """
    number, _, rest = lines[0].partition(" ")
    if len(lines) > 1 and _is_number(_bare(lines[0])):
        number, below = lines[0], list(lines[1:])
        apart = all_lines[all_lines.index(number) + 1] == ""
    elif len(lines) == 1 and rest and _is_number(_bare(number)):
        below, apart = [rest.lstrip(" -–—,.")], False
    else:
        return ""
    found = _NAME.findall(below[0])
    folded = [" ".join(words(word)) for word in found]
    thanks = next((n for n in range(len(found), 0, -1) if _SIGN_OFF.fullmatch(" ".join(folded[:n]))), 0)
    if re.search(r"[\d?]", below[0]):
        return ""
    if thanks and (left := found[thanks:]):
        signed = _could_be_name(left, _CORRECTS, typed_small=len(left) == 1)
    elif thanks and len(below) > 1:
        below = below[1:]
        left = _NAME.findall(below[0])
        small = len(left) == 1 and len(below) == 1
        signed = not re.search(r"[\d?]", below[0]) and _could_be_name(left, _CORRECTS, typed_small=small)
    else:
        signed = bool(thanks) or (apart and _could_be_name(found, _TOPICS))
    ends = len(below) <= _SIGNATURE_LINES + 1 and all(is_signature(line) for line in below[1:])
    return number if signed and ends else ""


def _could_be_name(found: Sequence[str], never: Collection[str], *, typed_small: bool = False) -> bool:
    """Return whether the words may be a name: few, capitalized, and none of those in `never`."""
    names = [word for word in found if word.casefold() not in _IN_NAMES]
    if not 0 < len(names) <= _STRANGERS_NAME or any(word in never for name in names for word in words(name)):
        return False
    return all(_is_capitalized(name) or typed_small for name in names)


def _is_capitalized(name: str) -> bool:
    """Return whether a word has capitals as names have: Kate, Anne-Marie, McKay, O'Neil, K.; not
    PayPal or SEPA.
    """
    parts = re.split(r"[-'’.]|(?<=^Mc)|(?<=^Mac)", name)
    return all(part[:1].isupper() and part[1:] == part[1:].lower() for part in parts if part)


def _unquoted(text: str) -> str:
    """Remove quoted lines, and the line that says who wrote them when."""
    lines = text.splitlines()
    if not any(_QUOTED.match(line) for line in lines):
        return text
    quoted = [bool(_QUOTED.match(line)) for line in lines]
    kept = [
        line
        for at, line in enumerate(lines)
        if not quoted[at] and not (line.rstrip().endswith(":") and any(quoted[at + 1 : at + 3]))
    ]
    own = "\n".join(kept)
    return own if own.strip() else text


def _is_name(line: str, name: str) -> bool:
    found = words(line)
    return 0 < len(found) <= _MOST_NAMES and set(found) <= set(words(name))


def _said(text: str, name: str) -> list[str]:
    """Return the words of the text without the greeting, the sign-off and the writer's name."""
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
    """Return the index of the only label that was typed, with or without its number: "2. Payment methods"."""
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
    """Remove the signs around a text, and fold its form: "(2)", "#2", "２" and "2️⃣" all become "2"."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", text).casefold())
