"""Meta's error codes for Messenger, with the texts of its table.

https://developers.facebook.com/docs/messenger-platform/error-codes
"""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.sandbox.meta.errors import GraphError, invalid, too_many_calls


@dataclass(frozen=True, slots=True)
class Refusal:
    message: str
    subcode: int | None = None
    status: int = 400


_POLICY = "https://developers.facebook.com/docs/messenger-platform/policy-overview"
WINDOW = "window"
HUMAN_AGENT = "human_agent"
NOBODY = "nobody"
UNAVAILABLE = "unavailable"
THROTTLED = "throttled"
EMPTY = "empty"
UNFETCHED = "unfetched"
UPLOAD = "upload"
TOO_LARGE = "too_large"
NO_ATTACHMENT = "no_attachment"
BLOCKED = "blocked"
TOKEN = "token"  # noqa: S105  # a name
PERMISSION = "permission"
RESTRICTED = "restricted"
TEMPORARY = "temporary"
REFUSALS: Mapping[str, tuple[int, Refusal]] = {
    WINDOW: (
        10,
        Refusal(
            "(#10) This message is sent outside of allowed window. Learn more about the new policy here: "
            + _POLICY,
            2018278,
        ),
    ),
    HUMAN_AGENT: (
        100,
        Refusal("(#100) (#100) Message Tag HUMAN_AGENT is not enabled for this application", 2018276),
    ),
    NOBODY: (100, Refusal("(#100) No matching user found", 2018001)),
    UNAVAILABLE: (551, Refusal("(#551) This person isn't available right now.", 1545041)),
    THROTTLED: (613, Refusal("(#613) Calls to this api have exceeded the rate limit.", None, 429)),
    EMPTY: (
        100,
        Refusal("(#100) Message cannot be empty, must provide valid attachment or text", 2018034),
    ),
    UNFETCHED: (100, Refusal("(#100) Failed to fetch the file from the url", 2018008)),
    UPLOAD: (
        100,
        Refusal(
            "(#100) Upload attachment failure. A common way to trigger this error is that the provided media"
            " type does not match type of file provided int the URL",
            2018047,
        ),
    ),
    TOO_LARGE: (100, Refusal("(#100) Attachment size exceeds allowable limit", 2018109)),
    NO_ATTACHMENT: (100, Refusal("(#100) Invalid attachment ID", 2018074)),
    BLOCKED: (
        368,
        Refusal("(#368) The action attempted has been deemed abusive or is otherwise disallowed", None, 403),
    ),
    TOKEN: (190, Refusal("Error validating access token: Session has expired", 463, 401)),
    PERMISSION: (
        200,
        Refusal("(#200) Requires pages_messaging permission to manage the object", 2018028, 403),
    ),
    RESTRICTED: (10, Refusal("(#10) This Page is restricted from sending messages.", 1893063)),
    TEMPORARY: (1200, Refusal("(#1200) Temporary send message failure. Please try again later.", None, 500)),
}


def refusal(name: str, *, account: str = "", seconds: float = 0.0) -> GraphError:
    """Return the error with that name in the table. Raise KeyError for another name."""
    code, entry = REFUSALS[name]
    if name == THROTTLED:
        return too_many_calls(code, entry.message, account=account, use="messenger", seconds=seconds)
    return GraphError(
        code, entry.message, status=entry.status, subcode=entry.subcode, transient=entry.status >= 500
    )


def too_long(parameter: str, most: int) -> GraphError:
    return invalid(f"Length of param {parameter} must be less than or equal to {most}")
