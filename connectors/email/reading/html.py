"""Convert HTML to Markdown. Keep apart what mail programs mark as quote, attribution and signature.

Nothing that is loaded from elsewhere survives: no remote picture, no tracking pixel, no style. Text in the
result is not escaped, so whoever shows the Markdown must not let raw HTML through.
"""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

import nh3
from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from markdownify import MarkdownConverter

from connectors.email.reading.lines import PICTURE, PICTURE_END, Kind, MailLine, text_lines
from connectors.email.reading.sheets import Look, Sheet, sheet_of

MAX_CHARACTERS = 1_000_000
_MAX_NESTED = 500  # levels; the sanitizer's time grows with the square of their number
_MAX_TAGS = 40_000  # opening and closing tags; the converter takes a second for ten thousand
_MAX_SET_APART = 300
_MAX_CONVERTED = 80  # levels; the converter calls itself for each of them

_TAGS = frozenset({
    "a", "abbr", "article", "aside", "b", "big", "blockquote", "br", "caption", "center", "code", "dd",
    "del", "div", "dl", "dt", "em", "fieldset", "figcaption", "figure", "font", "footer", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "li", "main", "mark", "nav", "ol", "p",
    "pre", "q", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul",
})  # fmt: skip
_ATTRIBUTES = {"*": {"class", "id", "name", "style", "type", "data-smartmail"}, "a": {"href"},
               "font": {"size"}, "img": {"src", "alt", "width", "height"}}  # fmt: skip
_SILENT = {
    "script",
    "style",
    "title",
    "template",
    "xml",
    "noframes",
    "noembed",
    "select",
    "svg",
    "math",
    "object",
}
_SCHEMES = {"http", "https", "mailto", "tel", "cid"}

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,40})")
# Elements that are void, or closed by the next tag: they do not nest.
_FLAT = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr", "p", "li", "dd", "dt", "td", "th", "tr", "tbody", "thead", "tfoot", "option",
    "optgroup", "colgroup", "html", "head", "body",
})  # fmt: skip
_MAX_BLANK = 500  # characters; the converter's time grows with the square of their number
_LONG_BLANK = re.compile(rf"(?<![ \t\r\n])[ \t\r\n]{{{_MAX_BLANK},}}")
_ANY_TAG = re.compile(r"<[^<>]{0,5000}>")
_BLOCKS = [
    "address",
    "blockquote",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "li",
    "p",
    "pre",
    "table",
    "tr",
    "ul",
    "ol",
    "hr",
]
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all|visibility:\s*hidden")
_SIZE = re.compile(r"(?<![\w-])font-size\s*:\s*([\d.]*)([^;!\s]*)")
_RELATIVE = {"%", "em", "ex", "ch", "inherit", "smaller", "larger", "unset"}  # of size 0: still 0
_STRUCK = re.compile(r"text-decoration(?:-line)?:[^;]{0,60}line-through")
_STRUCK_TAGS = {"s", "strike", "del"}
# The style that Gmail and Apple Mail write for an indented text.
_MARGIN = re.compile(r"margin(?:-left)?:[^;]{0,60}\b40px")
_NO_BORDER = re.compile(r"border:\s*(?:none|0)")
_INLINE = {
    "a", "abbr", "b", "big", "code", "em", "font", "i", "img", "ins", "mark", "q", "samp", "small", "span",
    "strong", "sub", "sup", "tt", "u",
}  # fmt: skip

# How each program marks its parts. Quotes are cut out whole; "rest" is an element and all that follows it.
_QUOTE_CLASSES = {"yahoo_quoted", "tutanota_quote", "zmail_extra", "aolReplacedBody", "hiri-quote", "wQuote"}
_QUOTE_IDS = {"OLK_SRC_BODY_SECTION", "zmail_extra",
              "isReplyContent",
              "mail-app-auto-quote", "isForwardContent"}  # fmt: skip
_REST_IDS = {"divRplyFwdMsg", "mail-editor-reference-message-container"}
_ATTRIBUTION_CLASSES = {"gmail_attr", "moz-cite-prefix", "zmail_extra_hr", "hs_reply_attr"}
_SIGNATURE_CLASSES = {"gmail_signature", "moz-signature", "protonmail_signature_block", "yahoo-signature",
                      "tutanota_signature", "gmail_signature_prefix", "front-signature"}  # fmt: skip
_SIGNATURE_IDS = {"Signature", "signature", "AppleMailSignature", "ms-outlook-mobile-signature",
                  "composer_signature", "appleMailSignature", "lineBreakAtBeginningOfSignature"}  # fmt: skip

