"""Recognize customers who ask for the number of a conversation, for its state, or for a copy of it.

A text is such a question only if all its words belong to such questions, in one of five languages, and the
essential ones are there. So numbers of orders, invoices, phones and cards among other words do not count, and
a text that says anything more goes to whoever answers.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.core.events import AttachmentKind, Event, Said, SenderRole
from orgs.answering.formulas import unsigned
from orgs.answering.tokens import words
from orgs.answering.vocabulary import each

_LONGEST: Final = 300  # characters of such a question


class CaseNumberRequest(StrEnum):
    NUMBER = "number"  # the number of this conversation
    STATUS = "status"  # the state of the conversation with this number
    COPY = "copy"  # a copy of the customer's messages


@dataclass(frozen=True, slots=True)
class Ask:
    """The request of a customer, and the number of the conversation. None: this conversation."""

    wanted: CaseNumberRequest
    number: int | None = None


_EXACT: Final = re.compile(r"(?<![\w#/.-])#\s?([1-9]\d{3})[-‐‑–](\d{2,8})(?![\w/-])", re.ASCII)
_LOOSE: Final = re.compile(r"(?<![\w#/.,+-])#?\s?([1-9]\d{3})[-‐‑– ]?(\d{2,4})(?![\w/-]|[.,:]\d)", re.ASCII)
_DIGIT: Final = re.compile(r"\d")

_CASE: Final = frozenset(
    each(
        """
case cases ticket tickets conversation chat enquiry inquiry
fall falls vorgang vorgangs anfrage gesprach gesprachs unterhaltung
dossier dossiers demande discussion
caso casos expediente incidencia conversacion
chamado chamados protocolo atendimento conversa
"""
    )
)
_NUMBER: Final = frozenset(each("number numbers no nr num nummer numero numeros id n"))
_NUMBER_OF_CASE: Final = frozenset(
    each("casenumber ticketnumber caseid ticketid fallnummer ticketnummer vorgangsnummer gesprachsnummer")
)
_SEND: Final = frozenset(
    each(
        """
send give email mail forward provide get want need receive request have download export
schick schicke schicken sende senden mail mailen gib geben brauche mochte will hatte wunsche
envoie envoyer envoyez donne donner donnez veux voudrais jaimerais souhaite besoin recevoir
envia enviar envie enviame envieme manda mande mandame mandeme dame deme quiero quisiera necesito recibir
mandar preciso gostaria quero receber
"""
    )
)
# Verbs without "want" and "need": "I want this conversation" alone does not ask for a copy.
_SENDS: Final = frozenset(
    each(
        """
send email forward provide schick schicke schicken sende senden mailen envoie envoyer envoyez envia
enviar envie
enviame envieme manda mande mandame mandeme mandar download export
"""
    )
)
_COPY: Final = frozenset(
    each(
        """
copy transcript transcription export record log history
kopie abschrift protokoll chatprotokoll verlauf chatverlauf gesprachsverlauf
copie transcription historique lhistorique
copia transcripcion historial
transcricao historico
"""
    )
)
_TALK: Final = frozenset(
    each(
        """
conversation conversations chat chats messages correspondence
unterhaltung gesprach gesprachs gespraches gesprache nachrichten chatverlauf gesprachsverlauf
chatprotokoll
echange echanges discussion messages
conversacion conversaciones mensajes
conversa conversas mensagens
"""
    )
)
# "Everything that I wrote": all of it, and that it was written.
_ALL: Final = frozenset(each("all everything alles allem tout todo tudo"))
_WROTE: Final = frozenset(
    each(
        """
wrote written typed said geschrieben schrieb gesagt getippt ecrit ecrite ecris dit
escribi escrito dije dicho escrevi disse digitei
"""
    )
)
_MINE: Final = frozenset(
    each(
        """
my our mine this
meinem meinen unsere unserer unseres unser unserem meine meiner meines mein dieses dieser diese
notre nos mon ma mes cette ce mi mis nuestra nuestro nuestras nuestros esta este
minha minhas meu meus nossa nosso nossas esta este desta deste desse dessa
"""
    )
)
_AROUND: Final = frozenset(
    each(
        """
