"""Divide a staff message into what the customer may read and what stays inside.

A private line begins with two slashes, whatever formatting surrounds them, also after a name, a label, a date
or an address ("Carla: //"). It keeps itself inside, what follows it up to the next blank line, and the whole
block of code in which it stands. As the first line of a message it keeps the whole message inside. In doubt a
line is private: what stayed inside can still be sent, what has left cannot be taken back.
"""

import html
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import regex
from babel import Locale

from orgs.translations import SHIPPED

_BEGINNING = 4000  # characters of a line in which its slashes are looked for
# Characters that look like a slash, and those that look like two.
_SLASH = "/\uff0f\u2044\u2215\u29f8\u2571\u27cb\u2f03\u1735\u2041\u3033\u31d3\U0001d23a\U0001f67c"
_SLASHES = "\u2afd\u2afb"
_UNSEEN = r"\s\p{Z}\p{Cf}\p{Cc}\p{M}\p{Default_Ignorable_Code_Point}\u2800"

_TWO = rf"(?:[{_SLASHES}]|[{_SLASH}][{_UNSEEN}*_~`\\|]*[{_SLASH}])"
_SCHEMES = (
    "https?|ftps?|sftp|scp|file|s3|gs|ssh|git(?:\\+(?:ssh|https?))?|svn|wss?|tg|slack|whatsapp|fb-messenger"
    "|msteams|zoommtg|market|intent|itms(?:-apps|-services)?|smb|ldaps?|postgres(?:ql)?|mysql"
    "|mongodb(?:\\+srv)?|rediss?|amqps?|rtsp|rtmps?"
)
_LANGUAGES = tuple(Locale(language) for language in (*SHIPPED, "it", "nl"))


def _calendar(width: str) -> str:
    """Return the names of months and days of the languages that staff write, as alternatives."""
    names = {
        name.rstrip(".")
        for locale in _LANGUAGES
        for kind in (locale.months, locale.days)
        for context in kind.values()
        for name in context[width].values()
    }
    return "|".join(regex.escape(name) for name in sorted(names, key=len, reverse=True))


