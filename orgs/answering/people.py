"""Recognize customers who ask for a person, in the wordings that people use.

There is no model, only rules; each rule is one way of asking. The text is folded, typos in the relevant words
are corrected (`humna`), swearing and politeness are removed, and then each clause is compared with the rules.
A word for a person counts only at the end of the wish or before a word of grammar: `agent seats` is no wish
for an agent, and `human-readable export` none for a human.
"""

import re
from functools import cache

from orgs.answering.tokens import Speller, bounded, clauses, words
from orgs.answering.vocabulary import each

# Words of the rules whose typos are corrected, and words that only look like typos of those.
_KNOWN = each(
    """
human person people agent representative operator manager supervisor someone somebody anyone support
customer service contact connect transfer speak talk speaking talking contacting available robot
escalate callback machine please advisor specialist
"""
)
_NEVER = each(
    """
walk tall tale task balk stalk talc walking taking tanking stalking content contract contracts contacts
contracting peak spark sneak steak peaks speaks talks persons agents humane humans human reset seal deal
read teal heal reals love life line give alive olive pleas wants wart needs knead seed feed nerd robots
managers operators representatives customers custom services device connects transfers speaker talked
manages managed operates persona personal agency relive liver lives five employer employers fine cant
wont wine deals meal zeal weed reef hear near contents callbacks
"""
)
_NOISE = frozenset(
    each(
        """
please pls plz plse kindly just really fucking fuckin fckin f fuck damn damned goddamn bloody freaking
frigging shitting bastard bleeding simply actually honestly immediately directly finally now asap
urgently rather like also right away hey hi hello ok okay oh um uh well so then again even ever maybe
perhaps today quickly quick straight instead d ll
"""
    )
)
_SURE = r"(?:human(?: being)?s?|persons?|real (?:person|people)|live (?:person|chat)|people)"
_ROLE = (
    r"(?:(?:human|support|service|customer (?:service|support|care|success)|live|real"
    r"|actual|sales|billing|technical|tech"
    r"|senior|account|flesh and blood|living|breathing|support team) )*"
    r"(?:agents?|representatives?|reps?|operators?|members? of (?:your )?(?:staff|team"
    r"|support)|advis[eo]rs?|specialists?|managers?|supervisors?|employees?|boss"
    r"|humans?"
    r"|human beings?|persons?|people|staff(?: members?)?|team members?|csr"
    r"|technicians?|engineers?|experts?|individuals?)"
)
_DET = (
    r"(?:(?:a|an|any|some|the|your|one of your|an actual|another|with|to|of|real"
    r"|actual|living|different|proper) )*"
)
_SOMEONE = r"(?:someone|somebody|some one|anyone|anybody|sb|some body|whoever)"
_DESK = (
    r"(?:(?:the|your) )?(?:customer|client|tech|technical|human|live|real)? ?"
    r"(?:support|service|care|helpdesk|help desk)(?: team| staff| desk| department)?"
)
# The word for a person is followed by the end or by grammar. Otherwise it is a compound: `agent seats`.
_END = (
    r"(?=$| (?:about|for|to|who|whom|that|here|there|available|on|in|at|from|can|could"
    r"|will|would|because|cause|cuz|as|if"
    r"|when|i|im|ive|this|my|and|or|not|but|is|be|regarding|concerning|over|by|via|how"
    r"|since|before|thanks|thank|u|you|you"
    r"re|with|no|the|one|take|help|call|look|handle|its|it|me|working|whose|soon|tho"
    r"|man|mate|bro|sir|already)\b)"
)
_WISH = (
    r"(?:get|give|find me|bring|fetch|send me|want|need|have|prefer|pass me to"
    r"|hand me (?:over )?to|assign|offer|require"
    r"|demand|love|request|message|email|route me to|direct me to|redirect me to|forward me to|wanna)"
)
_REACH = (
    r"(?:talk|speak|talking|speaking|chat|chatting|contact|contacting|connect"
    r"|connected|transfer me|transfer us|transferred|reach|reaching"
    r"|get in touch|be in touch|deal|dealing|discuss|discuss this|put me through"
    r"|patch me through|get through|get hold"
    r"|get a hold|communicate|communicating|interact|hear|conversation|a word|switch me|switched"
    r"|escalate|escalated|hand me|hand this|handed|pass me|passed|forward|redirect|converse|word)"
)
_GAP = (
    r"(?: (?:me|us|this|it|over|through|to|with|from|of|up|back|on|directly|my|case"
    r"|ticket|issue|the|chat|call))*"
)

