"""Decode bytes to text: charsets with a wrong name or none, and encoded words in headers.

Charset names mean what browsers take them for (https://encoding.spec.whatwg.org/#names-and-labels):
ISO-8859-1 means windows-1252, and GB2312 means its successors.
"""

import binascii
import codecs
import re
from collections.abc import Collection
from functools import lru_cache
from itertools import islice
from urllib.parse import unquote_to_bytes

from charset_normalizer import from_bytes

from connectors.email.reading.scripts import of_language

_SUCCESSORS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "hz": "gb18030",
}
_NICKNAMES = {
    "cp-850": "cp850",
    "dos-874": "cp874",
    "gb_2312-80": "gb18030",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-roman": "mac_roman",
    "x-sjis": "cp932",
    "x-windows-949": "cp949",
}
# Codecs that no mail program means. Some of them are slow by design.
_REFUSED = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
_SINGLE_BYTE = re.compile(r"^(?:cp(?:125\d|85\d|86\d|437|874)|iso8859-\d+|koi8-[rtu]|mac_\w+|mac-\w+|ascii)$")

# Charsets worth guessing: each is in everyday use in millions of mailboxes.
_CANDIDATES = [
    "cp1251", "koi8_r", "koi8_u", "cp1252", "cp1250", "iso8859_2", "cp1253", "cp1254", "cp1255", "cp1256",
    "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp866",
]  # fmt: skip
_SAMPLE = 4096
_MIN_CERTAIN = 4  # characters
# The letters beyond ASCII of each Western language. A text in one language uses only its letters.
_WESTERN = [
    *map(frozenset, ("åæøéó", "åäöé", "äöüßé", "ãõçáéíóúâêôà", "áéíóúñü¡¿ºª")),
    *map(frozenset, ("àâæçéèêëîïôùûüœ", "àèéìíòóùú", "áéëïóöü")),
]
_NEUTRAL = frozenset("€£§°·´«»‘’‚“”„–—…•™®©\xa0")
_HIGH_BYTES = re.compile(rb"[\x80-\xff]+")
# Punctuation and the first level of GB 2312.
_EVERYDAY_CHINESE = re.compile(rb"(?:[\xa1-\xa3\xb0-\xd7][\xa1-\xfe])+")
_NAMED_CHARSET = re.compile(rb"charset\s{0,5}=\s{0,5}[\"']?([\w.:-]{1,40})", re.ASCII | re.IGNORECASE)
_NAMED_WITHIN = 256 * 1024
_MAX_SHOWN = 16 * 1024  # bytes of a header that people read
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]{1,64}\?[bBqQ]\?)")
_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127], None)


def decode(data: bytes, declared: str | None, languages: Collection[str] = ()) -> str:
    """Decode bytes. Never raise, and never return NUL. Bytes that no charset explains become U+FFFD.

    Bytes without a correct label are read as a text in one of `languages`, the likeliest first.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _clean(data.decode("utf-16", "replace"))
    if b"\x1b$" in data and not data.translate(None, bytes(range(128))):
        return _clean(_japanese(data))
    name = python_codec(declared)
    wide = name is not None and name.startswith(("utf-16", "utf-32"))
    if data.isascii() and (name is None or _SINGLE_BYTE.match(name) or (wide and b"\0" not in data)):
        return _clean(data.decode("ascii"))
    if name not in (None, "utf-8") and not _SINGLE_BYTE.match(str(name)):
        if not wide and (text := _try(data, "utf-8-sig")) is not None and _is_no_accident(text):
            return _clean(text)
        try:
            return _clean(data.decode(str(name)))
        except UnicodeError:
            return _clean(_guess(data, name, languages))
    try:  # Bytes that happen to be valid UTF-8 are UTF-8, whatever the label says.
        return _clean(data.decode("utf-8-sig"))
    except UnicodeError:
        return _clean(_guess(data, name, languages))


def _is_no_accident(text: str) -> bool:
    """Return True if valid UTF-8 cannot be a few two-byte characters of another charset."""
    beyond = [char for char in text if char > "\x7f"]
    latin = any(char.isalpha() for char in text if char <= "\x7f")
    return latin or len(beyond) >= _MIN_CERTAIN or any(char > "\u07ff" for char in beyond)


@lru_cache(maxsize=256)
def python_codec(declared: str | None) -> str | None:
    """Return Python's name for a charset, or None if Python does not know it or it must not be used."""
    label = (declared or "").strip().strip("\"'").lower()
    if not label or len(label) > 64:
        return None
    try:
        name = codecs.lookup(_NICKNAMES.get(label, label)).name
    except (LookupError, ValueError):
        return None
    name = _SUCCESSORS.get(name, name)
    try:
        b"aaaa".decode(name, "replace")
    except LookupError:  # no text encoding: zip, base64, rot13
        return None
    return None if name in _REFUSED else name


