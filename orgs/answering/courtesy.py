"""Recognize greetings, thanks, goodbyes, consent, and disappointment: messages that ask nothing new."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from orgs.answering.tokens import bounded, fold, words
from orgs.answering.vocabulary import (
    DISSATISFIED,
    HELLO_ELSEWHERE,
    HELP_ELSEWHERE,
    THANKS_ELSEWHERE,
    each,
)

_HELLO: Final = {
    "en": (
        "hi hii hiya hello helo hallo hey heya heyy yo hola greetings howdy sup morning afternoon evening gm"
    ),
    "de": "guten tag morgen moin servus gruss grusse gott abend hallo huhu",
    "es": "hola buenas buenos dias tardes noches",
    "fr": "bonjour bonsoir salut coucou",
    "it": "ciao salve buongiorno buonasera",
    "pt": "ola oi bom dia boa tarde",
    "nl": "hoi goedemorgen goedemiddag goedenavond goedendag dag",
}
_THANKS: Final = {
    "en": "thanks thank thx tnx thnx ty tysm thankyou cheers appreciated appreciate grateful thanx thks",
    "de": "danke dankeschon vielen dank",
    "es": "gracias",
    "fr": "merci",
    "it": "grazie",
    "pt": "obrigado obrigada valeu",
    "nl": "bedankt dankjewel dankuwel dank",
}
_BYE: Final = {
    "en": "bye goodbye byebye cya farewell goodnight bb",
    "de": "tschuss tschuess wiedersehen",
    "es": "adios chao",
    "fr": "revoir",
    "it": "arrivederci",
    "pt": "tchau adeus logo",
    "nl": "doei",
}
_OK: Final = {
    "en": "ok okay okey k kk sure alright right fine understood good great cool nice "
    "perfect yes yep yeah awesome gotcha"
    " excellent super lovely wonderful amazing noted brilliant",
    "de": "gut klar verstanden prima ja",
    "es": "vale bien perfecto si",
    "fr": "daccord parfait oui",
    "it": "va bene perfetto",
    "pt": "certo beleza",
    "nl": "oke prima goed",
}
_GLUE: Final = frozenset(
    each(
        """
there team everyone everybody all guys folks dear sir madam sirs good day to you u and very much so a
lot for your the help that this it works worked working now is was did trick really again support got i
see have nice one evening night weekend later soon take care today my mate buddy friend pal man anyone
here how are doing youre best of luck solved fixed fix just what needed wanted exactly answer quick fast
reply helpful helped assistance answering time many auf an y muchas mucho dia un mille molte muito
beaucoup bien sehr schon guten noche tarde tardes noches e ed te het au je vous sie ihnen ihr be been
will do makes sense im am happy glad we well its thats from oh wow ah ha haha lol had not problem never
mind nevermind no more questions else nothing
das hat geholfen es geht jetzt wieder funktioniert klappt toll wunderbar alles fur ihre hilfe
ca marche fonctionne maintenant cest tout est resolu regle aide pour votre la
ya funciona todo listo ahora solucionado por su ayuda sirvio
funcionou ja esta funcionando agora resolvido pela sua ajuda tudo deu certo ate
"""
    )
)
_STOPPERS: Final = frozenset(
    each(
        """
