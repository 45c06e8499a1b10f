"""Translate WhatsApp's error codes into the contract's errors, with words for staff.

Each code of https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes is here on purpose.
Those that all of Meta's products share are in `connectors.meta.failures`.
"""

from collections.abc import Mapping
from datetime import timedelta

from bot.core.errors import (
    AccountSuspended,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    Unreachable,
    WindowClosed,
)
from connectors.meta import GraphError, Meaning, as_send_error, find

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


def _each(
    error: type[SendError], words: Mapping[int, str], wait: timedelta | None = None
) -> dict[int, Meaning]:
    return {code: Meaning(error, sentence, wait) for code, sentence in words.items()}


_HOLD = _each(
    WindowClosed,
    {131047: "the customer last wrote more than 24 hours ago: only an approved template is taken"},
)
_SLOW = {
    4: Meaning(RateLimited, "the app has made too many calls to Meta", _MINUTE),
    80007: Meaning(RateLimited, "the WhatsApp Business account has reached its rate limit", _MINUTE),
    130429: Meaning(RateLimited, "more messages than the number may send in a second", timedelta(seconds=2)),
    # 4, 16, 64, … seconds: "4^X" by https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits
    131056: Meaning(
        RateLimited, "too many messages to this customer in a short time", timedelta(seconds=4), growth=4.0
    ),
    131064: Meaning(RateLimited, "the account has reached its messaging limit", _HOUR),
    132069: Meaning(RateLimited, "this flow may be sent only ten times an hour", _HOUR),
    133016: Meaning(RateLimited, "the number was registered or taken off too often", _HOUR),
    131208: Meaning(RateLimited, "too many actions on groups in a short time", _MINUTE),
    138005: Meaning(RateLimited, "the number has reached its limit of calls", _HOUR),
    138012: Meaning(RateLimited, "the limit of calls to this customer in 24 hours is reached", _HOUR),
    138013: Meaning(RateLimited, "too many questions about the permission to call", _MINUTE),
    613: Meaning(RateLimited, "too many questions of this kind", _MINUTE),
}
_DOWN = _each(
    PlatformDown,
    {
        131000: "WhatsApp failed for a reason it does not know",
        131016: "WhatsApp is away for the moment",
        131057: "the number is being upgraded by Meta, which takes about a minute",
        135000: "WhatsApp failed for a reason it does not tell",
        133004: "WhatsApp is away for the moment",
        139102: "the block list was being changed by somebody else",
        139103: "WhatsApp failed for a reason of its own",
        2494100: "the number is in maintenance",
    },
    _MINUTE,
)
_GONE = _each(
    Unreachable,
    {
        131026: "it cannot be delivered: no WhatsApp there, a version too old, or its terms not accepted",
        131020: "the group has nobody else in it",
        131041: "there is no such group, or the number is not in it",
        131212: "that person is not in the group",
        138001: "the customer cannot be called",
        138006: "the customer has not allowed calls",
    },
)
_ALARM = {
    368: Meaning(
        AccountSuspended,
        "Meta has blocked the account over a policy: see Account Quality in the business manager",
        _HOUR,
    ),
    131048: Meaning(
        AccountSuspended,
        "the number may send less, because people blocked or reported its messages: see WhatsApp Manager",
        _HOUR,
    ),
} | _each(
    AccountSuspended,
    {
        0: "Meta does not know the access token: make a new one for the system user",
        3: "the app may not do this: give it whatsapp_business_messaging, and make a new access token",
        10: "the app lacks a permission: give it whatsapp_business_messaging, and make a new access token",
        190: "the access token has expired or was revoked: make one for a system user that never expires",
        200: "the app lacks a permission: give it whatsapp_business_messaging, and make a new access token",
        131005: "the access token may not do this: give the system user the number and its permissions",
        131031: "Meta has locked the account: see Account Quality in the business manager",
        131037: "the display name of the number is not approved yet: see WhatsApp Manager, Phone numbers",
        131042: "the payment method of the account has a problem: see Billing in the business manager",
        131044: "the payment method of the account has a problem: see Billing in the business manager",
        131045: "the number is not registered properly: register it again",
        131207: "Meta has suspended the group for breaking a policy",
        133000: "the number was not taken off properly: register it again",
        133005: "the PIN of the number is wrong: register it again",
        133006: "the number is not verified: verify it in WhatsApp Manager",
        133008: "the PIN of the number was guessed too often: wait, and register it again",
        133009: "the PIN of the number was entered too fast: wait, and register it again",
        133010: "the number is not registered for the Cloud API: register it",
        133015: "the number was deleted a moment ago: wait five minutes, and register it again",
        2388103: "the number cannot be moved as it is: see WhatsApp Manager, Phone numbers",
        2494164: "the sign-up of this number does not exist",
    },
)
_NEVER = _each(
    Refused,
    {
        33: "the number of the account does not exist, or was deleted: look at phone_number_id",
        100: "WhatsApp does not take a parameter of this message",
        131008: "something that this message needs is missing",
        131009: "something in this message is not as WhatsApp wants it",
        131021: "the customer's number is our own",
        131030: "a test number may write to five allowed numbers only, and this is none of them",
        131050: "the customer wants no marketing messages from this account",
        130472: "Meta holds this message back from the customer, as part of an experiment",
        131049: "Meta did not deliver it, because the customer gets too many marketing messages",
        131062: "the customer hides their number, and this kind of message needs one",
        130497: "the account may not write to customers in that country",
        137000: "the customer has changed their phone; what was agreed of its identity is no longer true",
        131051: "WhatsApp does not take messages of this kind",
        131052: "WhatsApp could not fetch the file that the customer sent: ask them to send it again",
        131053: "WhatsApp does not take this file: its kind, its size or its content",
        131055: "WhatsApp does not take messages of this kind here",
        131063: "marketing templates cannot be sent this way from this account",
        132000: "the template has another number of blanks than were filled in",
        132001: "there is no approved template of that name in that language",
        132005: "the template is too long with what was filled in",
        132007: "what the template says is against a policy of WhatsApp's",
        132008: "what was filled into the template is not as it wants it",
        132012: "what was filled into the template is not as it wants it",
        132015: "the template is paused, because customers did not like it",
        132016: "the template was paused too often and is disabled for ever",
        132018: "what was filled into the template is not as it wants it",
        132068: "this flow is blocked",
        134011: "payments are not set up as WhatsApp wants it",
        138000: "calling is not enabled for this number",
        138002: "the number has as many calls as it may have",
        138003: "a call with this customer is going on already",
        138004: "the call could not be connected",
        138007: "the call was not answered in time",
        138009: "the customer was asked for the permission to call as often as is allowed",
        138018: "calling cannot be enabled for this number",
        139000: "Meta found a problem with the account and publishes no flow of it",
        139001: "the flow could not be changed",
        139002: "the flow could not be published",
        139003: "the flow could not be retired",
        139004: "the flow could not be deleted",
        139100: "some of these people could not be blocked or unblocked",
        139101: "the block list is full",
        131059: "the place in a list of groups has expired",
        131201: "not everybody could be added to the group, or taken out of it",
        131202: "somebody is named twice for the group",
        131204: "the group has too many people",
        131209: "the picture of a group must be square",
        131210: "the picture of a group is too small",
        131211: "the number has as many groups as it may have",
        131213: "nobody asked to join that group",
        131214: "groups are disabled for a while, because of too many marketing messages",
        131215: "this number may have no groups",
        147001: "that user name cannot be had",
        147002: "the account may not have a user name yet",
        147003: "that user name belongs to a Facebook page which is not linked",
        147004: "that user name belongs to an Instagram account which is not linked",
        147005: "that user name belongs to another number of the business",
        2388012: "the number is in the account already",
        2388019: "the account has as many templates as it may have",
        2388040: "a field of the template is too long",
        2388047: "the header or body of the template is not as WhatsApp wants it",
        2388072: "the body of the template is not as WhatsApp wants it",
        2388073: "the footer of the template is not as WhatsApp wants it",
        2388091: "the number can get no code at present",
        2388093: "the code for the number cannot be checked at present",
        2388293: "the template has too many blanks for its length",
        2388299: "a template may neither begin nor end with a blank",
        2494165: "signing up in the app is not enabled for this account",
        2494166: "the confirmation of the sign-up has a blank nobody knows",
        2494167: "the confirmation of the sign-up has a blank that was not filled in",
        2494168: "the terms of the sign-up were not accepted",
        2494176: "the terms of the sign-up were accepted already",
        2494177: "that address of the terms is not approved",
        2494179: "the address of the website must begin with https://",
    },
)

TABLE: Mapping[int, Meaning] = {**_HOLD, **_SLOW, **_DOWN, **_GONE, **_ALARM, **_NEVER}


def refusal(error: GraphError) -> SendError:
    """Return the error that a refusal of WhatsApp means."""
    # 133010 may be the subcode of a general 100; so may the codes of templates and registration.
    if error.code in (0, 100) and (verdict := TABLE.get(error.subcode)) is not None and error.subcode:
        return verdict.raised(error.subcode, error.retry_after)
    return as_send_error(error, TABLE)


def meaning(code: int) -> SendError | None:
    """Return what a code in a webhook means, or None for an unknown one.

    No call of ours was refused there.
    """
    verdict = find(code, TABLE)
    return None if verdict is None else verdict.raised(code)
