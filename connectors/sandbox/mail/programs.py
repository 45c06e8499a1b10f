"""Quote as common mail programs do: write the text and the HTML of a reply as each of them does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from html import escape

from connectors.sandbox.mail.letters import Letter

# Outlook's four labels, by language: From, Sent, To, Subject.
_OUTLOOK = {
    "en": ("From", "Sent", "To", "Subject"),
    "de": ("Von", "Gesendet", "An", "Betreff"),
    "fr": ("De", "Envoyé", "À", "Objet"),
    "es": ("De", "Enviado el", "Para", "Asunto"),
    "it": ("Da", "Inviato", "A", "Oggetto"),
    "pt": ("De", "Enviado", "Para", "Assunto"),
    "nl": ("Van", "Verzonden", "Aan", "Onderwerp"),
}
_GMAIL = {
    "en": "On {date}, {who} wrote:",
    "de": "Am {date} schrieb {who}:",
    "fr": "Le {date}, {who} a écrit :",
    "es": "El {date}, {who} escribió:",
    "it": "Il giorno {date} {who} ha scritto:",
    "pt": "{who} escreveu ({date}):",
    "nl": "Op {date} schreef {who}:",
}
_DATES = {"en": "%a, %b %d, %Y at %I:%M %p"}
_OTHER_DATE = "%d.%m.%Y, %H:%M"


@dataclass(frozen=True, slots=True)
class Quoted:
    """The answered mail, as far as a quotation shows it."""

    name: str
    address: str
    to: str
    subject: str
    at: datetime
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Body:
    text: str
    html: str  # "" for a program that writes plain text only


def quoted(letter: Letter) -> Quoted:
    name, address = letter.sender
    html = letter.html
    if html and "<body" in html:
        html = html[html.index("<body") :].partition(">")[2].rpartition("</body>")[0]
    return Quoted(
        name=name or address,
        address=address,
        to=", ".join(letter.recipients),
        subject=letter.subject,
        at=parsedate_to_datetime(letter.header("Date")),
        text=letter.text.rstrip("\n"),
        html=html or f"<pre>{escape(letter.text)}</pre>",
    )


def programs() -> tuple[str, ...]:
    return tuple(_PROGRAMS)


def write(text: str, program: str = "gmail") -> Body:
    """Return the body of a mail that answers none."""
    return Body(text, "" if program == "plain" else f'<div dir="ltr">{_lines(text)}</div>')


def reply(text: str, to: Quoted, program: str = "gmail", language: str = "en") -> Body:
    return _PROGRAMS[program](text, to, language)


def _attribution(to: Quoted, language: str, pattern: str = "") -> str:
    pattern = pattern or _GMAIL[language]
    date = to.at.strftime(_DATES.get(language, _OTHER_DATE))
    return pattern.format(date=date, who=f"{to.name} <{to.address}>")


def _gmail(text: str, to: Quoted, language: str) -> Body:
    line = _attribution(to, language)
    return Body(
        f"{text}\n\n{line}\n\n{_cited(to.text)}\n",
        f'<div dir="ltr">{_lines(text)}</div><br><div class="gmail_quote gmail_quote_container">'
        f'<div dir="ltr" class="gmail_attr">{escape(line)}<br></div>'
        '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;'
        f'border-left:1px solid rgb(204,204,204);padding-left:1ex">{to.html}</blockquote></div>',
    )


def _outlook(text: str, to: Quoted, language: str) -> Body:
    words = _OUTLOOK[language]
    facts = (f"{to.name} <{to.address}>", to.at.strftime("%d %B %Y %H:%M"), to.to, to.subject)
    plain = "\n".join(f"{word}: {fact}" for word, fact in zip(words, facts, strict=True))
    rich = "<br>".join(f"<b>{word}:</b> {escape(fact)}" for word, fact in zip(words, facts, strict=True))
    return Body(
        f"{text}\n\n________________________________\n{plain}\n\n{to.text}\n",
        '<html><head><style type="text/css" style="display:none;">P {margin-top:0;margin-bottom:0;}'
        f'</style></head><body dir="ltr"><div class="elementToProof">{_lines(text)}</div>'
        '<div id="appendonsend"></div>'
        '<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">'
        f'<font face="Calibri, sans-serif">{rich}</font><div>&nbsp;</div></div>{to.html}</body></html>',
    )


def _apple(text: str, to: Quoted, language: str) -> Body:
    line = _attribution(to, language, "On {date}, {who} wrote:" if language == "en" else "")
    return Body(
        f"{text}\n\n> {line}\n> \n{_cited(to.text)}\n",
        '<html><body style="overflow-wrap: break-word; -webkit-nbsp-mode: space;">'
        f'{_lines(text)}<br id="lineBreakAtBeginningOfMessage"><div><br><blockquote type="cite">'
        f'<div>{escape(line)}</div><br class="Apple-interchange-newline"><div>{to.html}</div></blockquote>'
        "</div><br></body></html>",
    )


def _thunderbird(text: str, to: Quoted, language: str) -> Body:
    line = _attribution(to, language)
    return Body(
        f"{text}\n\n{line}\n{_cited(to.text)}\n",
        f"<!DOCTYPE html><html><body><p>{_lines(text)}</p>"
        f'<div class="moz-cite-prefix">{escape(line)}<br></div>'
        f'<blockquote type="cite" cite="mid:x">{to.html}</blockquote></body></html>',
    )


def _yahoo(text: str, to: Quoted, language: str) -> Body:
    line = _attribution(to, language)
    return Body(
        f"{text}\n\n    {line}\n \n {to.text}\n",
        f'<html><body><div class="ydp-yahoo-style-wrap"><div dir="ltr">{_lines(text)}</div></div>'
        f'<div id="yahoo_quoted_1" class="yahoo_quoted"><div><div>{escape(line)}</div>'
        f"<div>{to.html}</div></div></div></body></html>",
    )


def _plain(text: str, to: Quoted, language: str) -> Body:
    return Body(f"{text}\n\n{_attribution(to, language)}\n{_cited(to.text)}\n", "")


def _top_posted_nothing(text: str, to: Quoted, language: str) -> Body:  # noqa: ARG001
    """Return the reply of a phone's mail program that quotes nothing."""
    return Body(f"{text}\n", "")


def _cited(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.splitlines())


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.splitlines())


_PROGRAMS: dict[str, Callable[[str, Quoted, str], Body]] = {
    "gmail": _gmail,
    "outlook": _outlook,
    "apple": _apple,
    "thunderbird": _thunderbird,
    "yahoo": _yahoo,
    "plain": _plain,
    "bare": _top_posted_nothing,
}
