"""Convert what people write in Slack (mrkdwn) to CommonMark, for readers outside of Slack.

Rules of https://docs.slack.dev/messaging/formatting-message-text. Pure; never raises.
"""

import re
from collections.abc import Mapping

from connectors.slack.emoji import pictured

_PIECES = re.compile(
    r"```(?P<pre>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|<(?P<angle>[^<>\n]+)>",
    re.DOTALL,
)
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")
_OPEN, _CLOSE = r"(?<![\w*_~`])", r"(?![\w*_~`])"
_STYLES = tuple(
    (re.compile(rf"{_OPEN}{re.escape(mark)}(?=\S)([^{mark}\n]+?)(?<=\S){re.escape(mark)}{_CLOSE}"), pair)
    for mark, pair in (("*", "\ue000"), ("_", "\ue001"), ("~", "\ue002"))
)
_PAIRS = {"\ue000": "**", "\ue001": "_", "\ue002": "~~"}
_KEPT = re.compile(r"\ue003(\d+)\ue003")
_PRIVATE = re.compile("[\ue000-\ue003]")
# Signs that CommonMark would read as markup, though the writer did not mean them so.
_SIGNS = re.compile(
    r"\\(?=[!-/:-@\[-`{-~])|\*(?=\S)|(?<=\S)\*|(?<![^\W_])_(?=\S)|(?<=\S)_(?![^\W_])|~~|`"
    r"|<(?=[A-Za-z/!?])|\](?=[(\[])|&(?=#?\w{1,32};)|^#(?=#{0,5}(?:\s|$))",
    re.MULTILINE,
)
_QUOTE_END = re.compile(r"^(>[^\n]*)\n(?=[^>\n])", re.MULTILINE)


def mentioned(text: str) -> list[str]:
    """Return the ids of the people whom a text mentions, in order, each once."""
    return list(dict.fromkeys(_MENTION.findall(text)))


def to_commonmark(text: str, names: Mapping[str, str]) -> str:
    """Return a text of Slack as CommonMark.

    `names` are the display names of mentioned people by id. Without a name the id is shown.
    """
    kept: list[str] = []

    def keep(piece: str) -> str:
        kept.append(piece)
        return f"\ue003{len(kept) - 1}\ue003"

    def replace(match: re.Match[str]) -> str:
        if (pre := match["pre"]) is not None:
            # On lines of its own. No blank line: the writer began no new paragraph.
            before = "\n" if match.start() and match.string[match.start() - 1] != "\n" else ""
            after = "\n" if match.string[match.end() : match.end() + 1] not in ("", "\n") else ""
            return before + keep(_fenced(_unescaped(pre))) + after
        if (code := match["code"]) is not None:
            return keep(f"`{_unescaped(code)}`")
        return keep(_angle(match["angle"], names))

    body = _PIECES.sub(replace, _PRIVATE.sub("", text))
    for pattern, sign in _STYLES:
        body = pattern.sub(rf"{sign}\1{sign}", body)
    body = _SIGNS.sub(lambda sign: "\\" + sign[0], _unescaped(body))
    for sign, mark in _PAIRS.items():
        body = body.replace(sign, mark)
    body = re.sub(r"^(\s*)• ", r"\1- ", pictured(body), flags=re.MULTILINE)
    # Slack's quotation ends with its line, CommonMark's at an empty line. That empty line is put inside the
    # quotation, because one outside would begin a paragraph that the writer did not begin.
    body = _QUOTE_END.sub(r"\1\n>\n", body)
    return _KEPT.sub(lambda number: kept[int(number[1])], body).strip()


def _angle(inside: str, names: Mapping[str, str]) -> str:
    """Return the CommonMark for the inside of angle brackets: a mention, a channel, a command of Slack's, or
    a link.
    """
    target, _, label = inside.partition("|")
    label = _unescaped(label)
    if target.startswith("@"):
        return "@" + _plain(names.get(target[1:]) or label or target[1:])
    if target.startswith("#"):
        return "#" + _plain(label or target[1:])
    if target.startswith("!"):
        word = target[1:].split("^")[0]
        return _plain(label if label else f"@{word}")
    address = _unescaped(target).replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
    shown = address.partition(":")[2].removeprefix("//") if ":" in address else address
    if not label or label == address:
        return f"<{address}>"
    if not address.startswith("http") and label == shown:
        return _plain(label)  # an address of email or telephone that Slack has made a link of
    return f"[{_plain(label)}]({address.replace('(', '%28').replace(')', '%29')})"


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", text)


def _fenced(code: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{code.strip(chr(10))}\n{fence}"


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
