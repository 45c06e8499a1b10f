"""Read the parameters of one call from its query, form, multipart or JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.web_request import FileField


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    mime_type: str
    content: bytes


async def read_values(
    request: web.BaseRequest, read_json: Callable[[bytes], Mapping[str, object]]
) -> tuple[dict[str, object], dict[str, Upload]]:
    """Return the parameters and the files of a request. A body of another type has none."""
    values: dict[str, object] = dict(request.query) if request.query_string else {}
    files: dict[str, Upload] = {}
    if request.method not in ("POST", "PUT", "DELETE"):
        return values, files
    match request.content_type:
        case "application/json":
            values.update(read_json(await request.read()))
        case "application/x-www-form-urlencoded":
            body = (await request.read()).decode("utf-8", "replace")
            values.update(parse_qsl(body, keep_blank_values=True))
        case "multipart/form-data":
            for name, value in (await request.post()).items():
                if isinstance(value, FileField):
                    with value.file as spooled:
                        files[name] = Upload(value.filename, value.content_type, spooled.read())
                else:
                    values[name] = (
                        value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
                    )
        case _:
            await request.read()
    return values, files