# Short names are ordinary words in other languages ("out", "man"), so they are dates only beside a number.
_DATES = (
    f"{_calendar('wide')}|sept?|mon|tues?|wed|thurs?|fri"
    "|today|yesterday|tomorrow|tonight|noon|midnight|heute|gestern|morgen|mittags?|mitternacht"
    "|aujourd['’]hui|hier|demain|midi|minuit|hoy|ayer|mañana|hoje|ontem|amanhã|oggi|ieri|domani|vandaag"
    "|at|[ap]\\.?m|utc|gmt|ces?t|mesz?|uhr|heures?|horas?|o['’]clock"
)
_BESIDE_NUMBERS = _calendar("abbreviated")
_BEFORE_DATES = (
    "on|by|to|and|between|week|und|zwischen|kw|since|from|until|till|the|of|am|um|den|der|dem|vom|von|ab|seit|bis|gegen|le|la|à|au|du|de|des|dès|vers"
    "|les|el|a|las|los|em|às|as|do|da|das|no|na|il|alle|ore|di|del|op|om|van"
)
_NEVER = "do not|don t|dont|must not|mustn t|should not|shouldn t|never|not|nicht|ne pas|pas|no|não|nao|non"
# Words that by themselves mark what follows as for the staff. Any other word needs a sign after it.
_LABELS = (
    "fyi|nb|cc|bcc|p\\.?s|btw|psst|hush|shh+|tl dr|notes?|notice|memo|remark|reminder|todo|aside|inside|staff"
    "|team|colleagues?"
    "|internal(?:ly)?|private(?:ly)?|confidential(?:ly)?|secret(?:ly)?|sensitive|restricted|in confidence"
    "|customers?|clients?|between (?:us|you|ourselves)|off the record|(?:your|our|my|their) (?:own )?eyes"
    "|eyes only|keep (?:this|that|it|to)"
    "|(?:not|only) for (?:the|her|him|them|us|you|me|any(?:body|one)|every(?:body|one))"
    f"|for (?:us|you|me|the record|later)(?=\\W{{0,9}}[{_SLASH}{_SLASHES}])|for (?:us|you|me) only"
    f"|(?:{_NEVER}) (?:\\p{{L}}{{1,12}} ){{0,2}}(?:send|sent|tell|told|say|said|shared?|mention|show|forward"
    "|quote|reply|answer|write|copy|paste|post|publish|disclose|reveal|repeat|leak|read|let|pass|use|include|senden|schicken"
    "|sagen|zeigen|weitergeben|erwähnen|weiterleiten|envoyer|dire|montrer|partager|transmettre|enviar|mandar"
    "|decir|dizer|contar|mostrar|compartir|partilhar|compartilhar|inviare|mandare|dire|mostrare)"
    "|nur für|nicht für|(?:pas|seulement|uniquement|juste|que) pour|(?:s[oó]lo|no) para"
    "|(?:só|apenas|não) para|(?:solo|non) per|geheim|streng"
    "|kolleg(?:e|in|en|innen)|intern|privat|vertraulich|notiz|hinweis"
    "|kund(?:e|in|en)|unter uns|interne?|privée?|confidentiel(?:le)?|équipe|collègues?|entre nous"
    "|intern[oa]s?|privad[oa]|particular|confidencial|nota|equipo|equipe|entre nosotros|entre nós"
    "|clientes?|riservat[oa]|tra noi"
    "|внутренн\\p{L}+|заметка|примечание|только для|не (?:для|отправлять|говорить)|между нами"
    "|内部|内线|机密|保密|注|备注|備註|備考|社内|内緒|極秘|メモ|내부|메모|참고|비밀"
)
# The slashes of a link make no line private. Unknown schemes are mostly names or labels ("note://she
# complains"): they begin a link only when what follows looks like an address.
_ADDRESS = r"[^\s/?\#]* [./?\#=:@%&] \S"
_LINK = rf"""
    (?i:https?|ftps?) [:\uff1a] {_TWO}
    | (?i:{_SCHEMES}) [:\uff1a] {_TWO} (?! [{_UNSEEN}] | $ )
    | (?i:https?|ftps?) [{_UNSEEN}]* [:\uff1a] [{_UNSEEN}]* {_TWO} (?! [{_UNSEEN}] | $ )
    | [a-z] [a-z0-9+.-]{{1,30}} :// {_ADDRESS}
"""

