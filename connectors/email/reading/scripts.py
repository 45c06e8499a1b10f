"""Read bytes without a correct charset as a text in one of the likely languages."""

import codecs
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_SAMPLE = 4096  # bytes
_BEFORE = 512
_AMONG_ASCII = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[A-Za-z])")
_HIGH = re.compile(rb"[\x80-\xff]")
_MOST = 20  # languages
_NEUTRAL = frozenset("€£§°·´«»‘’‚“”„–—…•™®©№\xa0")
_CENTRAL, _CYRILLIC = ("cp1250", "iso8859_2"), ("cp1251", "koi8_r", "cp866", "iso8859_5")
_FREQUENT_CYRILLIC = frozenset("оеаинтсрвлкмдпуяызбгіїє")
_FREQUENT_GREEK = frozenset("αοιετσνηυρπκμλςίάόέήύώ")


@dataclass(frozen=True, slots=True)
class _Script:
    """The look of texts in a language: its charsets, and its letters beyond ASCII."""

    charsets: tuple[str, ...]
    alphabet: frozenset[str] = frozenset()  # all letters beyond ASCII, or
    ranges: tuple[tuple[str, str], ...] = ()  # those of a script of its own
    frequent: frozenset[str] = frozenset()


def _latin(alphabet: str, *charsets: str) -> _Script:
    return _Script(charsets or ("cp1252",), frozenset(alphabet))


def _own(ranges: str, *charsets: str, frequent: frozenset[str] = frozenset()) -> _Script:
    pairs = ranges.split()
    return _Script(charsets, ranges=tuple((pair[0], pair[1]) for pair in pairs), frequent=frequent)


_CYRILLIC_SCRIPT = _own("Ѐӿ", *_CYRILLIC, frequent=_FREQUENT_CYRILLIC)
_SCRIPTS = {
    "ar": _own("\u0600\u06ff", "cp1256", "iso8859_6"),
    "be": _CYRILLIC_SCRIPT, "bg": _CYRILLIC_SCRIPT, "mk": _CYRILLIC_SCRIPT, "ru": _CYRILLIC_SCRIPT,
    "sr": _CYRILLIC_SCRIPT,
    "bs": _latin("čćđšž", *_CENTRAL), "hr": _latin("čćđšž", *_CENTRAL), "sl": _latin("čšžćđ", *_CENTRAL),
    "cs": _latin("áčďéěíňóřšťúůýž", *_CENTRAL), "sk": _latin("áäčďéíĺľňóôŕšťúýž", *_CENTRAL),
    "hu": _latin("áéíóöőúüű", *_CENTRAL), "pl": _latin("ąćęłńóśźż", *_CENTRAL),
    "ro": _latin("ăâîşţșț", *_CENTRAL, "iso8859_16"),
    "da": _latin("åæøéó"), "de": _latin("äöüßé"), "es": _latin("áéíóúñü¡¿ºª"), "fi": _latin("åäö"),
    "fr": _latin("àâæçéèêëîïôùûüœ"), "it": _latin("àèéìíòóùú"), "nb": _latin("åæøéó"),
    "nl": _latin("áéëïóöü"),
    "no": _latin("åæøéó"), "pt": _latin("ãõçáéíóúâêôà"), "sv": _latin("åäöé"),
    "el": _own("ͰϿ", "cp1253", "iso8859_7", frequent=_FREQUENT_GREEK),
    "et": _latin("äõöüšž", "cp1257", "cp1252"), "lt": _latin("ąčęėįšųūž", "cp1257"),
    "lv": _latin("āčēģīķļņšūž", "cp1257"),
    "fa": _own("\u0600\u06ff", "cp1256"),
    "he": _own("\u0590\u05ff", "cp1255"),
    "ja": _own("、ヿ 一鿿 ！～", "cp932", "euc_jp", frequent=frozenset(map(chr, range(0x3041, 0x30FF)))),
    "ko": _own("가힣 、〿 ！～", "cp949"),
    "th": _own("ก๛", "cp874"),
    "tr": _latin("çğıöşüâîûi̇", "cp1254"),
    "uk": _own("Ѐӿ", "cp1251", "koi8_u", "cp866", frequent=_FREQUENT_CYRILLIC),
    "zh": _own("一鿿 、〿 ！～", "gb18030", "big5hkscs"),
}  # fmt: skip


def of_language(data: bytes, languages: Collection[str], *, own_script: bool = False) -> str | None:
    """Return the bytes as text in the first language that they fit, or None.

    With `own_script`, only languages that are not written in Latin letters count.
    """
    first = _HIGH.search(data)
    if first is None:
        return None
    sample = data[max(0, first.start() - _BEFORE) :][:_SAMPLE]
    for tag in list(languages)[:_MOST]:
        script = _SCRIPTS.get(tag.partition("-")[0].lower())
        if script is None or (own_script and not script.ranges):
            continue
        fitting = [
            (_likeness(text, script), name)
            for name in script.charsets
            if (text := _begun(sample, name)) is not None and _fits(text, script)
        ]
        for _, name in sorted(fitting, key=lambda found: -found[0]):
            try:
                return data.decode(name)
            except UnicodeError:
                continue
    return None


def _begun(sample: bytes, name: str) -> str | None:
    """Return the sample as text, or None if it is not in that charset.

    It may end in the middle of a letter.
    """
    try:
        return codecs.getincrementaldecoder(name)().decode(sample)
    except UnicodeError:
        return None


def _beyond(text: str) -> Iterator[str]:
    return (char for char in text if char > "\x7f" and char not in _NEUTRAL)


def _fits(text: str, script: _Script) -> bool:
    beyond = list(_beyond(text))
    if not beyond:
        return False
    if script.ranges:
        own = sum(any(first <= char <= last for first, last in script.ranges) for char in beyond)
        # Letters of these scripts are adjacent. In Western words, each is next to an ASCII letter.
        return own >= 0.95 * len(beyond) and len(_AMONG_ASCII.findall(text)) < 0.5 * len(beyond)
    plain = sum(char.isalpha() for char in text if char <= "\x7f")
    return plain >= len(beyond) and all(set(char.lower()) <= script.alphabet for char in beyond)


def _likeness(text: str, script: _Script) -> float:
    """Return how many of the letters are frequent in the language, as a ratio.

    Lower-case letters count a little more.
    """
    beyond = list(_beyond(text))
    if "gb18030" in script.charsets:
        return sum(_is_everyday(char) for char in beyond) / len(beyond)
    frequent = sum(char.lower() in script.frequent for char in beyond)
    return (frequent + 0.3 * sum(char.islower() for char in beyond)) / len(beyond)


def _is_everyday(char: str) -> bool:
    """Return True if a Chinese character is in the first level of GB 2312 or of Big5."""
    return any(
        len(found := char.encode(name, "ignore")) == 2 and first <= found[0] <= last
        for name, first, last in (("gb2312", 0xA1, 0xD7), ("big5", 0xA1, 0xC6))
    )
