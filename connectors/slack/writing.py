"""Convert our CommonMark to Slack's mrkdwn. No text can mention anybody: `&`, `<`, `>` are always escaped.

It uses a parser (markdown-it), because the libraries that replace patterns escape nothing: a customer's
`<!channel>` would notify the whole staff.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import zip_longest

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.rendering import bounded

_BARE_URL = re.compile(r"https?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]}]")
_MARKING = re.compile(r"(?<![^\W_])[*_~]+(?=\S)|`{3,}")
_MARKS = {"strong": "*", "em": "_", "s": "~"}


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str) -> str:
    """Return mrkdwn that shows each sign as it is.

    Slack has no escape for its formatting signs, so a zero-width space separates each from the word that it
    would format.
    """
    return _MARKING.sub(lambda marks: "\u200b".join(marks[0]) + "\u200b", escape(text))


def to_mrkdwn(markdown: str) -> str:
    """Return CommonMark as mrkdwn, "" if there is nothing to show. Never raises."""
    return _Writer().blocks(_parser().parse(bounded(markdown))).strip("\n")


class _Writer:
    """Walks through markdown-it's flat list of tokens: `x_open`, its content, `x_close`."""

    def blocks(self, tokens: Sequence[Token]) -> str:
        parts: list[str] = []
        index = 0
        while index < len(tokens):
            end = _closing(tokens, index)
            piece = self._block(tokens, index, end)
            if piece:
                parts.append(piece)
            index = end + 1
        return "\n\n".join(parts)

    def _block(self, tokens: Sequence[Token], index: int, end: int) -> str:
        token, inside = tokens[index], tokens[index + 1 : end]
        match token.type:
            case "heading_open":
                return _bold(self._line(inside))
            case "paragraph_open":
                return self._line(inside)
            case "inline":
                return _inline(token.children or [])
            case "fence" | "code_block":
                return _pre(token.content)
            case "blockquote_open":
                return "\n".join(f"> {line}".rstrip() for line in self.blocks(inside).split("\n"))
            case "bullet_list_open":
                return self._list(inside, lambda _: "• ")
            case "ordered_list_open":
                first = int(token.attrGet("start") or 1)
                return self._list(inside, lambda number: f"{first + number}. ")
            case "table_open":
                return _pre(_table(inside))
            case "hr":
                return "──────────"
            case _:
                return escape(token.content)

    def _line(self, inside: Sequence[Token]) -> str:
        return "".join(_inline(token.children or []) for token in inside)

    def _list(self, inside: Sequence[Token], bullet: Callable[[int], str]) -> str:
        items: list[str] = []
        index = 0
        while index < len(inside):
            end = _closing(inside, index)
            body = self.blocks(inside[index + 1 : end])
            if not _is_loose(inside[index + 1 : end]):
                body = body.replace("\n\n", "\n")
            items.append(bullet(len(items)) + body.replace("\n", "\n    "))
            index = end + 1
        return "\n".join(items)


def _is_loose(tokens: Sequence[Token]) -> bool:
    return any(token.type == "fence" for token in tokens)


def _closing(tokens: Sequence[Token], index: int) -> int:
    """Return the index of the token that closes the one at `index`; `index` itself for a token that stands
    alone.
    """
    depth = 0
    for position in range(index, len(tokens)):
        depth += tokens[position].nesting
        if depth <= 0:
            return position
    return len(tokens) - 1


def _inline(tokens: Sequence[Token]) -> str:
    written: list[str] = []
    link = ""
    label: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            link, label = str(token.attrGet("href") or ""), []
        elif token.type == "link_close":
            written.append(_link(link, "".join(label)))
            link = ""
        elif link:
            label.append(token.content or ("\n" if token.type.endswith("break") else ""))
        else:
            _join(written, token)
    return "".join(written)


def _join(written: list[str], token: Token) -> None:
    match token.type:
        case "text":
            written.append(_linked(token.content))
        case "code_inline":
            written.append(f"`{escape(token.content)}`")
        case "softbreak" | "hardbreak":
            written.append("\n")
        case "image":
            written.append(_link(str(token.attrGet("src") or ""), token.content))
        case _ if token.type.rpartition("_")[0] in _MARKS:
            mark = _MARKS[token.type.rpartition("_")[0]]
            # Slack sees a mark only beside a character that is no letter; a zero-width space is none.
            before = written[-1][-1:] if written else ""
            written.append(("\u200b" if token.nesting == 1 and before.isalnum() else "") + mark)
        case _:
            written.append(escape(token.content))


def _linked(text: str) -> str:
    """Return the text with its addresses as explicit links, as we tell Slack to detect none in our texts."""
    written, end = [], 0
    for url in _BARE_URL.finditer(text):
        written += [literal(text[end : url.start()]), f"<{_address(url[0])}>"]
        end = url.end()
    return "".join(written) + literal(text[end:])


def _link(address: str, label: str) -> str:
    if not re.match(r"(?:https?|mailto|tel):", address, re.IGNORECASE):
        return escape(label or address)
    shown = literal(label.replace("\n", " ").replace("|", "¦").strip())
    return f"<{_address(address)}|{shown}>" if shown else f"<{_address(address)}>"


def _address(url: str) -> str:
    return escape(re.sub(r"[\s|<>]", lambda sign: f"%{ord(sign[0]):02X}", url))


def _bold(text: str) -> str:
    plain = text.replace("*", "")
    return "\n".join(f"*{line}*" if line.strip() else line for line in plain.split("\n"))


def _pre(content: str) -> str:
    # Three backticks inside would end the block early; a zero-width space between them does not show.
    return "```\n" + escape(content.rstrip("\n")).replace("```", "`\u200b`\u200b`") + "\n```"


def _table(tokens: Sequence[Token]) -> str:
    """Return a table as columns aligned by spaces, as Slack's texts have no tables."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append("".join(child.content for child in token.children or []))
    widths = [max(len(cell) for cell in column) for column in zip_longest(*rows, fillvalue="")]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in rows]
    if len(lines) > 1:
        lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
