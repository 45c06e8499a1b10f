"""Separate what a customer reports or wants from what they only ask, suppose or praise.

"How do I connect an alert for when the site is down?", "what happens if a payment fails" and "nothing works
better than this" report no incident, no failed payment and no complaint. The form of each clause decides, in
the five languages of our shipped texts. A clause is kept if it says what has happened or asks for money back.
In doubt it is kept.
"""

import re
from typing import Final

from orgs.answering.tokens import words

_PIECES: Final = re.compile(r"(?:[.!?;:…]+|,)(?=\s|$)|\n|\s[-–—]\s|\s(?:but|aber|mais|pero|mas)\s")
_LONGEST: Final = 60  # words of a clause

# Patterns for folded words (no accents, no apostrophes).
_LEAD: Final = (
    r"^(?:(?:hi|hello|hey|hallo|bonjour|hola|ola|please|pls|sorry|and|also|so|ok|thanks|just|maybe|bitte"
    r"|und|et|y"
    r"|e|question|quick question|can you tell me|could you tell me|i want to know|i would like to know"
    r"|id like to know|i wonder|im wondering|do you know|tell me|konnen sie mir sagen|pouvez vous me dire"
    r"|puede decirme|pode me dizer) )*"
)
# Asks what happens in a case that is only supposed.
_SUPPOSED: Final = re.compile(
    _LEAD + r"(?:what (?:happens|would happen|will happen) (?:if|when|after|once)|what if"
    r"|was (?:passiert|geschieht|ist) (?:wenn|falls|bei|nach|mit)|was wenn|was passiert$"
    r"|que se passe t il (?:si|quand|lorsque)|quarrive t il (?:si|quand)|quest ce qui se passe (?:si"
    r"|quand)|et si"
    r"|que (?:pasa|pasaria|ocurre|sucede) (?:si|cuando|con)|y si"
    r"|o que (?:acontece|aconteceria|ocorre) (?:se|quando|com)|e se)\b"
)
# Asks how something is done, can be done, or is charged.
_ASKED: Final = re.compile(
    _LEAD + r"(?:how (?:do|can|could|would|should|might|to|does|long|often|much|many)"
    r"|where (?:do|can|could|should)|when (?:will|do|does|would|am|are|is) |which (?!is|was|are|were|has"
    r"|means)"
    r"|(?:will|would|shall|should) (?!not|be|have|like|love|never|you|i (?:worry|be worried))"
    r"|do (?:i|we (?!have)|guests|members|you (?!know|have|see|realize|think|even|want))|does (?!not"
    r"|anyone|anybody)"
    r"|may (?:i|we|an?|guests|members)|(?:can|could|might) (?!not|you|u |ya |it be|i ask|i know"
    r"|i see (?:other|another)|anyone|anybody|someone help|somebody help|nobody|no one)"
    r"|is it (?:possible|ok|safe)|is there (?:an? |any )?(?:way|option|setting|template|automation|view"
    r"|field|filter)"
    r"|is my \w+ able|are (?:guests|members|seats|(?:we|i) (?:billed|charged))"
    r"|i want (?:people|some people|someone|somebody|guests|members) to|any (?:template|way)"
    r"|wie (?!gesagt|schon|bereits|immer|erwahnt|besprochen)(?:\w+ ){1,2}(?:ich|wir|man|jemand)"
    r"|wie (?:lange|oft|viele?)|wo (?:\w+ )(?:ich|wir|man)"
    r"|(?:kann|konnen|konnte|konnten|darf|durfen) (?:ich|wir|man|ein\w*|jemand|mein\w*|der|die|das|gaste)"
    r"|(?:wird|werden|werde) (?:mir|uns|ich|wir|man|ein\w*|jemand|gaste)|ist es moglich"
    r"|gibt es (?:ein\w* )?(?:moglichkeit|vorlage|option|einstellung|automatisierung)"
    r"|comment (?:faire|puis|peut|pouvons|on|je|nous|\w+er|\w+ir|\w+re)|ou (?:puis|peut|trouver|voir)"
    r"|est ce que (?:je|on|nous|les (?:invites|membres|utilisateurs)|un|une)"
    r"|(?:peut|puis|peuvent|pouvons) (?:on|je|ils|nous)|(?:est il|cest|est ce) possible"
    r"|como (?:se )?(?:puedo|podemos|puede|puedes|hago|hacer|hacemos|posso|faco|fazer|fazemos|consigo|eu"
    r"|(?!digo|comento|menciono|dito|falo|todo|esto|nuestro|tengo|isso|estamos|tenemos|tenho|nao|no"
    r"|nada)\w{2,}(?:o|amos|emos|imos))"
    r"|(?:donde|onde) (?!esta|estan|fica|ficam|foi|foram)\w+|(?:puedo|podemos|se puede|posso|podemos"
    r"|da para)|(?:es|e) possible|(?:es|e) (?:posible|possivel)"
    r"|hay (?:alguna? )?(?:forma|manera|opcion|plantilla)|ha (?:alguma )?(?:forma|maneira|opcao)"
    r"|(?:serei|seremos|sere) "
    r"|(?:au bout de |depuis |pendant )?combien|en combien|(?:a|avec|dans|pour|sur|par|de|sous) quel(?:le)?s?"
    r"|quel(?:le)?s? (?:est|sont)"
    r"|(?:a|con|de|em|en|por|para|com|desde|ate|hasta) (?:que|cual|qual|cuant\w+|quant\w+)|cuant[oa]s?"
    r"|quant[oa]s?|cual(?:es)?|qual|quais|que (?:documentos?|horarios?|metodos?|meios)"
    r"|(?:innerhalb|seit|ab|bis|um|nach|mit|fur|in) (?:wie|welche\w*|wann|wem|wieviel\w*))\b"
)
# Questions only if they end in a question mark: otherwise the same words report what happens.
_ASKED_OF_OURS: Final = re.compile(
    r"^(?:is|are)\b.*\b(?:if|when|from \w+ to|by default|extra)\b"
    r"|^(?:nadie|alguien|ninguem|alguem|personne|quelquun)\b.*\b(?:privad[oa]s?|prive[es]*|si|se)\b"
    r"|^(?:cuando|quando|quand)\b|^(?:est ce que personne|kann niemand|konnen niemand)\b.*\b(?:sans"
    r"|prive[es]*|ohne|privat\w*)\b"
    r"|^is it an? \w+ (?:mail|email|message|link)\b"
    r"|^(?:the|all (?:my|our|the))\b.*\b(?:by default|after \d+ days)\b"
)
# Names of rules. Asking to read the rules makes no claim under them.
_RULES: Final = (
    r"(?:polic(?:y|ies)|terms|rules|conditions|guarantees?|bount(?:y|ies)|program(?:me)?s?"
    r"|richtlinien?|bedingungen|regeln|regelung\w*|\w+(?:richtlinien?|bedingungen|regeln|regelung)"
    r"|politiques?|conditions?|politicas?|condiciones|condicoes|reglas|regras)"
)
_ASKED_FOR_RULES: Final = re.compile(
    _LEAD + r"(?:whats?|where|which|is there|are there|do you (?:have|run|offer)|have you got"
    r"|can (?:you|i|we)|could (?:you|i|we)|i (?:want|need|would like) to (?:read|see|know)|send me|show me"
    r"|was|wie|wo|welche\w*|gibt es|habt ihr|haben sie|quelle?s?|ou|avez vous|y a t il"
    r"|cual(?:es)?|donde|hay|tienen|qual|quais|onde|ha|tem|voces tem)\b"
    rf"(?: \w+){{0,6}} {_RULES}(?: (?:de|des|for|of|on|do|del|about|program(?:me)?|policy|zu)(?: \w+){{1,3}}"
    r"| program(?:me)?| please| like| bitte)?$"
)
_PRAISED: Final = re.compile(
    r"\b(?:(?:works?|working|is|are) (?:better|faster|nicer|easier|smoother|as (?:well|good|fast"
    r"|nice)) (?:than|as)"
    r"|helps? (?:me|us) (?:better|faster|more) than"
    r"|(?:for|wegen|pour|por|en|em) (?:\w+ )?(?:maintenance|wartung\w*|mantenimiento|manutencao)"
    r"|working against|(?:ridiculous|insane|outrageous)(?:ly)? (?:good|great|easy|nice|fast)|how good"
    r"|not an? (?:complaint|refund|outage|emergency|incident|report)|keine (?:beschwerde|reklamation)"
    r"|(?:pas une|ce nest pas une) (?:reclamation|plainte)|no es una (?:queja|reclamacion)"
    r"|nao e uma (?:reclamacao|queixa)|going down a storm"
    r"|(?:funktioniert|klappt|geht|lauft) (?:besser|so gut) (?:als|wie)|(?:marche|fonctionne) (?:mieux"
    r"|aussi bien) que"
    r"|funciona (?:mejor|tan bien|melhor|tao bem) (?:que|como|do que|quanto))\b"
)
# Wishes for money back, or for help with a matter, also in the form of a question.
_WANTED: Final = re.compile(
    r"\b(?:(?:get|getting|have|receive|receiving|obtain|claim|request|requesting|ask|apply|give|want|need"
    r"|like|send|make"
    r"|issue|process|see|check|track|know|be|entitled|qualify|eligible|for|of|my|our|your|the)"
    r"(?: (?:for|a|an|any|my|our|the|your|full|partial|status|some|of|to|back))* "
    r"(?:refund\w*|reimburs\w*|restitution\w*|rebate\w*|compensat\w*|chargeback\w*"
    r"|(?:all )?mone?y\w*(?= back)"
    r"|(?:charge|payment|money|mone?y)(?= back| \w+ back))"
    r"|(?:refund|reimburse) (?:me|us|my|our|the)|credit note|(?:meine?|mon|mi|meu) (?:ruck)?(?:erstatt\w*"
    r"|rembours\w*"
    r"|reembols\w*|estorno)|fix|stop|reverse|contest|meld\w+|beschwer\w*|stornier\w*|signaler|annuler"
    r"|contester|reclamation"
    r"|denunci\w+|anular|reclam\w+|queja|contestar|mone?y back|back (?:my|our|the) mone?y|dispute"
    r"|(?:(?<!a )report|inform|notify|solve|resolve|complain|problem|issue|error"
    r"|help|trouble)\w*"
    r"|geld zuruck\w*|erstattet|(?:me|nous) rembours\w*|refund (?:be )?possible|zuruckbekomm\w*"
    r"|(?:bekomme|bekommen|erhalte|beantrage|fordere|kriege) .*(?:erstatt\w*|geld|gutschrift)"
    r"|(?:etre|obtenir|demander|avoir|faire|suis|sera|serai) (?:un |une |mon |le |ma )?rembours\w*"
    r"|(?:obtengo|consigo|conseguir|pido|pedir|solicito|solicitar|obtener|tener|recibir|recibo|reclamo)"
    r" (?:un|el|mi|una|la) (?:reembolso|devolucion)|me (?:reembols\w+|devuelv\w+|estorn\w+)"
    r"|(?:peco|pedir|solicito|solicitar|consigo|conseguir|recebo|receber|obter) (?:o |um |meu |uma "
    r"|a )*(?:reembolso"
    r"|estorno|devolucao|dinheiro))\b"
)
_OURS: Final = (
    r"(?:cards?|boards?|lists?|columns?|labels?|tags?|templates?|fields?|automations?|webhooks?|karten?"
    r"|spalten?|listen?"
    r"|etikett\w*|vorlagen?|felder?|tableaux?|cartes?|listes?|etiquettes?|modeles?|tarjetas?|tableros?"
    r"|listas?"
    r"|etiquetas?|plantillas?|cartao|cartoes|quadros?|campos?)"
)
_WITH_A_THING: Final = re.compile(
    rf"\b(?:as|on|to|in|into|an?|the|called|named|eine?n?|une?|una?|uma?) (?:(?!my |our |meine |ma "
    rf"|mi )\w+ )?{_OURS}\b"
    rf"|^(?:\w+ ){{0,3}}(?:we|i) (?:track|manage|plan|log|do|handle|collect)\b.*\b{_OURS}\b"
)
# Descriptions of how they use the product: nothing has happened.
_USED: Final = re.compile(
    r"^(?:we|i|wir|ich|nous|je) (?:track|plan|log|collect|manage|verwalten?|planen?|gere|gerons)"
    rf"(?: \w+){{1,4}} (?:on|in|as|auf|dans|sur) (?:(?:an?|one|our|einem|un|notre) )?(?:{_OURS}|workspace)$"
)
# Texts that somebody else is to get.
_TO_OTHERS: Final = re.compile(
    r"^(?:please |can you |could you |help me (?:to )?)*(?:send |post |write |draft |compose )?(?:an? |the )?"
    r"(?:tweet\b|(?:(?:e ?)?mail|message|letter|post|comment|reply)s? (?:to|for) "
    r"(?!you|your|me|us|(?:the )?(?:support|customer|service|team|company|bank|manage\w+|boss|ceo))"
    r"|tell (?!me|us|you|your)(?:\w+ ){1,3}(?:that|they|their|how))"
)
# Reports of what has happened to the customer, and reasons for asking.
_HAPPENED: Final = re.compile(
    r"\b(?:how (?:can|could|dare) you|how (?:can|could|should|do) (?:i|we) work|how much longer"
    r"|how many (?:more )?times"
    r"|how long (?:do|must|should|will) (?:i|we) (?:still |have to )*wait|wie (?:lange|oft) (?:muss"
    r"|mussen|sollen?) (?:ich"
    r"|wir) (?:noch|denn)|because|wegen|why|warum|wieso|weshalb|pourquoi|por que|porque|how come"
    r"|how (?:can|could) (?:it|this|that) (?:be|happen)|how is (?:it|this|that) possible|wie kann (?:es"
    r"|das) sein"
    r"|comment (?:ca se fait|se fait il|est ce possible|est il possible)|como (?:es|e) (?:posible|possivel)"
    r"|como (?:puede|pode) (?:ser|isso)"
    r"|hacked|haked|compromised|stole|stolen|gehackt|gestohlen|pirate|vole|hackead[oa]s?|hackearam"
    r"|hackearon"
    r"|robad[oa]s?|roubad[oa]s?|invadid[oa]s?"
    r"|(?:i|we|my|our)(?: \w+){0,3} (?:was|were|been|got(?! (?:from|it|this|that|an?|the|your)\b)|have been)"
    r"|i(?:ve| have) been"
    r"|(?:you|they) (?:have |had |just |already )?(?:charged|billed|took|debited|invoiced)"
    r"|(?:me|nous) avez|(?:mavez|ma t on|on ma)|me (?:han|cobraron|cobraram|facturaron)|fui|fomos"
    r"|wurde(?:n)? (?:mir|uns)"
    r"|(?:mir|uns|ich|wir)(?: \w+){0,4} wurden?)\b"
)
_GOES_ON: Final = re.compile(
    r"^(?:so that|if|when|that|which|who|without|dass|wenn|ob|falls|damit|ohne|que|si|quand|pour que|qui"
    r"|cuando|se|quando"
    r"|para que)\b"
)


