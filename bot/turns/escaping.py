"""Show other people's words to staff: in a quote, each character as it was typed, with no effect as markup.

Only the desk writes outside of a quote. So nobody can draw a line that looks as if the desk or a colleague
had written it, hide where a link leads, or notify somebody by naming them.
"""

import re
import unicodedata

from bot.core.lines import JOINER, WEB_ADDRESS, harmless, one_line, visible

_SPECIAL = re.compile(r"[\\`*<>&~|]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:\]])|\[(?=[\[^!])")
_OPENS_A_BLOCK = re.compile(r"[#+=:-]|\d{1,9}(?=[.)])")  # at the beginning of a line
_CODE = re.compile(r"\A[a-z][a-z0-9]*(?:_[a-z0-9]+)*: (?=\S)")
_LONGEST = 200  # characters of a name that is shown with its address
_LOOKS_LIKE_AN_ADDRESS = re.compile(r"@|(?:\d[\s().-]*){7}")
# The markup that a connector added so that text is shown as it was typed. Code stays as it is.
_MARKED = re.compile(
    r"\A\*\*(?P<subject>(?:\\.|[^*\n\\])+)\*\*(?=\n\n|\Z)"
    r"|(?P<code>```.*?```|`[^`\n]+`)"
    r"|\\(?P<sign>[!-/:-@\[-`{-~])"
    r"|\[(?P<label>(?:\\.|[^\[\]\\\n])+)\]\((?:<(?P<angle>[^<>\n]+)>|(?P<target>[^\s()<>]+))\)"
    rf"|<(?P<auto>{WEB_ADDRESS})>",
    re.DOTALL,
)


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return a name for a field without markup, such as a card's title. Nothing in it becomes a link."""
    return harmless(one_line(text, longest)).replace("://", f":{JOINER}//")


def inert(text: str, longest: int = _LONGEST) -> str:
    """Return CommonMark that shows `text` on one line as it is, such as a name in a sentence."""
    return _escaped(plain(text, longest))


def without_code(reason: str) -> str:
    """Return a platform's reason for staff without its code, as of "is_archived: the channel is archived".

    A reason that is only a code stays: it is all that is known.
    """
    return _CODE.sub("", reason)


def known_as(name: str, address: str) -> str:
    """Return how somebody is named to staff: by name, or by address if there is no name.

    Return both where the name looks like an address: anybody may call themselves "maya@bank.example".
    """
    if not name or name == address:
        return address
    claims = _LOOKS_LIKE_AN_ADDRESS.search(unicodedata.normalize("NFKC", name))
    return f"{name} ({address})" if claims and address else name


def shortened(text: str, longest: int) -> str:
    """Return the first words of a text on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def excerpt(text: str, longest: int = 80) -> str:
    """Return the first words of a message as CommonMark on one line, to mention it in a sentence."""
    return inert(shortened(visible(typed(text)), longest), longest)


def quoted(text: str) -> str:
    """Return a block quote in CommonMark that shows what a customer typed, character by character."""
    lines = harmless(visible(typed(text))).strip("\n").split("\n")
    return "\n".join(f"> {_line(line)}".rstrip(" ") for line in lines)


def cited(markdown: str) -> str:
    """Return the words of an agent or a colleague in a block quote. Their markup keeps its effect."""
    return "\n".join(f"> {line}".rstrip() for line in visible(markdown).strip("\n").split("\n"))


def typed(text: str) -> str:
    """Return the text without the markup that a connector wrote; a link is shown with its target."""
    return _MARKED.sub(_unmarked, text)


def _unmarked(found: re.Match[str]) -> str:
    if sign := found["sign"] or found["code"] or found["auto"]:
        return sign
    if subject := found["subject"]:
        return _MARKED.sub(_unmarked, subject)
    label, target = _MARKED.sub(_unmarked, found["label"]), found["angle"] or found["target"]
    return label if label == target else f"{label} ({target})"


def _line(text: str) -> str:
    """Return one line escaped.

    Spaces at its beginning are kept, as they carry the shape of a table or of code.
    """
    words = text.lstrip(" \t")
    indent = text[: len(text) - len(words)].expandtabs(4)
    return "\u00a0" * len(indent) + _escaped(words) if words else ""


def _escaped(text: str) -> str:
    shown = _SPECIAL.sub(r"\\\g<0>", text)
    if opening := _OPENS_A_BLOCK.match(text):
        end = opening.end() if opening[0].isdigit() else 0
        return f"{shown[:end]}\\{shown[end:]}"
    return shown
