"""`desk customers merge …` and the other commands that change who a customer is."""

import asyncio
from collections.abc import Iterable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.commands.accounts import PATIENCE
from bot.commands.desk import Consent, Desk, actor, whose
from bot.commands.formatting import plural, short_id
from bot.core.commands import Call, Command, Handler, JsonValue, Output, Parameter, Subject
from bot.core.connector import Invites
from bot.core.errors import BadUsage, CommandError, KeyDestroyed, NotFound, SendError, SettingsError
from bot.core.ids import ConversationId, CustomerId, OrgId
from bot.core.permissions import Permission
from orgs.routing import find_account
from orgs.specification.organization import Serves
from storage import customers, links, merging, queries
from storage.accounts import Account, accounts_of
from storage.audit import AuditEntry, Detail, record
from storage.customers import CustomerStory
from storage.erased import erase
from storage.inbox import Inboxes
from storage.merged import tell_rooms
from storage.posted import Posted

_CRM_ID: Final = 200  # characters at most of an id in the CRM


def commands(desk: Desk) -> tuple[Command, ...]:
    changes = _Changes(desk)
    customer = "The id, or the beginning of it"
    return (
        _command(
            "merge",
            "Two customers are one person: their history becomes one. Can be undone.",
            changes.merge,
            Permission.CUSTOMERS_MERGE,
            Parameter("kept", f"{customer}, of whom the other is merged into.", names=Subject.CUSTOMER),
            Parameter("merged", f"{customer}, of who is merged.", names=Subject.CUSTOMER),
            example="01990a3c 01990b7d",
        ),
        _command(
            "unmerge",
            "Undo a merge: the two customers are separate again.",
            changes.unmerge,
            Permission.CUSTOMERS_MERGE,
            Parameter("customer", f"{customer}, of who was merged.", names=Subject.CUSTOMER),
            example="01990b7d",
        ),
        _command(
            "crm",
            "Record the id of a customer in the CRM. Whoever had that id is merged into them.",
            changes.crm,
            Permission.CUSTOMERS_MERGE,
            Parameter("customer", f"{customer}.", names=Subject.CUSTOMER),
            Parameter("id", "The CRM's id of them. Only a keyed hash of it is kept."),
            example="01990a3c crm-7",
        ),
        _command(
            "invite",
            "A link by which a customer goes on in another account of ours. Valid once, for 24 h.",
            changes.invite,
            Permission.CUSTOMERS_INVITE,
            Parameter(
                "conversation", "Its number, its id, or the beginning of that.", names=Subject.CONVERSATION
            ),
            Parameter("account", "The account to go on in, as the organization file names it."),
            example="4831-27 telegram",
        ),
        _command(
            "erase",
            "Make all that a customer ever wrote unreadable, for ever.",
            changes.erase,
            Permission.CUSTOMERS_ERASE,
            Parameter("customer", f"{customer}.", names=Subject.CUSTOMER),
            Parameter("yes", "Do not ask. There is no way back.", "", flag=True),
            example="01990a3c",
        ),
    )


def _command(
    verb: str, summary: str, handler: Handler, permission: Permission, *parameters: Parameter, example: str
) -> Command:
    return Command(
        name=f"customers {verb}",
        summary=summary,
        permission=permission,
        handler=handler,
        parameters=parameters,
        example=example,
        writes=True,
    )