def reported(text: str) -> str:
    """Return the text without the clauses that only ask, suppose or praise."""
    kept: list[str] = []
    pieces = _clauses(text)
    only_asks = False
    for at, (said, mark) in enumerate(pieces):
        folded = words(said)
        clause = " ".join(folded[:_LONGEST])
        asked = _ends_in_question(pieces[at:])
        if not (only_asks and _GOES_ON.match(clause)):
            only_asks = _only_asks(clause, question=asked)
        kept.append("." if only_asks and folded else said)
        kept.append(mark)
    return "".join(kept)


def _clauses(text: str) -> list[tuple[str, str]]:
    """Return each clause with the mark after it, in order. Joined, they are the text."""
    found: list[tuple[str, str]] = []
    start = 0
    for mark in _PIECES.finditer(text):
        found.append((text[start : mark.start()], mark[0]))
        start = mark.end()
    found.append((text[start:], ""))
    return found


def _ends_in_question(rest: list[tuple[str, str]]) -> bool:
    for _, mark in rest:
        if mark.strip() not in (",", "", "-", "–", "—"):
            return "?" in mark
    return False


def _only_asks(clause: str, *, question: bool) -> bool:
    if any(form.match(clause) for form in (_SUPPOSED, _USED, _TO_OTHERS)) or _PRAISED.search(clause):
        return True
    if _ASKED_FOR_RULES.match(clause) and not _HAPPENED.search(clause):
        return True
    if not _ASKED.match(clause) and not (question and _ASKED_OF_OURS.match(clause)):
        return False
    if _HAPPENED.search(clause):
        return False
    return not _WANTED.search(clause) or _WITH_A_THING.search(clause) is not None
