"""List what the answerer knows about how customers of a software product write: words only, no logic."""

from typing import Final


def each(listed: str) -> tuple[str, ...]:
    """Return the words of a list that is written as text."""
    return tuple(listed.split())


# Spellings of one thing, for folded text (no accents, no apostrophes). The right side replaces them.
COMPOUNDS: Final = (
    (r"(?:log|sign)(?:ged|ging|s|ing|ed)?[ -]?(?:in|on)(?:to)?", "login"),
    (r"logins", "login"),
    (r"hack(?:s|ed|ing)? (?:it |this |them )?together", "build"),
    (r"(?:log|sign)(?:ged|ging|s|ing|ed)?[ -]?(?:out|off)", "logout"),
    (r"(?:sign|signed|signing)[ -]?up", "signup"),
    (r"single[ -]login|single[ -]sign[ -]on|saml|oidc", "sso"),
    (
        r"(?:two|2)[ -]?(?:factor|step|fa)(?:[ -](?:authentication|verification|auth|code|codes))?|mfa|tfa",
        "twofactor",
    ),
    (r"e[ -]mails?", "email"),
    (r"(?:set|setting|sets)[ -]up", "setup"),
    (r"time[ -]?zones?", "timezone"),
    (r"web[ -]?hooks?", "webhook"),
    (r"work[ -]?spaces?", "workspace"),
    (r"turn(?:ed|ing)?[ -](?:it |this |them )?off|switch(?:ed|ing)? off", "disable"),
    (r"turn(?:ed|ing)?[ -](?:it |this |them )?on|switch(?:ed|ing)? on", "enable"),
    (r"team[ -]?mates?|co[ -]?workers?", "teammate"),
    (r"get(?:ting)? rid of", "delete"),
    (r"how much (?:is|are|does|do|would|will)", "price"),
    (r"kick(?:ed|ing)?(?: \w+)? out", "remove"),
    (r"rate[ -]limit(?:s|ed|ing)?|too many requests|429", "ratelimit"),
    (r"drop[ -]?box", "dropbox"),
    (r"back[ -]?ups?", "backup"),
    (r"(?:credit|debit|bank|payment)[ -]?cards?", "payment method"),
    (r"non[ -]?profits?", "nonprofit"),
    (r"(?:work|business) hours", "hours"),
    (r"on[ -]call", "oncall"),
    (r"in charge", "responsible"),
    (r"no[ -]one", "nobody"),
    (r"noone", "nobody"),
    (r"white[ -]?list(?:ing)?|allow[ -]?list(?:ing)?", "allowlist"),
)

# Each group has different words for one thing. The first word stands for the group.
SYNONYMS: Final = (
    ("member", "teammate", "colleague", "user", "people"),
    ("delete", "remove", "erase"),
    ("change", "edit", "modify", "rename", "alter", "switch"),
    ("price", "pricing", "cost", "costs", "fee"),
    ("phone", "mobile", "smartphone", "iphone", "android", "ios", "cellphone"),
    ("slow", "sluggish", "lag", "laggy", "performance"),
    ("invoice", "bill", "receipt"),
    ("disable", "deactivate", "unsubscribe", "mute"),
    ("enable", "activate"),
    ("notification", "notify", "alert"),
    ("picture", "photo", "image", "avatar"),
    ("limit", "quota", "maximum", "max"),
    ("attachment", "file", "upload"),
    ("permission", "role", "access", "rights"),
    ("company", "organization", "organisation"),
    ("twofactor", "authenticator", "otp"),
    ("cancel", "terminate", "quit", "end"),
    ("import", "migrate", "migration"),
    ("restore", "recover", "undelete", "undo"),
    ("outage", "downtime", "uptime", "status"),
    ("payment", "pay", "accept"),
    ("forgot", "forgotten", "remember", "forget"),
    ("check", "verify", "validate"),
    ("size", "large", "big"),
    ("key", "token"),
    ("gdpr", "privacy"),
    ("error", "fail", "failure"),
    ("copy", "duplicate", "clone"),
    ("signup", "register", "registration"),
    ("language", "translate", "translation", "localization"),
    ("discount", "coupon", "promo", "voucher"),
    ("seat", "license", "licence"),
    ("downgrade", "downgrading"),
    ("upgrade", "upgrading"),
)

