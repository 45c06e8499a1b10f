"""Serve the sandbox's page and its files."""

from pathlib import Path

from aiohttp import web

from connectors.sandbox.guard import refuse_strangers

FOLDER = Path(__file__).parent / "page"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


def add_page(app: web.Application) -> None:
    """Serve the page at the mount point itself, and its files under `page/`."""
    app.router.add_get("", _to_page)
    app.router.add_get("/", _page)
    app.router.add_get("/page/{name}", _file)


async def _to_page(request: web.Request) -> web.StreamResponse:
    return web.Response(status=308, headers={"Location": f"{request.path}/"})


async def _page(request: web.Request) -> web.StreamResponse:
    return _answer(request, FOLDER / "index.html")


async def _file(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    found = next((path for path in FOLDER.iterdir() if path.name == name and path.suffix in _TYPES), None)
    if found is None:
        raise web.HTTPNotFound
    return _answer(request, found)


def _answer(request: web.Request, path: Path) -> web.StreamResponse:
    refuse_strangers(request)
    return web.FileResponse(path, headers={**_HEADERS, "Content-Type": _TYPES[path.suffix]})