what whats which is the a an status state of for on about with to as it its i id im me you we us how are
things
going where do does can could would will may please pls plz tell show let know like ask asking check
checking
look any some news update updates now still open closed here and or has there been happening up in by at
everything all written said file
hi hello hey dear good morning afternoon evening day thanks thank many kind best warm regards sincerely
cheers
forgot lost dont remember team everyone
was ist der die das den dem des ein eine einen einer wie lautet welche welches steht stand um es mit von
vom zu
zum zur fur im in ich mir sie du uns bitte konnen konnten kannst konntest wurde wurden gern gerne sagen
nennen
wissen gibt neues neuigkeiten aktuell aktuelle aktueller sachstand noch offen geschlossen hier und oder
alle
alles hallo guten tag morgen abend moin danke vielen dank viele grusse gruss freundlichen freundliche
liebe
vergessen habe aus sehen sieht nach fragen geehrte damen herren status
sil jaimerais dun dune letat lavancement nest qu quel quelle est le la les l un une de du des d en ou
statut etat avancement sur pour avec svp sil vous te plait
pouvez peux pourriez pourrais me m moi dire j ai je savoir connaitre y a t il nouvelles quelles sont
encore
ouvert ferme clos cest qu que toute tous toutes et oublie perdu bonjour bonsoir salut merci beaucoup
cordialement
bien madame monsieur
cual es el los las del al estado estatus situacion como va por favor puede puedes podria podrias pueden
decirme
decir saber conocer hay novedades alguna noticia noticias sobre que aun abierto cerrado se toda todas
todo todos
he olvidado perdido hola buenos dias buenas tardes noches gracias muchas saludos cordiales un una su y o
yo le
qual e os as do da dos das um uma andamento pode podem poderia me dizer ha novidade ainda aberto fechado
no na
toda todas todo todos esqueci perdi ola oi bom dia boa tarde noite obrigado obrigada muito cumprimentos
pra para
eu sobre pelo
"""
    )
)
_WHERE: Final = (
    _AROUND | _CASE | _NUMBER | _NUMBER_OF_CASE | _MINE | _SEND - frozenset(each("export log record"))
)
_WHAT: Final = _WHERE | _COPY | _TALK | _SEND | _ALL | _WROTE | frozenset(each("ive jai jen en lo"))


def asked(text: str, name: str = "") -> Ask | None:
    """Return what the text asks for, or None if it says anything else or more. `name` is the writer's."""
    if len(text) > _LONGEST:
        return None
    text = unsigned(unicodedata.normalize("NFKC", text), name)
    exact = _EXACT.search(text)
    found = exact or _LOOSE.search(text)
    rest = text.replace(found[0], " ", 1) if found else text
    if _DIGIT.search(rest):
        return None
    said = set(words(rest)) - set(words(name))
    number = int(found[1] + found[2]) if found else None
    of_case = not said.isdisjoint(_CASE | _NUMBER_OF_CASE)
    if found and not exact and not of_case:
        return None
    if said <= _WHAT and _wants_copy(said, numbered=found is not None):
        return Ask(CaseNumberRequest.COPY, number)
    if not said <= _WHERE:
        return None
    if found:
        return Ask(CaseNumberRequest.STATUS, number)
    named = not said.isdisjoint(_NUMBER_OF_CASE) or (of_case and not said.isdisjoint(_NUMBER - {"no"}))
    return Ask(CaseNumberRequest.NUMBER) if named else None


def _wants_copy(said: set[str], *, numbered: bool) -> bool:
    """Return whether the words ask for a copy of the conversation, as in "send me my messages"."""
    wrote = not (said.isdisjoint(_ALL) or said.isdisjoint(_WROTE))
    talk = numbered or wrote or not said.isdisjoint(_TALK | _CASE)
    asks = not said.isdisjoint(_SEND)
    mine = wrote or not said.isdisjoint(_MINE)
    if "dont" in said:
        return False
    if not said.isdisjoint(_COPY):
        return talk and (asks or mine)
    words = wrote or not said.isdisjoint(_TALK - {"chat", "chats"})
    return mine and words and not said.isdisjoint(_SENDS)


def ask_of(event: Event, name: str) -> Ask | None:
    """Return what a customer's event asks for, or None.

    Ignore automatic messages and messages with files. Ignore mails from an unverified sender: people read
    those.
    """
    content = event.content
    if event.sender_role is not SenderRole.CUSTOMER or event.automatic:
        return None
    if not isinstance(content, Said) or any(
        a.kind is not AttachmentKind.ORIGINAL for a in content.attachments
    ):
        return None
    if event.returns is not None and not event.returns.verified:
        return None
    return asked(content.text, name)
