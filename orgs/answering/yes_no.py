"""Recognize yes, no and "no thanks" in the languages of our shipped texts. The caller knows what they
answer.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Final

from orgs.answering.formulas import Formula, formulas
from orgs.answering.tokens import bounded, words


class YesOrNo(StrEnum):
    YES = "yes"
    MORE = "yes, something else"
    NO = "no"
    NO_THANKS = "no thanks"  # the customer wants nothing, and nothing was wrong


_LONGEST: Final = 12  # words of a yes

# Patterns for folded words. These are polite, and may stand before or after.
_POLITE: Final = (
    "thanks|thank you|thx|many|so much|very much|please|pls|plz|for now|at the moment|right now|really|"
    "danke|dankeschon|dank|vielen|schon|sehr|bitte|gerade|im moment|erstmal|"
    "merci|beaucoup|bien|svp|sil vous plait|sil te plait|pour le moment|pour linstant|"
    "gracias|muchas|por favor|por ahora|de momento|"
    "obrigado|obrigada|muito|por enquanto|por agora"
)
_YES: Final = (
    "yes|yep|yeah|yup|ya|y|sure|of course|certainly|absolutely|please do|yes i (?:do|would)|yes there is|"
    "id like that|i would|"
    "ja|jawohl|jup|gern|gerne|klar|naturlich|auf jeden fall|genau|"
    "oui|ouais|volontiers|bien sur|avec plaisir|"
    "si|claro|claro que si|por supuesto|"
    "sim|claro que sim|com certeza|pode ser|quero"
)


# "Yes, I have another question": the customer continues, and does not say yet with what.
_MORE: Final = (
    r"(?:(?:there is|theres|i have|i do have|ive got|i need|i want|id like) )?(?:(?:just )?(?:another"
    r"|one more|one other"
    r"|a further|a|one) (?:question|thing|issue|problem)|something (?:else|more)|more questions|one more)"
    r"|(?:(?:ich habe|ich hatte|da ist|es gibt) )?(?:noch )?(?:eine? |ne )?(?:weitere |andere |kurze )?"
    r"(?:frage|sache|anliegen)(?: noch)?|(?:da ist |ich habe )?(?:noch )?(?:etwas|was)(?: anderes| noch)?"
    r"|noch eine"
    r"|(?:(?:jai|jaurais|il y a) )?(?:encore )?(?:une? )?(?:autre |derniere )?(?:question|chose"
    r"|probleme)(?: encore)?"
    r"|(?:(?:tengo|hay) )?(?:otra|una) (?:pregunta|cosa|duda)(?: mas)?|(?:hay )?algo mas"
    r"|(?:(?:tenho|ha) )?(?:mais )?(?:outra|uma) (?:pergunta|coisa|duvida)(?: mais)?|mais uma"
    r"|tem mais uma coisa"
)
_BEFORE: Final = (
    "ok|okay|well|actually|oh|hm|hmm|um|doch|eigentlich|en fait|bon|bueno|en realidad|na verdade|bom|hi|hello"
)
_NOT_YET: Final = "not yet|noch nicht|pas encore|todavia no|aun no|ainda nao"


@cache
def _said(what: str, around: str = _POLITE) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{around}) )*(?:{what})(?: (?:{what}|{around}))*")


@cache
def _goes_on() -> re.Pattern[str]:
    around = f"{_POLITE}|{_BEFORE}"
    return re.compile(rf"(?:(?:{around}) )*(?:{_YES})(?: (?:{_YES}|{around}))* (?:{_MORE})(?: (?:{around}))*")


def yes_or_no(text: str, names: Iterable[str] = ()) -> YesOrNo | None:
    """Return the reply that the whole text is, or None if it says anything else or more.

    `names` may be addressed.
    """
    found = words(bounded(text))
    if len(found) <= _LONGEST and _said(_YES, f"{_POLITE}|{_BEFORE}").fullmatch(" ".join(found)):
        return YesOrNo.YES
    if len(found) <= _LONGEST and _goes_on().fullmatch(" ".join(found)):
        return YesOrNo.MORE
    if _said(_NOT_YET).fullmatch(" ".join(found)):
        return YesOrNo.NO
    courtesies = formulas(text, names=names)
    if courtesies is None or courtesies[Formula.CONSENT]:
        return None
    if courtesies[Formula.NO_MORE] or (courtesies[Formula.NO] and courtesies[Formula.THANKS]):
        return YesOrNo.NO_THANKS
    return YesOrNo.NO if courtesies[Formula.NO] else None
