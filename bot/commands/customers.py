"""`desk customers …`: who writes, from which addresses, and everything they ever wrote about."""

from typing import Final

from bot.commands import customer_changes
from bot.commands.desk import Desk, whose
from bot.commands.formatting import count_of, moment, plural, short_id, short_ids, since
from bot.core.commands import Call, Command, JsonValue, Output, Parameter, Subject, Table
from bot.core.ids import CustomerId
from bot.core.numbers import shown
from bot.core.permissions import Permission
from storage import customers, queries
from storage.customers import HISTORY, CustomerLine, CustomerStory, HistoryLine
from storage.posted import Remains, remains
from storage.writers import has_unknown_writers

_MOST: Final = 200
_WORDS: Final = 60  # characters that are shown of a conversation's first words
_REMAINS: Final = {
    "waiting": "being deleted",
    "failed": "could not be deleted",
    "unknown": "perhaps there: nobody knows whether they arrived",
}
NOBODY_VOUCHES: Final = "nobody vouches for this address"


def commands(desk: Desk) -> tuple[Command, ...]:
    async def listed(call: Call) -> Output:
        limit = count_of(call.arguments["limit"], "limit", _MOST)
        before = call.arguments["before"]
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            after = None
            if before:
                found = await queries.find_id(connection, known.organization, Subject.CUSTOMER, before)
                after = CustomerId(found)
            lines = await customers.customers(
                connection, desk.keys, known.organization, before=after, limit=limit, scopes=call.scopes
            )
        return _listed(desk, lines)

    async def show(call: Call) -> Output:
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            id_ = await queries.find_id(
                connection, known.organization, Subject.CUSTOMER, call.arguments["customer"]
            )
            story = await customers.customer(
                connection, desk.keys, known.organization, CustomerId(id_), scopes=call.scopes
            )
            everybody = [story.line.id, *(one.id for one in story.merged)]
            left = (
                await remains(connection, desk.keys, known.organization, everybody)
                if story.line.erased
                else ()
            )
            unknown = story.line.erased and await has_unknown_writers(
                connection, known.organization, story.line.id
            )
        return _shown(story, CustomerId(id_), left, unknown=unknown)

    parameters = (
        Parameter("before", "Go on after this customer.", "", option=True, names=Subject.CUSTOMER),
        Parameter("limit", f"How many, at most {_MOST}.", "20", option=True),
    )
    summary = "The newest customers. Merged customers are listed once."
    return (
        Command(
            name="customers",
            summary=summary,
            permission=Permission.CUSTOMERS_READ,
            handler=listed,
            parameters=parameters,
            example="--limit 50",
        ),
        Command(
            name="customers list",
            summary=summary,
            permission=Permission.CUSTOMERS_READ,
            handler=listed,
            parameters=parameters,
        ),
        Command(
            name="customers show",
            summary="One customer: addresses, merged customers, and the history on every channel.",
            permission=Permission.CUSTOMERS_READ,
            handler=show,
            parameters=(Parameter("customer", "Their id, or the beginning of it.", names=Subject.CUSTOMER),),
            example="01990a3c",
        ),
        *customer_changes.commands(desk),
    )


def _listed(desk: Desk, lines: tuple[CustomerLine, ...]) -> Output:
    now = desk.clock()
    shorts = short_ids([line.id for line in lines])
    return Output(
        tables=(
            Table(
                ("customer", "name", "channels", "conversations", "age"),
                tuple(
                    (
                        short,
                        line.name or "-",
                        ", ".join(line.channels) or "-",
                        str(line.conversations),
                        since(now, line.created_at),
                    )
                    for short, line in zip(shorts, lines, strict=True)
                ),
                empty="No customers.",
            ),
        ),
        data=[_line_data(line) for line in lines],
        about=tuple(line.id for line in lines),
    )


def _line_data(line: CustomerLine) -> dict[str, JsonValue]:
    return {
        "id": str(line.id),
        "name": line.name,
        "created_at": line.created_at.isoformat(),
        "erased": line.erased,
        "channels": list(line.channels),
        "conversations": line.conversations,
    }