def _guess(data: bytes, declared: str | None, languages: Collection[str]) -> str:
    plain = _try(data, declared) if declared and declared != "utf-8" else None
    if plain is not None and not _suspicious(plain):
        return plain
    if (likely := of_language(data, languages, own_script=plain is not None)) is not None:
        return likely
    if plain is None and (western := _try(data, "cp1252")) is not None and _is_western(western):
        return western
    if declared == "utf-8" and (mended := data.decode("utf-8", "replace")).count("\ufffd") * 50 < len(mended):
        return mended  # UTF-8 with a bad byte, or cut in the middle of a character
    sample = bytes(byte for byte in data if byte > 32 or byte in b" \n")[:_SAMPLE]
    best = from_bytes(sample, cp_isolation=_CANDIDATES, threshold=0.5, enable_fallback=False).best()
    guessed = _try(data, best.encoding, "replace") if best is not None else None
    if guessed is not None and (plain is None or not _suspicious(guessed)):
        return guessed
    return plain if plain is not None else data.decode("cp1252", "replace")


def _try(data: bytes, name: str, errors: str = "strict") -> str | None:
    try:
        return data.decode(name, errors)
    except (UnicodeError, LookupError):
        return None


def _is_western(text: str) -> bool:
    """Return True if a text is in one Western language: its accented letters are of that language alone, and
    few.
    """
    beyond = [char for char in text[:_SAMPLE] if char > "\x7f" and char not in _NEUTRAL]
    plain = sum(char.isalpha() for char in text[:_SAMPLE] if char <= "\x7f")
    used = {char.lower() for char in beyond}
    return plain >= 2 * len(beyond) and any(used <= letters for letters in _WESTERN)


def _suspicious(text: str) -> bool:
    """Return True if a text reads like Cyrillic, Greek or Chinese that was decoded as Western: "Ïðèâåò"."""
    latin = [char for char in text[:_SAMPLE] if "\x80" <= char <= "\u024f"]
    letters = sum(char.isalpha() for char in text[:_SAMPLE])
    return bool(latin) and len(latin) * 5 > letters * 2


_ESCAPES = re.compile(rb"\x1b(\$[@B]|\([BIJ])")


def _japanese(data: bytes) -> str:
    for name in ("iso2022_jp", "iso2022_jp_ext"):
        if (text := _try(data, name)) is not None:
            return text
    if (text := _try(_shift_jis(data), "cp932")) is not None:
        return text
    return _try(data, "iso2022_jp_2004") or data.decode("iso2022_jp_ext", "replace")


def _shift_jis(data: bytes) -> bytes:
    """Convert ISO-2022-JP as Windows writes it, with ㈱ ① № 髙 (cp50221), to Shift JIS, the base of that
    charset.
    """
    pieces = _ESCAPES.split(data)
    result = [pieces[0]]
    for escape, text in zip(pieces[1::2], pieces[2::2], strict=True):
        if escape in (b"$@", b"$B"):
            result.append(b"".join(map(_shifted, text[::2], text[1::2].ljust(len(text[::2])))))
        else:
            result.append(bytes(byte | 0x80 for byte in text) if escape == b"(I" else text)
    return b"".join(result)


def _shifted(row: int, cell: int) -> bytes:
    """Return the two Shift JIS bytes of a position in the table of JIS X 0208.

    Return a line end unchanged.
    """
    if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
        return bytes((row, cell))
    lead = (row + 1) // 2 + (0x70 if row <= 0x5E else 0xB0)
    trail = cell + (0x1F if cell <= 0x5F else 0x20) if row % 2 else cell + 0x7E
    return bytes((lead, trail))


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = text.translate(_CONTROL).removeprefix("\ufeff")
    return text.encode("utf-8", "replace").decode() if not text.isprintable() else text


