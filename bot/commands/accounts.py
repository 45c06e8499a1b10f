"""`desk accounts …`: the organization's connections to the channels, and whether they work."""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from bot.commands.desk import Borrow, Desk, whose
from bot.commands.exposure import exposed_rooms
from bot.commands.formatting import plural
from bot.core.commands import Call, Command, Output, Parameter, Table
from bot.core.connector import ChannelKind, HasTemplates
from bot.core.errors import CommandError, DeskError, NotFound, Refused, SendError
from bot.core.permissions import Permission
from orgs.specification.organization import Account as Declared
from orgs.specification.organization import Organization, Serves
from storage import queries
from storage.accounts import Account, accounts_of
from storage.organizations import InForce

log = structlog.get_logger(__name__)

PATIENCE: Final = 15.0  # seconds that a platform may take to answer


@dataclass(frozen=True, slots=True)
class AccountVerdict:
    """The answer whether an account works. `sentence` says as whom, or what is wrong and what to do."""

    account: str
    channel: str
    works: bool
    sentence: str


def commands(desk: Desk, *, patience: float = PATIENCE) -> tuple[Command, ...]:
    async def listed(call: Call) -> Output:
        known = await whose(desk, call)
        organization = await desk.organizations.get(known.organization, known.version)
        async with desk.database.begin(known.organization) as connection:
            listeners = await queries.listeners(connection, known.organization)
            accounts = await accounts_of(connection, desk.keys, known.organization)
        rows = [
            (
                one,
                mode := _mode(desk, one),
                _state(desk, one, mode, listeners.get(one.id), accounts.get(one.id)),
            )
            for one in organization.accounts
        ]
        return Output(
            tables=(
                Table(
                    ("account", "channel", "serves", "mode", "state"),
                    tuple((one.id, one.channel, one.serves.value, mode, state) for one, mode, state in rows),
                    empty="The organization has no accounts.",
                ),
            ),
            data=[
                {
                    "account": one.id,
                    "channel": one.channel,
                    "serves": one.serves.value,
                    "mode": mode,
                    "state": state,
                    "listener": listeners.get(one.id) or None,
                    "address": desk.address(accounts[one.id]) if one.id in accounts else None,
                }
                for one, mode, state in rows
            ],
        )

    async def check(call: Call) -> Output:
        known = await whose(desk, call)
        organization = await desk.organizations.get(known.organization, known.version)
        wanted = _wanted(organization, call.arguments["account"])
        async with desk.database.begin(known.organization) as connection:
            accounts = await accounts_of(connection, desk.keys, known.organization)
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(_verdict(desk, accounts.get(one.id), one, organization, patience))
                for one in wanted
            ]
        return _told(known, [task.result() for task in asked])

    summary = "The accounts on every channel: whom they serve, how they listen, and whether anybody does."
    return (
        Command(name="accounts", summary=summary, permission=Permission.ACCOUNTS_READ, handler=listed),
        Command(name="accounts list", summary=summary, permission=Permission.ACCOUNTS_READ, handler=listed),
        Command(
            name="accounts check",
            summary="Ask each platform whether the account works. Says as whom, or what is wrong.",
            permission=Permission.ACCOUNTS_CHECK,
            handler=check,
            parameters=(Parameter("account", "Only this one, as the organization file names it.", ""),),
            example="telegram",
        ),
    )


def _mode(desk: Desk, declared: Declared) -> str:
    kind: ChannelKind | None = desk.channels.get(declared.channel)
    return declared.mode or (kind.modes[0].mode if kind else "-")


def _state(desk: Desk, declared: Declared, mode: str, listener: str | None, account: Account | None) -> str:
    if declared.channel not in desk.channels:
        return "no connector speaks this channel"
    if listener is None or account is None:
        return "not active"
    if mode == "webhook":
        return f"called at {desk.address(account)}"
    return f"heard by {listener}" if listener else "nobody listens"


def _wanted(organization: Organization, named: str) -> tuple[Declared, ...]:
    if not named:
        return organization.accounts
    found = tuple(one for one in organization.accounts if one.id == named)
    if not found:
        raise NotFound("account", named)
    return found


async def _verdict(
    desk: Desk, account: Account | None, declared: Declared, organization: Organization, patience: float
) -> AccountVerdict:
    """Check one account. Never raises, so that one account cannot hide the results of the others."""
    if account is None:
        return AccountVerdict(declared.id, declared.channel, False, "It is not active: apply the file again.")
    try:
        name = await _ask(desk.borrow, account, declared, organization, patience)
    except TimeoutError:
        problem = f"the platform has not answered within {patience:g} s: try again, and see what it says"
    except SendError as error:
        problem = error.reason
    except DeskError as error:
        problem = str(error)
    except Exception as error:
        log.exception("account check broke", account=declared.id, channel=declared.channel, exc_info=error)
        problem = f"the check itself failed ({type(error).__name__}): the log says more"
    else:
        return AccountVerdict(declared.id, declared.channel, True, f"Works as {name}.")
    return AccountVerdict(declared.id, declared.channel, False, _sentence(problem, declared))


async def _ask(
    borrow: Borrow, account: Account, declared: Declared, organization: Organization, patience: float
) -> str:
    async with asyncio.timeout(patience), borrow(account, declared, organization) as connector:
        name = await connector.check()
        if declared.serves is Serves.STAFF:
            readers = await exposed_rooms(connector, organization, declared.id)
            if readers.exposed:
                raise Refused(f"{name}: {readers.exposed[0]}")
        if declared.templates and isinstance(connector, HasTemplates):
            known = {(t.name, t.language): t.body for t in await connector.approved_templates()}
            ours = {(t.id, t.language): f"{t.id} ({t.language})" for t in declared.templates}
            if missing := [shown for key, shown in ours.items() if key not in known]:
                raise Refused(
                    f"{name}: the platform has not approved {', '.join(missing)}, so they cannot be sent:"
                    " compare name and language with those in its template manager"
                )
            texts = {(t.id, t.language): t.text for t in declared.templates}
            if other := [shown for key, shown in ours.items() if texts[key].split() != known[key].split()]:
                raise Refused(
                    f"{name}: the platform has approved another text of {', '.join(other)} than the"
                    " organization file has, so people would not read what the customer gets: copy it"
                )
        return name


def _sentence(problem: str, declared: Declared) -> str:
    """Return the problem as one sentence on one line, without the name of the account."""
    line = " ".join(problem.split()).removeprefix(f"account {declared.id}: ") or "it does not work"
    # A platform's code at the beginning keeps its case.
    line = line[0].upper() + line[1:] if line.split(" ")[0].isalpha() else line
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _told(known: InForce, verdicts: list[AccountVerdict]) -> Output:
    if not verdicts:
        raise CommandError(f"{known.name} has no accounts yet: name them in its file, under `accounts`.")
    wrong = sum(not verdict.works for verdict in verdicts)
    return Output(
        text=f"{plural(wrong, 'account')} of {len(verdicts)} {'does' if wrong == 1 else 'do'} not work."
        if wrong
        else "",
        tables=(
            Table(
                ("account", "channel", "", "what the platform says"),
                tuple((v.account, v.channel, "good" if v.works else "WRONG", v.sentence) for v in verdicts),
            ),
        ),
        data=[
            {"account": v.account, "channel": v.channel, "works": v.works, "sentence": v.sentence}
            for v in verdicts
        ],
        ok=not wrong,
    )
