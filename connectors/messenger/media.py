"""Decide which addresses a customer's file may have, and upload our files."""

import re
from urllib.parse import urlsplit

from bot.core.connector import FileAccess
from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind
from connectors.messenger.capabilities import MAX_FILE
from connectors.messenger.failures import send_error
from connectors.meta import Graph, GraphError, Upload

# Hosts where Meta stores attachments: scontent.xx.fbcdn.net, video.xx.fbcdn.net, cdn.fbsbx.com,
# lookaside.fbsbx.com. It is an exact pattern and no parser, because two parsers may read one address
# differently: no user, port, escape or backslash comes before the path.
_CDN = re.compile(r"https://(?:[a-z0-9-]{1,63}\.){0,6}(?:fbcdn\.net|fbsbx\.com)/[!-\[\]-~]*")
_ORIGIN = re.compile(r"(https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?)/[!-\[\]-~]*")
_SENT_AS = {
    AttachmentKind.PHOTO: "image",
    AttachmentKind.STICKER: "image",
    AttachmentKind.VIDEO: "video",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.VOICE: "audio",
}


def may_fetch(url: str, api_url: str) -> bool:
    """Return True if an address is on Meta's CDN, or at `api_url` if that replaces Meta's API."""
    if _CDN.fullmatch(url):
        return True
    own = _ORIGIN.fullmatch(url)
    return bool(api_url) and own is not None and own[1] == _origin(api_url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def upload(graph: Graph, page: str, attachment: Attachment, files: FileAccess) -> tuple[str, str]:
    """Upload a file to Meta. Return the type that it is sent as, and the id by which a message shows it.

    Nobody sees an upload, so it can be repeated whatever fails. Raise SendError.
    https://developers.facebook.com/docs/messenger-platform/reference/attachment-upload-api
    """
    sent_as = _SENT_AS.get(attachment.kind, "file")
    message = f'{{"attachment":{{"type":"{sent_as}","payload":{{"is_reusable":true}}}}}}'
    mime_type = attachment.mime_type.partition(";")[0].strip() or "application/octet-stream"
    file = Upload(
        files.open(attachment.file), mime_type, attachment.name or sent_as, MAX_FILE, field="filedata"
    )
    try:
        answer = await graph.upload(f"{page}/message_attachments", {"message": message}, file)
    except GraphError as error:
        raise send_error(error) from error
    uploaded = answer.id("attachment_id")
    if not uploaded:
        raise Refused("upload_unanswered: Meta took the file and gave no id for it")
    return sent_as, uploaded
