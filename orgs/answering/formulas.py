"""Formulas of courtesy in five languages: thanks, goodbyes, "nothing more", "ok" and "no".

A text that consists of them alone needs no reader. In doubt, it goes to one.
"""

import re
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import Final

from orgs.answering.courtesy import unhappy
from orgs.answering.tokens import LONGEST, clauses, words
from orgs.answering.vocabulary import each

_QUESTION: Final = frozenset("?？¿؟⁇⁉❓❔")

# Patterns for folded words (no accents, no apostrophes). A formula never crosses a mark of punctuation.
# The lines are joined without their indent, so no line breaks next to a space.
_QUICK: Final = (
    r"(?:very |super |really )?"
    r"(?:quick|fast|prompt|swift|great|kind|excellent|speedy|friendly|amazing|good)"
)
THANKS: Final = rf"""
    (?:many |a thousand |big |huge |much )?(?:thanks|thank you|thank u|thankyou|thx|tnx|thanx|thks|tysm|ty
    |cheers)(?: (?:so|very) (?:very )?much| a lot| a million| a bunch| a ton| again| once again| once more
    | kindly| loads| heaps| both| in advance)*(?: (?:to you )?all| everyone| everybody)?(?: indeed)?
    |(?:i (?:really |very much )?|we (?:really |very much )?|really |much |very much )?appreciated?(?: (?:it
    |that|this|(?:the |your |all your )?(?:{_QUICK} )?(?:help|time|support|reply|response|answer|service)))?
    (?: (?:very much|so much|a lot))?
    |(?:im|i am|we are|were) (?:so |very |really )?grateful
    |(?:you are|youre|you were|youve been|you have been|that was|this was
    |it was) (?:so |very |really |super )?(?:helpful|kind|a star|the best|great|awesome|amazing|a lifesaver
    |a great help|nice)(?: indeed)?(?: of you)?
    |(?:very|so|really|super|most) (?:helpful|kind)(?: of you)?
    |you (?:really )?(?:saved|made) (?:me|my day|the day)
    |(?:(?:vielen|herzlichen|besten|lieben|tausend|schonen|ganz) )*(?:dank|danke|dankeschon
    |dankesehr)(?: (?:schon|sehr|vielmals|nochmals|nochmal|noch mal|noch einmal|im voraus|euch|ihnen|dir|allen
    |an alle))*
    |ich danke(?: (?:ihnen|dir|euch|sehr|vielmals))*
    |(?:un )?(?:grand |mille |encore )?mercis?(?: (?:beaucoup|bien|infiniment|encore|mille fois
    |davance|par avance|a vous|a toi
    |a tous|a toute lequipe|et))*
    |je vous remercie(?: (?:beaucoup|infiniment|encore|vivement|davance|par avance))*
    |(?:muchas |muchisimas |mil |un monton de )?gracias(?: (?:de nuevo|otra vez|de antemano|por adelantado
    |a todos|a ustedes|a usted))*
    |(?:se lo |te lo |lo )?agradezco(?: (?:mucho|muchisimo))?
    |(?:muito |muitissimo )?(?:obrigad[oa]s?|obrigadao|agradecid[oa]|valeu)(?: (?:mesmo|novamente
    |desde ja|antecipadamente|mais uma vez|a todos|de novo))*
    |agradeco(?: (?:muito|imenso))?
"""
BYE: Final = r"""
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
FOR: Final = rf"""
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
# Endings of "that is all": the customer has what they asked for, and wants nothing more.
_ENDS: Final = (
    r"(?: (?:for (?:now|today|me|us|the moment|this time)|from (?:me|us|(?:my|our) (?:side|end))"
    r"|at the moment|right now|now|then|here|really|so far"
    r"|fur (?:heute|jetzt|mich|den moment|erste)|von (?:meiner|unserer|mir) seite|von mir|erstmal|im moment"
    r"|momentan|derzeit|vorerst|soweit|jetzt|schon|bei mir"
    r"|pour (?:aujourdhui|le moment|linstant|moi|nous|ma part|cette fois|maintenant)"
    r"|por (?:hoy|ahora|el momento|mi parte)|de momento"
    r"|por (?:hoje|agora|enquanto|aqui|mim)|da minha parte|mesmo|agora))*"
)
NO_MORE: Final = rf"""
    (?:(?:i (?:think|guess|believe) )?(?:thats|that is|that was|thatll be|that will be|that would be|its
    |it was|this is|this was) )(?:pretty much )?(?:(?:all|everything|what|just what
    |exactly what) (?:that )?(?:i|we) (?:need|needed|want|wanted)|all|it
    |everything|me(?: done)?
    |(?:fine|ok|okay|great|good|perfect|enough)){_ENDS}
    |(?:i|we)(?: have|ve got|ve)? (?:got )?(?:all|everything)(?: (?:that )?(?:i|we) (?:need|needed|want
    |wanted)){_ENDS}|(?:(?:i|we) have|ive|weve)(?: got)? everything(?: (?:i|we) (?:need|needed))?{_ENDS}
    |nothing(?: (?:else|more|further|at all))*{_ENDS}|no more(?! questions)
    |(?:(?:i|we) have |ive |weve |i have got )?(?:no (?:more|further|other) questions){_ENDS}
    |(?:that|it|this) (?:covers|answers|answered|solves|solved|sorts|settles|does|clears|fixes|fixed)
    (?: (?:it|this|that|everything|my questions?|all my questions|the question))(?: up)?{_ENDS}
    |you(?:ve| have)? (?:answered|covered|solved|sorted|resolved) (?:everything|it all
    |(?:all )?my questions?){_ENDS}|thatll do|that will do
    |(?:im|i am|were|we are) (?:all )?(?:good|set|fine|done|sorted){_ENDS}
    |all (?:is )?(?:good|set|done|sorted|clear|solved|resolved){_ENDS}|its fine
    |everything(?: is|s) (?:fine|good|clear|sorted|solved|resolved|in order){_ENDS}
    |not (?:now|right now|today|at the moment|for now|at this time|that i (?:can think|know) of)|no need
    |(?:i|we) (?:dont|do not) need anything(?: (?:else|more|further))?{_ENDS}|(?:i
    |we) need nothing(?: (?:else|more))?
    |there(?:s| is) nothing(?: (?:else|more))?{_ENDS}
    |(?:ich|wir) (?:brauche|brauchen) (?:sonst |weiter )?nichts(?: (?:mehr|weiter|weiteres|anderes))*{_ENDS}
    |je nai (?:plus )?besoin de rien(?: (?:dautre|de plus))?{_ENDS}
    |(?:ya )?no necesito (?:nada(?: mas)?|mas nada){_ENDS}
    |(?:das|dies|es) (?:ist|war|ware) (?:alles|es){_ENDS}|das wars{_ENDS}|mehr (?:brauche ich )?nicht
    |(?:das )?reicht(?: (?:mir|uns|so))?(?: so)?{_ENDS}
    |(?:ich|wir) (?:habe|haben|hab) (?:jetzt |nun |schon )?alles(?: was ich (?:brauche|brauchte|wollte))?
    |alles (?:gut|klar|bestens|geklart|erledigt|in ordnung|ok|okay|verstanden|super|prima|gelost
    |beantwortet){_ENDS}|(?:es )?passt(?: (?:so|alles|schon))*|schon gut|gut so|ich bin fertig
    |(?:ich habe )?keine (?:weiteren |anderen )?fragen(?: mehr)?{_ENDS}
    |(?:sonst )?nichts(?: (?:mehr|weiter|weiteres|anderes))*{_ENDS}|nicht notig
    |(?:im moment|momentan|derzeit|jetzt|gerade|heute|vorerst) nicht|nicht (?:jetzt|heute|im moment)
    |das hilft (?:mir|uns)(?: (?:schon|sehr|wirklich|gut|viel))*(?: weiter)?
    |(?:das|sie|du|ihr) (?:hat|haben|hast|habt) (?:mir|uns) (?:sehr |wirklich |super |schon |viel )*
    (?:geholfen|weitergeholfen)
    |(?:cest|ce sera|cetait|ce serait|ca sera) (?:deja )?(?:tout(?: (?:bon|ce quil (?:me|nous) fallait
    |ce dont javais besoin|ce que je voulais))?|bon|bien|parfait|regle|resolu|ok|note){_ENDS}
    |tout (?:est|va) (?:bon|bien|clair|parfait|regle|resolu|en ordre|ok){_ENDS}
    |(?:ca|cela) (?:(?:me|nous) (?:suffit|va|convient)|ira|va aller){_ENDS}
    |rien(?: (?:dautre|de plus))*{_ENDS}|pas besoin|pas (?:pour le moment|pour linstant|maintenant)
    |(?:je nai |nous navons )?(?:pas dautres? questions?|plus de questions?|pas de questions?){_ENDS}
    |jai tout(?: ce quil me (?:faut|fallait)| ce dont javais besoin)?{_ENDS}
    |vous (?:mavez|nous avez) (?:bien |beaucoup |enormement |vraiment )*aidee?s?
    |(?:eso |esto )?(?:es|era|seria|sera) todo{_ENDS}|eso (?:seria|era){_ENDS}
    |con (?:eso|esto) (?:me )?basta|asi esta bien|estoy bien|estou bem
    |(?:por ahora |de momento |por el momento )?nada ma(?:s|is){_ENDS}|nada|sin mas preguntas
    |(?:por ahora )?no hace falta(?: nada(?: mas)?)?|no necesito (?:nada )?mas
    |no tengo (?:mas|otras) (?:preguntas|dudas)|por ahora no|ahora no
    |(?:ya )?(?:esta )?todo (?:esta )?(?:bien|claro|listo|perfecto|en orden|resuelto|correcto|ok){_ENDS}
    |esta (?:bien|listo|resuelto)|ya (?:esta|quedo)(?: (?:todo|listo|resuelto|claro|bien))*
    |(?:ya )?tengo todo(?: lo que (?:necesito|necesitaba))?
    |me (?:ha|has|han|ayudo) (?:ayudado )?(?:mucho|muchisimo|bastante)
    |(?:isso )?(?:e|era|seria) (?:so (?:isso|isto)|isso|tudo|so){_ENDS}|so isso{_ENDS}|mais nada{_ENDS}
    |(?:por (?:hoje|agora|enquanto) )(?:e|era) (?:so|tudo)(?: isso)?
    |nao (?:e )?precis[ao](?: de)?(?: mais)?(?: nada)?|nao tenho mais (?:perguntas|duvidas|nada)
    |(?:ja )?(?:esta |ta )?tudo (?:certo|bem|claro|resolvido|otimo|ok|perfeito|em ordem|esclarecido){_ENDS}
    |(?:ja )?tenho tudo(?: (?:o |de )?que (?:preciso|precisava))?|(?:deu tudo|tudo deu|deu) certo
    |(?:me |isso me |isso )?(?:ajudou|ajudaram) (?:muito|bastante|imenso)|(?:agora|hoje|por enquanto) nao
"""
# A "no" that does not negate what follows: "não é tudo" and "no está bien" say that something is missing.
NO: Final = r"""
    (?:nope|nah|nein|non|ne|nee|not really|eher nicht|pas vraiment|(?:no )?i dont(?: think so)?(?! need)
    |no la verdad|nao mesmo)
    |(?:no|nao|n)(?= (?:thanks?|thx|thank|cheers|thats?|this|its|im|i|were|we|all|nothing|not|danke
    |vielen|alles|das|passt|gracias|muchas|mil|eso|esto|nada|por|con|ya|obrigad[oa]|muito|isso|bye|adios
    |tchau)\b|\s*\n|$)
"""
OK: Final = r"""
    ok|okay|okey|oki|kk|k|sure|alright|all (?:good|fine|right|clear|set)|fine|understood|noted|good|great
    (?: stuff| news| job| work| service)?|cool|nice|perfect|awesome|excellent|super|lovely|wonderful|amazing
    |brilliant|fantastic|got it|gotcha|makes sense|well done|good (?:job|work)
    |no (?:problem|worries)|never ?mind
    |(?:(?:it|that|this|everything|all) )(?:works|worked|is working|is fixed|is solved|is resolved)
    (?: (?:now|fine|perfectly|great|well))*|(?:that|this|it) (?:really )?(?:helped|helps)(?: (?:a lot|me|us
    |me a lot))?|(?:that )?did the trick
    |gut|alles klar|klar|verstanden|prima|toll|wunderbar|in ordnung|alles gut|sehr gut|perfekt
    |es (?:klappt|funktioniert|geht)(?: jetzt)?|(?:es )?hat (?:geklappt|funktioniert)|klasse|spitze|top
    |daccord|parfait|tres bien|super|genial|bien recu|ca (?:marche|fonctionne)(?: maintenant)?|entendu
    |impeccable|nickel
    |vale|bien|perfecto|genial|estupendo|muy bien|de acuerdo|entendido|ya funciona|excelente|listo
    |certo|beleza|show|perfeito|otimo|muito bem|entendi|esta bem|ja funciona|tudo bem|tudo certo|maravilha
"""
# Says that what the customer waited for has come, or that the problem is over.
SETTLED: Final = r"""
    (?:(?:(?:i |we )?(?:have |just |ve )?(?:got|received) (?:it|that|(?:the|my|our) (?:full )?(?:refund
    |money|payment|credit
    |invoice|email|mail|reply|code))|(?:(?:the|my|our) )?(?:refund|money|payment|credit)(?: (?:has|is|was
    |have|just|been))*
    (?: (?:arrived|received|came through|came in|credited|here|there|in my account))
    |received|(?:(?:its|it is|that is|thats|this is|it was|(?:my |the |our )?(?:problem|issue|case|matter
    |question)(?: is| was)?
    (?: now)?|(?:problem|issue)) )?(?:solved|resolved|fixed|sorted|settled)
    |(?:(?:das )?geld|(?:die |meine )?(?:ruck)?erstattung|(?:die )?gutschrift)(?: ist| jetzt| heute| schon)*
    (?: (?:da|angekommen|eingegangen|erhalten|zuruck))|(?:(?:hat sich|ist|schon|problem) )*(?:erledigt
    |gelost|behoben)
    |(?:habe |hab )?(?:es |alles )?(?:erhalten|bekommen)
    |(?:(?:le|mon) )?(?:remboursement|argent)(?: est| bien)* (?:recu|arrive)
    |(?:jai )?(?:bien )?recu(?: (?:(?:le|mon) (?:remboursement|argent)|largent))?
    |(?:cest |probleme )?(?:bien )?(?:regle|resolu)
    |(?:ya )?(?:lo |me )?(?:recibi|he recibido|tengo|llego)(?: (?:el|mi) (?:reembolso|dinero))?
    |(?:el |mi )?(?:reembolso|dinero)(?: ya)? (?:llego|recibido)|(?:(?:ya |esta |problema )*)(?:resuelto
    |solucionado|arreglado)
    |(?:ja )?(?:recebi|chegou|caiu)(?: (?:o |meu )?(?:reembolso|dinheiro|estorno))?(?: na (?:minha )?conta)?
    |(?:o |meu )?(?:reembolso|dinheiro|estorno)(?: ja)? (?:chegou|caiu|recebido)
    |(?:(?:ja |esta |problema )*)resolvido)
    (?: (?:now|today|back|already|jetzt|heute|schon|hoy|hoje|maintenant|aujourdhui))*)
"""
CONSENT: Final = "yes|yep|yeah|ja|oui|si|sim"
_AROUND: Final = frozenset(
    each(
        """
    and und et y e so oh wow ah aw haha lol hi hello hey dear hallo hola bonjour ola liebe lieber bom
    team all guys folks everyone mr mrs ms sir madam mate herr frau monsieur madame senor
    senora senhor senhora agora ahora please pls bitte svp please well i think hmm
        """
    )
)
# Lines that a phone or a program adds to every message.
_DEVICE: Final = re.compile(
    r"(?:(?:sent|gesendet|verschickt|envoye|enviad[oa]) (?:from|via|with|using|von|mit|de|depuis|avec|desde"
    r"|con|do|da|pelo)|von) (?:(?:my|meine[mnr]|mon|ma|mi|meu|minha) )?(?:\w+ )?"
    r"(?:iphone|ipad|galaxy|android|samsung|huawei|xiaomi|pixel|smartphone|handy|mobile?|movil|celular|phone"
    r"|telefon|telefone|telephone|tablet|outlook|gmail|yahoo|gmx|mail|blackberry)"
    r"(?: (?:phone|mobile|mail|app|device|\d+))*(?: (?:for|fur|pour|para|on) \w+)?(?: gesendet| verschickt)?"
    r"|(?:get|obtenez|obtener|obtenha|holen sie sich) outlook (?:for|pour|para|fur) \w+"
)
_ADVANCE: Final = re.compile(r"\b(?:in advance|im voraus|davance|par avance|de antemano|desde ja)\b")
_MOST_WORDS: Final = 40
_SIGNATURE_LINES: Final = 5
_CONTACT: Final = re.compile(
    r"\s*(?:(?:tel|phone|fon|mobile?|mob|fax|t|m|e|mail|e-mail|web)\.?\s*:?\s*)?"
    r"(?:[+\d][\d ()/.-]{5,}|\S+@\S+\.\S+|(?:https?://|www\.)\S+)\s*",
    re.I,
)
_RULE: Final = re.compile(r"\s*[-—–_]{2,}\s*")


