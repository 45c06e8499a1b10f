"""Divide a staff message into what the customer may read and what stays inside.

A private line begins with two slashes, whatever dresses it, also after a name or a label ("Carla: //"). It
keeps inside itself and what follows it up to the next blank line; as the first line of a message it keeps the
whole message inside. In doubt a line is private: what stayed inside can still be sent, what has left cannot
be taken back.
"""

import html
from typing import NamedTuple

import regex

# Characters that look like a slash, and those that look like two.
_SLASH = "/\uff0f\u2044\u2215\u29f8\u2571\u27cb\u2f03\U0001f67c"
_SLASHES = "\u2afd\u2afb"
_UNSEEN = r"\s\p{Z}\p{Cf}\p{Cc}\p{M}\p{Default_Ignorable_Code_Point}\u2800"

_TWO = rf"(?:[{_SLASHES}]|[{_SLASH}][{_UNSEEN}*_~`\\|]*[{_SLASH}])"
_SCHEMES = (
    "https?|ftps?|sftp|scp|file|s3|gs|ssh|git(?:\\+(?:ssh|https?))?|svn|wss?|tg|slack|whatsapp|fb-messenger"
    "|msteams|zoommtg|market|intent|itms(?:-apps|-services)?|smb|ldaps?|postgres(?:ql)?|mysql"
    "|mongodb(?:\\+srv)?|rediss?|amqps?|rtsp|rtmps?"
)
_DATES = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?|mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs(?:day)?)?|fri(?:day)?"
    "|sat(?:urday)?|sun(?:day)?|today|yesterday|at|[ap]\\.?m|utc|gmt"
)
# Words that say by themselves that what follows is for the staff; any others need a sign after them.
_LABELS = (
    "fyi|nb|cc|bcc|p\\.?s|btw|psst|notes?|notice|memo|remark|reminder|todo|aside|inside|staff|team|colleagues?"
    "|internal(?:ly)?|private(?:ly)?|confidential(?:ly)?|customers?|clients?|between us|off the record"
    "|(?:do not|don['’]t) send|kolleg(?:e|in|en|innen)|intern|privat|vertraulich|notiz|hinweis"
    "|kund(?:e|in|en)|unter uns|interne?|privée?|confidentiel(?:le)?|équipe|collègues?|entre nous"
    "|intern[oa]s?|privad[oa]|particular|confidencial|nota|equipo|equipe|entre nosotros|entre nós"
    "|clientes?|riservat[oa]|tra noi"
)
# A link is none of what may stand before the slashes. Of schemes that nobody knows, most are names or labels
# ("note://she complains"): one is a link when what follows looks like an address.
_LINK = rf"""
    (?i:{_SCHEMES}) [:\uff1a] {_TWO}
    | (?i:https?|ftps?) [{_UNSEEN}]* [:\uff1a] [{_UNSEEN}]* {_TWO} (?! [{_UNSEEN}] | $ )
    | [a-z] [a-z0-9+.-]{{1,30}} :// [^\s/?\#]* [./?\#=:@%&] \S
"""

# All that may stand before the slashes of a private line: signs, pictures and what nobody sees; a tag; a link
# with words; the name of an emoji or of a channel; whom the line mentions; numbers, dates and times; the
# letter of a list or of a ticked box.
_WORD = rf"(?:(?!{_TWO})[^\s@])"
_OF_A_NAME = r"(?: (?!\p{Ll}) | (?=\p{Ll}{1,3}(?!\p{L})) )"  # "Cruz", "de", "-", but no word of a sentence
_SIGN = rf"[^\p{{L}}\p{{Nd}}{_SLASH}{_SLASHES}]"
_MARK = rf"""
    :[a-z0-9_+'-]{{1,60}}: (?<! :(?:{_SCHEMES}): )
    | < [{_SLASH}@\#!]? \p{{L}} [^<>:{_SLASH}]{{0,80}} >
    | \[ [^\[\]]{{1,80}} \] \( [^()\s]{{1,300}} \) (?=[{_UNSEEN}:,])
    | \# {_WORD}{{1,80}} (?<!:) (?=[{_UNSEEN}:,])
    | (?: \p{{L}}{{1,10}} [{_UNSEEN},:]+ ){{0,2}} (?<![\p{{L}}\p{{Nd}}]) [@\uff20] {_WORD}{{1,80}}+
      (?: (?: [{_UNSEEN}]++ {_WORD}{{1,40}}+ ){{0,6}}?
        | (?: [{_UNSEEN}]++ {_OF_A_NAME} {_WORD}{{1,40}}+ ){{0,15}}? )
      [{_UNSEEN}]* (?= [@\uff20] | {_TWO} )
      (?<! \b(?:{_SCHEMES}): )
    | {_SIGN}
    | \p{{Default_Ignorable_Code_Point}}
"""
_NUMBER = rf"""
    \p{{Nd}}{{1,9}} (?: (?:st|nd|rd|th)\b | [{_SLASH}] (?=\p{{Nd}}) )?
    | (?i:\b(?:{_DATES})\b)
    | [\p{{L}}\p{{M}}]{{1,4}} [.)\]] (?=[{_UNSEEN}{_SLASH}{_SLASHES}])
"""
# Then up to four names or labels, such as "Carla:", "Hugo (he/him):" or "for the team -". Each is up to four
# words with a sign after them: without one nothing tells where a name ends ("Maya // Hugo"). One of the words
# above does tell, among up to eight ("cc Carla and Hugo").
_NAME = r"[\p{L}\p{M}\p{N}\p{Cf}]{1,40} (?: ['’._/-] [\p{L}\p{M}\p{N}\p{Cf}]{1,40} ){0,5}+"
_LABEL = rf"""
    (?!{_LINK}) {_NAME} (?: [{_UNSEEN}]++ (?!{_LINK}) {_NAME} ){{0,3}}+
    [{_UNSEEN}]*+ (?=\S) (?:{_MARK})++
"""
_TOLD = rf"""
    (?= (?: (?!{_TWO}) . ){{0,160}}? \b (?i:{_LABELS.replace(" ", "[ ]")}) \b )
    (?: (?!{_LINK}) {_NAME} (?: {_SIGN} | \p{{Default_Ignorable_Code_Point}} )++ ){{1,8}}+
"""
_PRIVATE = regex.compile(
    rf"""
    (?: {_MARK} | {_NUMBER} )*+
    (?: (?: {_LABEL} ){{0,4}}+ | {_TOLD} )
    {_TWO}
    """,
    regex.VERBOSE,
)
# Whatever dresses it, and whatever follows its name; a path with a second slash in it is none, nor is a price
# ("€/month").
_COMMAND = regex.compile(
    rf"""
    (?: [@\uff20] {_WORD}{{1,80}}+ [{_UNSEEN}] | \p{{Nd}}{{1,9}} [.)] [{_UNSEEN}] | {_MARK} )*+
    (?<![.\p{{Sc}}]) [{_SLASH}] \p{{L}} (?! \S* [{_SLASH}] [\p{{L}}\p{{N}}] )
    """,
    regex.VERBOSE,
)
_BLANK = regex.compile(rf"[{_UNSEEN}>]*")
_QUOTED = regex.compile(rf"[{_UNSEEN}]*>")
_FENCE = regex.compile(
    rf"(?:[{_UNSEEN}>*+-]|\p{{Nd}}{{1,9}}[.)])*+(?P<fence>`{{3,}}(?=[^`]*$)|~{{3,}})(?P<info>.*)"
)


