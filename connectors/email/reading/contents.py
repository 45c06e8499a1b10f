"""Decide what each part of a mail is for: a text to read, or a file."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

from connectors.email.reading import calendar, smime, tnef
from connectors.email.reading.decoding import decode
from connectors.email.reading.mail import MailFile
from connectors.email.reading.structure import MAX_PARTS, MimePart, take_apart, uudecode

MAX_TEXT = 1_000_000  # characters that are read of one text; the original keeps the rest
MAX_TEXTS = 20
MAX_NAME = 150

_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})""", re.I)
# A picture inside the HTML may be larger than all the HTML that is read.
_DATA_LINK = re.compile(rb"""(\b(?:src|href|background)\s*=\s*)(["'])\s*data:[^"']*\2""", re.IGNORECASE)
_LANGUAGE = re.compile(r"\b[A-Za-z]{2,3}(?:-[A-Za-z]{2,8})?\b")
_MAX_LANGUAGES = 5
_SIGNATURES = {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
_OTHER_RENDERINGS = {"text/x-amp-html", "text/watch-html", "text/x-watch-html"}
_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_ENCRYPTED = "[encrypted: only who has the key can read it]"
_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----\n"
_PGP_SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----\n"
_PGP_END = "\n-----END PGP SIGNATURE-----"
_TNEF = {"application/ms-tnef", "application/vnd.ms-tnef"}
_REPORTS = {"message/delivery-status", "message/global-delivery-status", "message/disposition-notification",
            "text/rfc822-headers", "message/feedback-report"}  # fmt: skip
_EXTENSIONS = {
    "application/pdf": "pdf", "application/zip": "zip", "audio/mpeg": "mp3", "image/gif": "gif",
    "image/heic": "heic", "image/jpeg": "jpg", "image/png": "png", "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/vcard": "vcf", "video/mp4": "mp4",
}  # fmt: skip
_UU_BEGIN = re.compile(r"^begin [0-7]{3,4} (\S.{0,150})\n", re.M)
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]+')


@dataclass(frozen=True, slots=True)
class Text:
    """A text to read: `html` with `plain` as its substitute, or one of the two."""

    plain: str = ""
    html: str = ""
    flowed: bool = False
    delete_space: bool = False
    forwarded: MimePart | None = None  # the forwarded mail within this one that the text belongs to


@dataclass(slots=True)
class Contents:
    texts: list[Text] = field(default_factory=list)
    files: list[MailFile] = field(default_factory=list)
    invitation: str = ""  # an invitation in words, used if the mail has no text
    beyond: list[str] = field(default_factory=list)  # names of files beyond the limit
    languages: tuple[str, ...] = ()  # in which a text is likely to be
    opened: bool = False  # one signed content was taken out; a second one stays closed

    def add_file(
        self, data: bytes, *, name: str, mime: str, content_id: str = "", inline: bool = False
    ) -> None:
        if len(self.files) >= MAX_PARTS:
            self.beyond.append(file_name(name, mime, len(self.files) + len(self.beyond)))
            return
        index = len(self.files)
        named = file_name(name, mime, index)
        part = MailFile(
            index=index,
            name=named,
            mime=mime,
            size=len(data),
            content_id=content_id,
            inline=inline,
            data=data,
        )
        self.files.append(part)

    def add_text(self, text: Text) -> None:
        if (text.plain.strip() or text.html.strip()) and len(self.texts) < MAX_TEXTS:
            self.texts.append(text)


def sort_out(root: MimePart, languages: Collection[str] = ()) -> Contents:
    """Return the texts and files of a mail.

    `languages` are those in which a text without a charset is likely to be, besides those that the mail
    names.
    """
    contents = Contents(languages=(*_languages_of(root), *languages))
    unread = [name for node in root.walk() for name in node.beyond]
    contents.beyond = [file_name(name, "", MAX_PARTS + number) for number, name in enumerate(unread)]
    _sort(root, contents, within=None, related=False)
    if not contents.texts and (named := _named_text(root)) is not None:
        _text(named, contents, None)
    return contents


def _languages_of(root: MimePart) -> Iterator[str]:
    """Yield the languages of the sender's mail program.

    Outlook and others write them into a header (RFC 3282).
    """
    for name in ("content-language", "accept-language"):
        yield from (match[0] for match in islice(_LANGUAGE.finditer(root.headers.text(name)), _MAX_LANGUAGES))


