"""Normalize the MIME types that senders claim for their files."""

import mimetypes
from typing import Final

UNKNOWN: Final = "application/octet-stream"

# Those that Python knows by itself, and those that chats and mails bring besides. What a machine has in its
# own lists is left out, so that every replica keeps the same.
_KNOWN: Final = frozenset(
    kind for known in mimetypes.MimeTypes().types_map for kind in known.values()
) | frozenset(
    f"{major}/{minor}"
    for major, minors in {
        "audio": "aac ac3 aiff amr amr-wb basic flac m4a midi mp3 mp4 mpeg ogg opus wav wave webm x-aac x-m4a"
        " x-wav 3gpp",
        "image": "apng avif bmp gif heic heif jpeg jpg png svg+xml tiff webp x-icon",
        "video": "3gpp 3gpp2 mp4 mpeg ogg quicktime webm x-matroska x-msvideo x-ms-wmv",
        "text": "calendar css csv directory html markdown plain rtf tab-separated-values vcard x-vcard xml",
        "message": "rfc822 delivery-status disposition-notification partial",
        "application": "json pdf zip gzip msword rtf xml x-tgsticker x-tgs pgp-signature pgp-encrypted"
        " pkcs7-mime pkcs7-signature x-pkcs7-signature x-pkcs7-mime ms-tnef x-7z-compressed vnd.rar"
        " x-rar-compressed vnd.ms-excel vnd.ms-powerpoint vnd.ms-outlook epub+zip ics"
        " vnd.openxmlformats-officedocument.wordprocessingml.document"
        " vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        " vnd.openxmlformats-officedocument.presentationml.presentation vnd.oasis.opendocument.text"
        " vnd.oasis.opendocument.spreadsheet vnd.oasis.opendocument.presentation"
        " vnd.oasis.opendocument.graphics",
    }.items()
    for minor in minors.split()
)


def known_type(claimed: str) -> str:
    """Return a claimed MIME type without its parameters if it is a well-known one, else UNKNOWN; "" for none.

    The rest is a free text of the sender, and the column that holds it is not sealed.
    """
    if not claimed:
        return ""
    kind = claimed.partition(";")[0].strip().lower()
    return kind if kind in _KNOWN else UNKNOWN