# All that may stand before the slashes of a private line: signs, pictures and invisible characters; a tag;
# a link with a label; the name of an emoji or of a channel; a mention; numbers, dates and times; the letter
# of a list or of a ticked box; an email or web address.
_WORD = rf"(?:(?!{_TWO})[^\s@])"
_OF_A_NAME = r"(?: (?!\p{Ll}) | (?=\p{Ll}{1,3}(?!\p{L})) )"  # "Cruz", "de", "-", but no word of a sentence
_SIGN = rf"[^\p{{L}}\p{{Nd}}{_SLASH}{_SLASHES}]"
_MARK = rf"""
    (?<![\p{{L}}\p{{Nd}}]) :[a-z0-9_+'-]{{1,60}}:
        (?! (?<= :(?:{_SCHEMES}): ) {_TWO} (?![{_SLASH}]) {_ADDRESS} )
    | < [{_SLASH}@\#!]? (?!{_LINK}) \p{{L}} [^<>]{{0,300}} >
    | \[ (?: [^\[\]\\] | \\. ){{0,80}} \] \( [^()]{{1,300}} \) (?=[{_UNSEEN}{_SLASH}{_SLASHES}:,])
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
    \p{{Nd}}{{1,9}} (?:
        (?: (?i:st|nd|rd|th|[eo]|er|re|[ap]m?|hs?|z) | \p{{Lo}} ) (?!\p{{L}}) | (?i:t) (?=\p{{Nd}})
        | [{_SLASH}] (?=\p{{Nd}}) )?
    | (?i: \b[tw]) (?=\p{{Nd}})
    | (?i: (?: \b(?:{_BEFORE_DATES})\b [{_UNSEEN}]++ ){{0,3}}
        (?: (?: \b | (?<=\p{{Nd}}) ) (?:{_DATES.replace(" ", "[ ]")}) \b
          | (?<= \p{{Nd}} [\s.,-]{{0,3}} ) (?:{_BESIDE_NUMBERS}|h|hrs?|min) \b
          | \b (?:{_BESIDE_NUMBERS}) (?= [\s.,-]{{1,3}} \p{{Nd}} ) ) )
    | (?i: (?: \b(?:{_BEFORE_DATES})\b [{_UNSEEN}]++ ){{1,3}} ) (?=\p{{Nd}})
    | [\p{{L}}\p{{M}}]{{1,4}} [.)\]] (?=[{_UNSEEN}{_SLASH}{_SLASHES}])
"""
_DOMAINS = (
    "com|org|net|info|biz|eu|de|fr|es|pt|it|nl|be|at|ch|uk|br|pl|us|ca|io|co|ai|app|dev|shop|example|test"
)
_AT = rf"""
    {_WORD}{{1,64}} @ {_WORD}{{1,255}}
    | < [^<>\s]{{1,2000}} >
    | (?:{_LINK}) \S* (?=[{_UNSEEN}])
    | (?: [\p{{L}}\p{{N}}-]{{1,63}}+ \. ){{1,8}}
      (?: \p{{L}}{{2,24}} (?=/) | (?i:{_DOMAINS}) \b ) (?: [/:] {_WORD}{{0,300}}+ )? (?=[{_UNSEEN}])
"""
# Then names or labels, such as "Carla:", "Hugo (he/him):" or "for the team -". Each is up to four words, and
# more for a name, with a sign after them: without a sign nothing shows where a name ends ("Maya // Hugo").
# With one of `_LABELS` no sign is needed after up to eight words ("cc Carla and Hugo"), or more and a colon.
_LETTERS = r"[\p{L}\p{M}\p{N}\p{Cf}]{1,40}"
_NAME = rf"{_LETTERS} (?: (?!{_TWO}) ['’._/-] {_LETTERS} ){{0,5}}+"
_LABEL = rf"""
    (?!{_LINK}) {_NAME} (?: [{_UNSEEN}]++ (?!{_LINK}) {_NAME} ){{0,3}}+
    (?: [{_UNSEEN}]++ (?!{_LINK}) {_OF_A_NAME} {_NAME} ){{0,8}}+
    [{_UNSEEN}]*+ (?=\S) (?:{_MARK})++
"""
_TOLD_BY = _LABELS.replace(" ", r"[^\p{L}\p{N}]{1,8}")
_OF_A_LABEL = rf"(?!{_LINK}) {_NAME} (?: {_MARK} )"
_TOLD = rf"""
    (?= (?: (?!{_TWO}) . ){{0,160}}? \b (?i:{_TOLD_BY}) \b )
    (?: (?: {_OF_A_LABEL}++ ){{0,7}} (?!{_LINK}) {_NAME} [{_UNSEEN}]*+ (?={_TWO})
      | (?: {_OF_A_LABEL}++ ){{1,8}}
      | (?: {_OF_A_LABEL}++ ){{9,40}}? (?<= [:\uff1a–—>|\])}}-] [{_UNSEEN}]* ) (?: {_OF_A_LABEL}++ ){{0,2}}+ )
"""
# For whom the line is: one of these words, and up to three more.
_ADDRESSED = (
    "for|to|only|just|keep|fao|attn|attention|warning|careful|heads|edit(?:ed)?|update|stop|whisper|offline|oob"
    "|sidenote|background|context|an|für|nur|zur|unter|achtung|pour|attention|para|solo|sólo|só|atención|atenção"
)
_FOR_WHOM = rf"""
    (?i: \b(?:{_ADDRESSED})\b ) (?: [{_UNSEEN}]++ [\p{{L}}\p{{M}}'’.-]{{1,40}}+ ){{0,3}}
    [{_UNSEEN}]*+ (?={_TWO})
"""
# When it was written, and by whom, in any order. A number alone may be a price, and is no date.
_MOMENT = rf"""
    (?= (?: (?!{_TWO}) . ){{0,40}}?
        (?: \p{{Nd}} (?: [:\uff1a] \p{{Nd}}\p{{Nd}} | [./-] \p{{Nd}}{{1,2}} [./-] \p{{Nd}}
            | [{_UNSEEN}]? (?i:h(?:\p{{Nd}}\p{{Nd}})?|[ap]m)\b
            | [\s.,-]{{0,3}} (?i:{_BESIDE_NUMBERS}) \b | [年月日時时点點년월일시] )
          | (?i:\b(?:{_DATES})\b) | (?i:\b(?:{_BESIDE_NUMBERS})) [\s.,-]{{1,3}} \p{{Nd}} ) )
    (?: {_NUMBER} | {_MARK} )++
"""
_THEN = rf"(?: {_MOMENT} | {_AT} | {_LABEL} | {_MARK} ){{0,9}}+"
# Each part is defined once and called by name: a pattern that repeats them takes seconds to compile.
_PRIVATE = rf"""
    (?(DEFINE) (?P<then>{_THEN}) (?P<told>{_TOLD}) )
    (?= .*? {_TWO} )
    (?: {_AT} | {_MARK} | {_NUMBER} )*+
    (?: (?&then) (?: {_FOR_WHOM} )?+ | (?&told) (?&then) | (?&then) (?&told) (?&then) )
    {_TWO}
"""
# A command, whatever formatting surrounds it and whatever follows its name. A path with a second slash is
# none, nor is a price ("€/month").
_COMMAND = rf"""
    (?: [@\uff20] (?![{_SLASH}]) {_WORD}{{1,80}}+ [{_UNSEEN}] | \p{{Nd}}{{1,9}} [.)] [{_UNSEEN}] | {_MARK} )*+
    (?<![.\p{{Sc}}]) [{_SLASH}] @? \p{{L}} (?! \S* [{_SLASH}] [\p{{L}}\p{{N}}] )
"""
_BLANK = regex.compile(rf"[{_UNSEEN}>]*")
_QUOTED = regex.compile(rf"[{_UNSEEN}]*>")
_LINKED = regex.compile(r"\[(?P<label>(?:[^\[\]\\]|\\.){1,300})\]\([^()\n]{0,2000}\)")
_ANY_SLASH = regex.compile(rf"[{_SLASH}{_SLASHES}]")
_ESCAPED = regex.compile(r"\\([!-/:-@\[-`{-~])")
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_FENCE = regex.compile(
    rf"(?:[{_UNSEEN}>*+-]|\p{{Nd}}{{1,9}}[.)])*+(?P<fence>`{{3,}}(?=[^`]*$)|~{{3,}})(?P<info>.*)"
)
_INDENTED = regex.compile(r"(?:> ?)*(?: {4}|\t)\s*\S")
_RUN = regex.compile(r"~{3,}|`{3,}|(?<![\w`])`{1,2}(?!`)|(?<!`)`{1,2}(?![\w`])")