_WISHES: tuple[tuple[str, str], ...] = (
    ("wants to talk to a person", rf"\b{_REACH}{_GAP} {_DET}(?:{_SURE}|{_ROLE}|{_SOMEONE}){_END}"),
    (
        "wants to talk to a person",
        rf"\b(?:talk|speak|chat|connect|transfer|talking|speaking|put me through|patch me through|pass me)"
        rf"(?: me| us)?"
        rf"(?: over| directly)?(?: to| with) (?:{_DESK}|your (?:team|boss|colleagues?"
        rf"|company|people)|you guys|an? expert)$",
    ),
    ("wants to talk to a person", rf"\b{_REACH}{_GAP} one of your \w+$"),
    (
        "wants to talk to a person",
        r"\b(?:talk|speak|connect me|transfer me|put me through|forward me) (?:to"
        r"|with) (?:the |your )?"
        r"(?:sales|billing|accounting|finance|legal|management|engineering|support|service"
        r"|security)(?: team| department| dept| desk| people)?$",
    ),
    (
        "wants a person",
        rf"^(?:can|could|may|would|will|let|have) (?:a|an|any|some) (?:actual "
        rf"|real )?(?:{_SURE}|{_ROLE})"
        r" (?:help|assist|look|handle|take|answer|call|reply|respond|check|do)",
    ),
    ("wants a person", rf"\b{_WISH}(?: me| us| for)? {_DET}(?:{_SURE}|{_ROLE}){_END}"),
    (
        "wants a person",
        (
            rf"\b(?:get|fetch|bring|find|send|give) (?:me |us ){_SOMEONE}(?:$| (?:else|here"
            rf"|from|on|who|real|to|that))"
        ),
    ),
    (
        "wants a person",
        (
            rf"\b(?:need|want|wanna|would) (?:to )?(?:have )?{_SOMEONE} (?:real|human"
            rf"|to (?:call|talk|speak|contact)|from your)"
        ),
    ),
    (
        "asks whether a person is there",
        rf"\b(?:is|are|if)(?: there)? {_DET}(?:{_SURE}|{_ROLE}|{_SOMEONE}|{_SOMEONE} human)"
        r"(?: is)? (?:(?:available|free)(?! (?:on|in) (?:\w+ ){0,2}(?:roadmap|timeline|planner|board"
        r"|calendar|schedule|list|project|workspace|team|channel|sprint|view))|here|around|online|there|i can"
        r"|i could|that i can|who i can|whom i can|to talk|to speak|on duty)",
    ),
    (
        "asks whether a person is there",
        rf"\b(?:is|are) there {_DET}(?:{_SURE}|(?:real|live|human|actual) {_ROLE})$",
    ),
    (
        "asks whether a person is there",
        rf"\b(?:any|some) (?:{_SURE}|{_ROLE}) (?:available|around|online|there|here)",
    ),
    (
        "asks whether a person is there",
        rf"^(?:is )?{_SOMEONE} (?:there|here|home|alive|listening|reading this)$"
        rf"|\b(?:is|are|theres) (?:there )?no {_DET}(?:{_SURE}|{_ROLE})(?: here| there| at all)?$"
        r"|^who (?:can|could|do|should) i (?:talk|speak)(?: to| with)?\b"
        rf"|\bis this (?:being )?(?:read|answered|monitored|seen) by {_DET}(?:{_SOMEONE}|{_SURE})\b"
        rf"|^(?:is|does) {_SOMEONE} (?:read|reading|listening|answer|answering|see|seeing)"
        r"(?: (?:this|these|my \w+))?$",
    ),
    (
        "does not want a bot",
        r"\b(?:stop|enough|quit|end|kill|disable|leave)(?: with| of| using| talking to)?"
        r" (?:this|the|these|your|being an?) ?(?:stupid |dumb "
        r"|damn )?(?:ro)?bots?(?: (?:thing|nonsense|crap|talk|answers|replies|messages|responses))?$",
    ),
    (
        "does not want a bot",
        r"\b(?:not|dont want|do not want|dont need|hate|sick of|tired of|instead of"
        r"|rather than|fed up with"
        r"|no more|without|stop being)(?: (?:to|talk|talking|speak|speaking|chat|chatting"
        r"|with|a|an|the|this|these|your|another"
        r"|stupid|dumb|useless|from|deal|dealing))* (?:(?:ro)?bots?|machines?|ai"
        r"|computers?|chatbots?|automated (?:answers?|replies"
        r"|responses?)|auto replies)$",
    ),
    ("does not want a bot", r"^no (?:ro)?bots?$|^no (?:chatbots?|machines?|ai)$"),
    (
        "wants to be called",
        (
            r"^(?!.*\b(?:what|name|names|people|who|her|him|them|she|he|steve"
            r"|uber)\b).*\bcall me(?:$| (?:back|on|at|tomorrow|about|later|between|after"
            r"|before|soon))"
        ),
    ),
    (
        "wants to be called",
        rf"\b{_SOMEONE} (?:to |please |should |must |can )?(?:contact|call|phone|ring|get back to"
        r"|get in touch with|reach out to) (?:me|us)\b"
        rf"|\b(?:number|phone|line) (?:of|for|to) (?:an?|the|your|one of your|some) {_DET}"
        rf"(?:{_SURE}|{_ROLE}|{_SOMEONE}){_END}",
    ),
    (
        "wants to be called",
        r"\b(?:phone|ring|telephone) me(?:$| (?:back|on|at|up|tomorrow|later))"
        r"|^(?:a )?call ?back$"
        r"|\b(?:want|need|request|have|get|arrange|schedule|expect|give me|book) (?:a "
        r"|your )?(?:call ?back|(?:phone )?call from (?:you|your|some|a))"
        r"|\bgive me a (?:call|ring|buzz)\b|\bcan (?:i|we) (?:have|get) a call$",
    ),
    (
        "wants it passed to a person",
        r"\bescalate (?:this|it|my|the (?:case|ticket|issue|matter))(?: (?:case|ticket"
        r"|issue|matter|request"
        r"|problem|conversation|chat|complaint))?(?: (?:further|up|to|higher))?$|^escalate$|^escalation$",
    ),
    (
        "wants it passed to a person",
        r"\b(?:put|patch|pass) me (?:through|on|over)$|^transfer me$|^(?:connect"
        r"|transfer) me"
        r"(?: (?:to|with))?(?: your)? (?:team|support)$",
    ),
    (
        "names a person and nothing else",
        (
            rf"^(?:can i |could i |i |need |want |get |me )*(?:(?:a|an|your|the|actual|real"
            rf"|living|to) )*(?:{_SURE}|{_ROLE})(?: only| thanks?| needed| service| help)?$"
        ),
    ),
    (
        "names a person and nothing else",
        (
            rf"^{_SOMEONE} (?:real|human)(?: here| there)?$|^(?:real|human|live) (?:support|help|assistance"
            rf"|service)$"
        ),
    ),
    ("wants a person, not this", r"\b(?:real|human|live) (?:person|human being|assistance|support|help)$"),
    (
        "asks for the manager",
        (
            r"\b(?:want|need|see|get|speak|talk|where is|wheres)(?: to| with| me)? (?:your"
            r"|the) (?:manager|supervisor|boss)$"
            r"|\b(?:want|like|need) a word(?: with you)?$"
        ),
    ),
)

