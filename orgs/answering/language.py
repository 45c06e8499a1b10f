"""Detect in which of the organization's languages a customer writes. It works offline and is deterministic.

Measured on tests/orgs/answering/languages.yaml, short messages in five languages: at SURE and above none is
wrong, and four in a hundred are below it. Names, numbers and words that many languages share are far below.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from orgs.answering.courtesy import courtesy
from orgs.answering.tokens import bounded
from orgs.answering.tokens import words as folded
from orgs.answering.vocabulary import each
from orgs.translations import base

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SURE: Final = 0.55
# Other languages that customers write in: without them, Italian would be taken for Spanish.
OTHERS: Final = (
    *("ar", "cs", "da", "el", "fi", "he", "hi", "hu", "id", "it", "ja", "ko"),
    *("nl", "no", "pl", "ro", "ru", "sv", "tr", "uk", "vi", "zh"),
)
# Folded words of messages with two or three words: too few for the library to be sure.
_WORDS: Final = {
    language: frozenset(each(listed))
    for language, listed in {
        "en": """
            password forgot forgotten invoice wrong refund card declined charged twice login does not
            doesnt work works working broken help please order account cancel subscription locked out
            error missing
        """,
        "de": """
            passwort kennwort vergessen rechnung falsch doppelt abgebucht erstattung karte abgelehnt
            geht nicht funktioniert anmeldung konto kundigen gesperrt hilfe bitte fehler fehlt zahlung
            kein geld zuruck
        """,
        "fr": """
            mot passe oublie facture incorrecte fausse remboursement carte refusee paiement refuse ne
            marche pas fonctionne compte bloque connexion impossible resilier aide erreur double
        """,
        "es": """
            contrasena olvide olvidada factura incorrecta reembolso tarjeta rechazada pago rechazado
            no funciona cuenta bloqueada cancelar ayuda error falta doble cobro
        """,
        "pt": """
            senha esqueci esquecida fatura errada incorreta reembolso estorno cartao recusado
            pagamento nao funciona conta bloqueada cancelar ajuda erro falta cobranca roubada
            duplicada
        """,
    }.items()
}
# One of these words is enough: no other language has it, not even in names of things.
_ALONE: Final = {
    "en": re.compile(r"\b(?:instead of|wrong|twice)\b"),
    "de": re.compile(r"\b(?:statt|anstatt|anstelle|nicht|falsch|doppelt|abgebucht|berechnet|kundigung)\b"),
    "fr": re.compile(r"\b(?:au lieu d|remboursement|resilier|facture[re]?|preleve|debite)"),
    "es": re.compile(r"\b(?:en vez de|en lugar de|contrasena|cobrado|cobraron|reembolsar)\b"),
    "pt": re.compile(r"\b(?:em vez de|em lugar de|ao inves de|senha|estorno|cobrado a mais|cobraram)\b"),
}
# "Non merci" is French, while "merci!" alone is said in other languages as well.
_REFUSED: Final = {
    "en": re.compile(r"no (?:many )?(?:thanks|thank you)\b"),
    "de": re.compile(r"(?:nein|ne|nee) (?:vielen |lieben |herzlichen |besten )?dank"),
    "fr": re.compile(r"non (?:un grand |mille )?merci\b"),
    "es": re.compile(r"no (?:muchas |mil |muchisimas )?gracias\b"),
    "pt": re.compile(r"nao (?:muito )?(?:obrigad[oa]|valeu)\b"),
}
# Addresses, code, numbers and names of things belong to no language.
_NO_WORDS = re.compile(r"```.*?```|`[^`\n]*`|\S+@\S+|https?://\S+|www\.\S+|\S*\d\S*", re.DOTALL)


def language_of(text: str, spoken: Collection[str], *, known: str = "") -> str:
    """Return which of the `spoken` languages the text is certainly written in, or "".

    A mere greeting or thanks decides only if no language is `known` yet, because "merci!" is said in other
    languages, too. "Non merci" always decides.
    """
    ours = {base(one): one for one in reversed(tuple(spoken))}
    words = _NO_WORDS.sub(" ", bounded(text))
    if not known and (greeting := courtesy(words)) and greeting.language != "en":
        return ours.get(greeting.language, "")
    found, sure = _identifier(frozenset(ours)).classify(words)
    if sure >= SURE:
        return ours.get(found, "")
    said = " ".join(folded(words))
    found = next((language for language, refused in _REFUSED.items() if refused.match(said)), "")
    if not found and not known:
        found = _by_words(words) or _by_one(said)
    return ours.get(found, "")


def _by_one(said: str) -> str:
    """Return the language if the text has words that only one language has, else ""."""
    found = [language for language, pattern in _ALONE.items() if pattern.search(said)]
    return found[0] if len(found) == 1 else ""


def _by_words(text: str) -> str:
    """Return the language that has most words of the text, at least two, or ""."""
    said = set(folded(text))
    known = sorted(((len(said & listed), language) for language, listed in _WORDS.items()), reverse=True)
    (most, language), (next_most, _) = known[:2]
    return language if most > max(next_most, 1) else ""


@lru_cache(maxsize=8)
def _identifier(languages: frozenset[str]) -> "LanguageIdentifier":
    """Load the library's model, reduced to these languages and OTHERS."""
    # Imported only here, with numpy: 11 MB, which only a process that reads customers' words needs.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    whole = LanguageIdentifier.from_model_file(MODEL_FILE)
    known = set(whole.labels)
    whole.set_languages(known & {*languages, *OTHERS})
    return LanguageIdentifier(
        whole.nb_ptc,
        whole.nb_pc,
        whole.nb_classes,
        whole.tk_nextmove,
        whole.tk_output,
        norm_probs=True,
        tk_row=whole.tk_row,
    )
