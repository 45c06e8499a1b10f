"""Deliver events and interactions to the app, by Socket Mode or HTTP, with Slack's retries."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession

from connectors.sandbox.fault import Faults
from connectors.sandbox.slack.sockets import Sockets, Unacknowledged
from connectors.sandbox.slack.wire import Clock, Wire
from connectors.sandbox.webhook_queue import Attempt, WebhookQueue

# https://docs.slack.dev/apis/events-api#retries: nearly at once, after a minute, after five.
RETRY_DELAYS = (timedelta(0), timedelta(minutes=1), timedelta(minutes=5))
ACK_TIMEOUT = timedelta(seconds=3)


class Route(StrEnum):
    """The three Request URLs of an app, by their Socket Mode envelope types."""

    EVENTS = "events_api"
    INTERACTIONS = "interactive"
    COMMANDS = "slash_commands"


@dataclass(frozen=True, slots=True)
class Parcel:
    route: Route
    name: str  # the name that faults use: the event's or the payload's type
    payload: Wire


@dataclass(frozen=True, slots=True)
class Answer:
    """The app's answer to a parcel. `reason` is Slack's word for why it was not taken."""

    taken: bool
    reason: str = ""
    body: Wire = field(default_factory=dict)
    wants_retry: bool = True


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign a body: https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return "v0=" + digest.hexdigest()


class Delivery:
    """Talks to the app. Events wait in `queue` until it is started."""

    def __init__(
        self,
        sockets: Sockets,
        *,
        signing_secret: str,
        clock: Clock,
        faults: Faults,
        ack_timeout: timedelta = ACK_TIMEOUT,
        retry_delays: Sequence[timedelta] = RETRY_DELAYS,
    ) -> None:
        self.urls: dict[Route, str] = {}
        self._sockets = sockets
        self._secret = signing_secret
        self._clock = clock
        self._faults = faults
        self._timeout = ack_timeout.total_seconds()
        self._retry_delays = tuple(delay.total_seconds() for delay in retry_delays)
        self.queue = WebhookQueue(self._send, self._pause, timeout=self._timeout)

    def add(self, parcel: Parcel) -> None:
        """Deliver an event to the app in the background. Slack's events have no order."""
        self.queue.add(object(), parcel, self._faults.deliveries("slack", parcel.name))

    async def ask(self, parcel: Parcel) -> Answer:
        """Deliver an interaction to the app and return its answer. Slack never retries these."""
        delays = tuple(self._faults.deliveries("slack", parcel.name))
        if not delays:
            return Answer(taken=False, reason="http_timeout")
        if len(delays) > 1:
            self.queue.add(object(), parcel, delays[1:])
        await asyncio.sleep(delays[0])
        return await self._attempt(parcel, 0, "")

    def _pause(self, failures: int) -> float | None:
        return self._retry_delays[failures - 1] if failures <= len(self._retry_delays) else None

    async def _send(self, _: ClientSession, attempts: Sequence[Attempt[Parcel]]) -> str:
        attempt = attempts[0]
        answer = await self._attempt(attempt.event, attempt.failures, attempt.problem)
        done = answer.taken or not answer.wants_retry or attempt.event.route is not Route.EVENTS
        return "" if done else answer.reason

    async def _attempt(self, parcel: Parcel, number: int, reason: str) -> Answer:
        if self._sockets.count:
            return await self._by_socket(parcel, number, reason)
        if url := self.urls.get(parcel.route):
            return await self._by_http(url, parcel, number, reason)
        return Answer(taken=False, reason="connection_failed")

    async def _by_socket(self, parcel: Parcel, number: int, reason: str) -> Answer:
        retry: Wire = {}
        if parcel.route is Route.EVENTS:
            retry = {"retry_attempt": number, "retry_reason": "timeout" if reason else ""}
        try:
            body = await self._sockets.send(parcel.route, parcel.payload, self._timeout, retry)
        except TimeoutError:
            return Answer(taken=False, reason="http_timeout")
        except Unacknowledged:
            return Answer(taken=False, reason="connection_failed")
        return Answer(taken=True, body=body)

    async def _by_http(self, url: str, parcel: Parcel, number: int, reason: str) -> Answer:
        session = self.queue.session
        if session is None:
            return Answer(taken=False, reason="connection_failed", wants_retry=False)
        content_type, body = _encoded(parcel)
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self._secret, timestamp, body),
        }
        if number:
            headers |= {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                text = await response.text()
                refuses = response.headers.get("X-Slack-No-Retry") == "1"
                if not 200 <= response.status < 300:
                    return Answer(taken=False, reason="http_error", wants_retry=not refuses)
                return Answer(taken=True, body=_decoded(text))
        except TimeoutError:
            return Answer(taken=False, reason="http_timeout")
        except (ClientError, UnicodeDecodeError):
            return Answer(taken=False, reason="connection_failed")


def _encoded(parcel: Parcel) -> tuple[str, bytes]:
    match parcel.route:
        case Route.EVENTS:
            return "application/json", json.dumps(parcel.payload).encode()
        case Route.INTERACTIONS:
            form: Wire = {"payload": json.dumps(parcel.payload)}
        case Route.COMMANDS:
            form = parcel.payload
    return "application/x-www-form-urlencoded", urlencode(form).encode()


def _decoded(text: str) -> Wire:
    """Return a JSON object. Other text is returned as the message that it stands for."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"text": text}
