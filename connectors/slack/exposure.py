"""Say who outside a channel can read it."""

from connectors.slack.api import Api
from connectors.slack.channels import Channels

SHARED = "it is shared with another company by Slack Connect, and people there read it"
INVITED = "another company was invited to share it by Slack Connect"
PUBLIC = "it is public, so that everybody in the workspace can read it"


async def exposure(api: Api, channels: Channels, name: str, *, public: bool) -> str:
    """Return who else can read a channel; "" when nobody can. `public`: the workspace may.

    Raises SendError where Slack cannot be asked.
    """
    chat = await channels.resolve(name)
    answer = await api.call(lambda web: web.conversations_info(channel=chat), repeatable=True)
    channel = answer.node("channel")
    if channel.flag("is_ext_shared"):
        return SHARED
    if channel.flag("is_pending_ext_shared"):
        return INVITED
    return "" if public or channel.flag("is_private") else PUBLIC
