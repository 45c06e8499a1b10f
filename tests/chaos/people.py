"""The world around the desk in a process of its own: phones, Slack, and people who answer in it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.app.embedded.server_files import free_port
from tests.chaos.customers import Customer, spread
from tests.chaos.processes import START, Program, Programs

BILLING = "billing"
CHANNEL = "billing-escalations"
PERSON = "hugo"
_RETRIES = ",".join(
    ["0.1", "0.3", "0.5", *["1"] * 120]
)  # Slack's own would take six minutes, and then give up


@dataclass
class Api:
    """The sandbox's control API: whatever people can do and see."""

    session: aiohttp.ClientSession

    async def get(self, name: str, **query: str) -> object:
        async with self.session.get(f"/sandbox/api/{name}", params=query) as response:
            assert response.status == 200, f"{name}: {await response.text()}"
            return await response.json()

    async def do(self, name: str, **what: object) -> Mapping[str, object]:
        async with self.session.post(f"/sandbox/api/{name}", json=what) as response:
            assert response.status == 200, f"{name}: {await response.text()}"
            done = await response.json()
        assert isinstance(done, dict)
        return done

    async def people(self) -> Sequence[Mapping[str, str]]:
        """The customers with their addresses by channel."""
        told = await self.get("customers/all")
        assert isinstance(told, dict)
        return list(told["customers"])


@dataclass
class Stage(Api):
    """The sandbox in a process of its own, and its customers."""

    program: Program
    state: Path
    port: int
    mail: tuple[int, int]  # the ports of SMTP and IMAP
    customers: list[Customer] = field(default_factory=list)

    async def configure_slack(self, hooks: Mapping[str, str]) -> None:
        """The Request URLs of the staff's app."""
        base = hooks["slack"]
        await self.do(
            "slack/configure",
            events_url=f"{base}/events",
            interactions_url=f"{base}/interactions",
            commands_url=f"{base}/commands",
        )

    async def connect(self, hooks: Mapping[str, str]) -> None:
        """The owner enters the webhooks of the other channels, and adds the customers' app to Slack."""
        await self.do("sandbox/connect", hooks=dict(hooks))

    async def thread(self, channel: str, ts: str = "") -> list[Mapping[str, object]]:
        told = await self.get("slack/messages", user=PERSON, channel=channel, thread_ts=ts)
        assert isinstance(told, dict)
        return list(told["messages"])

    async def press(self, channel: str, card: Mapping[str, object], action: str) -> None:
        """Press a button of a card, if it has one of that name. The caller sees whether that arrived."""
        blocks = card["blocks"]
        assert isinstance(blocks, list)
        for block in blocks:
            for element in block.get("elements", ()):
                name = str(element.get("action_id", ""))
                if name.partition(":")[0] == action:
                    given = {"user": PERSON, "channel": channel, "ts": card["ts"], "action_id": name}
                    try:
                        await self.do("slack/click", **given)
                    except AssertionError as error:
                        if "action_not_found" not in str(error):  # the card has changed since it was read
                            raise
                    return


async def stage(stack: AsyncExitStack, ours: Programs, var: Path, customers: Sequence[str]) -> Stage:
    """Started and ready."""
    port, state = free_port(), var / "sandbox.json"
    mail = free_port(), free_port()
    arguments = ["-m", "connectors.sandbox", f"--port={port}", f"--state={state}"]
    arguments += [f"--mail-ports={mail[0]},{mail[1]}", f"--slack-retry-delays={_RETRIES}"]
    arguments += [f"--customer={name}" for name in customers]
    program = ours.add("sandbox", arguments, {})
    session = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
    program.launch()
    built = Stage(session, program, state, port, mail)
    async with asyncio.timeout(START):
        while not built.customers:
            assert program.running, "the sandbox did not start"
            try:
                built.customers = spread(await built.people())
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    return built


@dataclass
class Staff:
    """One person, who takes every card of a channel, answers in its thread, and gives it back.

    Whatever gets lost on the way (Slack does not repeat a press of a button) is done again, as people do when
    nothing happens; an answer is written once.
    """

    stage: Stage
    done: set[str] = field(default_factory=set)  # threads
    open: dict[str, str] = field(default_factory=dict)  # threads, and what they wait for
    answered: dict[str, str] = field(default_factory=dict)  # threads, and the ts of the answer

    @property
    def idle(self) -> bool:
        return not self.open

    async def work(self) -> None:
        """Work on the cards of the channel until cancelled."""
        while True:
            for card in await self.stage.thread(CHANNEL):
                ts = str(card["ts"])
                if "blocks" in card and ts not in self.done:
                    await self._handle(ts, card)
            await asyncio.sleep(0.3)

    async def _handle(self, ts: str, card: Mapping[str, object]) -> None:
        inside = await self.stage.thread(CHANNEL, ts)
        text = json.dumps(inside, ensure_ascii=False)
        if "back to the agent" in text:
            self.done.add(ts)
            self.open.pop(ts, None)
        elif "has taken this" not in text:
            self.open[ts] = "take"
            await self.stage.press(CHANNEL, card, "take")
        elif ts not in self.answered:
            self.open[ts] = "answer"
            told = await self.stage.do(
                "slack/post", user=PERSON, channel=CHANNEL, thread_ts=ts, text=f"It is refunded, case {ts}."
            )
            self.answered[ts] = str(told["ts"])
        elif any(message["ts"] == self.answered[ts] and message.get("reactions") for message in inside):
            self.open[ts] = "return"  # the answer is known: nothing that follows can overtake it
            await self.stage.press(CHANNEL, card, "return")
        else:
            self.open[ts] = "mark"
