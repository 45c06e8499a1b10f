"""Post updates to the bot's webhook: https://core.telegram.org/bots/api#setwebhook"""

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from connectors.sandbox.webhook_queue import Attempt

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  # a header's name


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    update_id: int
    chat_id: int
    kind: str
    body: str  # the Update object as it goes over the wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    url: str
    secret_token: str = ""
    max_connections: int = 40
    ip_address: str = ""


async def post(
    session: aiohttp.ClientSession, webhook: Webhook, attempts: Sequence[Attempt[PendingUpdate]]
) -> str:
    """Post an update. Return the problem in Telegram's words, or "" if the bot took it."""
    headers = {"Content-Type": "application/json"}
    if webhook.secret_token:
        headers[SECRET_HEADER] = webhook.secret_token
    body = attempts[0].event.body.encode()
    try:
        async with session.post(webhook.url, data=body, headers=headers, allow_redirects=False) as response:
            if 200 <= response.status < 300:
                return ""
            return f"Wrong response from the webhook: {response.status} {response.reason}"
    except aiohttp.ClientConnectorError:
        return "Connection refused"
    except TimeoutError:
        return "Read timeout expired"
    except (aiohttp.ClientError, OSError) as error:
        return f"Connection failed: {type(error).__name__}"
