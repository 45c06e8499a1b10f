"""Yes, no and "no thanks", in the languages that we ship texts in. What they answer, the caller knows."""

import re
from enum import StrEnum
from functools import cache
from typing import Final

from orgs.answering.words import bounded, words


class Reply(StrEnum):
    YES = "yes"
    NO = "no"
    NO_THANKS = "no thanks"  # nothing is wanted, and nothing was wrong


_LONGEST = 8  # words

# Over folded words. What is polite, and may stand before or after.
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
_NO: Final = (
    "no|nope|nah|n|not really|no i dont|nein|ne|nee|eher nicht|non|pas vraiment|no la verdad|nao|nao mesmo"
)
_NOTHING_MORE: Final = (
    "nothing|nothing else|nothing more|no more|no more questions|no further questions|"
    "thats all|that is all|thats it|that is it|that was all|that was it|"
    "im good|i am good|im fine|all good|all set|not now|no need|"
    "nichts|nichts mehr|nichts weiter|sonst nichts|das wars|das war es|das war alles|das ist alles|alles gut|"
    "alles klar|passt|passt so|nicht notig|keine fragen mehr|"
    "rien|rien dautre|rien de plus|cest tout|ce sera tout|cest bon|ca ira|ca va aller|pas besoin|"
    "nada|nada mas|eso es todo|es todo|eso seria todo|esta bien|todo bien|no hace falta|"
    "nada mais|mais nada|so isso|e so isso|era so isso|e so|e tudo|tudo certo|tudo bem|nao precisa"
)
_THANKS: Final = re.compile(r"\b(?:thank\w*|thx|dank\w*|merci|gracias|obrigad[oa])\b")


@cache
def _said(what: str) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{_POLITE}) )*(?:{what})(?: (?:{what}|{_POLITE}))*")


def yes_or_no(text: str) -> Reply | None:
    """Return what the whole text says, when it says nothing more than yes or no."""
    found = words(bounded(text))
    folded = " ".join(found)
    if not found or len(found) > _LONGEST:
        return None
    if _said(f"{_NOTHING_MORE}|{_NO}").fullmatch(folded):
        bare = _said(_NO).fullmatch(folded) and not _THANKS.search(folded)
        return Reply.NO if bare else Reply.NO_THANKS
    return Reply.YES if _said(_YES).fullmatch(folded) else None
