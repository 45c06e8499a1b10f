"""Enough of S3 for a file store: objects, multipart uploads, and a day on which it fails.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count

from aiohttp import web


@dataclass
class S3:
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)  # not completed
    requests: list[str] = field(default_factory=list)
    fails: bool = False
    hangs: bool = False
    received_part: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: count = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{key:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body, key, query = await request.read(), request.match_info["key"], request.query
        self.requests.append(request.method)
        if not request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256"):
            return _xml(403, "<Error><Code>AccessDenied</Code></Error>")
        if self.fails:
            return _xml(503, "<Error><Code>SlowDown</Code></Error>")
        upload = query.get("uploadId", "")
        if upload and upload not in self.uploads:
            return _xml(404, "<Error><Code>NoSuchUpload</Code></Error>")
        match request.method:
            case "POST" if "uploads" in query:
                upload = f"upload{next(self._ids)}"
                self.uploads[upload] = {}
                return _xml(
                    200,
                    f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
                    "</InitiateMultipartUploadResult>",
                )
            case "POST" if "delete" in query:
                names = [name.decode() for name in re.findall(rb"<Key>(.*?)</Key>", body)]
                for name in names:
                    self.objects.pop(f"{key.rstrip('/')}/{name}", None)
                told = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
                return _xml(200, f"<DeleteResult>{told}</DeleteResult>")
            case "POST":
                parts = self.uploads.pop(upload)
                self.objects[key] = b"".join(parts[number] for number in sorted(parts))
                return _xml(
                    200, '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>'
                )
            case "PUT" if upload:
                self.uploads[upload][int(query["partNumber"])] = body
                self.received_part.set()
                if self.hangs:
                    await asyncio.Event().wait()
                return web.Response(headers={"ETag": '"e"'})
            case "PUT":
                self.objects[key] = body
                return web.Response(headers={"ETag": '"e"'})
            case "DELETE":
                if upload:
                    del self.uploads[upload]
                else:
                    self.objects.pop(key, None)
                return web.Response(status=204)
            case "GET" if "list-type" in query:
                bucket = f"{key.rstrip('/')}/"
                names = (
                    name.removeprefix(bucket) for name in sorted(self.objects) if name.startswith(bucket)
                )
                found = "".join(
                    f"<Contents><Key>{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                    f'<ETag>"e"</ETag><Size>{len(self.objects[bucket + name])}</Size></Contents>'
                    for name in names
                    if name.startswith(query.get("prefix", ""))
                )
                return _xml(
                    200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
                )
            case "GET" if key in self.objects:
                return web.Response(
                    body=self.objects[key],
                    headers={"ETag": '"e"', "Last-Modified": formatdate(0, usegmt=True)},
                )
            case _:
                return _xml(404, "<Error><Code>NoSuchKey</Code></Error>")


def _xml(status: int, body: str) -> web.Response:
    return web.Response(status=status, text=body, content_type="application/xml")
