# ruff: noqa: E501 - tables and markup read better whole
"""Mails by what makes them hard to divide, each with what its author newly wrote.

pytest tests/connectors/email/reading/test_kinds.py -s      # how many are right, kind by kind
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from tests.connectors.email.reading.tongues import ADDRESS, TONGUES, WHO, Tongue

LANGUAGES = [tongue for tongue in TONGUES if tongue.code in ("en", "de", "fr", "es", "da")]

# What stands directly above an attribution, without a blank line.
WORDS = {
    "en": ("Yes", "Please close my account", "My new address:\nMaria Example\n12 Harbour Street\nBristol",
           "It arrived on 3 April 2023, in pieces", "Call me at 10:30", "Thanks!\nOn Monday", "Which one? The one of 5 May 2023\nor the other"),
    "de": ("Ja", "Bitte kündigen Sie mein Konto", "Meine neue Adresse:\nMaria Beispiel\nHafenstraße 12\n28195 Bremen",
           "Es kam am 3. April 2023 an, in Stücken", "Rufen Sie um 10:30 an", "Danke!\nAm Montag", "Welche? Die vom 5. Mai 2023\noder die andere"),
    "fr": ("Oui", "Merci de fermer mon compte", "Ma nouvelle adresse :\nMaria Exemple\n12 rue du Port\n33000 Bordeaux",
           "Il est arrivé le 3 avril 2023, en morceaux", "Appelez-moi à 10:30", "Merci !\nLe lundi", "Laquelle ? Celle du 5 mai 2023\nou l'autre"),
    "es": ("Sí", "Por favor, cierren mi cuenta", "Mi nueva dirección:\nMaría Ejemplo\nCalle del Puerto 12\n28001 Madrid",
           "Llegó el 3 de abril de 2023, en pedazos", "Llámenme a las 10:30", "¡Gracias!\nEl lunes", "¿Cuál? La del 5 de mayo de 2023\no la otra"),
    "da": ("Ja", "Luk venligst min konto", "Min nye adresse:\nMaria Eksempel\nHavnegade 12\n8000 Aarhus",
           "Den kom den 3. april 2023, i stykker", "Ring til mig kl. 10.30", "Tak!\nPå mandag", "Hvilken? Den fra 5. maj 2023\neller den anden"),
}  # fmt: skip
# What is written below a closing word and a name, or below two dashes: words, and no signature.
BELOW = {
    "en": ("my order number is 4711 and the model is 90-B", "Order number: 4711", "Please call me before noon.", "Can you do it today?", "2 lamps\n3 chairs"),
    "de": ("meine Bestellnummer ist 4711 und das Modell 90-B", "Bestellnummer: 4711", "Bitte rufen Sie mich vor zwölf an.", "Geht das noch heute?", "2 x Lampe\n3 x Stuhl"),
    "fr": ("mon numéro de commande est le 4711, le modèle 90-B", "Numéro de commande : 4711", "Appelez-moi avant midi, s'il vous plaît.", "C'est possible aujourd'hui ?", "2 lampes\n3 chaises"),
    "es": ("mi número de pedido es el 4711 y el modelo 90-B", "Número de pedido: 4711", "Por favor, llámenme antes de las doce.", "¿Puede ser hoy?", "2 lámparas\n3 sillas"),
    "da": ("mit ordrenummer er 4711, og modellen er 90-B", "Ordrenummer: 4711", "Ring venligst til mig før klokken tolv.", "Kan det blive i dag?", "2 lamper\n3 stole"),
}  # fmt: skip
SIGNATURES = (
    "Maria",
    "Maria Example\nExample Ltd",
    "Maria Example\nHead of Sales at Example Ltd\n12 Harbour Street, Bristol\nTel. +44 20 7946 0000\nwww.example.org",
    "M. Example\n+44 20 7946 0000\nwe make good things better, every day",
    "maria example",
    "Dr. Maria Beispiel\nGeschäftsführerin der Beispiel GmbH\nSitz der Gesellschaft: Bremen, Amtsgericht Bremen HRB 1234",
    "Maria Example\n\nThis message is confidential and intended only for its recipient.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    kind: str
    name: str
    raw: bytes
    new: str


def kinds() -> Iterator[Kind]:
    for tongue in LANGUAGES:
        yield from _attributions(tongue)
        yield from _standing(tongue)
        yield from _closings(tongue)
        yield from _pasted(tongue)
        yield from _styles(tongue)
        yield from _nothing_new(tongue)


def _plain(kind: str, name: str, text: str, new: str, *, answers: bool = True) -> Kind:
    return Kind(kind=kind, name=name, raw=mail(text, "plain", answers=answers), new=new)


def _html(kind: str, name: str, markup: str, new: str, *, answers: bool = True) -> Kind:
    return Kind(kind=kind, name=name, raw=mail(markup, "html", answers=answers), new=new)


def mail(text: str, subtype: str, *, answers: bool = True) -> bytes:
    reply = "In-Reply-To: <old@acme.example>\nSubject: Re: Invoice\n" if answers else "Subject: Invoice\n"
    head = f"From: Maria Example <maria@example.org>\nTo: {ADDRESS}\n{reply}Content-Type: text/{subtype}; charset=utf-8\n\n"
    return (head + text).replace("\n", "\r\n").encode()


def attributions(tongue: Tongue) -> dict[str, str]:
    """Return the attributions of a language: in one line, and as programs and relays fold them."""
    lines = {
        "Gmail": tongue.gmail,
        "Apple": tongue.apple,
        "Thunderbird": tongue.thunderbird,
    }
    found = {name: line.format(who=WHO, address=ADDRESS) for name, line in lines.items()}
    gmail = found["Gmail"]
    return {
        **found,
        "folded before <": gmail.replace(" <", "\n<"),
        "folded behind <": gmail.replace("<", "<\n"),
        "folded before >": gmail.replace(">", "\n>"),
        "folded before :": gmail.removesuffix(":").rstrip() + "\n:",
        "folded before who": gmail.replace(f" {WHO}", f"\n{WHO}"),
        "name first": f"{WHO} <{ADDRESS}> {NAME_FIRST[tongue.code]}",
    }


NAME_FIRST = {
    "en": "wrote on Wed, 5 Apr 2023 at 10:02:", "de": "schrieb am Mi., 5. Apr. 2023, 10:02:", "fr": "a écrit le mer. 5 avr. 2023 à 10:02 :",
    "es": "escribió el mié, 5 abr 2023 a las 10:02:", "da": "skrev den 5. apr. 2023 kl. 10.02:",
}  # fmt: skip


def _quoted(text: str, mark: str = "> ") -> str:
    return "\n".join((mark + line).rstrip() for line in text.split("\n"))


def _attributions(tongue: Tongue) -> Iterator[Kind]:
    old = _quoted(tongue.quoted)
    marked = f"<blockquote>{'<br>'.join(tongue.quoted.split(chr(10)))}</blockquote>"
    for name, line in attributions(tongue).items():
        for number, words in enumerate(WORDS[tongue.code]):
            title = f"{tongue.code} {name} {number}"
            folded = "folded" in name
            yield _plain(
                "words above" + (", folded" if folded else ""), title, f"{words}\n{line}\n{old}\n", words
            )
            yield _plain(
                "blank line above" + (", folded" if folded else ""),
                title,
                f"{words}\n\n{line}\n\n{old}\n",
                words,
            )
            if folded:
                continue
            rows, head = escape(words, quote=False).split("\n"), escape(line, quote=False)
            yield _html("words above, <br>", title, f"{'<br>'.join(rows)}<br>{head}<br>{marked}", words)
            divs = "".join(f"<div>{row}</div>" for row in rows)
            yield _html("words above, <div>", title, f"{divs}<div>{head}</div>{marked}", words)
            paragraphs = "".join(f'<p class="MsoNormal">{row}</p>' for row in (*rows, head))
            yield _html("words above, MsoNormal", title, paragraphs + marked, words)
            yield _html("words above, Spark", title, f'<div name="messageBodySection"><div dir="auto">{"<br>".join(rows)}</div></div><div name="messageReplySection">{head}<br><blockquote type="cite" style="border-left-color: grey; border-left-width: thin; border-left-style: solid; margin: 5px 5px; padding-left: 10px;">{tongue.quoted}</blockquote></div>', words)  # fmt: skip


def _standing(tongue: Tongue) -> Iterator[Kind]:
    """Attributions that other readers leave standing."""
    code, old, body = tongue.code, _quoted(tongue.quoted), tongue.body
    values = (f"{WHO} <{ADDRESS}>", tongue.date, "Maria Example <maria@example.org>", "Re: Invoice")
    block = "\n".join(f"{name}: {value}" for name, value in zip(tongue.outlook, values, strict=True))
    gmail = tongue.gmail.format(who=WHO, address=ADDRESS)
    for blank in ("\n", ""):
        title = f"{code} {'blank' if blank else 'direct'}"
        yield _plain(
            "GMT+02:00",
            title,
            f"{body}\n{blank}2016-10-24 15:36 GMT+02:00 {WHO} <{ADDRESS}>:\n\n{old}\n",
            body,
        )
        yield _plain(
            "GMT+02:00",
            f"{title} no address",
            f"{body}\n{blank}2016-10-24 15:36 GMT+02:00 {WHO}:\n\n{old}\n",
            body,
        )
        yield _plain(
            "without a colon", title, f"{body}\n{blank}{gmail.removesuffix(':').rstrip()}\n{old}\n", body
        )
        yield _plain("bars", title, f"{body}\n{blank}{gmail}\n{_quoted(tongue.quoted, '| ')}\n", body)
        yield _plain(
            "original, no rule",
            title,
            f"{body}\n{blank}{tongue.original}\n{block}\n\n{tongue.quoted}\n",
            body,
        )
        long = "we looked at it again this morning and found that the first of the two\nwas right."
        yield _plain("folded by a relay", title, f"{body}\n{blank}{gmail}\n> {long}\n{old}\n", body)
        yield _plain("folded by a relay", f"{title} last", f"{body}\n{blank}{gmail}\n{old}\n> {long}\n", body)
    if code == "fr":
        for mark in ("", "> "):
            head = f'Message du 05/04/23 10:02\nDe : "{WHO}" <{ADDRESS}>\nA : maria@example.org\nCopie à : \nObjet : Re: Invoice\n\n{tongue.quoted}'
            yield _plain("Message du", f"{code} {mark}", f"{body}\n\n{_quoted(head, mark)}\n", body)
    if code == "da":
        for rule in ("-----", "-------- ", ""):
            yield _plain(
                "Oprindelig besked",
                f"{code} {rule}",
                f"{body}\n\n{rule}Oprindelig besked{rule[::-1]}\n{block}\n\n{tongue.quoted}\n",
                body,
            )


def _closings(tongue: Tongue) -> Iterator[Kind]:
    body, closing = tongue.body, tongue.closing
    for number, below in enumerate(BELOW[tongue.code]):
        title = f"{tongue.code} {number}"
        for name in ("", "Maria\n\n"):
            text = f"{body}\n\n{closing}\n{name or chr(10)}{below}"
            yield _plain("below a closing", title + name.strip(), text + "\n", text, answers=False)
        yield _plain(
            "below two dashes", title, f"{body}\n--\n{below}\n", f"{body}\n--\n{below}", answers=False
        )
    for number, signature in enumerate(SIGNATURES):
        title = f"{tongue.code} {number}"
        yield _plain("signature", title, f"{body}\n\n{closing}\n{signature}\n", body, answers=False)
        yield _plain("signature", f"{title} --", f"{body}\n\n-- \n{signature}\n", body, answers=False)
        yield _plain(
            "signature",
            f"{title} both",
            f"{body}\n\n{closing}\nMaria\n\n-- \n{signature}\n",
            body,
            answers=False,
        )


def _pasted(tongue: Tongue) -> Iterator[Kind]:
    sender, date, to, subject = tongue.outlook
    short = f"{tongue.body}\n\n{sender}: Acme\n{to}: Maria\n{date}: 5/4\n{subject}: x\n\n{tongue.bottom}"
    values = (f"{WHO} <{ADDRESS}>", tongue.date, "Maria Example <maria@example.org>", "Invoice")
    whole = "\n".join(f"{name}: {value}" for name, value in zip(tongue.outlook, values, strict=True))
    text = f"{tongue.body}\n\n{whole}\n\n{tongue.bottom}"
    yield _plain("pasted labels", tongue.code, short + "\n", short, answers=False)
    yield _plain("pasted labels", f"{tongue.code} whole", text + "\n", text, answers=False)
    yield _plain("pasted labels", f"{tongue.code} in a reply", short + "\n", short)
    rows = "".join(f"<div>{escape(row) or '<br>'}</div>" for row in short.split("\n"))
    yield _html("pasted labels", f"{tongue.code} HTML", rows, short, answers=False)


def _styles(tongue: Tongue) -> Iterator[Kind]:
    first, second = tongue.body.split("\n")
    for size in ("0", "0px", "0;line-height:0", "0px !important"):
        shown = f'<table><tr><td style="font-size:{size};padding:0"><div style="font-size:20px">{first}</div></td></tr></table>'
        yield _html("font-size:0", f"{tongue.code} {size}", shown, first, answers=False)
    unseen = (
        f'<div style="font-size:0px">{second}</div><p>{first}</p><span style="FONT-SIZE: 0px">{second}</span>'
    )
    yield _html("font-size:0", f"{tongue.code} unseen", unseen, first, answers=False)
    deep = f'<div style="font-size:0"><div>{second}<table><tr><td><font style="font-size:12pt">{first}</font></td></tr></table></div></div>'
    yield _html("font-size:0", f"{tongue.code} deep", deep, first, answers=False)
    for style in (
        "text-decoration:line-through",
        "text-decoration: underline line-through red",
        "text-decoration-line:line-through",
    ):
        yield _html(
            "struck out",
            f"{tongue.code} {style} span",
            f'<p>{first}</p><p><span style="{style}">{second}</span></p>',
            f"{first}\n\n~~{second}~~",
        )
        yield _html(
            "struck out",
            f"{tongue.code} {style} li",
            f'<ul><li style="{style}">{first}</li><li>{second}</li></ul>',
            f"- ~~{first}~~\n- {second}",
        )
        yield _html(
            "struck out",
            f"{tongue.code} {style} div",
            f'<div style="{style}"><p>{first}</p><p>{second}</p></div>',
            f"~~{first}~~\n\n~~{second}~~",
        )
        yield _html(
            "struck out",
            f"{tongue.code} {style} both",
            f'<p><s style="{style}">{first}</s></p>',
            f"~~{first}~~",
        )
    yield from _sheets(tongue, first, second)
    for style in (
        "margin:0 0 0 40px;border:none;padding:0px",
        "margin: 0px 0px 0px 40px; border: none; padding: 0px;",
    ):
        for classes in ("", ' class="gmail_quote"', ' class="webkit-indent-blockquote"'):
            markup = f'<div dir="ltr">{first}<blockquote{classes} style="{style}"><div>{second}</div></blockquote></div>'
            yield _html("indented", f"{tongue.code} {classes}", markup, f"{first}\n{second}")
            yield _html(
                "indented", f"{tongue.code} {classes} alone", markup, f"{first}\n{second}", answers=False
            )


def _sheets(tongue: Tongue, first: str, second: str) -> Iterator[Kind]:
    """Hidden and struck out by a class."""
    for number, sheet in enumerate(
        (
            ".gone{display:none}",
            "p{margin:0}\n.a, div.gone , .b { color:red; DISPLAY : none !important }",
            "@import url(x.css); .gone{visibility:hidden}",
            "/* .gone{display:block} */ .gone{display:none;mso-hide:all}",
        )
    ):
        shown = f'<html><head><style type="text/css">{sheet}</style></head><body><div class="x gone">{second}<b>!</b></div><p>{first}</p></body></html>'
        yield _html("hidden by a class", f"{tongue.code} {number}", shown, first, answers=False)
    for number, sheet in enumerate(
        (
            "@media (max-width:600px){.gone{display:none}}",
            ".gone{display:none} .gone{display:block}",
            ".menu .gone{display:none}",
            ".gone:hover{display:none}",
            ".other{display:none}",
            "</style><style>.gone{display:none",
        )
    ):
        shown = f'<style>{sheet}</style><div class="gone">{second}</div><div>{first}</div>'
        yield _html(
            "shown in spite of a class", f"{tongue.code} {number}", shown, f"{second}\n{first}", answers=False
        )
    own = f'<style>.gone{{display:none}}</style><div class="gone" style="display:block">{second}</div><div>{first}</div>'
    yield _html("shown in spite of a class", f"{tongue.code} own", own, f"{second}\n{first}", answers=False)
    alone = f'<style>.gone{{display:none}}</style><div class="gone">{second}</div>'
    yield _html("shown in spite of a class", f"{tongue.code} alone", alone, second, answers=False)
    for sheet in (
        ".out{text-decoration:line-through}",
        "span.out{text-decoration : underline line-through red}",
    ):
        struck = f'<style>{sheet}</style><p>{first}</p><p><span class="out">{second}</span></p>'
        yield _html("struck out by a class", f"{tongue.code} {sheet}", struck, f"{first}\n\n~~{second}~~")


def _nothing_new(tongue: Tongue) -> Iterator[Kind]:
    """Only a quote: nothing is new, and nothing may be made of it."""
    for name, line in attributions(tongue).items():
        yield _plain("only a quote", f"{tongue.code} {name}", f"{line}\n{_quoted(tongue.quoted)}\n", "")
