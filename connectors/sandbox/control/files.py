"""Serve files that people and the product sent to the page."""

from collections.abc import Mapping

from aiohttp import web

from connectors.sandbox.meta.files import KeptFile

_SHOWN_IN_BROWSER = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_NOTHING_RUNS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
# For a mail as its sender designed it: styles and embedded pictures, no scripts, nothing loaded.
_DESIGNED = {
    **_NOTHING_RUNS,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
    ),
}


def about(file: KeptFile | None) -> Mapping[str, object]:
    """Return what the page is told of a file, or nothing without a file."""
    if file is None:
        return {}
    return {"id": file.id, "name": file.name, "type": file.mime_type, "size": len(file.content)}


def file_answer(content: bytes, mime_type: str) -> web.Response:
    """Return the answer with a file.

    Pictures are shown; anything else is only downloaded, so that it cannot run here.
    """
    if mime_type in _SHOWN_IN_BROWSER:
        return web.Response(body=content, content_type=mime_type, headers=_NOTHING_RUNS)
    headers = {**_NOTHING_RUNS, "Content-Disposition": "attachment"}
    return web.Response(body=content, content_type="application/octet-stream", headers=headers)


def kept_file_answer(file: KeptFile | None) -> web.Response:
    """Return the answer with a file of Meta's platforms. Raise LookupError without one."""
    if file is None:
        raise LookupError("there is no such file")
    return file_answer(file.content, file.mime_type)


def designed_answer(html: str) -> web.Response:
    return web.Response(text=html, content_type="text/html", headers=_DESIGNED)