class Divided(NamedTuple):
    """The two parts of a message; either may be empty."""

    public: str
    private: str


def divide(text: str) -> Divided:
    """Return what of a staff message may leave, tidied, and what stays inside.

    Without a private line the text is all public, and unchanged. A command to a program stays inside whole,
    for whatever program it was meant: typed with a slip, it would be a message like any other.
    """
    if is_command(text):
        return Divided("", text)
    lines = text.splitlines()
    read = [html.unescape(line) for line in lines]
    fences = _fences(read)
    inside = _private_lines(read, fences)
    if not any(inside):
        return Divided(text, "")
    if _begins_private(read, fences):
        return Divided("", text)
    return Divided(_tidy(lines, read, inside, kept=False), _tidy(lines, read, inside, kept=True))


def is_command(text: str) -> bool:
    """Return whether a message begins like a command to a program."""
    return _COMMAND.match(html.unescape(text)) is not None


def _begins_private(read: list[str], fences: list[int | None]) -> bool:
    """Return whether the first line is private; in a block it is the first one that the block shows."""
    shown = [n for n, line in enumerate(read) if not _BLANK.fullmatch(line)][:2]
    first = shown[:1] if fences[shown[0]] is None else shown
    return any(_PRIVATE.match(read[n]) for n in first)


def _private_lines(read: list[str], fences: list[int | None]) -> list[bool]:
    """Tell of each line whether it stays inside."""
    hidden = {fences[n] for n, line in enumerate(read) if _PRIVATE.match(line)} - {None}
    inside: list[bool] = []
    going_on = False  # a private line came before, and no blank line since
    for n, line in enumerate(read):
        fence = fences[n]
        if fence is None and _ends(read, n):
            going_on = False
        elif _PRIVATE.match(line) or fence in hidden:
            going_on = True
        elif going_on and fence is not None:
            hidden.add(fence)  # a block that follows a private line is not torn apart at a blank line in it
        inside.append(going_on)
    return inside


def _ends(read: list[str], n: int) -> bool:
    """A blank line ends what is private. An empty line of a quotation that ends there is no blank line: the
    connector for Slack closes quotations by it.
    """
    if not _BLANK.fullmatch(read[n]):
        return False
    closes_quotation = _QUOTED.match(read[n]) and n + 1 < len(read) and not _QUOTED.match(read[n + 1])
    return not closes_quotation or bool(_BLANK.fullmatch(read[n + 1]))


def _fences(read: list[str]) -> list[int | None]:
    """For each line the number of the line that opens its fenced block, or None outside of one."""
    fences: list[int | None] = []
    opened: int | None = None
    fence = ""
    for n, line in enumerate(read):
        found = _FENCE.match(line)
        if opened is None:
            if found is not None:
                opened, fence = n, found["fence"]
            fences.append(opened)
            continue
        fences.append(opened)
        closes = found is not None and found["fence"].startswith(fence) and not found["info"].strip()
        if closes:
            opened = None
    return fences


def _tidy(lines: list[str], read: list[str], inside: list[bool], *, kept: bool) -> str:
    """Join the lines of one part: its pieces as paragraphs, without the blank lines around them."""
    pieces: list[list[str]] = []
    before: bool | None = None
    for line, plain, hidden in zip(lines, read, inside, strict=True):
        if hidden is kept:
            if before is not kept:
                pieces.append([])
            blank = bool(_BLANK.fullmatch(plain))
            if pieces[-1] or not blank:
                pieces[-1].append(line)
        before = hidden
    texts = []
    for piece in pieces:
        while piece and _BLANK.fullmatch(html.unescape(piece[-1])):
            piece.pop()
        texts.append("\n".join(piece))
    return "\n\n".join(filter(None, texts))
