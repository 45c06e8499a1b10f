# ruff: noqa: E501 - tables and markup read better whole
"""Layouts of an answer in each mail program: text, and HTML with its own marks."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from tests.connectors.email.reading.tongues import ADDRESS, TONGUES, WHO, Tongue

SUBJECT = "Invoice 4711"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    plain: str
    html: str | None = None
    flowed: bool = False


Program = Callable[[Tongue, str, str], Layout]  # what the customer writes, what they answer


def _fill(line: str) -> str:
    return line.format(who=WHO, address=ADDRESS)


def _marked(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _divs(text: str) -> str:
    return "".join(f"<div>{escape(line, quote=False) or '<br>'}</div>" for line in text.split("\n"))


def _brs(text: str) -> str:
    return "<br>".join(escape(line, quote=False) for line in text.split("\n"))


def _linked(line: str) -> str:
    shown = escape(line, quote=False)
    return shown.replace(ADDRESS, f'<a href="mailto:{ADDRESS}">{ADDRESS}</a>')


def _header_block(tongue: Tongue, *, bold: bool = False) -> list[str]:
    values = (f"{WHO} <{ADDRESS}>", tongue.date, "Maria Example <maria@example.org>", f"Re: {SUBJECT}")
    pairs = zip(tongue.outlook, values, strict=True)
    return [f"<b>{name}:</b> {escape(value)}" if bold else f"{name}: {value}" for name, value in pairs]


def gmail(tongue: Tongue, new: str, old: str) -> Layout:
    head = _fill(tongue.gmail)
    signature = "<div><br></div>-- <br><div dir=\"ltr\" class=\"gmail_signature\" data-smartmail=\"gmail_signature\">Maria<br>Example Ltd</div>"  # fmt: skip
    return Layout(
        plain=f"{new}\n\n-- \nMaria\nExample Ltd\n\n{_folded(head)}\n\n{_marked(old)}\n",
        html=f'<div dir="ltr">{_divs(new)}{signature}</div><br><div class="gmail_quote gmail_quote_container">'
        f'<div dir="ltr" class="gmail_attr">{_linked(head)}<br></div><blockquote class="gmail_quote" '
        f'style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">{_brs(old)}'
        f"</blockquote></div>",
    )


def _folded(line: str) -> str:
    """Fold the line as Gmail does: before 78 characters, at a space."""
    if len(line) < 60 or " <" not in line:
        return line
    return line.replace(f"<{ADDRESS}", f"<\n{ADDRESS}", 1) if len(line) > 75 else line.replace(" <", "\n<", 1)


def gmail_below(tongue: Tongue, new: str, old: str) -> Layout:
    head = _fill(tongue.gmail)
    return Layout(
        plain=f"{head}\n\n{_marked(old)}\n\n{new}\n",
        html=f'<div dir="ltr"><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{_linked(head)}<br></div>'
        f'<blockquote class="gmail_quote">{_brs(old)}</blockquote></div>{_divs(new)}</div>',
    )


def outlook(tongue: Tongue, new: str, old: str) -> Layout:
    rows = "<br>".join(_header_block(tongue, bold=True))
    paragraphs = "".join(f'<p class="MsoNormal">{escape(line)}<o:p></o:p></p>' for line in new.split("\n"))
    blank = '<p class="MsoNormal"><o:p>&nbsp;</o:p></p>'
    quoted = "".join(f'<p class="MsoNormal">{escape(line)}<o:p></o:p></p>' for line in old.split("\n"))
    return Layout(
        plain="\n".join([new, "", tongue.closing, "Maria Example", "", *_header_block(tongue), "", old, ""]),
        html="<html xmlns:o=\"urn:schemas-microsoft-com:office:office\"><head><style><!-- p.MsoNormal {margin:0cm;} --></style>"
        "<!--[if gte mso 9]><xml><o:shapedefaults/></xml><![endif]--></head><body lang=EN link=\"#0563C1\"><div class=\"WordSection1\">"
        f"{paragraphs}{blank}<p class=\"MsoNormal\">{escape(tongue.closing)}<o:p></o:p></p><p class=\"MsoNormal\">Maria Example</p>{blank}"
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
        f'<p class="MsoNormal">{rows}<o:p></o:p></p></div></div>{blank}{quoted}</div></body></html>',
    )  # fmt: skip


def outlook_old(tongue: Tongue, new: str, old: str) -> Layout:
    lines = [new, "", f"-----{tongue.original}-----", *_header_block(tongue), "", old, ""]
    return Layout(plain="\n".join(lines))


def outlook_web(tongue: Tongue, new: str, old: str) -> Layout:
    rows = "<br>".join(_header_block(tongue, bold=True))
    body = "".join(f'<div class="elementToProof">{escape(line)}</div>' for line in new.split("\n"))
    return Layout(
        plain="\n".join([new, "_" * 32, *_header_block(tongue), "", old, ""]),
        html=f'<html><body dir="ltr">{body}<div id="Signature"><p>Maria Example<br>Head of Examples</p></div>'
        '<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1">'
        f'<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri" style="font-size:11pt">{rows}</font><div>&nbsp;</div></div>'
        f"<div>{_divs(old)}</div></body></html>",
    )


def outlook_mobile(tongue: Tongue, new: str, old: str) -> Layout:
    rows = "<br>".join(_header_block(tongue, bold=True))
    return Layout(
        plain="\n".join(
            [new, "", "Get Outlook for iOS<https://aka.ms/o0ukef>", "_" * 32, *_header_block(tongue), "", old]
        ),
        html=f'<html><body>{_divs(new)}<div><br></div><div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">'
        f'Outlook for iOS</a></div><div id="mail-editor-reference-message-container"><hr><div class="ms-outlook-mobile-reference-message">'
        f"<div>{rows}</div><div>{_divs(old)}</div></div></div></body></html>",
    )


def apple_mail(tongue: Tongue, new: str, old: str) -> Layout:
    head = _fill(tongue.apple)
    return Layout(
        plain=f"{new}\n\n> {head}\n> \n{_marked(old)}\n"
        if tongue.code == "en"
        else f"{new}\n\n{head}\n\n{_marked(old)}\n",
        html=f'<html><body style="overflow-wrap: break-word;">{_divs(new)}<div><br><blockquote type="cite"><div>{_linked(head)}</div>'
        f'<br class="Apple-interchange-newline"><div>{_divs(old)}</div></blockquote></div><br></body></html>',
    )


def iphone(tongue: Tongue, new: str, old: str) -> Layout:
    head = _fill(tongue.apple)
    return Layout(
        plain=f"{new}\n\n{tongue.sent_from}\n\n{_marked(head)}\n> \n{_marked(old)}\n",
        html=f'<html><body dir="auto">{_brs(new)}<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">{escape(tongue.sent_from)}</div>'
        f'<div dir="ltr"><br><blockquote type="cite">{_linked(head)}<br><br></blockquote></div><blockquote type="cite">'
        f'<div dir="ltr">\ufeff{_divs(old)}</div></blockquote></body></html>',
    )


def thunderbird(tongue: Tongue, new: str, old: str) -> Layout:
    head = _fill(tongue.thunderbird)
    return Layout(
        plain=f"{new}\n\n{head}\n{_marked(old)}\n\n-- \nMaria Example\nhttps://example.org\n",
        html=f'<html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head><body><p>{_brs(new)}</p>'
        f'<div class="moz-cite-prefix">{_linked(head)}<br></div><blockquote type="cite" cite="mid:1@acme.example">{_brs(old)}'
        f'</blockquote><pre class="moz-signature" cols="72">-- \nMaria Example</pre></body></html>',
    )


def thunderbird_flowed(tongue: Tongue, new: str, old: str) -> Layout:
    folded = "\n".join(
        line.replace(" ", " \n", 1) if tongue.code not in "ja zh" else line for line in new.split("\n")
    )
    return Layout(plain=f"{folded}\n\n{_fill(tongue.thunderbird)}\n{_marked(old)}\n", flowed=True)


def yahoo(tongue: Tongue, new: str, old: str) -> Layout:
    head = _fill(tongue.gmail)
    return Layout(
        plain=f" {new}\n\n    {head}  \n \n {old}\n  ".replace("\n" + new, new),
        html=f'<html><body><div class="ydp1yahoo-style-wrap"><div dir="ltr">{_divs(new)}</div><div><br></div></div>'
        f'<div id="yahoo_quoted_1" class="yahoo_quoted"><div><div>{_linked(head)}</div><div><br></div>{_divs(old)}</div></div></body></html>',
    )


def proton(tongue: Tongue, new: str, old: str) -> Layout:
    head = _fill(TONGUES_EN.gmail)
    return Layout(
        plain=f"{new}\n\nSent with Proton Mail secure email.\n\n------- Original Message -------\n{head}\n\n\n{_marked(old)}\n",
        html=f'<div style="font-family: Arial; font-size: 14px;">{_brs(new)}</div><div style="font-size: 14px;"><br></div>'
        f'<div class="protonmail_signature_block"><div class="protonmail_signature_block-proton">Sent with <a target="_blank" '
        f'href="https://proton.me/">Proton Mail</a> secure email.</div></div><div style="font-size: 14px;"><br></div>'
        f'<div class="protonmail_quote">{_linked(head)}<br><br><blockquote class="protonmail_quote" type="cite">{_brs(old)}</blockquote><br></div>',
    )


def gmx(tongue: Tongue, new: str, old: str) -> Layout:
    rows = [
        f"{tongue.outlook[1]}: {tongue.date}",
        f'{tongue.outlook[0]}: "{WHO}" <{ADDRESS}>',
        f"{tongue.outlook[2]}: maria@example.org",
        f"{tongue.outlook[3]}: Re: {SUBJECT}",
    ]
    shown = "<br>".join(f"<b>{escape(row).replace(': ', ':</b> ', 1)}" for row in rows)
    return Layout(
        plain="\n".join([new, " ", " ", *rows, old, ""]),
        html=f'<html><body><div style="font-family: Verdana;font-size: 12.0px;">{_divs(new)}<div> <div name="quote" style="margin:10px 5px '
        f'5px 10px; border-left:2px solid #C3D9E5;"><div style="margin:0 0 10px 0;">{shown}</div><div name="quoted-content">{_divs(old)}'
        f"</div></div></div></div></body></html>",
    )


def samsung(tongue: Tongue, new: str, old: str) -> Layout:
    rows = [
        f"{tongue.outlook[0]}: {WHO} <{ADDRESS}>",
        f"{tongue.outlook[1]}: {tongue.date} (GMT+01:00)",
        f"{tongue.outlook[2]}: maria@example.org",
        f"{tongue.outlook[3]}: Re: {SUBJECT}",
    ]
    signature = "Sent from my Galaxy"
    head = f"-------- {tongue.original} --------"
    return Layout(
        plain="\n".join([new, "", "", signature, "", head, *rows, "", old, ""]),
        html=f'<html><body dir="auto">{_divs(new)}<div dir="auto"><br></div><div id="composer_signature" dir="auto"><div>{signature}</div>'
        f'</div><div dir="auto"><br></div><div><br></div><div align="left" dir="auto"><div>{head}</div>'
        + "".join(f"<div>{escape(row)}</div>" for row in rows)
        + f"<div><br></div></div>{_divs(old)}</body></html>",
    )


def notes(tongue: Tongue, new: str, old: str) -> Layout:
    rows = [
        f"{tongue.outlook[0]}:\t{WHO}/ACME",
        f"{tongue.outlook[2]}:\tmaria@example.org",
        f"{tongue.outlook[1]}:\t05.04.2023 10:02",
        f"{tongue.outlook[3]}:\tRe: {SUBJECT}",
    ]
    return Layout(plain="\n".join([new, "", "", "", *rows, "", "", "", old, ""]))


def mutt(tongue: Tongue, new: str, old: str) -> Layout:
    return Layout(plain=f"{_fill(tongue.thunderbird)}\n{_marked(old)}\n\n{new}\n\n-- \nMaria\n")


def between(tongue: Tongue, new: str, old: str) -> Layout:
    """Answers between the quotes; `expected_between` says what is new."""
    first, *rest = old.split("\n")
    return Layout(
        plain=f"{_fill(tongue.gmail)}\n\n{_marked(first)}\n\n{new}\n\n{_marked(chr(10).join(rest))}\n\n{tongue.bottom}\n",
        html=f'<div dir="ltr"><div class="gmail_quote"><div class="gmail_attr">{_linked(_fill(tongue.gmail))}<br></div>'
        f'<blockquote class="gmail_quote">{escape(first)}</blockquote><div><br></div>{_divs(new)}<div><br></div>'
        f'<blockquote class="gmail_quote">{_brs(chr(10).join(rest))}</blockquote><div><br></div>{_divs(tongue.bottom)}</div></div>',
    )


def expected_between(tongue: Tongue) -> str:
    first, *rest = tongue.quoted.split("\n")
    return f"{_marked(first)}\n\n{tongue.body}\n\n{_marked(chr(10).join(rest))}\n\n{tongue.bottom}"


def gmail_forward(tongue: Tongue, new: str, old: str) -> Layout:
    rows = _header_block(tongue)
    head = f"---------- {tongue.forwarded} ---------"
    return Layout(
        plain="\n".join([new, "", head, *rows, "", old, ""]),
        html=f'<div dir="ltr">{_divs(new)}<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{head}<br>'
        + "<br>".join(escape(row) for row in rows)
        + f"<br></div><br>{_divs(old)}</div></div>",
    )


def outlook_forward(tongue: Tongue, new: str, old: str) -> Layout:
    return outlook_web(tongue, new, old)


TONGUES_EN = TONGUES[0]

REPLIES: dict[str, Program] = {
    "Gmail": gmail,
    "Gmail, below": gmail_below,
    "Outlook": outlook,
    "Outlook, old": outlook_old,
    "Outlook on the web": outlook_web,
    "Outlook mobile": outlook_mobile,
    "Apple Mail": apple_mail,
    "iPhone": iphone,
    "Thunderbird": thunderbird,
    "Thunderbird, flowed": thunderbird_flowed,
    "Yahoo": yahoo,
    "Proton": proton,
    "GMX, web.de": gmx,
    "Samsung": samsung,
    "Notes": notes,
    "mutt": mutt,
    "between quotes": between,
}
FORWARDS: dict[str, Program] = {"Gmail, forwarded": gmail_forward, "Outlook, forwarded": outlook_forward}
