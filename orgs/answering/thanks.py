"""Tell mere thanks and goodbyes from words that somebody must read: in doubt, somebody reads them."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from orgs.answering.courtesy import signs, unhappy
from orgs.answering.lexicon import each
from orgs.answering.words import LONGEST, clauses, words

_QUESTION: Final = frozenset("?？¿؟⁇⁉❓❔")
_MOST_WORDS: Final = 40
_SIGNATURE_LINES: Final = 5
_CONTACT: Final = re.compile(r"\s*(?:[+\d][\d ()/.-]{5,}|\S+@\S+\.\S+|--)\s*")

# Over folded words (no accents, no apostrophes). A formula never crosses a mark of punctuation.
# Lines are joined without their indent: none is broken next to a space.
_QUICK: Final = (
    r"(?:very |super |really )?"
    r"(?:quick|fast|prompt|swift|great|kind|excellent|speedy|friendly|amazing|good)"
)
_THANKS: Final = r"""
    (?:many |a thousand |big |huge |much )?(?:thanks|thank you|thank u|thankyou|thx|tnx|thanx|thks|tysm|ty
    |cheers)(?: (?:so|very) (?:very )?much| a lot| a million| a bunch| a ton| again| once again| once more
    | kindly| loads| heaps)*(?: (?:to you )?all| everyone| everybody)?(?: indeed)?
    |(?:i (?:really |very much )?|we (?:really |very much )?|really |much |very much )?appreciated?(?: (?:it
    |that|this|your help|the help|your time|all your help))?(?: (?:very much|so much|a lot))?
    |(?:im|i am|we are|were) (?:so |very |really )?grateful
    |(?:you are|youre|you were|youve been|you have been|that was|this was
    |it was) (?:so |very |really |super )?(?:helpful|kind|a star|the best|great|awesome|amazing|a lifesaver
    |a great help|nice)(?: indeed)?(?: of you)?
    |(?:very|so|really|super|most) (?:helpful|kind)(?: of you)?
    |(?:vielen |herzlichen |besten |lieben |tausend |schonen |ganz herzlichen )?(?:dank|danke|dankeschon
    |dankesehr)(?: (?:schon|sehr|vielmals|nochmals|nochmal|noch mal|noch einmal|euch|ihnen|dir|allen
    |an alle))*
    |ich danke(?: (?:ihnen|dir|euch|sehr|vielmals))*
    |(?:un )?(?:grand |mille |encore )?mercis?(?: (?:beaucoup|bien|infiniment|encore|mille fois|a vous|a toi
    |a tous|a toute lequipe|et))*
    |je vous remercie(?: (?:beaucoup|infiniment|encore|vivement))*
    |(?:muchas |muchisimas |mil |un monton de )?gracias(?: (?:de nuevo|otra vez|a todos|a ustedes|a usted))*
    |(?:se lo |te lo |lo )?agradezco(?: (?:mucho|muchisimo))?
    |(?:muito |muitissimo )?(?:obrigad[oa]s?|obrigadao|agradecid[oa]|valeu)(?: (?:mesmo|novamente
    |mais uma vez|a todos|de novo))*
    |agradeco(?: (?:muito|imenso))?
