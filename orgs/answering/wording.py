"""What the answerer says in its own words. Chosen by the agent's voice, the same every time."""

import re
from enum import Enum
from typing import Final

from bot.core.answering import Question


class Tone(Enum):
    PLAIN = "plain"
    WARM = "warm"
    FORMAL = "formal"
    BRIEF = "brief"


_TONES: Final = (
    (
        Tone.FORMAL,
        re.compile(r"\b(?:formal|professional|polite|exact|precise|serious|respectful|calm)", re.I),
    ),
    (
        Tone.WARM,
        re.compile(r"\b(?:warm|friendly|cheerful|casual|playful|encourag|kind|enthusias|personal)", re.I),
    ),
    (Tone.BRIEF, re.compile(r"\b(?:brief|short|concise|terse|to the point|crisp|minimal)", re.I)),
)


def tone_of(voice: str) -> Tone:
    """The tone a description of a voice names first; plain if it names none."""
    if voice.lower().startswith("informal"):
        return Tone.WARM
    found = [(match.start(), tone) for tone, pattern in _TONES if (match := pattern.search(voice))]
    return min(found, key=lambda pair: pair[0])[1] if found else Tone.PLAIN


_LEAD_STEPS = {
    Tone.PLAIN: "Here is how:",
    Tone.WARM: "Happy to help! Here is how, step by step:",
    Tone.FORMAL: "These are the steps:",
    Tone.BRIEF: "",
}
_LEAD_TEXT = {
    Tone.PLAIN: "Here is what our help center says:",
    Tone.WARM: "Good question! Here is what our help center says:",
    Tone.FORMAL: "Our help center has this on it:",
    Tone.BRIEF: "",
}
_WHICH = {
    Tone.PLAIN: "I found more than one article that could fit. Which one do you mean?",
    Tone.WARM: (
        "I want to give you the right answer, and more than one article could fit. Which one do you mean?"
    ),
    Tone.FORMAL: "Several articles may apply. Which of these do you mean?",
    Tone.BRIEF: "Which one do you mean?",
}
_NOT_SURE = {
    Tone.PLAIN: "I am not sure I understood. Is it one of these? If not, please put it in other words.",
    Tone.WARM: (
        "I am not quite sure I got that. Is it one of these? If not, could you tell me in other words?"
    ),
    Tone.FORMAL: (
        "I am not certain what you mean. Is it one of these? Otherwise, please describe it in other words."
    ),
    Tone.BRIEF: "One of these? If not, please rephrase.",
}
_NOTHING = {
    Tone.PLAIN: "I found nothing on that in our help center. Could you put it in other words, "
    "with the name of the"
    " part of the product it is about?",
    Tone.WARM: "Sorry, I found nothing on that in our help center. Could you tell me in other "
    "words, and which part"
    " of the product it is about?",
    Tone.FORMAL: "Our help center has nothing on that. Please describe it in other words, and "
    "name the part of the"
    " product it concerns.",
    Tone.BRIEF: "I found nothing on that. Could you rephrase?",
}
_DID_NOT_HELP = {
    Tone.PLAIN: "I am sorry that did not help. What exactly happens, and what should happen instead?",
    Tone.WARM: "I am sorry that did not help! What exactly happens, and what should happen instead?",
    Tone.FORMAL: "I apologize that this did not help. Please describe what happens and what you expected.",
    Tone.BRIEF: "Sorry about that. What happens exactly?",
}
_NEXT_TRY = " Or is it one of these?"

_COURTESY: Final = {
    "en": {
        "hello": "Hello! I am {agent} of {organization}, an automated assistant. What can I help you with?",
        "thanks": "You are welcome! Write again any time.",
        "bye": "Goodbye, and all the best!",
        "ok": "All right. If anything else comes up, just write.",
        "bot": "I am an automated assistant of {organization}, not a human. I answer from our "
        "help center. If you"
        " would rather talk to a person, just say so and I will get one.",
        "help": "Of course. What do you need help with?",
        "empty": "I can only read text. Please tell me in a few words what it is about.",
    },
    "de": {
        "hello": (
            "Hallo! Ich bin {agent} von {organization}, ein automatischer Assistent. Wobei kann ich helfen?"
        ),
        "thanks": "Gern geschehen! Melden Sie sich jederzeit wieder.",
        "bye": "Auf Wiedersehen und alles Gute!",
        "ok": "Alles klar. Wenn noch etwas ist, schreiben Sie einfach.",
    },
    "es": {
        "hello": "¡Hola! Soy {agent} de {organization}, un asistente automático. ¿En qué puedo ayudar?",
        "thanks": "¡De nada! Escriba cuando quiera.",
        "bye": "¡Hasta luego, que vaya bien!",
        "ok": "De acuerdo. Si surge algo más, escriba cuando quiera.",
    },
    "fr": {
        "hello": (
            "Bonjour ! Je suis {agent} de {organization}, un assistant automatique. Que "
            "puis-je faire pour vous ?"
        ),
        "thanks": "Avec plaisir ! N’hésitez pas à réécrire.",
        "bye": "Au revoir et bonne continuation !",
        "ok": "Très bien. Si besoin, écrivez-moi.",
    },
    "it": {
        "hello": "Ciao! Sono {agent} di {organization}, un assistente automatico. Come posso aiutare?",
        "thanks": "Prego! Scriva pure quando vuole.",
        "bye": "Arrivederci e buona giornata!",
        "ok": "Va bene. Se serve altro, basta scrivere.",
    },
    "pt": {
        "hello": "Olá! Sou {agent} da {organization}, um assistente automático. Em que posso ajudar?",
        "thanks": "De nada! Escreva sempre que precisar.",
        "bye": "Até logo e tudo de bom!",
        "ok": "Certo. Se precisar de mais alguma coisa, é só escrever.",
    },
    "nl": {
        "hello": (
            "Hallo! Ik ben {agent} van {organization}, een automatische assistent. Waarmee kan ik helpen?"
        ),
        "thanks": "Graag gedaan! Schrijf gerust nog eens.",
        "bye": "Tot ziens en alle goeds!",
        "ok": "Prima. Als er nog iets is, schrijf gerust.",
    },
}


def courtesy(question: Question, kind: str, language: str) -> str:
    """A courtesy in the language it was offered in, English where we lack the words."""
    said = _COURTESY.get(language, {}).get(kind) or _COURTESY["en"][kind]
    if kind == "thanks" and language == "en" and tone_of(question.voice) is Tone.WARM:
        said = "You are very welcome! I am glad I could help. Write again any time."
    # One pass by replace and not by format: names may contain braces.
    return said.replace("{organization}", question.organization_name).replace("{agent}", question.agent_name)


def answered(question: Question, body: str, title: str, *, steps: bool) -> str:
    """An article's own words, introduced, with the article named below."""
    lead = (_LEAD_STEPS if steps else _LEAD_TEXT)[tone_of(question.voice)]
    return "\n\n".join(part for part in (lead, body, f"From our article *{plain(title)}*.") if part)


def which(question: Question) -> str:
    return _WHICH[tone_of(question.voice)]


def not_sure(question: Question, *, options: bool) -> str:
    return (_NOT_SURE if options else _NOTHING)[tone_of(question.voice)]


def did_not_help(question: Question, *, options: bool) -> str:
    return _DID_NOT_HELP[tone_of(question.voice)] + (_NEXT_TRY if options else "")


def plain(title: str) -> str:
    """A title without marks of Markdown, fit to stand between two asterisks."""
    return re.sub(r"[*_`\[\]<>|~#\\]", "", title).strip()
