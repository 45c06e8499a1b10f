"""Recognize an emoji reaction, which some mail programs send as a mail of its own.

Gmail adds a part that says so (https://developers.google.com/workspace/gmail/reactions/format), RFC 9078 a
disposition. Outlook only writes a sentence, in the language of the person who reacted.
"""

import json
import re

from connectors.email.reading.decoding import decode
from connectors.email.reading.structure import MimePart

_GMAIL = "text/vnd.google.email-reaction+json"
_USUAL = "👍"
_MAX_EMOJI = 32  # characters: a flag or a family has several
_MAX_SENTENCE = 200
_SENTENCE = re.compile(
    r"(?P<emoji>[^\w\s\[\]]{1,16})?\s*(?:\[[^\[\]]{0,40}\]\s*)?\S.{0,100}?\s?"
    r"(?:reacted to your (?:message|e-?mail)"
    r"|hat auf (?:Ihre|deine) (?:Nachricht|E-Mail) reagiert|a réagi à votre (?:message|e-?mail)"
    r"|(?:ha reaccionado|reaccionó) a (?:su|tu) (?:mensaje|correo)|ha reagito al (?:tuo|suo) messaggio"
    r"|reagiu à (?:sua|tua) mensagem|heeft (?:op uw|op je) bericht gereageerd|har reagerat på ditt meddelande"
    r"|reagerede på din (?:meddelelse|besked)|reagerte på meldingen din|zareagował\(?a?\)? na (?:Twoją|Twoja)"
    r" wiadomość|さんがあなたのメッセージにリアクション(?:を付け|し)ました|对你的邮件做出了反应)\s?[:.]?",
    re.I,
)


def reaction(root: MimePart, new: str) -> str:
    """Return the emoji of a mail that is only a reaction, or "" for any other mail.

    `new` is what its author wrote.
    """
    for node in root.walk():
        if node.mime == _GMAIL and node.disposition != "attachment":
            return _named(node.decoded()) or _USUAL
        if node.disposition == "reaction":
            return decode(node.decoded()[:200], node.params.get("charset")).strip()[:_MAX_EMOJI] or _USUAL
    words = " ".join(new.split())
    found = _SENTENCE.fullmatch(words) if len(words) <= _MAX_SENTENCE else None
    return "" if found is None else found["emoji"] or _USUAL


def _named(data: bytes) -> str:
    try:
        said = json.loads(data[:1_000])
        return str(said["emoji"])[:_MAX_EMOJI] if isinstance(said, dict) and "emoji" in said else ""
    except (ValueError, RecursionError):
        return ""