def header_text(raw: bytes) -> str:
    """Return a header as people read it: unfolded, with raw 8-bit letters and encoded words (RFC 2047)
    decoded.
    """
    return decode_words(unfold(raw[:_MAX_SHOWN]))


def unfold(raw: bytes, charset: str | None = None) -> str:
    """Return a header as one line, with encoded words left as they are.

    `charset` is the charset of the mail, which raw letters usually have.
    """
    multibyte = charset is not None and not _SINGLE_BYTE.match(charset)
    if not multibyte and _is_chinese(raw):
        charset = "gb18030"
    return re.sub(r"[\r\n]+[ \t]*", " ", decode(raw, charset)).strip()


def _is_chinese(raw: bytes) -> bool:
    """Return True if raw letters are everyday characters of GB 2312.

    Cyrillic letters are in its table too, above 0xC0.
    """
    runs = _HIGH_BYTES.findall(raw)
    chinese = bool(runs) and all(_EVERYDAY_CHINESE.fullmatch(run) for run in runs)
    return chinese and any(min(run) < 0xC0 for run in runs)


def charset_of(raw: bytes) -> str | None:
    """Return the first charset that a mail names and that says more than ASCII or UTF-8."""
    labels = (match[1].decode("ascii") for match in islice(_NAMED_CHARSET.finditer(raw[:_NAMED_WITHIN]), 50))
    names = (python_codec(label) for label in labels if label.lower() not in ("us-ascii", "ascii"))
    return next((name for name in names if name and not name.startswith("utf")), None)


def decode_words(text: str) -> str:
    """Decode the encoded words in a text.

    Adjacent words of one charset are joined before they are decoded: many programs cut a letter in two.
    """
    text = _BETWEEN_WORDS.sub(r"\1", text)
    pieces: list[str] = []
    end, charset, pending = 0, "", b""
    for word in _ENCODED_WORD.finditer(text):
        label = word[1].partition("*")[0].lower()  # RFC 2231, 5: charset*language
        if pending and (word.start() != end or label != charset):
            pieces.append(decode(pending, charset))
            pending = b""
        pieces.append(text[end : word.start()])
        pending += _word_bytes(word[2].lower(), word[3])
        charset, end = label, word.end()
    if pending:
        pieces.append(decode(pending, charset))
    pieces.append(text[end:])
    lines = (line.strip() for line in "".join(pieces).split("\n"))
    return " ".join(filter(None, lines))


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding == "q":
        return binascii.a2b_qp(data, header=True)
    return base64_bytes(data)


def base64_bytes(data: bytes) -> bytes:
    """Decode base64 as far as possible: skip invalid characters, and complete a cut end."""
    data = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    data = data[:-1] if len(data) % 4 == 1 else data
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


_PARAMETER = re.compile(
    r""";\s*([!#$&+.^`|~\w-]{1,64})(?:\*(\d{1,3}))?(\*)?\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))""", re.ASCII
)


def parameters(raw: bytes, charset: str | None = None) -> tuple[str, dict[str, str]]:
    """Return a header's value and its parameters: `name`, `name*` and `name*0*` (RFC 2231), with encoded
    words decoded.

    The first parameter of a name counts, so that nothing appended can change the meaning.
    """
    text = unfold(raw, charset)
    value = next(iter(text.partition(";")[0].split()), "").lower()
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for match in _PARAMETER.finditer(text):
        name, number, star, quoted, bare = match.groups()
        content = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare.strip()
        if number is None and star is None:
            plain.setdefault(name.lower(), decode_words(content))
        else:
            pieces.setdefault(name.lower(), {}).setdefault(int(number or 0), (star is not None, content))
    joined = {name: _joined(found) for name, found in pieces.items()}
    return value, {**plain, **joined}


def _joined(pieces: dict[int, tuple[bool, str]]) -> str:
    """Join the pieces of a parameter (RFC 2231).

    The first piece names the charset; starred pieces are percent-encoded.
    """
    charset, data = "", b""
    for position, number in enumerate(sorted(pieces)):
        starred, text = pieces[number]
        if starred and position == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if starred else text.encode("utf-8", "replace")
    return decode(data, charset)
