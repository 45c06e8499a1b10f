"""Find what somebody said, or is called, in any encoding in which a store may keep it."""

import base64
import quopri
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

ALIGNMENTS = 3  # of base64: where in three bytes something begins


class Traces:
    """Knows the ways in which words, ids and numbers may stand somewhere."""

    def __init__(self, told: Iterable[str | bytes]) -> None:
        self._exact: dict[bytes, str] = {}
        self._folded: dict[bytes, str] = {}
        self._digits: dict[re.Pattern[bytes], str] = {}
        for one in told:
            content = one if isinstance(one, bytes) else one.encode()
            assert len(content) >= 6, f"{one!r} is too short: chance would write it, too"
            self._learn_bytes(content, repr(one))
            if isinstance(one, str):
                self._learn_text(one)

    def within(self, haystack: bytes) -> set[str]:
        """Return what is found there, and as what."""
        found = {name for form, name in self._exact.items() if form in haystack}
        low = folded(haystack)
        found |= {name for form, name in self._folded.items() if form in low}
        return found | {name for form, name in self._digits.items() if form.search(haystack)}

    def _learn_bytes(self, content: bytes, name: str) -> None:
        self._exact[content] = f"{name} as it is"
        for form in _base64(content):
            self._exact[form] = f"{name} in base64"
            self._exact[form.translate(bytes.maketrans(b"+/", b"-_"))] = f"{name} in base64 for URLs"
        self._folded[content.hex().encode()] = f"{name} in hex"

    def _learn_text(self, text: str) -> None:
        for coding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
            for spelled in {text, text.casefold(), text.upper()}:
                content = spelled.encode(coding, "ignore")
                self._folded[folded(content)] = f"{text!r} in {coding}"
                self._learn_bytes(content, f"{text!r} in {coding}")
        content = text.encode()
        self._folded[folded(quote(text, safe="").encode())] = f"{text!r} URL-encoded"
        for spaces in (b" ", b"=20", b"_"):
            printable = quopri.encodestring(content).replace(b"=\n", b"").replace(b" ", spaces)
            self._folded[folded(printable)] = f"{text!r} quoted-printable"
        escaped = text.encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00")
        self._folded[folded(escaped)] = f"{text!r} escaped as in JSON"
        if text.isdigit():
            self._digits[re.compile(rb"[-\s().+/]{0,2}".join(bytes([one]) for one in content))] = (
                f"{text!r} as digits with separators"
            )


def folded(content: bytes) -> bytes:
    """Return it without differences of case, of letters beyond ASCII too where it is UTF-8."""
    return content.decode("utf-8", "surrogateescape").casefold().encode("utf-8", "surrogateescape")


def _base64(content: bytes) -> Iterator[bytes]:
    """Yield it as it stands within base64, by where it begins, without the letters that others share."""
    for before in range(ALIGNMENTS):
        padded = b"\0" * before + content
        encoded = base64.b64encode(padded).rstrip(b"=")
        shared = len(padded) % ALIGNMENTS != 0
        yield encoded[-(-before * 8 // 6) : len(encoded) - shared]