# Words that carry no topic: grammar, politeness, and the chatter around a question.
FILLERS: Final = frozenset(
    each(
        """
a about above actually after again all already alright also although always am an and another any
anybody anymore anyone anything anyway apparently are aren arent around as ask asked asking at away back
bad basically be became because been before being best better between bit both btw but by bye came can
cannot cant come coming completely correct could couldnt currently day days dear did didnt different do
does doesnt doing done dont down dude during each either else em enough even ever every everybody
everyone everything exact exactly explain far few figure find fine first folks following for found from
fully further gave get gets getting give given go goes going gone good got gotta great guess guide guys
had has hasnt have havent having he hello help helping helps her here hers hey hi him his honestly hope
how however i id idea if ill im in indeed info information instead into is isnt it its itself ive just
keep keeps kind kindly knew know known last lately least less let lets like likely literally little ll
look looked looking lot lots made make makes making many may maybe me mean means might mine minute
moment more morning most much must my myself near need needed needs neither never next nice no nobody
none nor not nothing now of off ok okay on once one ones only onto or other others ought our ours out
over own per perhaps place please pls plz point possible possibly pretty probably problem put question
quick quickly quite ran rather re real really recently regarding right run said same saw say saying says
see seem seemed seems seen shall she should shouldnt show showing shown simply since sir so some
somebody somehow someone something sometimes somewhere soon sorry sort sth still stuff such suddenly
sure take taken takes taking tell than thank thanks that thats the their them themselves then there
theres these they theyre thing things think this those though thought through thru to today together
told tomorrow tonight too took totally tried tries try trying two u under understand unfortunately until
up upon ur us use used uses using usually ve very via wanna want wanted wanting wants was wasnt way ways
we well went were what whatever whats when whenever where wheres whether which while who whoever whole
whom whos whose why will wish with within without wont wonder wondering word work worked working works
would wouldnt wrong yeah yes yesterday yet you youd youll your youre yours yourself afternoon evening
week weeks month issue trouble able allowed steps step details appreciate assist assistance hints hint
curious urgently asap entire often accident accidentally shows soo sooo accidently load loads platform
software tool system product exist exists happen happened happens happening properly successfully click
clicked clicking option options button page screen feature features part
"""
    )
)

# Beginnings of follow-up questions, or whole ones.
FOLLOW_UPS: Final = (
    "and ",
    "or ",
    "what about ",
    "how about ",
    "what if ",
    "also ",
    "but what ",
    "but how ",
    "same for ",
    "same on ",
    "where is that",
    "where do i find that",
    "where can i find that",
    "how do i do that",
    "how exactly",
    "can you explain that",
    "tell me more",
    "more details",
)

# Phrases by which a customer says that an answer did not help.
DISSATISFIED: Final = (
    r"(?:that|this|it|which|what you (?:said|sent|wrote))?\s*(?:still\s+)?(?:really\s+)?"
    r"(?:didnt|did not|doesnt|does not|dont|isnt|is not|not|wasnt|hasnt|hasn t"
    r"|never)\s+(?:really\s+|even\s+)?"
    r"(?:help(?:ed|ing|ful)?|work(?:ed|ing)?|answer(?:ed)?|solve[d]?|fix(?:ed)?|useful|right|correct"
    r"|what i (?:asked|meant|mean|need|want)\w*|do (?:it|anything))",
    (
        r"still (?:fails?|failing|broken|stuck|nothing|the same|same|not|doesnt|does not"
        r"|no|have the|having the|happening)"
    ),
    r"same (?:error|problem|issue|thing|result)\b",
    r"(?:youre|you are|you arent|you are not|u are) (?:not helping|useless|not helpful|no help|helping)",
    r"(?:useless|unhelpful|nonsense|rubbish|not helpful|no help)",
    r"wrong (?:answer|article|topic)",
    r"(?:keins|keiner|keine|nichts) (?:davon|von (?:beiden|diesen))|aucune?(?: de (?:ces|ceux)\w*(?: ci)?)?",
    r"ningun[oa](?: de (?:estos|estas|ellos))?|nenhuma?(?: (?:destes|destas|deles))?",
    r"(?:none|neither|not any) of (?:these|those|them|the above)|none|something else|neither",
    (
        r"(?:i )?(?:tried|did|already did|have tried|already tried) (?:that|this|it"
        r"|all that|everything)(?: already)?"
    ),
    r"not (?:really|at all)|nope|nah|no|nein|nee|non|nao"
    r"|not yet|noch nicht|pas encore|todavia no|aun no|ainda nao",
    r"(?:das |es )?(?:hilft|half|hat) (?:mir )?(?:leider )?(?:nicht|nichts)(?: geholfen)?",
    r"(?:das |es )?(?:geht|klappt|funktioniert) (?:leider |immer noch |so )?nicht",
    r"(?:ca |cela )?(?:ne )?(?:maide|ma|marche|fonctionne) (?:toujours )?(?:pas|rien)(?: aide)?",
    r"(?:eso |esto )?(?:sigue sin funcionar|no (?:me )?(?:sirve|sirvio|ayuda|ayudo|funciona))",
    r"(?:isso |isto )?(?:continua sem funcionar|nao (?:me )?(?:serve|serviu|ajuda|ajudou|funciona\w*))",
    (
        r"(?:i )?(?:dont|do not|didnt|cant|can not|cannot) (?:understand|get it"
        r"|follow)(?: (?:you|that|this|it))?"
    ),
)

