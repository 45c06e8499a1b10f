"""Meta's error codes for WhatsApp, with the texts of its table, as answers and as failed statuses.

https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
"""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.sandbox.meta.errors import GraphError, JsonObject, too_many_calls

HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


@dataclass(frozen=True, slots=True)
class Refusal:
    title: str
    details: str = ""
    status: int = 400


REFUSALS: Mapping[int, Refusal] = {
    4: Refusal("Application request limit reached", "The app has reached its API call rate limit.", 429),
    10: Refusal("Application does not have permission for this action", status=403),
    190: Refusal("Error validating access token: Session has expired", status=401),
    200: Refusal("You do not have the necessary permissions to send messages", status=403),
    368: Refusal(
        "Temporarily blocked for policies violations",
        "The WhatsApp Business Account associated with the app has been restricted or disabled for violating"
        " a platform policy.",
        403,
    ),
    80007: Refusal(
        "Business request limit reached for WhatsApp Business Account",
        "The WhatsApp Business Account has reached its rate limit.",
        429,
    ),
    130429: Refusal("Rate limit hit", "Cloud API message throughput has been reached.", 429),
    130472: Refusal(
        "User's number is part of an experiment", "Message was not sent as part of an experiment."
    ),
    130497: Refusal("Business account is restricted from messaging users in this country.", status=403),
    131000: Refusal("Something went wrong", "Message failed to send due to an unknown error.", 500),
    131005: Refusal("Access denied", "Permission is either not granted or has been removed.", 403),
    131008: Refusal("Required parameter is missing", "The request is missing a required parameter."),
    131009: Refusal("Parameter value is not valid", "One or more parameter values are invalid."),
    131016: Refusal("Service unavailable", "A service is temporarily unavailable.", 503),
    131021: Refusal("Recipient cannot be sender", "Sender and recipient phone number is the same."),
    131026: Refusal("Message undeliverable", "Message Undeliverable."),
    131030: Refusal(
        "Recipient phone number not in allowed list", "Recipient phone number not in allowed list"
    ),
    131031: Refusal("Business Account locked", "Business account has been locked", 403),
    131042: Refusal(
        "Business eligibility payment issue",
        "Message failed to send because there were one or more errors related to your payment method.",
    ),
    131045: Refusal(
        "Incorrect certificate", "Message failed to send due to a phone number registration error."
    ),
    131047: Refusal(
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last replied to"
        " this number.",
    ),
    131048: Refusal(
        "Spam rate limit hit",
        "Message failed to send because there are restrictions on how many messages can be sent from this"
        " phone number.",
    ),
    131049: Refusal(
        "Meta chose not to deliver",
        "This message was not delivered to maintain healthy ecosystem engagement.",
    ),
    131050: Refusal(
        "User's marketing preferences",
        "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on"
        " WhatsApp from your business",
    ),
    131051: Refusal("Unsupported message type", "Message type is currently not supported."),
    131052: Refusal("Media download error", "Unable to download the media sent by the user."),
    131053: Refusal("Media upload error", "Unable to upload the media used in the message."),
    131056: Refusal(
        "(Business Account, Consumer Account) pair rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number to the same"
        " phone number in a short period of time.",
    ),
    131057: Refusal("Account in maintenance mode", "Business Account is in maintenance mode", 500),
    132000: Refusal("Number of parameters does not match the expected number of params"),
    132001: Refusal("Template name does not exist in the translation", status=404),
    132005: Refusal("Translated text too long"),
    132007: Refusal("Template format character policy violated"),
    132012: Refusal("Parameter format does not match format in the created template"),
    132015: Refusal("Template is Paused"),
    132016: Refusal("Template is Disabled"),
    133010: Refusal("Account not registered", "Phone number is not registered"),
}
_THROTTLING = {4: "messaging", 80007: "whatsapp_business_management", 130429: "whatsapp"}


def refusal(code: int, details: str = "", *, account: str = "", seconds: float = 0.0) -> GraphError:
    """Return the answer for a code of the table. Raise KeyError for another code."""
    entry = REFUSALS[code]
    message = f"(#{code}) {entry.title}"
    if code in _THROTTLING and account:
        return too_many_calls(code, message, account=account, use=_THROTTLING[code], seconds=seconds)
    if code == 190:
        return GraphError(190, entry.title, status=401, subcode=463)
    return GraphError(
        code,
        message,
        status=entry.status,
        details=details or entry.details,
        transient=entry.status >= 500,
    )


def failure(code: int, details: str = "") -> JsonObject:
    """Return the error of a failed status, or of a webhook's own errors."""
    entry = REFUSALS[code]
    return {
        "code": code,
        "title": entry.title,
        "message": entry.title,
        "error_data": {"details": details or entry.details},
        "href": HREF,
    }


def missing(parameter: str, kind: str = "") -> GraphError:
    where = f" for type {kind}" if kind else ""
    return refusal(131008, f"Parameter '{parameter}' is mandatory{where}")