_OPEN, _CLOSE, _BREAK, _BLANK = "\ue000", "\ue001", "\ue002", "\ue003"
# What the sanitizer escapes is one letter until the end, because the parser is slow with entities.
_AMPERSAND, _LESS = "\ue007", "\ue008"
_ENTITIES = {"&amp;": _AMPERSAND, "&lt;": _LESS, "&gt;": ">", "&nbsp;": "\xa0"}
_ENTITY = re.compile("|".join(_ENTITIES))
_BARE_AMPERSAND = re.compile(r"&(?![#A-Za-z])")
_LITERAL = str.maketrans({_AMPERSAND: "&", _LESS: "<", _BREAK: "\n", "\xa0": " "})
_RESERVED = dict.fromkeys(
    map(ord, (_OPEN, _CLOSE, _BREAK, _BLANK, _AMPERSAND, _LESS, PICTURE, PICTURE_END)), None
)
_PLACE = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


def without_tags(markup: str) -> str:
    """Return all text between the tags, visible or not."""
    return unescape(_ANY_TAG.sub(" ", markup))


def html_lines(html: str, *, forwarded: bool = False) -> list[MailLine]:
    """Return the Markdown lines of `html`, each with its kind.

    With `forwarded`, what looks like a quote may be content.
    """
    html = _without_comments(html.translate(_RESERVED)[:MAX_CHARACTERS])
    sheet = sheet_of(html)
    html = _BARE_AMPERSAND.sub(_AMPERSAND, _LONG_BLANK.sub(lambda blank: blank[0][:_MAX_BLANK], html))
    if _is_bomb(html):
        return text_lines(_bare(html).translate(_LITERAL))
    clean = nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        clean_content_tags=_SILENT,
        url_schemes=_SCHEMES,
        link_rel=None,
    )
    soup = BeautifulSoup(_ENTITY.sub(lambda entity: _ENTITIES[entity[0]], clean), "html.parser")
    _read_styles(soup, sheet)
    kept = list(_set_apart(soup, forwarded))
    _flatten_layout(soup)
    return list(_expand(_markdown(soup), [(kind, _markdown(tag)) for kind, tag in kept]))


def _without_comments(html: str) -> str:
    """Return HTML without comments. Half of an Outlook mail is comments that Outlook writes for itself."""
    kept, position = [], 0
    while (begins := html.find("<!--", position)) >= 0 and (ends := html.find("-->", begins + 4)) >= 0:
        kept.append(html[position:begins])
        position = ends + 3
    return "".join([*kept, html[position:]])


def _is_bomb(html: str) -> bool:
    """Return True for HTML with too many tags or too deep nesting. It takes one pass."""
    depth = 0
    for number, tag in enumerate(_TAG.finditer(html)):
        if tag[2].lower() not in _FLAT:
            depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > _MAX_NESTED or number > _MAX_TAGS:
            return True
    return False


def _bare(html: str) -> str:
    soup = BeautifulSoup("", "html.parser")
    text = re.sub(r"<(?:br|/p|/div|/tr|/li)\b[^<>]{0,200}>", "\n", html, flags=re.IGNORECASE)
    soup.append(_ANY_TAG.sub("", text))
    return re.sub(r"\n{3,}", "\n\n", soup.get_text())


def _read_styles(soup: BeautifulSoup, sheet: Sheet) -> None:
    """Apply what styles say: drop hidden elements, strike out, and turn an indented text into plain
    blocks.
    """
    hidden: set[int] = set()  # ids of elements that the style sheet hides
    unsized: set[int] = set()  # ids of elements whose text has the size 0, their own or inherited
    struck: set[int] = set()
    for tag in soup.find_all(True):
        if tag.decomposed:
            continue
        style = _attribute(tag, "style").lower()
        look = _look_of(tag, sheet, style) if sheet else None
        if id(tag.parent) in hidden or (look is not None and look.hidden):
            hidden.add(id(tag))
        if look is not None and look.struck:
            style += ";text-decoration:line-through"
        if id(tag.parent) in struck or tag.name in _STRUCK_TAGS:
            struck.add(id(tag))
        if tag.name == "img":
            _picture(tag)
        elif style and _HIDDEN.search(style):
            tag.decompose()
        else:
            if _is_unsized(tag, style, inherited=id(tag.parent) in unsized):
                unsized.add(id(tag))
            if id(tag) not in struck and _STRUCK.search(style):
                struck.update(map(id, list(_strike(tag))))
            if tag.name == "blockquote" and _attribute(tag, "type") != "cite" and _is_indented(style):
                tag.name, tag.attrs = "div", {}
    letters = [text for text in soup.find_all(string=True) if text.strip()]
    if any(id(text.parent) not in hidden for text in letters):
        for text in [text for text in letters if id(text.parent) in hidden]:
            text.extract()
        letters = [text for text in letters if id(text.parent) not in hidden]
    unseen = [text for text in letters if id(text.parent) in unsized]
    if len(unseen) < len(letters):  # otherwise a rule that is not read gives the whole text a size
        for text in unseen:
            text.extract()


