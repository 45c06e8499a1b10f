"""Serve the Graph API's paths that a Page needs, and the attachments."""

import hmac

from aiohttp import web

from connectors.sandbox.messenger.page import APP_ID, CDN, FIELDS, Page
from connectors.sandbox.messenger.sending import Sending
from connectors.sandbox.meta.calls import VERSION, Answer, Calls, picked
from connectors.sandbox.meta.errors import JsonObject, invalid, unknown_object
from connectors.sandbox.meta.params import Params
from connectors.sandbox.meta.trouble import Trouble

# Further fields that an app may subscribe to. No phone here causes their events.
_OTHER_FIELDS = (
    "business_integrity",
    "feed",
    "inbox_labels",
    "leadgen",
    "mention",
    "message_context",
    "message_template_status_update",
    "messaging_account_linking",
    "messaging_customer_information",
    "messaging_feedback",
    "messaging_game_plays",
    "messaging_handovers",
    "messaging_optouts",
    "messaging_policy_enforcement",
    "response_feedback",
    "send_cart",
    "standby",
)


class Server:
    def __init__(self, page: Page, sending: Sending, calls: Calls) -> None:
        self._page = page
        self._sending = sending
        self._calls = calls

    def add_routes(self, app: web.Application) -> None:
        call, router = self._calls.checked, app.router
        for who in ("me", self._page.page_id):
            path = f"/{VERSION}/{who}"
            router.add_post(f"{path}/messages", call("messages", self._messages))
            router.add_post(f"{path}/message_attachments", call("message_attachments", self._attachments))
            router.add_get(f"{path}/subscribed_apps", call("subscribed_apps", self._subscriptions))
            router.add_post(f"{path}/subscribed_apps", call("subscribed_apps", self._subscribe))
            router.add_delete(f"{path}/subscribed_apps", call("subscribed_apps", self._unsubscribe))
            router.add_get(f"{path}/messenger_profile", call("messenger_profile", self._profile_of_page))
            router.add_post(f"{path}/messenger_profile", call("messenger_profile", self._set_profile_of_page))
            router.add_get(path, call("page", self._about))
        router.add_get(f"/{VERSION}/{{object_id}}", call("profile", self._profile))
        router.add_get(CDN + "{file_id}", call("attachment", self._attachment, token=False))
        router.add_route("*", f"/{VERSION}/{{object_id}}{{rest:.*}}", call("unknown", _unknown))

    async def _messages(self, request: web.Request, params: Params) -> Answer:
        self._learn(request)
        return await self._sending.post(params)

    async def _attachments(self, request: web.Request, params: Params) -> Answer:
        self._learn(request)
        return await self._sending.upload(params)

    def _learn(self, request: web.Request) -> None:
        """Note the address of this stand-in from a call, unless it is known."""
        if not self._page.url:
            prefix = request.path.partition(f"/{request.match_info['version']}/")[0]
            self._page.url = f"{request.url.origin()}{prefix}"

    async def _about(self, _: web.Request, params: Params) -> Answer:
        about: JsonObject = {
            "id": self._page.page_id,
            "name": self._page.name,
            "username": "sandbox",
            "category": "Customer Service",
            "link": f"https://www.facebook.com/{self._page.page_id}",
        }
        return picked(about, params.text("fields"), "name")

    async def _profile(self, request: web.Request, params: Params) -> Answer:
        """Return the profile of a person.
        https://developers.facebook.com/docs/messenger-platform/identity/user-profile
        """
        member = self._page.member(request.match_info["object_id"])
        if member is None:
            raise unknown_object("get", request.match_info["object_id"])
        first, _, last = member.name.partition(" ")
        profile: JsonObject = {
            "id": member.psid,
            "name": member.name,
            "first_name": first,
            "last_name": last,
            "profile_pic": f"https://platform-lookaside.fbsbx.com/platform/profilepic/?psid={member.psid}",
            "locale": "en_US",
            "timezone": 1,
        }
        return picked(profile, params.text("fields"), "first_name,last_name,profile_pic")

    async def _subscriptions(self, _: web.Request, __: Params) -> Answer:
        if not self._page.subscribed:
            return {"data": []}
        app: JsonObject = {
            "category": "Business",
            "link": "https://www.facebook.com/",
            "name": "Sandbox",
            "id": str(APP_ID),
            "subscribed_fields": sorted(self._page.subscribed),
        }
        return {"data": [app]}

    async def _subscribe(self, _: web.Request, params: Params) -> Answer:
        given = params.values.get("subscribed_fields")
        fields = given if isinstance(given, list) else str(given or "").split(",")
        names = {str(each).strip() for each in fields} - {""}
        if not names:
            raise invalid("The parameter subscribed_fields is required")
        if unknown := names - {*FIELDS.values(), *_OTHER_FIELDS}:
            raise invalid(f"Param subscribed_fields must not hold {sorted(unknown)[0][:60]!r}")
        self._page.subscribed = names
        return {"success": True}

    async def _unsubscribe(self, _: web.Request, __: Params) -> Answer:
        self._page.subscribed = set()
        return {"success": True}

    async def _profile_of_page(self, _: web.Request, params: Params) -> Answer:
        """Return the Page's settings that were asked for.

        https://developers.facebook.com/docs/messenger-platform/reference/messenger-profile-api
        """
        asked = params.text("fields").split(",")
        return {"data": [{key: self._page.profile[key]} for key in asked if key in self._page.profile]}

    async def _set_profile_of_page(self, _: web.Request, params: Params) -> Answer:
        button = params.object("get_started")
        if button is None or not isinstance(button.get("payload"), str) or len(str(button["payload"])) > 1000:
            raise invalid("(#100) The parameter get_started.payload is required")
        self._page.profile["get_started"] = button
        return {"result": "success"}

    async def _attachment(self, request: web.Request, _: Params) -> Answer:
        page, query = self._page, request.query
        file_id, ends = request.match_info["file_id"], query.get("oe", "")
        file = page.files.get(file_id)
        if file is None or page.troubles.strikes(Trouble.MEDIA_EXPIRED):
            return web.Response(status=404)
        if not hmac.compare_digest(page.seal(file_id, ends).encode(), query.get("oh", "").encode()):
            return web.Response(status=403, text="Bad URL hash")
        if page.clock().timestamp() > int(ends, 16) or page.troubles.strikes(Trouble.URL_EXPIRED):
            return web.Response(status=403, text="URL signature expired")
        return web.Response(body=file.content, headers={"Content-Type": file.mime_type})


async def _unknown(request: web.Request, _: Params) -> Answer:
    raise unknown_object(request.method, request.match_info["object_id"])