class Formula(Enum):
    THANKS = "thanks"  # or a goodbye
    NO_MORE = "no more"
    OK = "ok"
    NO = "no"
    CONSENT = "consent"


_ORDER: Final = (
    (Formula.THANKS, (THANKS, BYE)),
    (Formula.NO, (NO,)),
    (Formula.NO_MORE, (NO_MORE,)),
    (Formula.OK, (OK,)),
    (Formula.CONSENT, (CONSENT,)),
)


@cache
def _pattern(*kinds: str) -> re.Pattern[str]:
    joined = ("".join(line.strip() for line in kind.splitlines()) for kind in kinds)
    return re.compile(rf"\b(?:{'|'.join(joined)})\b")


def formulas(text: str, customer: str = "", names: Iterable[str] = ()) -> Counter[Formula] | None:
    """Count the formulas of courtesy that the whole text consists of. Return None if it says more.

    `names` may be addressed, and the `customer` may sign.
    """
    if len(text) > LONGEST or not _QUESTION.isdisjoint(text) or unhappy(text):
        return None
    known = _AROUND | {word for name in (customer, *names) for word in words(name)}
    said = [" ".join(clause) for clause in clauses(unsigned(text, customer))]
    if said and _DEVICE.fullmatch(said[-1]):
        said.pop()
    if sum(clause.count(" ") + 1 for clause in said) > _MOST_WORDS:
        return None
    in_advance = any(_ADVANCE.search(clause) for clause in said)
    found: Counter[Formula] = Counter()
    for clause in said:
        left = clause
        for formula, patterns in _ORDER:
            left, times = _pattern(*patterns).subn("\n", left)
            found[formula] += times
            # Not for "ok for the refund", which is consent, and thanks in advance, which ask for something.
            if formula is Formula.THANKS and found[formula] and not in_advance:
                left = _pattern(FOR).sub("\n", left)
            if formula is Formula.THANKS and _pattern(SETTLED).fullmatch(left.strip()):
                found[Formula.OK] += 1
                left = ""
        if not known.issuperset(left.split()):
            return None
    return found


