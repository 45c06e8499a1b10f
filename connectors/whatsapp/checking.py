"""Check whether the account works. If not, say in one sentence what is wrong and what to do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.errors import AccountSuspended, Refused, SendError
from connectors.meta import Graph, GraphError
from connectors.payload import Node
from connectors.whatsapp.failures import refusal

_FIELDS = "display_phone_number,verified_name,quality_rating,platform_type,status"
_PAGE, _MAX_PAGES = 100, 20
_BLANK = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_STATUSES = {
    "BANNED": "Meta has banned the number: see Account Quality in the business manager",
    "DELETED": "the number was deleted: add it again in WhatsApp Manager, Phone numbers",
    "MIGRATED": "the number was moved to another account: use the phone_number_id it has there",
    "DISCONNECTED": "the number is not connected: register it again in WhatsApp Manager, Phone numbers",
    "PENDING": "the number is not registered yet: register it in WhatsApp Manager, Phone numbers",
    "UNVERIFIED": "the number is not verified: verify it in WhatsApp Manager, Phone numbers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedTemplate:
    """A template that `Template` can send. `parameters` counts the blanks of `body`, numbered or named."""

    name: str
    language: str
    category: str  # "MARKETING", "UTILITY" or "AUTHENTICATION"
    body: str
    parameters: int


async def check(graph: Graph, number: str, business_account: str) -> str:
    """Return as whom we write: "+1 555-555-5555 (Jaspers Market)".

    Raise SendError whose reason is a sentence.
    """
    try:
        phone = await graph.get(number, fields=_FIELDS)
    except GraphError as error:
        raise _explained(error, "phone_number_id") from None
    status = phone.text("status")
    if status in _STATUSES:
        raise AccountSuspended(f"{status}: {_STATUSES[status]}")
    if phone.text("platform_type") == "NOT_APPLICABLE":
        raise AccountSuspended("133010: the number is not registered for the Cloud API: register it")
    name = f"{phone.text('display_phone_number')} ({phone.text('verified_name')})"
    if phone.text("quality_rating") == "RED":
        name += ", quality low: Meta may restrict it"
    if not business_account:
        return name
    await _check_subscribed(graph, business_account)
    found = await approved_templates(graph, business_account)
    return f"{name}, {len(found)} approved template{'' if len(found) == 1 else 's'}"


async def phone_number(graph: Graph, number: str) -> str:
    """Return the digits of the number that people dial. Raise SendError."""
    try:
        phone = await graph.get(number, fields="display_phone_number")
    except GraphError as error:
        raise _explained(error, "phone_number_id") from None
    return re.sub(r"\D", "", phone.text("display_phone_number"))


async def _check_subscribed(graph: Graph, business_account: str) -> None:
    """Raise Refused if no app is subscribed.

    An app without a subscription gets no events, even with a verified webhook.
    """
    try:
        apps = await graph.get(f"{business_account}/subscribed_apps")
    except GraphError as error:
        raise _explained(error, "business_account_id") from None
    if not apps.nodes("data"):
        raise Refused(
            "not_subscribed: no app hears of this WhatsApp Business account: subscribe yours to it (POST"
            " <business_account_id>/subscribed_apps), or no message arrives"
        )


async def approved_templates(graph: Graph, business_account: str) -> Sequence[ApprovedTemplate]:
    """Return the templates of the account that need nothing but values for the blanks of their body.

    Raise SendError.
    """
    found: list[ApprovedTemplate] = []
    after: dict[str, str] = {}
    for _ in range(_MAX_PAGES):
        try:
            page = await graph.get(
                f"{business_account}/message_templates", status="APPROVED", limit=_PAGE, **after
            )
        except GraphError as error:
            raise _explained(error, "business_account_id") from None
        found += [template for node in page.nodes("data") if (template := _template(node))]
        cursor = page.node("paging").node("cursors").text("after")
        if not cursor or not page.node("paging").text("next"):
            break
        after = {"after": cursor}
    return tuple(found)


def _template(node: Node) -> ApprovedTemplate | None:
    """Return a template, or None if it is not approved, or needs a picture, an address or a code besides
    its body.
    """
    if node.text("status") != "APPROVED":
        return None
    parts = {part.text("type").upper(): part for part in node.nodes("components")}
    header, body = parts.get("HEADER", Node(None)), parts.get("BODY", Node(None)).text("text")
    buttons = parts.get("BUTTONS", Node(None)).nodes("buttons")
    if header and (header.text("format") != "TEXT" or _BLANK.search(header.text("text"))):
        return None
    if "CAROUSEL" in parts or any(_needs_more(button) for button in buttons):
        return None
    blanks = set(_BLANK.findall(body))
    numbered = blanks == {str(place) for place in range(1, len(blanks) + 1)}
    if not body or not (numbered or node.text("parameter_format") == "NAMED"):
        return None
    return ApprovedTemplate(
        name=node.text("name"),
        language=node.text("language"),
        category=node.text("category"),
        body=body,
        parameters=len(blanks),
    )


def _needs_more(button: Node) -> bool:
    kind = button.text("type")
    return kind not in ("QUICK_REPLY", "URL", "PHONE_NUMBER") or bool(_BLANK.search(button.text("url")))


def _explained(error: GraphError, option: str) -> SendError:
    if "appsecret_proof" in error.message:
        return AccountSuspended(
            "appsecret_proof: the app secret does not belong to the app of the access token: copy it from the"
            " app dashboard, Settings, Basic"
        )
    if error.subcode == 33 or error.code in (33, 803):
        return Refused(
            f"{error.code}: there is no such {option}, or the access token may not see it: compare it with"
            " WhatsApp, API Setup in the app dashboard, and give the system user that WhatsApp account"
        )
    if error.code in (10, 200) and option == "business_account_id":
        return AccountSuspended(
            f"{error.code}: the app may not look at the account: give it whatsapp_business_management, and"
            " make a new access token"
        )
    return refusal(error)