def _look_of(tag: Tag, sheet: Sheet, style: str) -> Look | None:
    """Return how the style sheet shows an element.

    The element's own style wins, unless the rule is important.
    """
    looks = [
        look
        for name in _attribute(tag, "class").split()
        for look in (sheet.get(("", name)), sheet.get((tag.name, name)))
        if look is not None
    ]
    if not looks:
        return None
    shown = "display:" in style.replace(" ", "")
    return Look(
        hidden=any(look.hidden and (look.important or not shown) for look in looks),
        struck=any(look.struck for look in looks),
    )


def _is_unsized(tag: Tag, style: str, *, inherited: bool) -> bool:
    if tag.name == "font" and _attribute(tag, "size"):
        inherited = False
    size = _SIZE.search(style)
    if size is None or (inherited and size[2] in _RELATIVE):
        return inherited
    return bool(size[1]) and not size[1].strip("0.")


def _is_indented(style: str) -> bool:
    return _MARGIN.search(style) is not None and _NO_BORDER.search(style) is not None


def _strike(tag: Tag) -> Iterator[Tag]:
    """Strike out the content of `tag`.

    Yield the elements that were set around it: a strike cannot hold blocks.
    """
    waiting = [tag]
    while waiting:
        yield (block := waiting.pop())
        runs: list[list[Tag | NavigableString]] = [[]]
        for child in [child for child in block.children if isinstance(child, Tag | NavigableString)]:
            if not isinstance(child, Tag) or child.name in _INLINE:
                runs[-1].append(child)
                continue
            runs.append([])
            if child.name not in {"br", "hr", *_STRUCK_TAGS}:
                waiting.append(child)
        for run in runs:
            if any(child.get_text(strip=True) for child in run):
                strike = Tag(name="s", can_be_empty_element=False)
                run[0].insert_before(strike)
                for child in run:
                    strike.append(child.extract())
                yield strike


def _picture(tag: Tag) -> None:
    """Replace a picture by text: a mark with its Content-ID if it came with the mail, and its description."""
    tiny = any(
        _attribute(tag, side).strip().removesuffix("px") in ("0", "1", "2") for side in ("width", "height")
    )
    words = " ".join(_attribute(tag, "alt").split())[:200]
    source = _attribute(tag, "src").strip()
    own = source[:4].lower() == "cid:"
    mark = f"{PICTURE}{unquote(source[4:])[:500]}{PICTURE_END}" if own else ""
    # Changed in place: to replace the element, the library would search all its siblings.
    tag.name, tag.attrs, tag.can_be_empty_element = "span", {}, False
    tag.string = "" if tiny or not (words or own) else f"[{words or 'image'}{mark}]"


def _attribute(tag: Tag, name: str) -> str:
    value = tag.get(name)
    return value if isinstance(value, str) else " ".join(value or ())


def _set_apart(soup: BeautifulSoup, forwarded: bool) -> Iterator[tuple[Kind, Tag]]:
    """Take marked elements out of the tree. Each leaves a numbered placeholder behind."""
    number = 0
    for tag in soup.find_all(["div", "blockquote", "span", "p", "pre", "table", "section", "hr"]):
        if tag.decomposed or not _is_within(tag, soup):
            continue
        kind = _kind(tag, forwarded)
        if kind is None:
            continue
        if number == _MAX_SET_APART:
            return
        taken = _rest(tag) if kind == "rest" else tag
        number += 1
        place = soup.new_tag("p")
        place.string = f"{_OPEN}{number - 1}{_CLOSE}"
        if taken is tag:
            tag.replace_with(place)
        else:
            soup.append(place)
        taken.name = "div"  # its lines get their `>` later
        yield ("quote" if kind == "rest" else kind), taken


def _is_within(tag: Tag, soup: BeautifulSoup) -> bool:
    """Return True if the tag is still in the tree, and not in an element that was already taken out."""
    top: Tag = tag
    while top.parent is not None:
        top = top.parent
    return top is soup


def _kind(tag: Tag, forwarded: bool) -> Kind | None:
    # Outlook puts x_ before each name in a mail that it quotes. Those elements are inside its own quote.
    classes = set(_attribute(tag, "class").split())
    identity, name = _attribute(tag, "id"), _attribute(tag, "name")
    if tag.name == "blockquote":
        cited = _attribute(tag, "type") == "cite" or classes & {
            "gmail_quote",
            "protonmail_quote",
            "cite",
            "quote",
        }
        if cited or identity in ("isReplyContent", "qt"):
            return "quote"
    if not forwarded:
        if identity in _REST_IDS:
            return "rest"
        own = classes & _QUOTE_CLASSES or identity in _QUOTE_IDS or name == "quote"
        if own and tag.get_text(strip=True):
            return "quote"
    if classes & _ATTRIBUTION_CLASSES:
        return "attribution"
    smart = _attribute(tag, "data-smartmail") == "gmail_signature"
    if smart or classes & _SIGNATURE_CLASSES or identity in _SIGNATURE_IDS:
        return "signature"
    return None


