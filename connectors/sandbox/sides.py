"""One stand-in as a part of the sandbox: its saved state, and its part of the control API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from connectors.sandbox.body import Deed
from connectors.sandbox.files_shown import file_answer
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.slack import Refused, SlackStandIn
from connectors.sandbox.telegram import TelegramStandIn

# Takes the part of the address behind `file/`, and the query. Raises LookupError.
ShowFile = Callable[[str, Mapping[str, str]], web.Response]


class Kept(Protocol):
    def snapshot(self) -> Mapping[str, object]: ...

    def restore(self, saved: Mapping[str, object], /) -> None: ...

    def start_over(self) -> None: ...


class Deeds(Protocol):
    def views(self) -> Mapping[str, Deed]: ...

    def deeds(self) -> Mapping[str, Deed]: ...


@dataclass(frozen=True, slots=True)
class Side:
    """One stand-in.

    `name` names its part of the control API, its news on the live feed, and its saved state.
    """

    name: str
    stand_in: Kept
    deeds: Deeds
    file: ShowFile


def telegram_files(stand_in: TelegramStandIn) -> ShowFile:
    return lambda file_id, _: file_answer(stand_in.file(file_id), stand_in.file_type(file_id))


def slack_files(stand_in: SlackStandIn) -> ShowFile:
    def show(file_id: str, query: Mapping[str, str]) -> web.Response:
        for team in stand_in.teams():
            try:
                content = stand_in.workspace(team).file_content(file_id)
            except Refused:
                continue
            return file_answer(content, query.get("type", ""))
        raise LookupError(file_id)

    return show


def meta_files(find: Callable[[str], KeptFile | None]) -> ShowFile:
    def show(file_id: str, _: Mapping[str, str]) -> web.Response:
        file = find(file_id)
        if file is None:
            raise LookupError(file_id)
        return file_answer(file.content, file.mime_type)

    return show
