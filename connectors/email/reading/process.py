"""Read mails in a process of its own, which can be ended. So the CPU time of each mail is bounded.

A mail that used up its budget is given up between two steps of Python. If a library's loop leaves no such
step, the kernel ends the process soon after, and the next request starts another one. The process gets none
of our environment that is secret.
"""

import asyncio
import contextlib
import os
import pickle
import resource
import signal
import struct
import sys
import time
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Literal

from bot.core.errors import MalformedPayload
from connectors.email.reading.mail import Mail
from connectors.email.reading.reading import files, holds_card_number, key_names, read
from connectors.email.reading.trust import KeyFor

WALL_SECONDS = 60.0  # enough for a machine that has hardly any CPU left
HUNG_SECONDS = 5.0  # without using any CPU: it was stopped, or waits for something that never comes
MEMORY = 2 * 1024**3
GRACE_SECONDS = 0.1  # of CPU in which a mail must be given up
IDLE_SECONDS = 300.0  # without a request, after which the process ends: most mailboxes are quiet
_START_SECONDS = 60.0
_HEAD = struct.Struct("!Q")
_ANSWER = struct.Struct("!dQ")  # the CPU seconds of an answer, and its length
_READY = b"1"
_FOUND_BY = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")

Keys = Mapping[str, bytes | str | BaseException | None]
Outcome = Literal["found", "malformed", "failed", "costly"]
_Answered = tuple[float, tuple[Outcome, object]]  # the CPU seconds that it took, and the answer


class TooCostly(Exception):
    """Reading took more CPU, time or memory than one mail may take, or ended the reading process twice."""


class _Hung(Exception):
    """The process used no CPU for too long. A mail does not cause that."""


@dataclass(slots=True)
class Budget:
    """The CPU seconds that reading one mail may still cost, over all its requests."""

    left: float

    def spend(self, seconds: float) -> None:
        self.left = max(0.0, self.left - seconds)


