"""Declare a command once for both of its forms: `desk …` on the shell, `/desk …` in chat."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from bot.core.errors import UnknownCommand
from bot.core.ids import OrgId, PersonId
from bot.core.permissions import Permission, Scope

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]


class Subject(StrEnum):
    """A kind of thing that an argument of a command can name, by its id or number."""

    CONVERSATION = "conversation"
    ESCALATION = "escalation"
    DELIVERY = "delivery"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a command. Required unless it has a default.

    Options are `--name value`, flags `--name`. `names` is the kind of thing that its value names: whoever may
    not do this with that very thing is refused before the command runs.
    """

    name: str
    summary: str
    default: str | None = None
    option: bool = False
    flag: bool = False
    names: Subject | None = None


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    empty: str = "Nothing here."


@dataclass(frozen=True, slots=True)
class Output:
    """The result of a command: text and tables for people, `data` for `--json`. `ok` False exits with 1.

    `problem` is a sentence about what keeps the rest from being read. With it the command exits with 1 too.
    `about` are the customers and conversations that it shows.
    """

    text: str = ""
    tables: tuple[Table, ...] = ()
    data: JsonValue = None
    ok: bool = True
    problem: str = ""
    about: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """The answer to a command that was typed in chat, as CommonMark of one message.

    A channel that can draw tables shows `words` and `tables` in its place: plain text, each cell on one line.
    A channel whose answers stay calls `posted` with the platform's ids of the messages, so that they are
    deleted when a customer whom they show is erased. It raises StorageUnavailable.
    """

    markdown: str
    words: str = ""  # CommonMark
    tables: tuple[Table, ...] = ()
    about: tuple[UUID, ...] = ()  # see `Output`
    posted: Callable[[Sequence[str]], Awaitable[None]] | None = None  # None: it shows no customer


@dataclass(frozen=True, slots=True)
class Caller:
    """The one who runs a command: a person of an organization in chat, or the shell.

    Neither of them: somebody in chat whom the organization file does not name.
    """

    organization: OrgId
    person: PersonId | None = None
    name: str = ""
    on_shell: bool = False


def shell_of(organization: OrgId) -> Caller:
    """Return the shell as a caller, for one organization."""
    return Caller(organization, name="the shell", on_shell=True)


@dataclass(frozen=True, slots=True)
class Call:
    """A command with its arguments, from somebody who may run it.

    `scopes`: the conversations to which the caller's permission is limited, or None for all of them. A
    command that lists conversations shows those alone.
    """

    caller: Caller
    arguments: Mapping[str, str] = field(default_factory=dict)  # by parameter name; flags are "yes" or ""
    scopes: tuple[Scope, ...] | None = None


Handler = Callable[[Call], Awaitable[Output]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command. `name` is one or two words, e.g. `org apply`. `example` has the words that may follow it.

    `permission` None: everybody whom the organization file names may run it. `shell_only`: it is never run in
    chat, because it needs the files of the machine, or what is typed must not stay readable.

    Raises ValueError or TypeError when it is declared wrongly.
    """

    name: str
    summary: str
    permission: Permission | None
    handler: Handler
    parameters: tuple[Parameter, ...] = ()
    example: str = ""
    shell_only: bool = False
    writes: bool = False  # the command changes something, and is always audited

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z-]{1,30}( [a-z][a-z-]{1,30})?", self.name):
            raise ValueError(f"command name {self.name!r} must be one or two lower-case words")
        if not inspect.iscoroutinefunction(self.handler):
            raise TypeError(f"{self.name}: {where(self.handler)} must be an async function")
        names = [parameter.name for parameter in self.parameters]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: {where(self.handler)} names a parameter twice")


class Commands:
    """The registry of commands: explicit, validated, and frozen once the program runs."""

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self._by_name: dict[str, Command] = {}
        self._frozen = False
        for command in commands:
            self.add(command)

    def add(self, command: Command) -> None:
        if self._frozen:
            raise RuntimeError(
                f"{command.name} came after start-up: list its noun in bot/commands/registry.py"
            )
        if taken := self._by_name.get(command.name):
            raise ValueError(
                f"{command.name} is declared twice: {where(taken.handler)} and {where(command.handler)}"
            )
        self._by_name[command.name] = command

    def freeze(self) -> "Commands":
        self._frozen = True
        return self

    def find(self, words: list[str]) -> tuple[Command, list[str]]:
        """Return the command that the words begin with, and the words after it. The longest name wins."""
        for length in (2, 1):
            name = " ".join(words[:length])
            if len(words) >= length and name in self._by_name:
                return self._by_name[name], words[length:]
        raise UnknownCommand(" ".join(words[:2]), self._by_name)

    def __iter__(self) -> Iterator[Command]:
        return iter(sorted(self._by_name.values(), key=lambda command: command.name))


def where(handler: Handler) -> str:
    return f"{handler.__module__}.{getattr(handler, '__qualname__', handler)}"