class _Changes:
    """The handlers of these commands. Each changes and audits in one transaction."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def merge(self, call: Call) -> Output:
        desk, known = self._desk, await whose(self._desk, call)
        async with desk.database.begin(known.organization) as connection:
            kept = await self._find(connection, known.organization, call.arguments["kept"])
            merged = await self._find(connection, known.organization, call.arguments["merged"])
            if kept == merged:
                raise BadUsage(f"Both are {kept}: name two customers.")
            await merging.lock(connection, known.organization, kept, merged)
            before = [await self._story(connection, known.organization, one) for one in (kept, merged)]
            try:
                done = await merging.merge(
                    connection,
                    desk.new_id(),
                    known.organization,
                    kept=kept,
                    merged=merged,
                    by=actor(call),
                    how="staff",
                )
            except KeyDestroyed as error:
                raise CommandError("One of them was erased: nobody can be merged with them.") from error
            if done is None:
                return Output(text="They are one customer already.", data={"changed": False})
            await self._tell_rooms(connection, known.organization, (done.kept, done.merged))
            await self._audit(
                connection,
                known.organization,
                call,
                "customer.merged",
                f"customer:{done.merged}",
                {"kept": str(done.kept), "how": "staff"},
            )
        return _merged(done, before)

    async def unmerge(self, call: Call) -> Output:
        known = await whose(self._desk, call)
        async with self._desk.database.begin(known.organization) as connection:
            customer = await self._find(connection, known.organization, call.arguments["customer"])
            try:
                parted = await merging.unmerge(connection, known.organization, customer)
            except NotFound as error:
                raise CommandError(
                    f"{customer} is merged into nobody: name who was merged, not who was kept."
                ) from error
            both = (customer, parted.remaining)
            await self._tell_rooms(connection, known.organization, both, parted=True)
            await self._audit(
                connection,
                known.organization,
                call,
                "customer.unmerged",
                f"customer:{customer}",
                {"from": str(parted.remaining), "places": parted.places},
            )
        moved = (
            f" {plural(parted.places, 'place')} in which one went on in a matter of the other"
            f" {'has' if parted.places == 1 else 'have'} gone back; what was said there stays."
            if parted.places
            else ""
        )
        return Output(
            text=f"{customer} is a customer of their own again, apart from {parted.remaining}."
            f" Each keeps what they began.{moved}",
            data={
                "customer": str(customer),
                "apart_from": str(parted.remaining),
                "places_returned": parted.places,
            },
        )

    async def crm(self, call: Call) -> Output:
        desk, known = self._desk, await whose(self._desk, call)
        crm_id = call.arguments["id"].strip()
        if not 1 <= len(crm_id) <= _CRM_ID:
            raise BadUsage(f"The CRM's id has 1 to {_CRM_ID} characters.")
        async with desk.database.begin(known.organization) as connection:
            customer = await self._find(connection, known.organization, call.arguments["customer"])
            before = [await self._story(connection, known.organization, customer)]
            try:
                done = await customers.know_by_crm(
                    connection,
                    desk.keys,
                    desk.new_id,
                    known.organization,
                    customer,
                    crm_id,
                    by=actor(call),
                )
            except KeyDestroyed as error:
                raise CommandError(f"{customer} was erased: the CRM's id would lead to nobody.") from error
            data: dict[str, JsonValue] = {
                "customer": str(done.customer),
                "changed": not done.known,
                "merged": str(done.merged.merged) if done.merged else None,
            }
            if done.known:
                return Output(text=f"The CRM's id leads to {done.customer} already.", data=data)
            details: dict[str, Detail] = {"replaced": done.replaced}
            if done.merged:
                details["merged"] = str(done.merged.merged)
                both = (done.merged.kept, done.merged.merged)
                await self._tell_rooms(connection, known.organization, both)
            await self._audit(
                connection,
                known.organization,
                call,
                "customer.crm_known",
                f"customer:{done.customer}",
                details,
            )
        told = f"The CRM's id leads to {done.customer} from now on"
        told += ", in place of the one before." if done.replaced else "."
        if done.merged:
            told += f" {done.merged.merged} had that id and was merged into them; `customers unmerge"
            told += f" {short_id(done.merged.merged)}` undoes that."
        return Output(text=told + _warning(before), data=data, about=(done.customer,))

    async def invite(self, call: Call) -> Output:
        desk, known = self._desk, await whose(self._desk, call)
        organization = await desk.organizations.get(known.organization, known.version)
        declared = find_account(organization, call.arguments["account"])
        serving = [a.id for a in organization.accounts if a.serves is Serves.CUSTOMERS]
        if declared is None or declared.serves is not Serves.CUSTOMERS:
            raise BadUsage(
                f"{call.arguments['account'][:40]!r} is no account that serves customers. There is"
                f" {', '.join(serving) or 'none'}."
            )
        async with desk.database.begin(known.organization) as connection:
            found = await queries.find_id(
                connection, known.organization, Subject.CONVERSATION, call.arguments["conversation"]
            )
            conversation = ConversationId(found)
            await links.may_invite(connection, known.organization, conversation)
            accounts = await accounts_of(connection, desk.keys, known.organization)
        if (account := accounts.get(declared.id)) is None:
            raise NotFound("account", declared.id)
        token = links.new_token()
        try:
            async with asyncio.timeout(PATIENCE), desk.borrow(account, declared, organization) as connector:
                if not isinstance(connector, Invites):
                    raise CommandError(
                        f"{_title(desk, account)} has no links that open a chat: invite to another account."
                    )
                link = await connector.invitation(token)
        except (SendError, SettingsError, TimeoutError) as error:
            why = str(error).rstrip(".") or "the platform does not answer"
            raise CommandError(f"No link into {account.account} can be made now: {why}.") from error
        async with desk.database.begin(known.organization) as connection:
            id_ = desk.new_id()
            await links.invite(
                connection, id_, known.organization, conversation, index=account.keys.index, token=token
            )
            await self._audit(
                connection,
                known.organization,
                call,
                "customer.invited",
                f"conversation:{conversation}",
                {"account": account.account, "link": str(id_)},
            )
        hours = int(links.LIVES.total_seconds()) // 3600
        return Output(
            text=f"{link}\nWhoever follows it first, within {hours} hours, goes on as the customer of"
            f" {short_id(conversation)}: send it to them alone.",
            data={"link": link, "conversation": str(conversation), "account": account.account},
        )

    async def erase(self, call: Call) -> Output:
        desk, known = self._desk, await whose(self._desk, call)
        async with desk.database.begin(known.organization) as connection:
            customer = await self._find(connection, known.organization, call.arguments["customer"])
            story = await self._story(connection, known.organization, customer)
            root, everybody = story.line.id, [story.line.id, *(one.id for one in story.merged)]
            also = f", with {plural(len(story.merged), 'customer')} merged into them" if story.merged else ""
            what = f"{root} ({plural(story.line.conversations, 'conversation')}{also})"
        loss = f"All that {what} ever wrote becomes unreadable, for ever."
        reply = Consent.INSISTED if call.arguments["yes"] else await desk.confirm(loss, "Erase them?")
        if not reply.go_on:
            asked = f"{loss} Nothing was erased. To erase them without being asked, add `--yes`."
            return Output(
                text="Nothing was erased." if reply.shown else asked,
                data={"erased": False, "customers": [str(one) for one in everybody]},
                ok=False,
            )
        async with desk.database.begin(known.organization) as connection:
            try:
                inboxes = Inboxes(desk.keys, desk.new_id)
                shown = await erase(
                    connection,
                    desk.keys,
                    inboxes,
                    known.organization,
                    root,
                    by=actor(call),
                    channels=desk.channels,
                )
            except KeyDestroyed as error:
                raise CommandError(f"{root} was erased already.") from error
            await self._audit(
                connection,
                known.organization,
                call,
                "customer.erased",
                f"customer:{root}",
                {
                    "conversations": story.line.conversations,
                    "merged": len(story.merged),
                    "posts": shown.messages,
                    "posts_in_doubt": shown.in_doubt,
                    "by_staff": shown.by_staff,
                    "elsewhere": shown.elsewhere,
                },
            )
        for one in everybody:
            desk.keys.forget(one)
        await desk.wake_workers()
        return Output(
            text=f"{what} is erased: their key is destroyed, and nothing they wrote in their own"
            f" conversations can be read again.{_elsewhere(shown)}\n{_deleted(shown)}\n{self._kept(shown)}"
            f" `customers show {short_id(root)}` names what the platforms did not let us delete.",
            data={
                "erased": True,
                "customers": [str(one) for one in everybody],
                "posts": shown.messages,
                "posts_in_doubt": shown.in_doubt,
                "rooms": shown.rooms,
                "by_staff": shown.by_staff,
                "elsewhere": shown.elsewhere,
                "unknown_writers": shown.unknown,
            },
        )

    def _kept(self, shown: Posted) -> str:
        """Return the sentence that names what is not deleted."""
        kinds = [self._desk.channels.get(channel) for channel in shown.channels]
        kept = [
            f"what the {plural(shown.by_staff, 'message')} say that your staff wrote there"
            if shown.by_staff
            else "",
            "what the customer's own chats and mailbox show, and the mailboxes and threads in which your"
            " organization had their words",
            "what others quoted or answered of their words, and where they only reacted in threads of others",
            "mail under their address for which no server vouched, which belongs to customers of its own",
            "what they wrote in conversations of others before migration 0022, as it was not recorded who"
            " wrote"
            if shown.unknown
            else "",
            *(
                f"in {kind.title}, {kind.capabilities.keeps}"
                for kind in kinds
                if kind and kind.capabilities.keeps
            ),
            f"{plural(shown.in_doubt, 'message')} of the desk of which nobody knows whether they arrived"
            if shown.in_doubt
            else "",
        ]
        return f"What remains: {'; '.join(filter(None, kept))}."

    async def _find(self, connection: AsyncConnection, organization: OrgId, reference: str) -> CustomerId:
        return CustomerId(await queries.find_id(connection, organization, Subject.CUSTOMER, reference))

    async def _story(
        self, connection: AsyncConnection, organization: OrgId, customer: CustomerId
    ) -> CustomerStory:
        return await customers.customer(connection, self._desk.keys, organization, customer)

    async def _tell_rooms(
        self,
        connection: AsyncConnection,
        organization: OrgId,
        customers: tuple[CustomerId, CustomerId],
        *,
        parted: bool = False,
    ) -> None:
        desk = self._desk
        inboxes, change = Inboxes(desk.keys, desk.new_id), desk.new_id()
        await tell_rooms(connection, desk.keys, inboxes, organization, change, customers, parted=parted)

    async def _audit(
        self,
        connection: AsyncConnection,
        organization: OrgId,
        call: Call,
        action: str,
        subject: str,
        details: dict[str, Detail],
    ) -> None:
        desk = self._desk
        entry = AuditEntry(
            id=desk.new_id(),
            at=desk.clock(),
            actor=actor(call),
            action=action,
            subject=subject,
            details=details,
        )
        await record(connection, organization, [entry])


def _elsewhere(shown: Posted) -> str:
    if not shown.elsewhere:
        return ""
    return (
        f" What they wrote in {plural(shown.elsewhere, 'conversation')} of other customers is deleted there,"
        " and staff are told the rest of the story anew."
    )


def _deleted(shown: Posted) -> str:
    if not shown.messages and not shown.rooms:
        return "Nothing about them was posted in your staff's tools."
    kept = " of their own conversations" if shown.elsewhere else ""
    return (
        f"{plural(shown.messages, 'message')} of the desk about them in your staff's tools"
        f" ({plural(shown.rooms, 'thread')}) are being deleted there, and each card{kept} becomes one line."
    )


def _merged(done: merging.Merged, before: list[CustomerStory]) -> Output:
    counted = sum(story.line.conversations for story in before)
    return Output(
        text=f"{done.merged} is from now on {done.kept}: {plural(counted, 'conversation')} in one history,"
        " and what they write anywhere in private is one matter."
        f" `customers unmerge {short_id(done.merged)}` undoes it.{_warning(before)}",
        data={
            "changed": True,
            "kept": str(done.kept),
            "merged": str(done.merged),
            "unverified": [one.address for story in before for one in story.unverified],
        },
        about=(done.kept, done.merged),
    )


def _warning(stories: Iterable[CustomerStory]) -> str:
    """Return a warning about unverified addresses.

    Staff may know better than the channel, but they must know that the channel has not verified them.
    """
    doubtful = [f"{one.channel} {one.address}".strip() for story in stories for one in story.unverified]
    if not doubtful:
        return ""
    return (
        f"\nTake care, nobody vouches for {'this address' if len(doubtful) == 1 else 'these addresses'}: "
        + (", ".join(doubtful) + ".")
    )


def _title(desk: Desk, account: Account) -> str:
    kind = desk.channels.get(account.channel)
    return kind.title if kind else account.channel
