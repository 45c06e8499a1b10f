"""Text as Telegram accepts it: lengths and entities in UTF-16 units, parse modes, entities that it finds
itself.

Rules: https://core.telegram.org/bots/api#formatting-options and #messageentity.
"""

import re
from html.parser import HTMLParser

from connectors.sandbox.telegram.model import JsonObject, bad_request

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_ENTITIES = 100

_ENTITY_TYPES = frozenset(
    {
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
        "pre",
        "text_link",
        "text_mention",
        "custom_emoji",
        "date_time",
    }
)
_FOUND_IN_TEXT = re.compile(
    r"(?P<url>https?://[^\s<>]+[^\s<>.,:;!?()\"'])"
    r"|(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@\w+)?)"
    r"|(?<!\w)(?P<mention>@[A-Za-z]\w{3,31})"
)
_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "blockquote": "blockquote",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "tg-emoji": "custom_emoji",
    "span": "spoiler",
}
_MARKS = {"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler"}
_RESERVED = frozenset("_*[]()~`>#+-=|{}.!")


def utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def found_entities(text: str) -> tuple[JsonObject, ...]:
    """Return the entities that Telegram's servers find in a text: commands, links, addresses and mentions."""
    if not any(sign in text for sign in "/@"):
        return ()
    return tuple(
        {
            "type": str(found.lastgroup),
            "offset": utf16_length(text[: found.start()]),
            "length": utf16_length(found.group()),
        }
        for found in _FOUND_IN_TEXT.finditer(text)
    )


def formatted(
    text: str, parse_mode: str, entities: list[JsonObject], *, limit: int, what: str
) -> tuple[str, tuple[JsonObject, ...]]:
    """Return the text that is stored, with its entities. Raises the platform's 400."""
    if parse_mode:
        match parse_mode.lower():
            case "html":
                text, entities = _from_html(text)
            case "markdownv2":
                text, entities = _MarkdownReader(text).read()
            case "markdown":
                pass  # the legacy mode is read as plain text, which is right unless it has markup
            case _:
                raise bad_request("unsupported parse_mode")
    if utf16_length(text) > limit:
        raise bad_request(f"{what} is too long")
    if not entities:
        # Where the bot marked nothing, only the entities found in the text count.
        return _trimmed(text, found_entities(text))
    return _trimmed(text, _checked(text, entities))


def _trimmed(text: str, entities: tuple[JsonObject, ...]) -> tuple[str, tuple[JsonObject, ...]]:
    """Return the text without white space at its ends, as Telegram stores it, with its entities moved."""
    end = text.rstrip()
    kept = end.lstrip()
    if len(kept) == len(text):
        return text, entities
    cut = utf16_length(end[: len(end) - len(kept)])
    length = utf16_length(kept)
    moved: list[JsonObject] = []
    for entity in entities:
        offset, size = _span(entity)
        start, stop = max(0, offset - cut), min(length, offset - cut + size)
        if start < stop:
            moved.append({**entity, "offset": start, "length": stop - start})
    return kept, tuple(moved)


def _span(entity: JsonObject) -> tuple[int, int]:
    offset, length = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(length, int):
        raise bad_request("can't parse MessageEntity: offset and length must be of type Number")
    return offset, length


def _checked(text: str, entities: list[JsonObject]) -> tuple[JsonObject, ...]:
    total = utf16_length(text)
    units = text.encode("utf-16-le", "surrogatepass")
    for entity in entities[:MAX_ENTITIES]:
        offset, length = _span(entity)
        kind = entity.get("type")
        if kind not in _ENTITY_TYPES:
            raise bad_request("can't parse MessageEntity: unsupported type specified")
        if offset < 0 or length <= 0 or offset + length > total:
            raise bad_request(
                f"entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset"
                f" {offset + length}"
            )
        for edge in (offset, offset + length):
            if edge < total and 0xDC <= units[edge * 2 + 1] <= 0xDF:
                raise bad_request(f"entity at UTF-16 offset {offset} splits a surrogate pair")
        if kind == "text_link" and not entity.get("url"):
            raise bad_request("can't parse MessageEntity: text_link without url")
    ordered = sorted(entities[:MAX_ENTITIES], key=lambda entity: (_span(entity)[0], -_span(entity)[1]))
    return tuple(ordered)