# Not a wish for us: somebody else talks to somebody, or the person is a colleague of the customer.
_NOT_OURS = re.compile(
    r"\b(?:my|our|their|his|her|other) (?:own )?(?:customers?|clients?|users?"
    r"|visitors?|colleagues?|teammates?|team|employees?"
    r"|agents?|coworkers?|managers?|supervisors?|boss|staff|people|operators?"
    r"|representatives?|members?|workspace)\b"
    r"|\b(?:customers?|clients?|visitors?|they|users|members?|teammates?) (?:to |can "
    r"|could |will |who )?(?:talk|speak|chat"
    r"|contact|reach|call|connect)\b"
    r"|\b(?:ask|asking) (?:a|an|the) (?:agent|person|human)\b|^do i (?:need|have) to\b"
    r"|\bi?m not an? (?:ro)?bot|\bam not an? (?:ro)?bot"
    r"|\b(?:are|r|am|could|is) (?:you|u|this|i|it|that)\b(?! talk| speak| chat"
    r"| contact| get| have).*\b(?:human|human being|person|people|agent)$"
    r"|\bconnect\w* (?:\w+ )?(?:to|with) (?:slack|zapier|salesforce|hubspot|google|teams|jira|github|api)\b"
)
# Not a wish for us either: the person has to do with a thing of the product, such as a board or a card.
_THING = (
    r"(?:subtasks?|cards?|boards?|lists?|columns?|tasks?|projects?|workspaces?|checklists?|swimlanes?"
    r"|labels?|calendars?|comments?|sprints?|epics?|automations?|roles?|groups?|channels?)"
    r"(?! (?:problems?|issues?|questions?|troubles?|errors?|payments?)\b)"
)
_THING_ELSEWHERE = (
    r"(?:karten?|aufgaben?|boards?|tafeln?|listen?|spalten?|projekte?n?|projets?|projeto"
    r"|tableau(?:x)?|cartes?|taches?|listes?|colonnes?"
    r"|tableros?|tarjetas?|tareas?|listas?|columnas?|proyectos?|quadros?|cartao|cartoes|tarefas?)"
)
_A = (
    r"(?:(?:a|an|the|my|our|this|that|each|every|another|some|one|all|same|specific|two|three"
    r"|several|many|more|multiple) )*"
)
_ABOUT_THE_PRODUCT = re.compile(
    r"\b(?:assign|add|invite|mention|tag|message|email|notify|contact|reach|find|get|give)"
    rf"(?! (?:me|us)\b)(?: \w+){{1,5}} (?:to|on|in|from|of) {_A}{_THING}\b"
    r"|^how (?:do|can|could|would|should|to|does)\b(?: \w+){0,2} (?:assign|have|require)\b"
    r"|^how (?:do|can|could|would|should|to|does)\b(?: \w+){0,2} (?:get|have|ask|require|want|need) "
    rf"{_DET}(?:{_SURE}|{_ROLE}|{_SOMEONE}) to (?!help|assist|talk|speak|chat|answer|call|look"
    rf"|contact|respond"
    r"|reply|fix|resolve|handle|check|ring|phone|get|deal|listen|sort|take|write|email|message)\w+"
    rf"|\b(?:{_SURE}|{_ROLE}|{_SOMEONE}) (?:who|that|whom) (?:\w+ ){{1,4}}{_THING}\b"
    # What people should do with the product: "I want people to see only one board".
    rf"|\b(?:want|need|like|let|allow|prefer) {_DET}(?:{_SURE}|{_ROLE}|{_SOMEONE}|everyone|everybody) to"
    r" (?:only )?(?:be (?:able|allowed|notified|asked)|see (?:only|one|their|some|all|every|just|each)|edit"
    r"|comment|view|use|join|have|move|create|add|change|delete|fill|sign|log|confirm|approve|vote|access|upload"
    r"|download|share|book|pay|read|post|archive|drag|not)\b"
)
# Denials of the wish for a person. The rest of the clause may still have a wish. A question such as "why
# don't you get me somebody" is no denial.
_NOT_WANTED = re.compile(
    r"\b(?:(?:dont|do not|didnt|did not|not|never|no)(?: need| want| wish| have| intend| trying| asking"
    r"| looking| necessary| like)(?: to| for)*"
    rf"(?: (?:{_REACH}|call|phone|ring|get|bother){_GAP})?"
    r"|^(?:dont|do not|no need to) (?:connect|transfer|put|pass|hand|escalate|forward|send|give|get|assign)"
    rf"{_GAP}) {_DET}(?:{_SURE}|{_ROLE}|{_SOMEONE}|call ?back|call)\b"
    r"|^(?:dont|do not|no need to|you dont have to|you need not|never) (?:call|phone|ring|telephone"
    r"|contact|escalate) (?:me|this|it|us)\b"
)
_OURS = re.compile(rf"\b(?:get|give|connect|transfer) me (?:{_DET})(?:{_SURE}|{_SOMEONE}|{_ROLE})")