class Divided(NamedTuple):
    """The two parts of a message; either may be empty."""

    public: str
    private: str


def divide(text: str) -> Divided:
    """Return the part of a staff message that may leave, tidied, and the part that stays inside.

    Without a private line the whole text is public, and unchanged. A command to a program stays inside as a
    whole, even a misspelled one: otherwise it would leave like any other message.
    """
    if is_command(text):
        return Divided("", text)
    lines = text.splitlines()
    read = [html.unescape(line) for line in lines]
    inside = _private_lines(read)
    if not any(inside):
        return Divided(text, "")
    if _begins_private(read):
        return Divided("", text)
    return Divided(_tidy(lines, read, inside, kept=False), _tidy(lines, read, inside, kept=True))


def is_command(text: str) -> bool:
    """Return whether a message begins like a command to a program."""
    read = html.unescape(text)
    if _ANY_SLASH.search(read) is None:
        return False
    return any(_compiled(_COMMAND).match(reading) for reading in _readings(read))


def _readings(line: str) -> Iterator[str]:
    """Yield the ways to read a line: as written, without escapes, and as shown to a reader.

    As shown, a link is its label, and invisible characters are gone.
    """
    plain = _ESCAPED.sub(r"\1", line)
    shown = _INVISIBLE.sub("", _ESCAPED.sub(r"\1", _LINKED.sub(lambda link: link["label"], line)))
    yield from {line, plain, " ".join(shown.split())}