def _named_text(node: MimePart) -> MimePart | None:
    """Return the first text that has the name of a file, or None. Such a text remains a file.

    It is read only if the mail has no other text.
    """
    if node.mime in ("text/plain", "text/html") and node.filename and node.disposition != "attachment":
        return node
    children = node.children if node.mime.startswith("multipart/") else ()
    return next((found for child in children if (found := _named_text(child)) is not None), None)


def _sort(node: MimePart, contents: Contents, *, within: MimePart | None, related: bool) -> None:
    if node.mime.startswith("message/") and node.children:
        _forwarded(node, contents)
    elif node.mime.startswith("multipart/") and node.children:
        children = node.children
        match node.mime:
            case "multipart/alternative":
                _alternative(children, contents, within)
            case "multipart/signed":
                _sort(children[0], contents, within=within, related=related)
                for child in children[1:]:
                    if child.mime not in _SIGNATURES:
                        _sort(child, contents, within=within, related=related)
            case "multipart/report":
                for child in children:
                    if child.mime not in _REPORTS and not child.mime.startswith("message/"):
                        _sort(child, contents, within=within, related=related)
            case "multipart/encrypted":
                contents.add_text(Text(plain=_ENCRYPTED, forwarded=within))
                for child in children[1:]:  # the first part only describes the encryption
                    _sort(child, contents, within=within, related=False)
            case _:
                inner = node.mime == "multipart/related"
                for number, child in enumerate(children):
                    _sort(child, contents, within=within, related=inner and number > 0)
    elif _is_text(node):
        _text(node, contents, within)
    elif node.mime in _TNEF or (
        node.filename.lower() == "winmail.dat" and node.mime == "application/octet-stream"
    ):
        _winmail(node, contents, within)
    elif node.mime in _SMIME:
        _smime(node, contents, within)
    elif node.mime not in _SIGNATURES:
        if node.mime == "text/calendar" and not contents.invitation:
            contents.invitation = calendar.in_words(decode(node.decoded(), node.params.get("charset")))
        _file(node, contents, related=related)


def _is_text(node: MimePart) -> bool:
    if node.mime not in (
        "text/plain",
        "text/html",
        "text/enriched",
        "text/richtext",
    ) and not node.mime.startswith("multipart/"):
        return False
    return node.disposition != "attachment" and not node.filename


def _alternative(children: tuple[MimePart, ...], contents: Contents, within: MimePart | None) -> None:
    """Add one text that comes in several renderings. Prefer HTML, because its markup shows what is quoted.

    Keep the files of all renderings: an invitation to a calendar is one of them.
    """
    renderings = []
    for child in children:
        if child.mime in _OTHER_RENDERINGS:
            continue
        part = Contents(opened=contents.opened, languages=contents.languages)
        _sort(child, part, within=within, related=False)
        contents.opened = part.opened
        contents.invitation = contents.invitation or part.invitation
        for file in part.files:
            contents.add_file(
                file.data, name=file.name, mime=file.mime, content_id=file.content_id, inline=file.inline
            )
        if part.texts:
            renderings.append(part.texts)
    html = next((texts for texts in reversed(renderings) if any(text.html for text in texts)), None)
    plain = next((texts for texts in renderings if texts[0].plain and not texts[0].html), None)
    if html is not None and plain is not None and len(html) == 1:
        first = plain[0]
        contents.add_text(Text(first.plain, html[0].html, first.flowed, first.delete_space, within))
    else:
        for text in html or plain or []:
            contents.add_text(text)


def _text(node: MimePart, contents: Contents, within: MimePart | None) -> None:
    data = node.decoded()
    declared = node.params.get("charset")
    if node.mime == "text/html":
        if not declared and (meta := _META_CHARSET.search(data[:4_096])):
            declared = meta[1].decode("ascii", "replace")
        data = _DATA_LINK.sub(rb"\1\2\2", data)
        contents.add_text(
            Text(
                html=decode(data[: MAX_TEXT * 4], declared, contents.languages)[: MAX_TEXT * 2],
                forwarded=within,
            )
        )
        return
    text = decode(data[: MAX_TEXT * 4], declared, contents.languages)[:MAX_TEXT]
    if node.mime != "text/plain" and not node.mime.startswith("multipart/"):
        text = re.sub(r"<[^<>]{1,80}>", "", text.replace("<<", "\ue004")).replace("\ue004", "<")
    text, uuencoded = _without_uuencoded(_without_pgp(text))
    flowed = node.params.get("format", "").lower() == "flowed"
    delete = node.params.get("delsp", "").lower() == "yes"
    contents.add_text(Text(plain=text, flowed=flowed, delete_space=delete, forwarded=within))
    for name, content in uuencoded:
        contents.add_file(content, name=name, mime="application/octet-stream")