def _shown(story: CustomerStory, asked: CustomerId, left: tuple[Remains, ...], *, unknown: bool) -> Output:
    line = story.line
    told = [
        f"{line.id}: {line.name or 'no name'}, a customer since {moment(line.created_at)} UTC"
        f"{', known to the CRM' if story.in_crm else ''}."
    ]
    if asked != line.id:
        told.insert(0, f"{asked} was merged into {line.id}: they are one customer.")
    if line.erased:
        told.append(
            "They were erased: nothing they wrote in their own conversations can be read, and nobody is found"
            " to be them again."
        )
    if unknown:
        told.append(
            "What they wrote in conversations of others before migration 0022 was not found: until then it"
            " was not recorded who wrote."
        )
    return Output(
        text="\n".join(told),
        tables=(
            _identities(story),
            *((_merged(story),) if story.merged else ()),
            _history(story),
            *((_remains(left),) if line.erased else ()),
        ),
        data={**_data(story), "remains": [_remains_data(one) for one in left]},
        about=(line.id,),
    )


def _remains(left: tuple[Remains, ...]) -> Table:
    return Table(
        ("messages", "state", "channel", "account", "chat", "reason"),
        tuple(
            (
                str(one.messages),
                _REMAINS[one.state],
                one.channel,
                one.account,
                one.chat or "outside of a thread",
                one.reason or "-",
            )
            for one in left
        ),
        title="What the desk posted to staff about them and has not deleted",
        empty="All that the desk posted to staff about them is deleted.",
    )


def _remains_data(one: Remains) -> dict[str, JsonValue]:
    return {
        "messages": one.messages,
        "state": one.state,
        "channel": one.channel,
        "account": one.account,
        "chat": one.chat,
        "reason": one.reason,
    }


def _identities(story: CustomerStory) -> Table:
    return Table(
        ("address", "channel", "account", "since (UTC)", "of", ""),
        tuple(
            (
                one.address or "(not kept)",
                one.channel,
                one.account,
                moment(one.created_at),
                "-" if one.customer == story.line.id else short_id(one.customer),
                "-" if one.verified else NOBODY_VOUCHES,
            )
            for one in story.identities
        ),
        title="Identities",
        empty="No address leads to them.",
    )


def _merged(story: CustomerStory) -> Table:
    return Table(
        ("merged", "name", "into", "how", "by", "at (UTC)"),
        tuple(
            (short, one.name or "-", short_id(one.into), one.how, one.by, moment(one.at))
            for short, one in zip(short_ids([one.id for one in story.merged]), story.merged, strict=True)
        ),
        title=f"Merged: {plural(len(story.merged), 'customer')}",
    )


def _history(story: CustomerStory) -> Table:
    count = story.line.conversations
    newest = f", the newest {HISTORY}" if count > HISTORY else ""
    shorts = short_ids([one.conversation for one in story.history])
    return Table(
        (
            "conversation",
            "number",
            "channels",
            "began (UTC)",
            "resolved (UTC)",
            "status",
            "messages",
            "first words",
        ),
        tuple(
            (
                short,
                shown(one.number),
                ", ".join(one.channels) or "-",
                moment(one.created_at),
                moment(one.resolved_at),
                one.status.value,
                str(one.messages),
                _brief(one.first_words) or "-",
            )
            for short, one in zip(shorts, story.history, strict=True)
        ),
        title=f"{plural(count, 'conversation')}{newest}",
        empty="They have said nothing yet.",
    )


def _brief(words: str) -> str:
    line = " ".join(words[: _WORDS * 4].split())
    return line if len(line) <= _WORDS else f"{line[: _WORDS - 1].rstrip()}…"


def _data(story: CustomerStory) -> dict[str, JsonValue]:
    return {
        **_line_data(story.line),
        "in_crm": story.in_crm,
        "identities": [
            {
                "customer": str(one.customer),
                "channel": one.channel,
                "account": one.account,
                "address": one.address,
                "verified": one.verified,
                "created_at": one.created_at.isoformat(),
            }
            for one in story.identities
        ],
        "merged": [
            {
                "id": str(one.id),
                "name": one.name,
                "into": str(one.into),
                "by": one.by,
                "how": one.how,
                "at": one.at.isoformat(),
            }
            for one in story.merged
        ],
        "history": [_history_data(one) for one in story.history],
    }


def _history_data(one: HistoryLine) -> dict[str, JsonValue]:
    return {
        "conversation": str(one.conversation),
        "number": shown(one.number),
        "customer": str(one.customer),
        "channels": list(one.channels),
        "status": one.status.value,
        "created_at": one.created_at.isoformat(),
        "resolved_at": one.resolved_at.isoformat() if one.resolved_at else None,
        "messages": one.messages,
        "first_words": one.first_words,
    }
