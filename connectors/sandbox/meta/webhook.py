"""Post events to the product: signed, with retries, to an address that was verified first.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import aiohttp

from bot.core.errors import CommandError
from connectors.sandbox.fault import Faults
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.trouble import Trouble, Troubles
from connectors.sandbox.webhook_queue import Attempt, RetryPauses, WebhookQueue

_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event. The events of one customer share a lane and arrive in order."""

    lane: str
    kind: str  # the name that faults use
    content: JsonObject
    message: str = ""  # the id of the customer's message in it, for its tick when accepted


# Meta gives an event up after about seven days.
PAUSES = RetryPauses(longest=5.0, tries=7 * 24 * 60 * 60 // 5)


class Webhook:
    """Delivers events to the product, once it was started and pointed at an address.

    `compose` makes the request body of some parcels. The events of one customer arrive in order.
    """

    def __init__(
        self,
        platform: str,
        *,
        app_secret: str,
        verify_token: str,
        compose: Callable[[Sequence[Parcel]], JsonObject],
        taken: Callable[[Parcel], None],
        faults: Faults,
        troubles: Troubles,
        pauses: RetryPauses,
        timeout: float,
    ) -> None:
        self.url = ""
        self._platform = platform
        self._secret = app_secret.encode()
        self._verify_token = verify_token
        self._compose = compose
        self._faults = faults
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._started = False
        self.queue = WebhookQueue(
            self._post,
            pauses.after,
            timeout=timeout,
            taken=taken,
            batches=lambda: troubles.strikes(Trouble.BATCHES),
        )

    def start(self) -> None:
        """Begin to deliver. Safe to call twice."""
        self._started = True
        self.point_at(self.url)

    def point_at(self, url: str) -> None:
        """Set the address to post to from now on. With "" events wait."""
        self.url = url
        if self._started and url:
            self.queue.start(connections=_CONNECTIONS)
        else:
            self.queue.pause()

    async def close(self) -> None:
        """Stop at once. Keep what was not accepted: it is sent after the next `start`."""
        self._started = False
        await self.queue.stop()

    def add(self, parcel: Parcel) -> None:
        """Add an event, with the copies and the delays that the faults decide."""
        self.queue.add(parcel.lane, parcel, self._faults.deliveries(self._platform, parcel.kind))

    def restore(self, url: str, pending: Iterable[Parcel]) -> None:
        """Go on with the events that an earlier process did not deliver."""
        self.url = url
        self.queue.drop()
        for parcel in pending:
            self.queue.add(parcel.lane, parcel)

    async def verify(self, url: str, verify_token: str = "") -> None:
        """Ask whether the address is ours, as Meta does before it accepts one. Raise CommandError if not."""
        challenge = str(secrets.randbelow(9_000_000_000) + 1_000_000_000)
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": verify_token or self._verify_token,
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.get(url, params=query, allow_redirects=False) as response,
            ):
                body = await response.content.read(1024)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CommandError(f"The callback URL cannot be reached ({type(error).__name__}).") from None
        if status != 200 or body.decode("utf-8", "replace").strip() != challenge:
            raise CommandError("The callback URL or verify token couldn't be validated.")

    async def _post(self, session: aiohttp.ClientSession, attempts: Sequence[Attempt[Parcel]]) -> str:
        """Post some events. Return "" if the product accepted them, otherwise what went wrong."""
        body = json.dumps(self._compose([attempt.event for attempt in attempts])).encode()
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature": "sha1=" + hmac.new(self._secret, body, "sha1").hexdigest(),
            "X-Hub-Signature-256": "sha256=" + signature,
        }
        try:
            async with session.post(self.url, data=body, headers=headers, allow_redirects=False) as response:
                return "" if response.status == 200 else f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