def _is_private(line: str) -> bool:
    if _ANY_SLASH.search(line) is None:
        return False
    return any(_compiled(_PRIVATE).match(reading, endpos=_BEGINNING) for reading in _readings(line))


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    """Compile a pattern when it is first needed: both together take half a second and 40 MB, which a process
    that reads no words of staff does not spend.
    """
    return regex.compile(pattern, regex.VERBOSE)


def _begins_private(read: list[str]) -> bool:
    """Return whether the first line is private. A block of code begins with the first line inside it."""
    shown = [line for line in read if not _BLANK.fullmatch(line)][:2]
    return any(map(_is_private, shown if _FENCE.match(shown[0]) else shown[:1]))


def _private_lines(read: list[str]) -> list[bool]:
    """Return for each line whether it stays inside."""
    private = [_is_private(line) for line in read]
    if not any(private):
        return private
    blocks = _blocks([_ESCAPED.sub(r"\1", line) for line in read])
    hidden = {blocks[n] for n, one in enumerate(private) if one} - {None}
    inside: list[bool] = []
    going_on = False  # whether a private line came before, and no blank line since
    for n, block in enumerate(blocks):
        if block is None and _ends(read, n):
            going_on = False
        elif private[n] or block in hidden:
            going_on = True
        elif going_on and block is not None:
            hidden.add(
                block
            )  # a block after a private line stays inside whole, in spite of blank lines in it
        inside.append(going_on)
    return inside


def _ends(read: list[str], n: int) -> bool:
    """Return whether a line ends a private part: it is blank.

    An empty line of a quotation that ends there does not count: the connector for Slack closes quotations
    with it.
    """
    if not _BLANK.fullmatch(read[n]):
        return False
    closes_quotation = _QUOTED.match(read[n]) and n + 1 < len(read) and not _QUOTED.match(read[n + 1])
    return not closes_quotation or bool(_BLANK.fullmatch(read[n + 1]))


def _blocks(read: list[str]) -> list[int | None]:
    """Return for each line the number of the line at which its block of code begins, or None outside of one.

    Where a block begins and ends is read in every way that a writer may have meant. Blocks that two readings
    place on the same lines become one.
    """
    blocks: list[int | None] = [None] * len(read)
    for first, last in sorted({*_fenced(read), *_spanned(read), *_indented(read)}):
        known = blocks[first]
        for n in range(first, last + 1):
            blocks[n] = first if known is None else known
    return blocks


def _fenced(read: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last line of each fenced block, as CommonMark defines it."""
    opened, fence = -1, ""
    for n, line in enumerate(read):
        found = _FENCE.match(line)
        if found is None:
            continue
        if opened < 0:
            opened, fence = n, found["fence"]
        elif found["fence"].startswith(fence) and not found["info"].strip():
            yield opened, n
            opened = -1
    if opened >= 0:
        yield opened, len(read) - 1


def _spanned(read: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last line of each block between code signs that stand anywhere in a line.

    A sign that occurs twice on a line ends there. If one of three characters or more is never closed, nobody
    can tell which one it is, so everything from the first one on is one block. A longer run may close a
    shorter one; it may also begin and end a block that contains shorter ones.
    """
    runs = [[run[0] for run in _RUN.finditer(line)] for line in read]
    for sign in {run for line in runs for run in line}:
        odd = [n for n, line in enumerate(runs) if sum(_closes(run, sign) for run in line) % 2]
        if len(odd) % 2 and len(sign) >= 3:
            yield odd[0], len(read) - 1
        else:
            yield from zip(odd[::2], odd[1::2], strict=False)


def _indented(read: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last line of each run of lines that are blank or indented like code."""
    first, last = -1, -1
    for n, line in enumerate([*read, "end"]):
        if _INDENTED.match(line):
            first, last = (n if first < 0 else first), n
        elif not _BLANK.fullmatch(line):
            if first < last:
                yield first, last
            first = last = -1


def _closes(run: str, sign: str) -> bool:
    return run.startswith(sign) if len(sign) >= 3 else run == sign


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
