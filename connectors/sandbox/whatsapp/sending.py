"""Serve POST /{phone-number-id}/messages: sending, read marks, and refusals at once or later.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import aiohttp

from connectors.sandbox.meta.errors import JsonObject, invalid
from connectors.sandbox.meta.params import Params
from connectors.sandbox.meta.trouble import Trouble
from connectors.sandbox.rate_limit import RateLimiter
from connectors.sandbox.whatsapp import contents
from connectors.sandbox.whatsapp.contents import Asset, Draft
from connectors.sandbox.whatsapp.limits import Limits
from connectors.sandbox.whatsapp.line import TYPING, Line, Owner
from connectors.sandbox.whatsapp.media import MAX_BYTES, problem
from connectors.sandbox.whatsapp.model import ChatMessage, Tick
from connectors.sandbox.whatsapp.phone import digits
from connectors.sandbox.whatsapp.refusals import refusal
from connectors.sandbox.whatsapp.templates import Template

_LINK_TIMEOUT = aiohttp.ClientTimeout(total=20)


@dataclass(frozen=True, slots=True)
class Planned:
    """A refusal of the next message, whatever it is. With `late` it is a failed status after a 200."""

    code: int
    late: bool
    seconds: float


@dataclass(slots=True)
class Sending:
    """Carries out the product's sends.

    `late_refusals` reports a closed window and an unknown recipient by a failed status.

    That is what the platform does. Otherwise the call itself is refused, as Meta's table of codes says.
    """

    line: Line
    limits: Limits | None
    late_refusals: bool
    templates: Sequence[Template]
    planned: deque[Planned] = field(default_factory=deque)
    limiter: RateLimiter = field(default_factory=RateLimiter)

    async def post(self, params: Params) -> JsonObject:
        if params.text("messaging_product").lower() != "whatsapp":
            raise invalid("The parameter messaging_product is required.")
        if params.text("status"):
            return self._mark_read(params)
        return self._send(params)

    def _mark_read(self, params: Params) -> JsonObject:
        """Mark a customer's message as read. With `typing_indicator` the customer also sees typing."""
        if params.text("status") != "read":
            raise invalid("Param status must be one of {READ}.")
        found = self.line.find(params.text("message_id"))
        if found is None or found[1].from_business:
            raise refusal(131009, "Message ID is invalid or the message is not one from a customer")
        owner, message = found
        indicator = params.object("typing_indicator")
        if indicator is not None and indicator.get("type") != "text":
            raise refusal(131009, "typing_indicator type must be text")
        for each in list(owner.messages.values()):  # with all messages before it, as the phone shows it
            if not each.from_business and each.at <= message.at:
                self.line.advance(owner, each.id, Tick.READ)
        if indicator is not None:
            owner.typing_until = self.line.clock() + TYPING
        self.line.changed(owner.wa_id)
        return {"success": True}

    def _send(self, params: Params) -> JsonObject:
        line = self.line
        recipient = params.text("to") or params.text("recipient")
        if not recipient:
            raise invalid("The parameter to is required.")
        named = None if params.text("to") else line.owner_of_id(recipient)
        wa_id = named.wa_id if named is not None else digits(recipient)
        if params.text("recipient_type", "individual") != "individual":
            raise refusal(131051, "Only individuals can be written to here")
        if not 5 <= len(wa_id) <= 15:
            raise refusal(131009, "Recipient is not a valid phone number")
        if line.troubles.strikes(Trouble.ACCOUNT_THROTTLED):
            raise refusal(80007, account=line.business_account_id, seconds=1.0)
        plan = self.planned.popleft() if self.planned else None
        if plan is not None and not plan.late:
            raise refusal(plan.code, account=line.business_account_id, seconds=plan.seconds)
        if wa_id == digits(line.display_phone_number):
            raise refusal(131021)
        draft = contents.read(params, line.clock(), self.templates)
        self._check_asset(draft.asset)
        owner = line.owner(wa_id)
        code = plan.code if plan is not None else self._objection(owner, draft)
        if code and plan is None and not self.late_refusals:
            raise refusal(code)
        if (limits := self.limits) is not None:
            rates = {"": limits.number, wa_id: limits.pair}
            if too_fast := self.limiter.refuses(line.clock().timestamp(), rates):
                raise refusal(131056 if too_fast.rate is limits.pair else 130429)
        return self._accepted(recipient, wa_id, owner, draft, code)

    def _objection(self, owner: Owner | None, draft: Draft) -> int:
        """Return the code that says why a message will not arrive, or 0 if it will."""
        if owner is None:
            return 131026
        if draft.message.kind != "template" and not self.line.window_open(owner):
            return 131047
        if draft.reacts_to and draft.reacts_to not in owner.messages:
            return 131009
        return 0

    def _check_asset(self, asset: Asset | None) -> None:
        if asset is None or not asset.media_id:
            return
        file = self.line.files.get(asset.media_id)
        if file is None:
            raise invalid(
                f"Param {asset.kind}['id'] is not a valid whatsapp business account media attachment ID"
            )
        if wrong := problem(asset.kind, file.mime_type, len(file.content)):
            raise refusal(131053, wrong)

    def _accepted(
        self, recipient: str, wa_id: str, owner: Owner | None, draft: Draft, code: int
    ) -> JsonObject:
        line = self.line
        message = replace(draft.message, id=line.new_wamid(wa_id, from_customer=False))
        if code or owner is None:
            line.fail(wa_id, message, code or 131026)
        elif draft.asset is not None and draft.asset.link:
            line.spawn(self._fetch(owner, message, draft.asset))
        else:
            if draft.asset is not None:
                message = replace(message, file_id=draft.asset.media_id)
            if draft.reacts_to:
                self._react(owner, draft)
            line.send_off(owner, message)
        accepted: JsonObject = {"id": message.id}
        if message.kind == "template":
            accepted["message_status"] = "accepted"
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": recipient, **_known(owner, wa_id)}],
            "messages": [accepted],
        }

    def _react(self, owner: Owner, draft: Draft) -> None:
        target = owner.messages[draft.reacts_to]
        others = tuple(pair for pair in target.reactions if pair[0] != "business")
        mine = (("business", draft.emoji),) if draft.emoji else ()
        self.line.keep(owner, replace(target, reactions=(*others, *mine)))

    async def _fetch(self, owner: Owner, message: ChatMessage, asset: Asset) -> None:
        """Fetch the file of a link, as the platform does after it has answered 200."""
        wrong = "Media could not be downloaded from the link"
        content, mime_type = b"", ""
        try:
            async with (
                aiohttp.ClientSession(timeout=_LINK_TIMEOUT) as session,
                session.get(asset.link) as answer,
            ):
                limit = MAX_BYTES[asset.kind]
                while len(content) <= limit and (
                    piece := await answer.content.read(limit + 1 - len(content))
                ):
                    content += piece
                mime_type = answer.content_type
                wrong = problem(asset.kind, mime_type, len(content)) if answer.status == 200 else wrong
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            pass  # `wrong` says why
        if wrong or self.line.troubles.strikes(Trouble.UPLOAD_FAILED):
            self.line.fail(owner.wa_id, message, 131053, wrong)
            return
        file = self.line.keep_file(content, mime_type, asset.name)
        self.line.send_off(owner, replace(message, file_id=file.id))


def _known(owner: Owner | None, wa_id: str) -> JsonObject:
    """Return the ids by which an answer names the recipient of a message."""
    if owner is None:
        return {"wa_id": wa_id}
    return {"user_id": owner.user_id, **({} if owner.username else {"wa_id": wa_id})}