def unsigned(text: str, customer: str) -> str:
    """Return the text without its signature: the customer's name, and the lines below it."""
    lines = [line for line in text.splitlines() if line.strip()]
    own = set(words(customer))
    for at, line in enumerate(lines[1:], 1):
        signature = lines[at:]
        begins = not own.isdisjoint(words(line)) or _is_own_line(line)
        if (
            begins
            and len(signature) <= _SIGNATURE_LINES + 1
            and all(is_signature(below) for below in signature)
        ):
            return "\n".join(lines[:at])
    return text


def is_signature(line: str) -> bool:
    """Return whether a line belongs to a signature.

    It may have names and titles only, an address, a number, or a line of a phone.
    """
    found = [word for word in re.findall(r"[^\W\d_]+", line) if word not in _IN_TITLES]
    titled = 0 < len(found) <= 6 and all(word[0].isupper() for word in found) and not line.isupper()
    return titled or _is_own_line(line)


def _is_own_line(line: str) -> bool:
    """Return whether a line is an address, a number, a rule, or a line that a phone adds."""
    device = _DEVICE.fullmatch(" ".join(words(line)))
    return bool(_CONTACT.fullmatch(line) or _RULE.fullmatch(line) or device)


_IN_TITLES: Final = frozenset(each("of and for the der die und für de du des la et y e da do"))