# Requests for help that do not say with what, in German, French, Spanish and Portuguese.
HELLO_ELSEWHERE: Final = (
    r"hallo|hi|guten (?:tag|morgen|abend)|bonjour|bonsoir|salut|madame|monsieur",
    r"hola|buenas|buenos dias|buenas (?:tardes|noches)|ola|oi|bom dia|boa (?:tarde|noite)",
    r"bitte|svp|por favor",
)
THANKS_ELSEWHERE: Final = (r"bitte|svp|sil vous plait|por favor|danke|merci|gracias|obrigad[oa]",)
HELP_ELSEWHERE: Final = (
    r"(?:ich )?(?:brauche|benotige|hatte gern|mochte)? ?(?:bitte )?(?:etwas |ihre |deine |eure )?hilfe",
    r"(?:konnen sie|kannst du|konnt ihr) mir (?:bitte |vielleicht |mal )?(?:weiter)?helfen",
    r"ich (?:habe|hatte) (?:da |mal |noch )?(?:eine (?:kurze )?frage|ein problem)",
    r"(?:jai |jaurais )?besoin (?:de votre |dun peu d|d ?)?aide|a laide|aide|aidez moi|aide moi",
    r"(?:jai|jaurais) (?:une (?:petite )?question|un (?:petit )?probleme)",
    r"(?:pouvez vous|pourriez vous|vous pouvez|peux tu) m ?aider",
    r"(?:necesito |quiero |quisiera )?(?:un poco de |tu |su )?ayuda",
    r"(?:me )?(?:pueden?|podrian?|puedes) ayudar(?:me)?",
    r"tengo (?:una (?:pregunta|duda|consulta)|un problema)",
    r"(?:preciso|quero|gostaria) (?:de )?(?:uma |sua |um pouco de )?ajuda|ajuda",
    r"(?:voces )?(?:podem?|poderiam?) (?:me )?ajudar",
    r"(?:tenho|estou com) (?:uma (?:pergunta|duvida)|um problema)",
)

# Tasks that people give to chatbots. No help article does them, whatever its topic.
CHORES: Final = (
    r"\b(?:write|compose|sing|draw|paint|tell|make up|generate|invent"
    r"|recite)\b(?: \w+){0,3}? (?:poem|poems|joke|jokes|story"
    r"|stories|song|songs|essay|haiku|rap|limerick|novel|riddle|code|script|speech|letter|tweet|cv|resume)\b",
    r"\btranslate (?:this|the|that|it|my|a|following)\b(?! (?:app|board|page|interface|menu))",
    (
        r"\b(?:ignore|forget|disregard|override)\b(?: \w+){0,4} (?:instructions?|prompts?"
        r"|rules)\b|\bsystem prompt\b"
    ),
    (
        r"\b(?:solve|do) (?:my|this|the) (?:homework|equation|math|maths|riddle|taxes)\b"
        r"|\b(?:stock|bitcoin|crypto) prices?\b"
    ),
    (
        r"\bwhat time is it\b|\bwho (?:won|is the president)\b|\bcapital of\b|\bweather\b"
        r"|\bhoroscope\b|\brecipes?\b"
    ),
)

# Other companies' products. If no article mentions one, a question about it is not ours to answer.
BRANDS: Final = frozenset(
    each(
        """
airtable amazon amex apple asana basecamp chatgpt clickup discord dropbox ebay etsy facebook figma gmail
hotmail hubspot icloud instagram intercom iphone jira linear linkedin minecraft miro monday netflix
notion paypal pinterest playstation reddit salesforce shopify snapchat spotify steam stripe telegram
tiktok todoist trello twitter uber whatsapp windows wrike xbox yahoo youtube zendesk zoom
"""
    )
)
