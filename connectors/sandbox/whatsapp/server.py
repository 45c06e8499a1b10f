"""Serve the Graph API's paths that a WhatsApp number needs, and the downloads of media."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from aiohttp import web

from connectors.sandbox.meta.calls import VERSION, Answer, Calls, picked
from connectors.sandbox.meta.errors import GraphError, JsonObject, invalid, unknown_object
from connectors.sandbox.meta.params import Params
from connectors.sandbox.meta.trouble import Trouble
from connectors.sandbox.whatsapp.line import Line
from connectors.sandbox.whatsapp.media import MEDIA_LIVES, URL_LIVES, check_upload
from connectors.sandbox.whatsapp.refusals import refusal
from connectors.sandbox.whatsapp.sending import Sending

DOWNLOADS = "/whatsapp_business/attachments/"
_PAGE = 25


class Server:
    """The HTTP side of the stand-in.

    `subscribe` verifies a callback URL and points webhooks at it; it raises CommandError.
    """

    def __init__(
        self,
        line: Line,
        sending: Sending,
        calls: Calls,
        *,
        secret: str,
        verified_name: str,
        subscribe: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._line = line
        self._sending = sending
        self._calls = calls
        self._secret = secret.encode()
        self._verified_name = verified_name
        self._subscribe_to = subscribe

    def add_routes(self, app: web.Application) -> None:
        call, line = self._calls.checked, self._line
        number = f"/{VERSION}/{line.phone_number_id}"
        account = f"/{VERSION}/{line.business_account_id}"
        router = app.router
        router.add_post(f"{number}/messages", call("messages", self._messages))
        router.add_post(f"{number}/media", call("media", self._upload))
        router.add_get(number, call("phone_number", self._number))
        router.add_get(f"{account}/phone_numbers", call("phone_numbers", self._numbers))
        router.add_get(f"{account}/message_templates", call("message_templates", self._templates))
        router.add_get(f"{account}/subscribed_apps", call("subscribed_apps", self._subscriptions))
        router.add_post(f"{account}/subscribed_apps", call("subscribed_apps", self._subscribe))
        router.add_delete(f"{account}/subscribed_apps", call("subscribed_apps", self._unsubscribe))
        router.add_get(account, call("account", self._account))
        router.add_get(f"/{VERSION}/{{object_id}}", call("media_url", self._media))
        router.add_delete(f"/{VERSION}/{{object_id}}", call("media_delete", self._delete_media))
        router.add_get(DOWNLOADS, call("media_download", self._download))
        router.add_route("*", f"/{VERSION}/{{object_id}}{{rest:.*}}", call("unknown", _unknown))

    async def _messages(self, _: web.Request, params: Params) -> Answer:
        return await self._sending.post(params)

    # Media

    async def _upload(self, _: web.Request, params: Params) -> Answer:
        if params.text("messaging_product").lower() != "whatsapp":
            raise invalid("The parameter messaging_product is required.")
        file = params.files.get("file")
        if file is None:
            raise invalid("The parameter file is required.")
        mime_type = params.text("type") or file.mime_type
        check_upload(mime_type, len(file.content))
        if self._line.troubles.strikes(Trouble.UPLOAD_FAILED):
            raise refusal(131053)
        return {"id": self._line.keep_file(file.content, mime_type, file.name).id}

    async def _media(self, request: web.Request, params: Params) -> Answer:
        file = self._line.files.get(request.match_info["object_id"])
        now = self._line.clock()
        if (
            file is None
            or now - file.kept_at > MEDIA_LIVES
            or self._line.troubles.strikes(Trouble.MEDIA_EXPIRED)
        ):
            raise unknown_object("get", request.match_info["object_id"])
        number = params.text("phone_number_id")
        if number and number != self._line.phone_number_id:
            raise invalid("Param phone_number_id is not a valid whatsapp business phone number id ID")
        ends = str(int((now + URL_LIVES).timestamp()))
        query = urlencode({"mid": file.id, "ext": ends, "hash": self._signature(file.id, ends)})
        base = str(request.url.origin()) + request.path.removesuffix(
            f"/{request.match_info['version']}/{file.id}"
        )
        return {
            "messaging_product": "whatsapp",
            "url": f"{base}{DOWNLOADS}?{query}",
            "mime_type": file.mime_type,
            "sha256": file.sha256_hex,
            "file_size": len(file.content),
            "id": file.id,
        }

    async def _download(self, request: web.Request, _: Params) -> Answer:
        query = request.query
        file_id, ends = query.get("mid", ""), query.get("ext", "")
        file = self._line.files.get(file_id)
        right = hmac.compare_digest(self._signature(file_id, ends).encode(), query.get("hash", "").encode())
        late = not ends.isdecimal() or self._line.clock().timestamp() > int(ends)
        if file is None or not right or late or self._line.troubles.strikes(Trouble.URL_EXPIRED):
            return web.Response(status=404)
        spoiled = self._line.troubles.strikes(Trouble.HASH_MISMATCH)
        content = file.spoiled() if spoiled else file.content
        return web.Response(body=content, headers={"Content-Type": file.mime_type})

    async def _delete_media(self, request: web.Request, _: Params) -> Answer:
        if self._line.files.pop(request.match_info["object_id"], None) is None:
            raise unknown_object("delete", request.match_info["object_id"])
        return {"success": True}

    def _signature(self, file_id: str, ends: str) -> str:
        return hmac.new(self._secret, f"{file_id}.{ends}".encode(), hashlib.sha256).hexdigest()

    # The number and its account

    async def _number(self, _: web.Request, params: Params) -> Answer:
        usual = "verified_name,code_verification_status,display_phone_number,quality_rating,platform_type,"
        return picked(self._number_wire(), params.text("fields"), usual + "throughput,webhook_configuration")

    async def _numbers(self, _: web.Request, __: Params) -> Answer:
        return {"data": [self._number_wire()]}

    def _number_wire(self) -> JsonObject:
        return {
            "verified_name": self._verified_name,
            "code_verification_status": "VERIFIED",
            "display_phone_number": f"+{self._line.display_phone_number}",
            "quality_rating": "GREEN",
            "platform_type": "CLOUD_API",
            "throughput": {"level": "STANDARD"},
            "name_status": "APPROVED",
            "status": "CONNECTED",
            "account_mode": "LIVE",
            "messaging_limit_tier": "TIER_1K",
            "webhook_configuration": {},
            "id": self._line.phone_number_id,
        }

    async def _account(self, _: web.Request, params: Params) -> Answer:
        account: JsonObject = {
            "id": self._line.business_account_id,
            "name": self._verified_name,
            "currency": "USD",
            "timezone_id": "1",
            "account_review_status": "APPROVED",
            "message_template_namespace": "sandbox",
        }
        return picked(account, params.text("fields"), "name,timezone_id,message_template_namespace")

    async def _templates(self, _: web.Request, params: Params) -> Answer:
        """Return the templates, filtered by name, language and status, one page at a time."""
        found = [
            each.wire()
            for each in self._sending.templates
            if params.text("name") in ("", each.name)
            and params.text("language") in ("", each.language)
            and params.text("status") in ("", each.status)
        ]
        limit, start = params.text("limit", str(_PAGE)), params.text("after", "0")
        if not (limit.isdecimal() and start.isdecimal() and int(limit)):
            raise invalid("Invalid paging parameters")
        first, end = int(start), int(start) + int(limit)
        paging: JsonObject = {"cursors": {"before": str(first), "after": str(end)}}
        if end < len(found):
            paging["next"] = f"?limit={limit}&after={end}"
        return {"data": found[first:end], "paging": paging}

    async def _subscriptions(self, _: web.Request, __: Params) -> Answer:
        return {"data": [{"whatsapp_business_api_data": _APP}] if self._line.subscribed else []}

    async def _subscribe(self, _: web.Request, params: Params) -> Answer:
        if url := params.text("override_callback_uri"):
            await self._subscribe_to(url, params.text("verify_token"))
        self._line.subscribed = True
        return {"success": True}

    async def _unsubscribe(self, _: web.Request, __: Params) -> Answer:
        self._line.subscribed = False
        return {"success": True}


_APP: JsonObject = {
    "id": "1000000000000001",
    "name": "Sandbox",
    "link": "https://www.facebook.com/games/?app_id=1000000000000001",
}


async def _unknown(request: web.Request, _: Params) -> Answer:
    raise unknown_object(request.method, request.match_info["object_id"])


def unreachable_callback() -> GraphError:
    return GraphError(
        2200, "(#2200) Callback verification failed with the following errors: the URL couldn't be validated"
    )