_PERSON_DE = (
    r"(?:mensch(?:en)?|mitarbeiter(?:in|s)?|berater(?:in)?|ansprechpartner(?:in)?"
    r"|kundendienst|kundenservice|kundenberater(?:in)?|jemand(?:em|en)?|agent(?:en)?"
    r"|kolleg(?:en|in)|teamleiter(?:in)?|geschaftsfuhr\w+|verantwortlichen?|sachbearbeiter(?:in)?"
    r"|chef(?:in)?|vorgesetzten?|person|support|echte[nr]?)"
)
_PERSON_ES = (
    r"(?:personas?|human[oa]s?|agentes?|alguien|operador(?:a)?|asesor(?:a)?"
    r"|representantes?|encargad[oa]|jef[ea]|responsable|emplead[oa]|companer[oa]|supervisor(?:a)?"
    r"|(?:servicio|atencion) al cliente|gerente|ejecutiv[oa])"
)
_PERSON_FR = (
    r"(?:humains?|personne|conseiller|conseillere|agent|quelquun|operateur|operatrice"
    r"|responsable|superieure?|manager|chef|employee?|interlocuteur|service client|collegue|etre humain"
    r"|technicien)"
)
_PERSON_IT = (
    r"(?:persona|umano|essere umano|operatore|operatrice|qualcuno|responsabile|agente"
    r"|addetto|addetta|consulente)"
)
_PERSON_PT = (
    r"(?:pessoas?|humano|atendente|alguem|operadora?|agente|gerente|responsavel|representante|supervisora?"
    r"|chefe|funcionari[oa]|colaborador(?:a)?|assistente|apoio ao cliente)"
)
_PERSON_NL = r"(?:mens|medewerker|persoon|iemand|echt mens|echte persoon|collega|leidinggevende)"
_FEW = r"(?: \w+){0,5} "
_ANY_PERSON = rf"(?:{_PERSON_DE}|{_PERSON_ES}|{_PERSON_FR}|{_PERSON_IT}|{_PERSON_PT})"
_ELSEWHERE_OF_THE_PRODUCT = re.compile(
    rf"\b{_ANY_PERSON}(?: \w+)? (?:de|del|dans|sur|a|au|en|do|da|no|na|ao|auf|in|im|aus|von|zu|zur|zum) "
    r"(?:(?:(?:ma|mon|notre|mein\w*|unser\w*|mi|nuestr\w+|minha|meu|noss\w+) (?:equipe|team|equipo|time)"
    r"|(?:(?:mon|ma|mes|notre|nos|la|le|les|une?|cette|ce|mein\w*|unser\w*|der|dem|den|die|das"
    r"|einer?|einem|einen"
    r"|diese\w*|mi|mis|nuestr\w+|el|las|los|un|este|esta|meus?|minhas?|noss\w+|o|um|uma) )?"
    rf"{_THING_ELSEWHERE})\b)"
    r"|\b(?:mein\w*|unser\w*|mes|mon|nos|notre|mis?|nuestr\w+|meus?|minhas?|noss\w+)"
    r" (?:kollegen?|kollegin\w*|mitarbeiter\w*|kunden?|chef|collegues?|clients?|colegas?|companer\w+|jefe"
    r"|clientes?)\b"
)
_WHO_HAS_A_THING = re.compile(
    rf"\b{_ANY_PERSON} (?:\w+ )?(?:der|die|das|dem|den) (?:\w+ ){{1,3}}{_THING_ELSEWHERE}"
    r" (?:hat|haben|besitzt|bearbeitet|erstellt|angelegt|verschoben|geandert)\b"
    rf"|\b{_ANY_PERSON} (?:qui|que) (?:\w+ ){{1,4}}(?:la|le|une?|el|o|um|uma|ce|cette|este"
    rf"|esta) {_THING_ELSEWHERE}\b"
)
# Words between the wish and the person, and after the person. Others make it a wish for something else.
_JUST = (
    r"(?: (?:gerne?|bitte|jetzt|sofort|endlich|einfach|lieber|nur|mal|mit|einen?|ein|den|ihren"
    r"|echten?|richtigen?"
    r"|lebenden?|menschlichen?|a|un|una|uno|algun|alguna|el|la|con|ya|de|verdader[oa]|que|me"
    r"|atienda|une|dun|dune"
    r"|avec|vrai|vraie|le|votre|rappel|contact|um|uma|algum|alguma|o|ao|com|verdadeir[oa]|logo|lo|con|vero|vera|d"
    r"|das|una?))*"
)
_THEN = (
    r"(?=$| (?:bitte|jetzt|sofort|hier|am telefon|aus fleisch|wegen|und kein\w*|keinen?|statt"
    r"|por favor|porfa|ya"
    r"|ahora|real|reales|human[oa]s?|de verdad|aqui|que me|para que me|para hablar|svp|sil|stp"
    r"|reel\w*|maintenant"
    r"|ici|pour maider|pour parler|qui mappelle|qui maide|et pas|real|agora|aqui|de verdade"
    r"|per favore|vera|vero"
    r"|reale|adesso|y no|e nao|e non|no un|pas un|danke|gracias|merci|obrigad[oa])\b)"
)
_TO_REACH = (
    r"(?: (?:gerne?|jetzt|hier|mit|ein\w*|irgend\w*|de|besoin|a|un|una|une|um|uma|dun|dune|avec|con|com|o|ao"
    r"|parler|contacter|joindre|hablar|contactar|falar|contatar|que|me|echten?|vrai|vraie|real))*"
)
_NOT_WANTED_ELSEWHERE = re.compile(
    r"\b(?:(?:will|wollen|mochten?|muss|mussen|brauchen?) (?:\w+ )?(?:nicht|keine?[nmrs]?)"
    r"|(?:ne|n) ?(?:veux|voudrais|souhaite|ai|voulons|demande) pas|nai pas|pas besoin"
    r"|no (?:quiero|queremos|necesito|necesitamos|hace falta|es necesario)"
    r"|nao (?:quero|queremos|preciso|precisamos|e preciso|e necessario))"
    rf"{_TO_REACH} (?:{_ANY_PERSON}|ruckruf|rappel|llamada|chamada|ligacao)\b"
    r"(?: (?:sprechen|reden|verbunden|erreichen))?"
)
_STAFF_DE = (
    r"(?:mensch(?:en)?|mitarbeiter(?:in)?|ansprechpartner(?:in)?|berater(?:in)?|kundenberater(?:in)?"
    r"|sachbearbeiter(?:in)?|kundendienst|kundenservice|vorgesetzten?|support ?mitarbeiter"
    r"|echte (?:person(?:en)?|leute))"
)
_HELPS = (
    r"(?: \w+){0,2} (?:antworten|helfen|weiterhelfen|aider|maider|repondre"
    r"|ayud\w+|atend\w+|responder|ajud\w+)"
)
_HUMAN_ELSEWHERE = (
    r"(?:mensch|mitarbeiter(?:in)?|humain|conseillere?|agent|vraie personne|humano|agente|atendente"
    r"|persona real|pessoa real)"
)
_SOME = r"(?:kann|konnen|konnten|konnte|wurden|wollen|soll|sollte) "
_OTHER_TONGUES: tuple[str, ...] = (
    rf"\b(?:brauchen?|benotigen?|will|wollen|mochten?|hatten?|wunschen?|verlangen?|bevorzuge){_JUST}"
    rf" {_STAFF_DE}{_THEN}",
    r"\b(?:gibt es|gibts|ist|sind|arbeiten|habt ihr|haben sie)(?: (?:hier|da|dort|bei|ihnen|euch|auch|ein"
    r"|einen?|echte\w?"
    rf"|richtige\w?|irgend\w+|noch|denn|uberhaupt))* {_STAFF_DE}(?: (?:da|hier|online|erreichbar"
    rf"|verfugbar|die"
    r"|mit (?:dem|denen)|ich|sprechen|reden|kann))*$",
    rf"\b(?:holen?|gib|gebt|geben|schick\w*|stell\w*) (?:sie )?(?:mir|uns|mich){_JUST} {_STAFF_DE}\b",
    rf"\b{_SOME}(?:\w+ )?mich (?:\w+ ){{0,2}}(?:zuruckrufen|anrufen)\b|\bruckruf(?: bitte| erbeten)?$"
    r"|\bum (?:einen )?(?:ruckruf|anruf)\b"
    r"|\bruft? mich\b.*\b(?:an|zuruck)$|\brufen sie mich\b",
    rf"\b(?:quiero|quisiera|queremos|necesito|necesitamos|prefiero|exijo|busco|dame|deme){_JUST}"
    rf" {_PERSON_ES}{_THEN}",
    r"\b(?:veux|voudrais|souhaite|aimerais|demande|puis je|peux) (?:a )?etre (?:re)?(?:rappelee?|contactee?)"
    r"(?=$| (?:par|demain|svp|stp|sil|au|des|le|rapidement|maintenant)\b)",
    # "Can somebody human answer me?"
    rf"\b(?:kann|konnte|un|ein|que|puede|podria|pode|um|uma|una|une)(?: (?:mir|mal|bitte|hier|auch|ein|einer?"
    rf"|me|nos|un|uma?|una|algun|algum))* {_HUMAN_ELSEWHERE}(?: (?:peut|puede|podria|pode|kann))?"
    rf"(?: (?:me|mir|uns|nous|nos))?{_HELPS}\b"
    r"|^(?:hallo |ist |da )*jemand(?: da| hier)?$|^(?:il )?y a (?:t il )?quelquun$|^alguem ai$",
    rf"\b(?:pasar(?:me)?|poner(?:me)?|ponga(?:n)?me|comunicar(?:me)?) con{_JUST} {_PERSON_ES}\b",
    rf"^(?:una? )?(?:{_PERSON_ES})(?: (?:real|human[oa]|de verdad|ya))*(?: por favor| porfa| gracias)?$",
    r"\b(?:hay|tienen|teneis)(?: (?:a|algun|alguna|una?|aqui|ahi))* (?:personas?|human[oa]s?"
    r"|agentes?|alguien|asesor\w*"
    r"|operador\w*)(?: (?:real(?:es)?|human[oa]s?|ahi|aqui|disponibles?|con quien|que|hablar|pueda"
    r"|puedo|me|atienda))*$",
    r"\b(?:puede\w*|podeis|podrian?|pueda\w*|pueden) (?:\w+ )?(?:llamarme|devolverme la llamada"
    r"|telefonearme)\b"
    r"|\bme (?:puede\w*|podrian?) llamar\b|\bque (?:alguien )?me llam(?:e|en)\b",
    rf"\b(?:veux|voudrais|voulons|souhaite|exige|prefere|besoin|faut|cherche){_JUST}"
    rf" {_PERSON_FR}{_THEN}",
    rf"^(?:une? )?(?:vraie? )?(?:{_PERSON_FR})(?: reele?| reelle| humain)?(?: svp| stp| sil (?:vous"
    rf"|te) plait| merci)?$",
    r"\b(?:y a t il|il y a|est ce quil y a|avez vous)(?: (?:une?|vraie?s?|des?|ici|encore|bien))* (?:humains?"
    r"|conseillere?s?|agents?|operateurs?|etres? humains?|personnes? (?:reelles?|humaines?)|personnes"
    r"|quelquun a qui)(?: (?:ici|la|disponibles?|en ligne|a qui|derriere|parler|chez vous|reele?|je"
    r"|peux|puis))*$",
    r"\b(?:pouvez vous|peux tu|pourriez vous|pourrais tu|peut on|quelquun (?:peut|pourrait)(?: il)?|veuillez"
    r"|voulez vous|merci de)(?: bien)? (?:me|nous) (?:r?appeler|telephoner)"
    r"(?=$| (?:svp|stp|sil|demain|maintenant|plus tard|vers|des que|au \d|rapidement|aujourdhui|merci)\b)",
    rf"\b(?:quero|queria|gostaria|queremos|preciso|precisamos|prefiro|exijo){_JUST} {_PERSON_PT}{_THEN}",
    rf"^(?:uma? )?(?:{_PERSON_PT})(?: (?:real|human[oa]|de verdade))*(?: por favor| obrigad[oa])?$",
    r"\b(?:ha|tem|existe|existem)(?: (?:algum|alguma|uma?|ai|aqui|pessoas?))* (?:pessoas?|humanos?"
    r"|atendentes?|alguem"
    r"|operador|gente)(?: (?:reais|real|humanas?|ai|aqui|disponive\w+|de verdade|com quem|posso|eu"
    r"|possa|falar|que"
    r"|me|atenda))*$",
    r"\b(?:podem|pode|poderiam?|podes|conseguem?) (?:\w+ )?(?:me (?:ligar|telefonar|chamar)"
    r"|(?:ligar|telefonar) me"
    r"|ligar para mim|ligar de volta)\b|\bme (?:pode|podem|poderiam?) ligar\b",
    rf"\b(?:voglio|vorrei|preferisco|mi serve|ho bisogno di){_JUST} {_PERSON_IT}{_THEN}",
    (
        rf"\b{_PERSON_DE}{_FEW}?(?:sprechen|reden|verbinden|chatten|telefonieren|verbunden"
        rf"|kontaktieren|erreichen)\b"
    ),
    (
        rf"\b(?:mit|verbinde\w*|sprech\w*|reden?|brauche|mochte|will){_FEW}?(?:echten?"
        rf"|richtigen?|lebenden?) (?:mensch(?:en)?|person|mitarbeiter)\b"
    ),
    (
        r"^(?:ein(?:en)? )?(?:echter?n? )?(?:mensch(?:en)?|mitarbeiter)(?: bitte)?$"
        r"|\bkein(?:en)? (?:ro)?bot(?:er)?$"
    ),
    r"\bverbinde\w* (?:sie )?mich mit\b|\bruf(?:t|en sie)? mich (?:bitte )?(?:an|zuruck)\b",
    (
        rf"\b(?:hablar|hablo|comunicar(?:me)?|contactar|pas[ae](?:n)?me|conect(?:a|e|en|ar)me"
        rf"|comuniqu\w+|chatear|transf(?:er|ier)\w+me){_FEW}?{_PERSON_ES}\b"
    ),
    (
        r"^(?:un[ao]? )?(?:persona (?:real|humana)|humano|agente humano"
        r"|operador)(?: por favor)?$|\bllam[ae](?:n)?me\b"
        r"|\bno quiero (?:hablar con )?(?:un )?(?:ro)?bot\b"
    ),
    (
        rf"\b(?:parler|discuter|contacter|joindre|relation avec|passe\w*|transfere\w*"
        rf"|echanger){_FEW}?{_PERSON_FR}\b"
    ),
    (
        r"^(?:une? )?(?:vrai[e]? )?(?:humain|personne|conseiller|operateur)(?: svp"
        r"| sil vous plait)?$|\b(?:r?appelez|r?appelle) moi\b|\bpas (?:de|un"
        r"|a un) (?:ro)?bot\b"
    ),
    rf"\b(?:parlare|parlo|comunicare|contattare|passa(?:mi|temi)|mi passi|chattare){_FEW}?{_PERSON_IT}\b",
    (
        r"^(?:un[a']? ?)?(?:operatore|persona reale|essere umano|umano)(?: per favore"
        r"| grazie)?$|\b(?:ri)?chiamatemi\b|\bmi (?:ri)?chiami\b"
    ),
    (
        rf"\b(?:falar|falo|conversar|contatar|contactar|me passe?m?|passe?m? me|passa me"
        r"|me transf\w+|transf\w+ me)"
        rf"{_FEW}?{_PERSON_PT}\b"
    ),
    (
        r"^(?:um[a]? )?(?:atendente|humano|pessoa(?: real)?|operador)(?: por favor)?$"
        r"|\bme (?:liga|ligue|liguem)\b|\blig(?:ue|a) para mim\b"
    ),
    rf"\b{_PERSON_NL}{_FEW}?(?:spreken|praten|chatten|doorverbinden|verbinden|bellen)\b"
    rf"|\b(?:spreken|praten|doorverbinden|chatten)"
    rf" (?:met|naar){_FEW}?{_PERSON_NL}\b",
    (
        r"^(?:een )?(?:echt(?:e)? )?(?:mens|medewerker|persoon)(?: graag| alstublieft"
        r"| aub)?$|\bbel (?:mij|me)(?: terug)?\b|\bgeen (?:ro)?bot\b"
    ),
)
_ASKS_WHAT_WE_ARE = re.compile(
    r"\b(?:are|r|am) (?:you|u|i|ya|we) (?:(?:talking|speaking|chatting|writing) (?:to"
    r"|with) )?(?:really |actually |even |just )?"
    r"(?:an? |the )?(?:\w+ )?(?:(?:chat|ro)?bots?|robots?|humans?|human being|ai"
    r"|machine|computer|person|automated|artificial"
    r"|chatgpt|gpt|real|alive|program|llm|virtual assistant)\b"
    r"|\b(?:is|am) (?:this|that|it|there|i)(?: \w+){0,3} (?:an? )?(?:(?:chat|ro)?bot"
    r"|robot|ai|machine|automated|real person|human|chatgpt)$"
    r"|\b(?:bist|sind) (?:du|sie)(?: \w+){0,2} (?:bot|roboter|mensch|ki)\b"
    r"|\b(?:spreche|schreibe|rede|chatte) ich (?:hier |gerade )?mit (?:einem |einer )?(?:bot|roboter|maschine"
    r"|computer|ki|menschen|echten menschen)\b"
    r"|\b(?:eres|es usted|es esto|hablo con|estoy hablando con) (?:una? )?"
    r"(?:(?:ro)?bot|maquina|persona|humano)\b"
    r"|\b(?:etes vous|es tu|vous etes|cest|je parle a|je parle avec) (?:une? )?(?:vrai[e]? )?"
    r"(?:(?:ro)?bot|machine|humain|ia)\b"
    r"|\b(?:voce e|isso e|falo com|estou falando com) (?:uma? )?(?:robo|bot|maquina|humano|pessoa)\b"
    r"|\bwhat(?: kind of)?(?: bot)? are you$|\bhuman or (?:ro)?bot|\bbot or (?:a )?(?:human|real|person)"
)