but still not doesnt didnt isnt cant cannot dont wont couldnt however though except error fails failed
fail broken stuck wrong problem issue how why where what when which who can could unfortunately no never
nothing unable aber nicht pero mais pas ma non mas nao maar niet
"""
    )
)
_NO_HARM: Final = re.compile(
    r"\b(?:no problem|not a problem|no worries|no more questions|nothing else"
    r"|never ?mind|how are you(?: doing)?|whats up"
    r"|no,? thanks?(?: you)?|no thats (?:all|it)|thats (?:all|it)|what (?:i"
    r"|we) (?:needed|wanted)|cant thank you enough)\b"
)
_HAPPY: Final = frozenset("👍👌🙏❤😊🎉✅💯🥰😍😄😀🙂😁💪🙌👏🤝♥💙💚☺😃🤗")
_HELLO_SIGNS: Final = frozenset("👋🖐✋🤚")
_UNHAPPY: Final = frozenset("👎😡😠😞😢😭😤🤬🙄😩😫☹🙁💩❌")
_ASIDE: Final = "\ufe0f\u200d 🏻🏼🏽🏾🏿"
_HELP: Final = re.compile(
    r"(?:(?:hi|hello|hey|please|pls) )*(?:(?:i|we) (?:need|want|have)|can you"
    r"|could you|can i (?:get|have)|please|need)?"
    r"(?: you to| to)?(?: some| your| a| any)? ?(?:help|assist|question|assistance"
    r"|problem|issue|ask you something|ask something"
    r"|ask a question|support)(?: me| us| a question)?(?: please| pls| with something| here| out)*"
    r"|what can you do(?: for me)?|who are you|how (?:does this|do you) work|what is this|start"
)
_HELP_ELSEWHERE: Final = re.compile(
    rf"(?:(?:{'|'.join(HELLO_ELSEWHERE)}) )*"
    rf"(?:{'|'.join(HELP_ELSEWHERE)})"
    rf"(?: (?:{'|'.join(THANKS_ELSEWHERE)}))*"
)


@dataclass(frozen=True, slots=True)
class Courtesy:
    kind: str  # hello, thanks, bye, ok, help
    language: str


@cache
def _languages(kind: str) -> dict[str, str]:
    source = {"hello": _HELLO, "thanks": _THANKS, "bye": _BYE, "ok": _OK}[kind]
    found: dict[str, str] = {}
    for language, listed in source.items():
        for word in listed.split():
            found.setdefault(word, language)
    # If two languages have a word, it belongs to the first one, except these.
    return found | ({"hallo": "de", "hola": "es"} if kind == "hello" else {})


def courtesy(text: str, names: Sequence[str] = ()) -> Courtesy | None:
    """Return the courtesy that the whole text is, or None if it says anything more.

    The text may address the agent or the organization by one of the `names`.
    """
    folded = " ".join(words(bounded(text)))
    if not folded:
        return None
    if _HELP.fullmatch(folded) or _HELP_ELSEWHERE.fullmatch(folded):
        return Courtesy("help", "en")
    found = _NO_HARM.sub(" ", folded).split()
    if not _STOPPERS.isdisjoint(found) or (found and "?" in text and not _plain_hello(found)):
        return None
    addressed = {word for name in names for word in words(name)}
    kinds = [
        kind for kind in ("thanks", "bye", "hello", "ok") if not _languages(kind).keys().isdisjoint(found)
    ]
    known = _GLUE | addressed
    for word in found:
        if word not in known and not any(
            word in _languages(kind) for kind in ("hello", "thanks", "bye", "ok")
        ):
            return None
    if len(found) > 16:
        return None
    kind = kinds[0] if kinds else _implied(folded)
    if kind is None:
        return None
    spoken = [_languages(kind)[word] for word in found if word in _languages(kind)]
    # The word that belongs to another language than English decides: "guten" in "Guten Morgen".
    other = next((language for language in spoken if language != "en"), "en")
    return Courtesy(kind, other if other != "en" and not _also_english(found) else (spoken or ["en"])[0])


def _also_english(found: list[str]) -> bool:
    return any(
        word in ("hi", "hello", "hey", "thanks", "thank", "you", "bye", "okay", "good") for word in found
    )


def _plain_hello(found: list[str]) -> bool:
    return found[0] in _languages("hello") and len(found) <= 3


def _implied(folded: str) -> str | None:
    """Return the kind of courtesy without its usual word: `that worked` and `it works now` are thanks."""
    if re.search(r"\b(?:works|worked|solved|fixed|helped|did the trick|helpful|happy|glad)\b", folded):
        return "thanks"
    if re.search(r"see you|take care|have a (?:nice|good|great)|good night", folded):
        return "bye"
    if re.search(r"\b(?:anyone|anybody) (?:there|here)\b|good day|whats up", folded):
        return "hello"
    if re.search(
        r"got it|makes sense|i see|never ?mind|thats (?:all|it)|no (?:problem|worries|more)|nothing else",
        folded,
    ):
        return "ok"
    return None


def signs(text: str) -> str | None:
    """Return what a text without words says: hello, thanks, or unhappy.

    Return "" for any other sign, and None if the text has words.
    """
    if words(text):
        return None
    shown = {char for char in text if char not in _ASIDE and not char.isspace()}
    if shown & _UNHAPPY:
        return "unhappy"
    if shown & _HELLO_SIGNS:
        return "hello"
    if shown & _HAPPY:
        return "thanks"
    return ""


def unhappy(text: str) -> bool:
    """Return whether a sign in the text shows that somebody is not content."""
    return not _UNHAPPY.isdisjoint(text)


@cache
def _dissatisfied() -> re.Pattern[str]:
    said = "|".join(DISSATISFIED)
    return re.compile(
        rf"(?:(?:nein|nee|non|nao|danke|merci|gracias|obrigad[oa]|aber|mais|pero|mas|leider|no|ok|okay"
        rf"|thanks|thank you|but|sorry|hmm|well|nope|hi|hello|and|so|yes"
        rf"|yeah|it|that|this|i|im) )*(?:{said})"
        r"(?: (?:at all|uberhaupt|du tout|para nada|nem um pouco|weiter|mehr|for me|either|though|sorry"
        r"|unfortunately|yet|anymore|here|again"
        r"|still|now|thanks|it|that|this|me|any"
        r"|as before|and|but|i|am|to|us|what i asked))*"
    )


def dissatisfied(text: str) -> bool:
    """Return whether the whole text says only that our answer did not help."""
    folded = re.sub(r"[^\w ]+", " ", fold(bounded(text)))
    return _dissatisfied().fullmatch(" ".join(folded.split())) is not None


def complains(text: str) -> bool:
    """Return whether the text says, among other things, that our answer did not help."""
    return (
        re.search(
            r"\b(?:still (?:fails?|failing|not|doesnt|broken|stuck|the same)|(?:that|this|it"
            r"|which) (?:didnt|doesnt|did not|does not)"
            r" (?:help|work)|not what i (?:asked|meant)|same (?:error|problem) (?:again|still)"
            r"|already tried (?:that|this|it))\b",
            fold(bounded(text)),
        )
        is not None
    )
