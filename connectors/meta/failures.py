"""Say what an error code of the Graph API means for a delivery.

The codes that all of Meta's products share are here. Each channel has a table of its own, which comes first.
https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.core.errors import AccountSuspended, PlatformDown, RateLimited, Refused, SendError
from connectors.meta.graph import GraphError


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of an error code.

    `words` is a sentence for staff: what is wrong and, where it helps, what to do.

    `growth` is the factor by which the wait for a RateLimited grows with each attempt.
    """

    error: type[SendError]
    words: str
    retry_after: timedelta | None = None  # None: what Meta says, otherwise the default of the error
    growth: float = 1.0

    def raised(self, code: int, retry_after: timedelta | None = None) -> SendError:
        # What this table says about a code comes before what the HTTP status says.
        reason, wait = f"{code}: {self.words}", self.retry_after or retry_after
        if self.growth != 1.0:
            return RateLimited(reason, retry_after=wait, growth=self.growth)
        return self.error(reason, retry_after=wait)


_NEW_TOKEN = "make a new access token, and put it where the organization file says"  # noqa: S105
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)

SHARED: Mapping[int, Meaning] = {
    1: Meaning(PlatformDown, "Meta has a passing trouble"),
    2: Meaning(PlatformDown, "Meta's service is away for the moment"),
    4: Meaning(RateLimited, "the app has made too many calls to Meta", _MINUTE),
    17: Meaning(RateLimited, "this user has made too many calls to Meta", _MINUTE),
    32: Meaning(RateLimited, "this page has made too many calls to Meta", _MINUTE),
    341: Meaning(RateLimited, "the app has reached a limit of Meta's", _MINUTE),
    613: Meaning(RateLimited, "too many calls of this kind in a short time", _MINUTE),
    0: Meaning(AccountSuspended, f"Meta does not know the access token: {_NEW_TOKEN}"),
    3: Meaning(AccountSuspended, "the app lacks a capability: look at its permissions in the app dashboard"),
    10: Meaning(AccountSuspended, "the app lacks a permission, or it was taken away: grant it again"),
    102: Meaning(AccountSuspended, f"the session of the access token has ended: {_NEW_TOKEN}"),
    104: Meaning(AccountSuspended, "Meta wants the calls signed: the app secret is missing or wrong"),
    190: Meaning(AccountSuspended, f"the access token has expired or was revoked: {_NEW_TOKEN}"),
    368: Meaning(
        AccountSuspended,
        "Meta has blocked the account for a breach of its policies: see Account Quality",
        _HOUR,
    ),
    467: Meaning(AccountSuspended, f"the access token is no longer valid: {_NEW_TOKEN}"),
    33: Meaning(Refused, "there is no such object, or this token may not see it"),
    100: Meaning(Refused, "Meta does not take a parameter of this call"),
    200: Meaning(AccountSuspended, "the app lacks a permission: grant it again in the app dashboard"),
}
# 200 to 299 are permissions: https://developers.facebook.com/docs/graph-api/guides/error-handling
_PERMISSIONS = range(200, 300)


def as_send_error(error: GraphError, table: Mapping[int, Meaning]) -> SendError:
    """Return the error that a refusal of Meta means.

    `table` is the channel's own and comes before `SHARED`.
    """
    if (verdict := find(error.code, table)) is not None and (error.code or error.status == 401):
        return verdict.raised(error.code, error.retry_after)
    name = str(error.code) if error.code else f"http_{error.status}"
    if error.status == 429:
        return RateLimited(f"{name}: too many calls to Meta", retry_after=error.retry_after or _MINUTE)
    if error.transient or error.status >= 500:
        return PlatformDown(f"{name}: Meta has a passing trouble")
    if error.status == 401:
        return AccountSuspended(f"{name}: Meta does not accept the access token: {_NEW_TOKEN}")
    return Refused(f"{name}: Meta does not take this")


def find(code: int, table: Mapping[int, Meaning]) -> Meaning | None:
    """Return what a code means by the channel's table, then by the shared one.

    Return None for an unknown code.
    """
    known = table.get(code) or SHARED.get(code)
    return SHARED[200] if known is None and code in _PERMISSIONS else known
