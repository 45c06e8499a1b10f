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


_LONGEST = 12  # words

# Over folded words. What is polite, and may stand before or after.
_POLITE: Final = (
    "thanks|thank you|thx|many|so much|very much|please|pls|plz|for now|at the moment|right now|really|"
    "danke|dankeschon|dank|vielen|schon|sehr|bitte|gerade|im moment|erstmal|"
    "merci|beaucoup|bien|svp|sil vous plait|sil te plait|pour le moment|pour linstant|"
    "gracias|muchas|por favor|por ahora|de momento|"
    "obrigado|obrigada|muito|por enquanto|por agora"
)
# What may stand around a "no", and makes it a friendly one.
_PARTING: Final = (
    "thanks again|ta|cheers|bye|bye bye|goodbye|see you|have a (?:nice|good|great) (?:day|one"
    "|evening|weekend)|"
    "for (?:all )?(?:your|the) (?:great |quick |kind )?(?:help|support|time)|for everything|for helping|"
    "danke dir|danke ihnen|fur (?:die|ihre|deine) (?:schnelle |nette |tolle )?hilfe|fur alles|tschuss|ciao|"
    "auf wiedersehen|(?:einen )?schonen (?:tag|abend)(?: noch)?|"
    "pour (?:votre|ton|l)? ?aide|pour laide|pour tout|au revoir|bonne (?:journee|soiree)|a bientot|"
    "por (?:su|tu|la) ayuda|por todo|adios|chao|hasta luego|hasta pronto|(?:que tenga )?(?:un )?buen dia|"
    "pela (?:sua |vossa )?ajuda|por tudo|tchau|adeus|ate logo|(?:um )?bom dia"
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
    "im (?:all )?(?:good|set|fine|done)|i am (?:all )?(?:good|set|fine|done)|were (?:all )?(?:good|set|done)|"
    "thatll be all|that will be all|thatll be it|that will be it|that would be all|its fine|"
    "thats (?:fine|ok|okay|great|good|perfect|enough|everything)|that is (?:fine|ok|okay|great|good"
    "|everything)|"
    "everything is (?:fine|good|clear)|"
    "all good|all set|all done|not now|no need|not today|"
    "das ware alles|das ware es|mehr nicht|alles bestens|alles in ordnung|alles erledigt|ich bin fertig|"
    "schon gut|gut so|reicht so|"
    "nichts|nichts mehr|nichts weiter|sonst nichts|das wars|das war es|das war alles|das ist alles|alles gut|"
    "alles klar|passt|passt so|nicht notig|keine fragen mehr|"
    "ce sera tout pour moi|tout va bien|tout est (?:bon|clair|parfait)|cest parfait|cest (?:bien|ok)|"
    "rien|rien dautre|rien de plus|cest tout|ce sera tout|cest bon|ca ira|ca va aller|pas besoin|"
    "eso seria|con eso basta|asi esta bien|todo (?:claro|listo|perfecto)|ya esta|"
    "nada|nada mas|eso es todo|es todo|eso seria todo|esta bien|todo bien|no hace falta|"
    "isso e tudo|seria so isso|so isso mesmo|esta tudo bem|ta tudo bem|tudo (?:claro|resolvido|otimo)|"
    "nada mais|mais nada|so isso|e so isso|era so isso|e so|e tudo|tudo certo|tudo bem|nao precisa"
)
_FRIENDLY: Final = re.compile(rf"\b(?:thank\w*|thx|dank\w*|merci|gracias|obrigad[oa]|{_PARTING})\b")


@cache
def _said(what: str, around: str = _POLITE) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{around}) )*(?:{what})(?: (?:{what}|{around}))*")


def yes_or_no(text: str) -> Reply | None:
    """Return what the whole text says, when it says nothing more than yes or no."""
    found = words(bounded(text))
    folded = " ".join(found)
    if not found or len(found) > _LONGEST:
        return None
    around = f"{_POLITE}|{_PARTING}"
    if _said(f"{_NOTHING_MORE}|{_NO}", around).fullmatch(folded):
        bare = _said(_NO, around).fullmatch(folded) and not _FRIENDLY.search(folded)
        return Reply.NO if bare else Reply.NO_THANKS
    return Reply.YES if _said(_YES).fullmatch(folded) else None