class ReadingProcess:
    """Answers one request at a time.

    The first request starts the process; the next one starts it again if it ended.
    """

    def __init__(self, *, wall_seconds: float = WALL_SECONDS, hung_seconds: float = HUNG_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._hung_seconds = hung_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def key_names(
        self, raw: bytes, *, trusted_servers: Collection[str], budget: Budget
    ) -> tuple[str, ...]:
        """Call `reading.key_names` in the process. Raise TooCostly."""
        found: tuple[str, ...] = await self._ask(budget, "key_names", raw, tuple(trusted_servers))
        return found

    async def read(
        self,
        raw: bytes,
        *,
        trusted_servers: Collection[str],
        own_addresses: Collection[str],
        keys: Keys | None,
        budget: Budget,
        languages: Collection[str] = (),
    ) -> Mail:
        """Call `reading.read` in the process, without the files' bytes.

        Raise TooCostly, and what `read` raises.
        """
        known = None if keys is None else {name: _plain(key) for name, key in keys.items()}
        found: Mail = await self._ask(
            budget, "read", raw, tuple(trusted_servers), tuple(own_addresses), known, tuple(languages)
        )
        return found

    async def files(self, raw: bytes, *, budget: Budget) -> list[tuple[str, bytes | None]]:
        """Call `reading.files` in the process. Raise TooCostly, and what `files` raises."""
        found: list[tuple[str, bytes | None]] = await self._ask(budget, "files", raw)
        return found

    async def holds_card_number(self, raw: bytes, *, budget: Budget) -> bool:
        """Call `reading.holds_card_number` in the process. Raise TooCostly."""
        return bool(await self._ask(budget, "holds_card_number", raw))

    async def close(self) -> None:
        """End the process."""
        if self._idle is not None:
            self._idle.cancel()
        if self._process is not None:
            process, self._process = self._process, None
            await _ended(process)

    async def _ask(self, budget: Budget, *request: object) -> Any:
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            outcome, answer = (
                await self._answer(budget, request) or await self._answer(budget, request) or ("costly", None)
            )
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end_idle)
        match outcome:
            case "found":
                return answer
            case "malformed":
                raise MalformedPayload("mail", str(answer))
            case "costly":
                raise TooCostly
            case _:
                raise RuntimeError(answer)

    async def _answer(self, budget: Budget, request: tuple[object, ...]) -> tuple[Outcome, object] | None:
        """Return the process's answer, or None if the process ended for a reason that may not be the mail."""
        if budget.left <= 0:
            return "costly", None
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await _started()
        answer: tuple[Outcome, object] | None = None
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._wall_seconds):
                asked = pickle.dumps((budget.left, *request))
                spent, answer = await self._unless_hung(process, _exchanged(process, asked))
            budget.spend(budget.left if answer[0] == "costly" else spent)
        except TimeoutError:
            budget.spend(budget.left)
            return "costly", None
        except _Hung:
            await process.wait()
            return None
        except (OSError, EOFError):
            await process.wait()
            if process.returncode == -signal.SIGPROF:
                budget.spend(budget.left)
                return "costly", None
            budget.spend(time.monotonic() - begun)  # it cannot have used more CPU than time
            return None
        finally:
            if answer is None:  # also if we are cancelled: a late answer would be taken for the next one
                await self.close()
        return answer

    async def _unless_hung(
        self, process: asyncio.subprocess.Process, exchange: Coroutine[Any, Any, _Answered]
    ) -> _Answered:
        """Return the answer. End the process and raise _Hung if it has used no CPU for too long."""
        task = asyncio.create_task(exchange)
        try:
            used = _cpu(process.pid)
            while not (await asyncio.wait([task], timeout=self._hung_seconds))[0]:
                before, used = used, _cpu(process.pid)
                if used is not None and used == before:
                    _end(process)
                    raise _Hung
            return task.result()
        finally:
            task.cancel()

    def _end_idle(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _end(process)


async def _started() -> asyncio.subprocess.Process:
    """Start a process and wait until it is ready. Raise OSError if none can be started."""
    environment = {name: os.environ[name] for name in _FOUND_BY if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "connectors.email.reading.process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        async with asyncio.timeout(_START_SECONDS):
            if process.stdout is not None and await process.stdout.read(len(_READY)) == _READY:
                return process
    except BaseException:
        await _ended(process)
        raise
    await _ended(process)
    raise OSError("no process to read mails in could be started")


async def _exchanged(process: asyncio.subprocess.Process, asked: bytes) -> _Answered:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(_HEAD.pack(len(asked)) + asked)
    await process.stdin.drain()
    spent, size = _ANSWER.unpack(await process.stdout.readexactly(_ANSWER.size))
    answer: tuple[Outcome, object] = pickle.loads(await process.stdout.readexactly(size))  # noqa: S301 - our own
    return spent, answer


def _cpu(pid: int) -> tuple[str, ...] | None:
    """Return the CPU seconds that a process has used, or None if the system does not tell (proc(5))."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return tuple(file.read().rpartition(")")[2].split()[11:13])
    except OSError:
        return None


def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


async def _ended(process: asyncio.subprocess.Process) -> None:
    _end(process)
    await process.wait()


def _plain(key: bytes | str | BaseException | None) -> bytes | str | Exception | None:
    return LookupError("not to be had now") if isinstance(key, BaseException) else key


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the other side is gone, also if it was killed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers.write(_READY)
    answers.flush()
    while head := requests.read(_HEAD.size):
        (size,) = _HEAD.unpack(head)
        seconds, *request = pickle.loads(requests.read(size))  # noqa: S301 - written by our own process
        begun = time.process_time()
        answer = _answered(request, seconds)
        spent = time.process_time() - begun
        answers.write(_ANSWER.pack(spent, len(answer)) + answer)
        answers.flush()


class _Exceeded(BaseException):
    """The budget is used up. It is no subclass of Exception, so code that reads a mail does not catch it."""


def _exceeded(*_: object) -> None:
    raise _Exceeded


def _answered(request: list[Any], seconds: float) -> bytes:
    signal.signal(signal.SIGVTALRM, _exceeded)
    signal.setitimer(signal.ITIMER_PROF, seconds + GRACE_SECONDS)  # its signal, unhandled, ends the process
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        answer = pickle.dumps(_done(request))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except _Exceeded:
        answer = pickle.dumps(("costly", None))
    signal.setitimer(signal.ITIMER_PROF, 0)
    return answer


def _done(request: list[Any]) -> tuple[Outcome, object]:
    try:
        match request:
            case ["key_names", raw, trusted_servers]:
                return "found", key_names(raw, trusted_servers=trusted_servers)
            case ["files", raw]:
                return "found", files(raw)
            case ["holds_card_number", raw]:
                return "found", holds_card_number(raw)
            case ["read", raw, trusted_servers, own_addresses, keys, languages]:
                mail = read(
                    raw,
                    trusted_servers=trusted_servers,
                    own_addresses=own_addresses,
                    dkim=None if keys is None else _key_for(keys),
                    languages=languages,
                )
                bare = tuple(replace(part, data=b"") for part in mail.attachments)
                return "found", replace(mail, attachments=bare)
            case _:
                return "failed", "no such request"
    except (MemoryError, RecursionError):
        return "costly", None
    except MalformedPayload as error:
        return "malformed", str(error)
    except Exception as error:
        return "failed", type(error).__name__  # the text of the error may repeat the mail


def _key_for(keys: Keys) -> KeyFor:
    def key_for(name: str) -> bytes | str | None:
        key = keys.get(name)
        if isinstance(key, BaseException):
            raise key
        return key

    return key_for


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