class _HtmlReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.length = 0
        self.open: list[tuple[str, int, JsonObject]] = []
        self.entities: list[JsonObject] = []

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        self.length += utf16_length(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise bad_request(
                f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {self.length}'
            )
        given = dict(attrs)
        entity: JsonObject = {"type": _TAGS[tag]}
        if tag == "a":
            entity["url"] = given.get("href") or ""
        elif tag == "tg-emoji":
            entity["custom_emoji_id"] = given.get("emoji-id") or ""
        elif tag == "blockquote" and "expandable" in given:
            entity["type"] = "expandable_blockquote"
        elif tag == "code" and self.open and self.open[-1][0] == "pre":
            language = (given.get("class") or "").removeprefix("language-")
            if language:
                self.open[-1][2]["language"] = language
            entity = {}
        self.open.append((tag, self.length, entity))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            raise bad_request(f"can't parse entities: Unexpected end tag at byte offset {self.length}")
        _, start, entity = self.open.pop()
        if entity and self.length > start:
            self.entities.append({**entity, "offset": start, "length": self.length - start})


def _from_html(text: str) -> tuple[str, list[JsonObject]]:
    reader = _HtmlReader()
    reader.feed(text)
    reader.close()
    if reader.open:
        raise bad_request(
            f"can't parse entities: Can't find end tag corresponding to start tag \"{reader.open[-1][0]}\""
        )
    return "".join(reader.text), reader.entities


class _MarkdownReader:
    """Reads MarkdownV2: signs open and close a format; anywhere else a reserved character must be escaped."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.out: list[str] = []
        self.length = 0
        self.open: list[tuple[str, int]] = []
        self.entities: list[JsonObject] = []

    def read(self) -> tuple[str, list[JsonObject]]:
        while self.at < len(self.source):
            self._step()
        if self.open:
            mark, start = self.open[-1]
            name = _MARKS.get(mark, "text_link").capitalize()
            raise bad_request(f"can't parse entities: Can't find end of {name} entity at byte offset {start}")
        return "".join(self.out), self.entities

    def _put(self, text: str) -> None:
        self.out.append(text)
        self.length += utf16_length(text)

    def _step(self) -> None:
        source, at = self.source, self.at
        sign = source[at]
        if sign == "\\" and at + 1 < len(source):
            self._put(source[at + 1])
            self.at += 2
        elif sign == "`":
            self._code()
        elif source[at : at + 2] in _MARKS or sign in _MARKS:
            self._mark(source[at : at + 2] if source[at : at + 2] in _MARKS else sign)
        elif sign == "[":
            self.open.append(("[", self.length))
            self.at += 1
        elif sign == "]" and any(mark == "[" for mark, _ in self.open):
            self._link()
        elif sign == ">" and (at == 0 or source[at - 1] == "\n"):
            self.at += 1  # only a quotation's words are kept, not its mark
        elif sign in _RESERVED:
            raise bad_request(
                f"can't parse entities: Character '{sign}' is reserved and must be escaped"
                " with the preceding '\\'"
            )
        else:
            self._put(sign)
            self.at += 1

    def _mark(self, mark: str) -> None:
        self.at += len(mark)
        if self.open and self.open[-1][0] == mark:
            _, start = self.open.pop()
            if self.length > start:
                self.entities.append({"type": _MARKS[mark], "offset": start, "length": self.length - start})
        else:
            self.open.append((mark, self.length))

    def _link(self) -> None:
        _, start = self.open.pop()
        end = self.source.find(")", self.at)
        if not self.source.startswith("](", self.at) or end < 0:
            raise bad_request(f"can't parse entities: Can't find end of a URL at byte offset {self.at}")
        url = self.source[self.at + 2 : end].replace("\\", "")
        self.entities.append(
            {"type": "text_link", "offset": start, "length": self.length - start, "url": url}
        )
        self.at = end + 1

    def _code(self) -> None:
        fence = "```" if self.source.startswith("```", self.at) else "`"
        end = self.source.find(fence, self.at + len(fence))
        if end < 0:
            name = "Pre" if len(fence) > 1 else "Code"
            raise bad_request(
                f"can't parse entities: Can't find end of {name} entity at byte offset {self.at}"
            )
        inside = self.source[self.at + len(fence) : end]
        entity: JsonObject = {"type": "pre" if len(fence) > 1 else "code"}
        if len(fence) > 1 and "\n" in inside:
            language, inside = inside.split("\n", 1)
            if language:
                entity["language"] = language
        inside = re.sub(r"\\([`\\])", r"\1", inside)
        start = self.length
        self._put(inside)
        if self.length > start:
            self.entities.append({**entity, "offset": start, "length": self.length - start})
        self.at = end + len(fence)