"""
_BYE: Final = r"""
    (?:good ?)?(?:bye)(?: (?:bye|for now|then))?
    |cya|farewell|see (?:you|ya|u)(?: (?:later|soon|around))?|take care|(?:a )?good ?night
    |(?:i hope you |hope you |and |you )?(?:have|enjoy) (?:a |an |the |your )?(?:(?:very|really|truly) )?(?:
    (?:nice|good|great|lovely|wonderful|fantastic|awesome|pleasant|beautiful|happy|relaxing|blessed|amazing
    |excellent|super) )?(?:rest of (?:the|your) )?(?:day|evening|night|week|weekend|afternoon|morning|one
    |time|christmas|easter|holidays?)(?: ahead| too| as well)?
    |(?:happy|merry) (?:weekend|holidays|christmas|easter|new year|friday)
    |(?:(?:all|very) the best|(?:(?:with )?(?:very )?(?:(?:my )?(?:best|kind|kindest|warm|warmest|many) )?
    (?:regards|wishes)))(?: from)?|best of luck|good luck
    |yours (?:sincerely|faithfully|truly)|sincerely(?: yours)?|best|cordially|respectfully
    |auf wiedersehen|tschuss|tschuess|tschau|ciao|bis (?:bald|dann|zum nachsten mal)|gute nacht|servus
    |machs gut
    |(?:(?:ich )?wunsche? (?:ihnen|dir|euch) |wir wunschen (?:ihnen|dir|euch) )?(?:noch )?(?:eine?n? )?
    (?:ganz )?(?:schon|gut|toll|angenehm|herrlich|wunderschon)e[nsr]? (?:rest(?:lichen)? )?(?:tag|abend
    |woche|wochenende|nachmittag|morgen|feierabend|zeit|feiertage|urlaub|ostern|weihnachten)(?: noch)?
    |(?:mit )?(?:ganz )?(?:freundlich|best|herzlich|lieb|viel|schon|sonnig)e[nmrs]? (?:gru(?:ss|sse|ssen)
    |gruesse|gruessen)(?: aus)?|gru(?:ss|sse)|gruesse|mfg|lg|vg|alles gute|hochachtungsvoll
    |au revoir|a bientot|a plus|adieu|bonne nuit|portez vous bien
    |(?:je vous souhaite |passez |je te souhaite )?(?:une |un )?(?:(?:tres )?(?:bonne|bon|belle|beau
    |excellente?|agreable) )(?:fin de )?(?:journee|soiree|semaine|week ?end|apres ?midi|continuation
    |dimanche|nuit|fetes|vacances)(?: (?:a vous|a toi|aussi|a tous))?
    |(?:bien |tres )?(?:cordialement)|(?:meilleures |sinceres )?salutations|bien a vous|cdlt
    |adios|chao|hasta (?:luego|pronto|la proxima)|buenas noches|nos vemos|cuidese|cuidate|(?:un )?
    (?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente|un abrazo
    |(?:(?:que|le deseo que|espero que) )?(?:(?:tenga|tengas|tengan|pase|pases|pasen|le deseo|te deseo) )?
    (?:muy )?(?:una?s? )?(?:muy )?(?:buen|buena|buenos|bonito|bonita|feliz|lindo|linda|excelente
    |gran) (?:dia|dias|tarde|noche|semana|fin de semana|finde|jornada)
    |tchau|adeus|ate (?:logo|mais|breve|a proxima)|abracos?|(?:com os )?(?:melhores )?cumprimentos
    |atenciosamente|fiquem? bem
    |(?:(?:tenha|tenham|tem|desejo|desejo lhe|uma|um) )*(?:muito )?(?:bom|boa|otimo|otima|excelente|lindo
    |linda) (?:(?:resto de )?(?:dia|tarde|noite|semana|fim de semana|fds|final de semana|domingo))
    (?: (?:para|a) (?:voce|voces|todos|si|vos))?
    |(?:you too|same to you|gleichfalls|ebenso|igualmente|a vous aussi|para voce tambem|(?:ihnen|dir) auch)
"""
_FOR: Final = rf"""
    for (?:(?:the|your|all|all the|all your|such|such a|a|this|that|all of your) )?(?:{_QUICK} (?:and )?)*
    (?:help|support|refund|reply|response|answer|assistance|service|time|patience|solution|fix|update
    |information|info|explanation|work|effort|efforts|feedback|resolution|turnaround|kindness|understanding
    |advice|everything|care)(?: and (?:help|support|time|patience|kindness|understanding))?
    |for (?:helping|assisting)(?: (?:me|us))?(?: out)?(?: with (?:this|that|it))?(?: so (?:quickly|fast))?
    |for (?:(?:fixing|sorting|resolving|solving|handling|doing) (?:it|this|that)(?: out)?
    |getting back to (?:me|us)|letting (?:me|us) know|clarifying|explaining|looking into (?:it|this|that))
    (?: (?:so|very) (?:quickly|fast))?
    |fur (?:(?:die|das|den|ihre|eure|deine|ihren|alles|all die|die ganze) )?(?:(?:sehr |so |super )?
    (?:schnelle?n?|rasche?n?|gute?n?|tolle?n?|prompte?n?|nette?n?|freundliche?n?|kompetente?n?
    |grossartige?n?) )*(?:hilfe|unterstutzung|antwort|ruckmeldung|erstattung|ruckerstattung|muhe|info
    |information|losung|erklarung|geduld|support|service|zeit|bearbeitung|beratung)
    |fur alles
    |(?:pour|de) (?:(?:votre|ton|la|le|les|tout|toute|vos|cette) )*(?:
    (?:rapide|bonne|excellente?|precieuse) )?
    (?:aide|reponse|remboursement|reactivite|rapidite|assistance|soutien|temps|patience|information|infos
    |retour|support|solution|explication|service|gentillesse)(?: (?:rapide|si rapide|precieuse|efficace
    |tres rapide))?|pour tout
    |por (?:(?:su|tu|la|el|toda|todo|toda su|toda la|vuestra) )?(?:(?:rapida?|gran|pronta?|excelente
    |buena?) )?(?:ayuda|respuesta|reembolso|atencion|apoyo|tiempo|paciencia|informacion|rapidez|solucion
    |servicio|devolucion|amabilidad)(?: (?:tan )?(?:rapid[ao]|inmediata|prestada))?|por todo
    |pel[oa]s? (?:(?:sua|seu|toda|toda a|vossa|tua) )?(?:(?:rapid[ao]|pront[ao]|otim[ao]|excelente
    |grande) )?(?:ajuda|resposta|reembolso|atencao|apoio|tempo|paciencia|informacao|rapidez|solucao|suporte
    |servico|atendimento)(?: (?:tao )?(?:rapid[ao]))?|por tudo
"""
_NO_MORE: Final = r"""
    (?:no |nope )?(?:thats|that is|that was|that will be|thatll be) (?:all|it|everything)(?: i needed
    | we needed| for (?:now|today|me))?
    |(?:i have |ive |we have )?(?:no (?:more|further|other) questions|nothing else)
    |(?:das|dies) (?:ist|war) alles|das wars|cest tout|es todo|eso es todo|e tudo|so isso
"""
_OK: Final = r"""
    ok|okay|okey|oki|kk|k|sure|alright|all (?:good|fine|right|clear|set)|fine|understood|noted|good|great
    (?: stuff| news| job| work| service)?|cool|nice|perfect|awesome|excellent|super|lovely|wonderful|amazing
    |brilliant|fantastic|got it|gotcha|makes sense|well done|good (?:job|work)
    |yes|yep|yeah|no (?:problem|worries)|never ?mind
    |(?:(?:it|that|this|everything|all) )(?:works|worked|is working|is fixed|is solved|is resolved)
    (?: (?:now|fine|perfectly|great|well))*|(?:that|this|it) (?:really )?(?:helped|helps)(?: (?:a lot|me|us
    |me a lot))?|(?:that )?did the trick
    |gut|alles klar|klar|verstanden|prima|ja|toll|wunderbar|in ordnung|alles gut|sehr gut|perfekt
    |es (?:klappt|funktioniert|geht)(?: jetzt)?|hat geklappt|klasse|spitze
    |daccord|parfait|oui|tres bien|super|genial|bien recu|ca (?:marche|fonctionne)(?: maintenant)?|entendu
    |impeccable|nickel
    |vale|bien|perfecto|si|genial|estupendo|muy bien|de acuerdo|entendido|ya funciona|excelente|listo
    |certo|beleza|perfeito|sim|otimo|muito bem|entendi|esta bem|ja funciona|tudo bem|tudo certo|maravilha
"""
# Alone, these greet: a question follows.
_GREETING: Final = re.compile(r"(?:bom|buen) dia|buenos dias|boa (?:tarde|noite)|buenas? (?:tardes?|noches?)")
_AROUND: Final = frozenset(
    each(
        """
    and und et y e so oh wow ah aw haha lol hi hello hey dear hallo hola bonjour ola liebe lieber bom
    team all guys folks everyone mr mrs ms sir madam mate herr frau monsieur madame senor
    senora senhor senhora
        """
    )
)


@cache
def _formulas(*kinds: str) -> re.Pattern[str]:
    joined = ("".join(line.strip() for line in kind.splitlines()) for kind in kinds)
    return re.compile(rf"\b(?:{'|'.join(joined)})\b")


def only_thanks(text: str, customer: str = "", names: Iterable[str] = (), *, asked: bool = False) -> bool:
    """Return whether the whole text thanks, says goodbye, or says "ok": nobody has to do anything.

    `names` may be addressed, and the `customer` may sign. Where we `asked` something, an "ok" is an answer.
    """
    if len(text) > LONGEST or not _QUESTION.isdisjoint(text) or unhappy(text):
        return False
    if (sign := signs(text)) is not None:
        return sign == "thanks" and not asked
    known = _AROUND | {word for name in (customer, *names) for word in words(name)}
    said = list(clauses(_unsigned(text, customer)))
    flat = " ".join(word for clause in said for word in clause)
    if _GREETING.fullmatch(flat) or flat.count(" ") >= _MOST_WORDS:
        return False
    thanks = oks = 0
    for clause in said:
        left, found = _formulas(_THANKS, _BYE, _NO_MORE).subn("\n", " ".join(clause))
        thanks += found
        if thanks:  # "ok for the refund" is consent
            left = _formulas(_FOR).sub("\n", left)
        left, found = _formulas(_OK).subn("\n", left)
        oks += found
        if not known.issuperset(left.split()):
            return False
    return not oks and thanks > 0 if asked else thanks + oks > 0


def _unsigned(text: str, customer: str) -> str:
    """Return the text without the customer's name and what stands below it in a signature."""
    lines = [line for line in text.splitlines() if line.strip()]
    own = set(words(customer))
    for at, line in enumerate(lines[1:], 1):
        signature = lines[at:]
        if (
            len(signature) <= _SIGNATURE_LINES
            and not own.isdisjoint(words(line))
            and all(_is_signature(below) for below in signature)
        ):
            return "\n".join(lines[:at])
    return text


def _is_signature(line: str) -> bool:
    """Return whether the line is names and titles only, or an address or a number."""
    found = re.findall(r"[^\W\d_]+", line)
    titled = 0 < len(found) <= 5 and all(word[0].isupper() for word in found) and not line.isupper()
    return titled or _CONTACT.fullmatch(line) is not None