def _rest(tag: Tag) -> Tag:
    """Move `tag` and everything after it in the document into a new element. Return that element."""
    rest = BeautifulSoup("", "html.parser").new_tag("div")
    moving: list[Tag | NavigableString] = [tag]
    level: Tag | None = tag
    while level is not None:
        moving += [sibling for sibling in level.next_siblings if isinstance(sibling, Tag | NavigableString)]
        level = level.parent
    for element in moving:
        rest.append(element.extract())
    return rest


def _flatten_layout(soup: BeautifulSoup) -> None:
    """Turn tables that only lay out the page into blocks. Tables of data stay tables."""
    layout = {id(table): table for table in soup.find_all("table") if not _is_data(table)}
    parts = [
        part
        for part in soup.find_all(["tbody", "thead", "tfoot", "tr", "td", "th", "caption"])
        if id(part.find_parent("table")) in layout
    ]
    for element in (*parts, *layout.values()):
        element.name = "div"


def _is_data(table: Tag) -> bool:
    if table.find(["table", "p", "div", "ul", "ol", "blockquote", "br"]) is not None:
        return False
    widths = [len(row.find_all(["td", "th"])) for row in table.find_all("tr")]
    return len(widths) >= 2 and widths[0] >= 2 and len(set(widths)) == 1 and not table.find(string=_PLACE)


class _Markdown(MarkdownConverter):
    """Converts HTML to lines as people see them: a `div` is a line, a `p` a paragraph, a `br` a break."""

    def convert_div(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        if "_inline" in parent_tags:
            return f" {text.strip()} "
        return _block(text, "\n")

    def convert_p(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        if "_inline" in parent_tags:
            return f" {text.strip()} "
        classes = _attribute(el, "class")
        tight = "Mso" in classes or re.search(r"margin(?:-bottom)?:\s*0", _attribute(el, "style")) is not None
        return _block(text, "\n" if tight else "\n\n")

    def convert_blockquote(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        if "_inline" in parent_tags:
            return f" {text.strip()} "
        inner = _settled(text).strip()
        return (
            "\n\n" + "\n".join(f"> {line}".rstrip() for line in inner.split("\n")) + "\n\n" if inner else "\n"
        )

    def convert_br(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        return " " if "_inline" in parent_tags else _BREAK

    def convert_hr(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        return "\n\n---\n\n"


def _block(text: str, space: str) -> str:
    """Return the text of a block. A break at its end is not visible, so it is dropped.

    A block with nothing but a break or a fixed space is a blank line.
    """
    inner = text.strip(" \n\t")
    if not inner.strip(f"\xa0{_BREAK} "):
        return f"\n{_BLANK}\n" if inner else ""
    return f"{space}{inner.removesuffix(_BREAK)}{space}"


def _markdown(tag: Tag) -> str:
    if _is_deep(tag):
        for line_end in tag.find_all([*_BLOCKS, "br"]):
            line_end.append("\n")
        text = tag.get_text()
    else:
        converter = _Markdown(
            escape_asterisks=False, escape_underscores=False, heading_style="atx", bullets="-"
        )
        text = converter.convert_soup(tag)
    return _settled(text).strip("\n")


def _settled(text: str) -> str:
    """Return the text with real line ends, without surplus blank lines and without spaces that a browser
    hides.
    """
    lines = (line.rstrip(" \t") for line in text.translate(_LITERAL).split("\n"))
    text = "\n".join(re.sub(r"^ (?=\S)", "", line) for line in lines)
    # Done first: the next pattern is slow on a long run of line ends.
    text = re.sub(r"\n{3,}", "\n\n", text)
    text = re.sub(rf"\n*{_BLANK}(?:\n*{_BLANK})*\n*", "\n\n", text)
    return re.sub(r"\n{3,}", "\n\n", text)


def _is_deep(tag: Tag) -> bool:
    level: list[Tag] = [tag]
    for _ in range(_MAX_CONVERTED):
        level = [child for parent in level for child in parent.children if isinstance(child, Tag)]
        if not level:
            return False
    return True


def _expand(text: str, kept: list[tuple[Kind, str]]) -> Iterator[MailLine]:
    for line in text_lines(text):
        place = _PLACE.search(line.text)
        if place is None:
            yield line
            continue
        kind, inner = kept[int(place[1])]
        for bare in inner.split("\n"):
            yield MailLine(bare, kind, certain=True)