@cache
def _speller() -> Speller:
    return Speller(_KNOWN, never=_NEVER, shortest=4)


@cache
def _wishes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((why, re.compile(rule)) for why, rule in _WISHES)


@cache
def _foreign() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{rule})" for rule in _OTHER_TONGUES))


def asks_for_person(text: str) -> str:
    """Return why the text counts as asking for a person, or "" if it does not."""
    who_has = _WHO_HAS_A_THING.search(" ".join(words(bounded(text))))
    for clause in clauses(bounded(text)):
        plain = _NOT_WANTED_ELSEWHERE.sub(" ", " ".join(clause))
        mended = _NOT_WANTED.sub(" ", _mended(clause))
        if not mended:
            continue
        ours = _OURS.search(mended)
        others = _NOT_OURS.search(mended) or _ABOUT_THE_PRODUCT.search(mended)
        if not ours and (others or _ASKS_WHAT_WE_ARE.search(mended)):
            continue
        for why, rule in _wishes():
            if rule.search(mended):
                return why
        if not who_has and not _ELSEWHERE_OF_THE_PRODUCT.search(plain) and _foreign().search(plain):
            return "wants a person, not in English"
    return ""


def asks_what_we_are(text: str) -> bool:
    """Return whether the customer asks if they are talking to a machine."""
    return any(_ASKS_WHAT_WE_ARE.search(" ".join(clause)) for clause in clauses(bounded(text)))


def _mended(clause: list[str]) -> str:
    known = _speller()
    mended: list[str] = []
    for word in clause:
        for piece in _pieces(word):
            right = _SLIPS.get(piece) or known.nearest(piece) or piece
            if right not in _NOISE:
                mended.append(right)
    return " ".join(mended)


_SLIPS = {
    "ot": "to",
    "wiht": "with",
    "wth": "with",
    "w": "with",
    "2": "to",
    "tto": "to",
    "whit": "with",
    "iwth": "with",
    "thru": "through",
}
_RUN_TOGETHER = re.compile(
    r"^(i|to|with|a|an|can|me|contact)?(talk|speak|human|person|contact|someone"
    r"|agent)(to|with|agent|a|person|someone)?$"
)


def _pieces(word: str) -> list[str]:
    """Return a word, or the words in it that were written without a space: `speakwith`, `humanagent`."""
    if match := _RUN_TOGETHER.match(word):
        return [piece for piece in match.groups() if piece]
    return [word]