def _without_pgp(text: str) -> str:
    """Return a text that was signed inline (RFC 9580 section 7) without its signature."""
    begins = text.find(_PGP_SIGNED)
    signature = text.find(_PGP_SIGNATURE, begins)
    ends = text.find(_PGP_END, signature)
    if min(begins, signature, ends) < 0 or text[:begins].strip():
        return text
    signed = text[begins + len(_PGP_SIGNED) : signature].partition("\n\n")[2]
    return re.sub(r"^- ", "", signed, flags=re.MULTILINE) + text[ends + len(_PGP_END) :]


def _without_uuencoded(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a text without the uuencoded files in it, and these files. This form is older than MIME."""
    found: list[tuple[str, bytes]] = []
    kept: list[str] = []
    position = 0
    for begin in _UU_BEGIN.finditer(text):
        end = text.find("\nend", begin.end() - 1)
        if begin.start() < position or end < 0 or len(found) >= 50:
            continue
        block = text[begin.start() : end + 4]
        content = uudecode(block.encode("ascii", "replace"))
        if content:
            found.append((begin[1].strip(), content))
            kept.append(text[position : begin.start()])
            position = end + 4
    return "".join([*kept, text[position:]]), found


def _file(node: MimePart, contents: Contents, *, related: bool) -> None:
    shown = node.disposition == "inline" and node.mime.startswith("image/")
    inline = (
        related
        or shown
        or bool(node.content_id and node.disposition != "attachment" and node.mime.startswith("image/"))
    )
    contents.add_file(
        node.decoded(), name=node.filename, mime=node.mime, content_id=node.content_id, inline=inline
    )


def _smime(node: MimePart, contents: Contents, within: MimePart | None) -> None:
    """Add the content of a signed S/MIME mail. For an encrypted one, add a text that says so."""
    data = node.decoded()
    inner = b"" if contents.opened else smime.signed_content(data)
    if inner:
        contents.opened = True
        _sort(take_apart(inner), contents, within=within, related=False)
        return
    if smime.is_encrypted(data):
        contents.add_text(Text(plain=_ENCRYPTED, forwarded=within))
    _file(node, contents, related=False)


def _winmail(node: MimePart, contents: Contents, within: MimePart | None) -> None:
    data = node.decoded()
    unpacked = tnef.unpack(data)
    if unpacked is None or not (unpacked.files or unpacked.text or unpacked.html):
        _file(node, contents, related=False)
        return
    if not any(text.forwarded is within for text in contents.texts):
        contents.add_text(
            Text(plain=unpacked.text[:MAX_TEXT], html=unpacked.html[: MAX_TEXT * 2], forwarded=within)
        )
    for file in unpacked.files:
        mime = file.mime if re.fullmatch(r"[\w.+-]+/[\w.+-]+", file.mime) else "application/octet-stream"
        contents.add_file(
            file.data, name=file.name, mime=mime, content_id=file.content_id, inline=bool(file.content_id)
        )


def _forwarded(node: MimePart, contents: Contents) -> None:
    """Add a mail within the mail: as a file, as a text to read, and with its own files."""
    mail = node.children[0]
    contents.add_file(node.body, name=node.filename or mail.headers.text("subject"), mime="message/rfc822")
    _sort(mail, contents, within=mail, related=False)


def file_name(given: str, mime: str, index: int) -> str:
    """Return a file name without folders and unsafe characters, with an extension if it is known.

    Never return "".
    """
    name = _UNSAFE.sub(
        "_", given.replace("\\", "/").rpartition("/")[2] if mime != "message/rfc822" else given
    )
    name = " ".join(name.split()).strip(" ._") if name.strip(" ._") else ""
    ending = _EXTENSIONS.get(mime, "")
    if not name:
        kind = (
            "invite"
            if mime == "text/calendar"
            else mime.partition("/")[0]
            if mime[:5] in ("image", "audio", "video")
            else "attachment"
        )
        name = f"{kind}-{index + 1}" if kind != "invite" else kind
    if ("." not in name[-6:] and ending) or (mime == "message/rfc822" and not name.lower().endswith(".eml")):
        name = f"{name[: MAX_NAME - 5]}.{ending}"
    if len(name) <= MAX_NAME:
        return name
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[: MAX_NAME - 1 - len(suffix)]}.{suffix}" if dot and len(suffix) < 12 else name[:MAX_NAME]
