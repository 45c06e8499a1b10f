"""`desk secrets …`: tokens and passwords of accounts, stored sealed here instead of in the environment."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.commands.desk import Consent, Desk, actor, whose
from bot.core.commands import Call, Command, Output, Parameter, Table
from bot.core.errors import BadUsage, CommandError, InvalidOrganization, NotFound
from bot.core.ids import OrgId
from bot.core.permissions import Permission
from orgs.specification.organization import Organization, is_secret_name
from storage.audit import AuditEntry, record
from storage.organization_rows import check_accounts
from storage.organizations import InForce, keys_of
from storage.secrets import SecretLine, list_secrets, remove_secret, set_secret

LONGEST: Final = 16_384  # characters: a service account's key file is about 2,400


def commands(desk: Desk) -> tuple[Command, ...]:
    vault = _Vault(desk)
    name = Parameter("name", "As the organization file names it, such as TELEGRAM_BOT_TOKEN.")
    # `shell_only`: a secret that is typed in chat can be read by everybody who sees the history.
    return (
        Command(
            name="secrets list",
            summary="Which secrets are kept here, who set them and when. Never what they are.",
            permission=Permission.SECRETS_READ,
            handler=vault.list,
        ),
        Command(
            name="secrets set",
            summary="Keep a new secret, read from standard input or asked for without being shown.",
            permission=Permission.SECRETS_CHANGE,
            shell_only=True,
            handler=vault.set,
            parameters=(name,),
            example="TELEGRAM_BOT_TOKEN",
        ),
        Command(
            name="secrets rotate",
            summary="Replace a secret; accounts that use it are opened anew within seconds.",
            permission=Permission.SECRETS_CHANGE,
            shell_only=True,
            handler=vault.rotate,
            parameters=(name,),
            example="TELEGRAM_BOT_TOKEN",
        ),
        Command(
            name="secrets remove",
            summary="Forget a secret. From then on the environment variable of that name is used.",
            permission=Permission.SECRETS_CHANGE,
            shell_only=True,
            handler=vault.remove,
            parameters=(name, Parameter("yes", "Do not ask.", flag=True)),
            example="TELEGRAM_BOT_TOKEN",
        ),
    )


class _Vault:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, call: Call) -> Output:
        known, organization = await self._known(call)
        async with self._desk.database.begin(known.organization) as connection:
            lines = await list_secrets(connection, known.organization)
        users = _users(organization)
        return Output(
            tables=(
                Table(
                    ("secret", "of the account", "set by", "at"),
                    tuple(
                        (one.name, ", ".join(users.get(one.name, ())) or "-", one.changed_by, _when(one))
                        for one in lines
                    ),
                    empty="No secrets are kept here: accounts read them from the environment.",
                ),
            ),
            data=[
                {
                    "name": one.name,
                    "accounts": [*users.get(one.name, ())],
                    "set_by": one.changed_by,
                    "set_at": one.changed_at.isoformat(),
                }
                for one in lines
            ],
        )

    async def set(self, call: Call) -> Output:
        return await self._keep(call, replaces=False)

    async def rotate(self, call: Call) -> Output:
        return await self._keep(call, replaces=True)

    async def remove(self, call: Call) -> Output:
        desk, name = self._desk, _name(call)
        known, organization = await self._known(call)
        async with desk.database.begin(known.organization) as connection:
            await self._must_exist(connection, known.organization, name)
        users = _users(organization).get(name, ())
        loss = f"{name} is forgotten."
        if users:
            loss += f" {', '.join(users)} will use the environment variable {name}, or not work without it."
        reply = Consent.INSISTED if call.arguments["yes"] else await desk.confirm(loss, f"Remove {name}?")
        if not reply.go_on:
            return Output(
                text=f"{loss} Nothing was removed. To remove it without being asked, add `--yes`.",
                data={"removed": False, "name": name},
                ok=False,
            )
        # Without an organization: the accounts are compared with those of all other organizations.
        async with desk.database.begin() as connection:
            if not await remove_secret(connection, known.organization, name):
                raise NotFound("secret", name)
            try:
                await check_accounts(connection, known.organization, organization)
            except InvalidOrganization as error:
                raise CommandError(f"{name} cannot be removed. {error}") from error
            await self._audit(connection, known.organization, call, "secret.removed", name)
        return Output(text=f"{name} is removed.", data={"removed": True, "name": name})

    async def _keep(self, call: Call, *, replaces: bool) -> Output:
        desk, name = self._desk, _name(call)
        known, organization = await self._known(call)
        async with desk.database.begin(known.organization) as connection:
            kept = {one.name for one in await list_secrets(connection, known.organization)}
        if replaces and name not in kept:
            raise NotFound("secret", name)
        if not replaces and name in kept:
            raise CommandError(f"{name} is kept here already: `desk secrets rotate {name}` replaces it.")
        value = _value(await desk.ask_secret(f"{name}: "))
        async with desk.database.begin(known.organization) as connection:
            keys = await keys_of(connection, desk.keys, known.organization)
            await set_secret(connection, known.organization, keys, name, value, by=actor(call))
            action = "secret.rotated" if replaces else "secret.set"
            await self._audit(connection, known.organization, call, action, name)
        users = _users(organization).get(name, ())
        said = f"{name} is {'replaced' if replaces else 'kept'}, sealed; nobody is shown it again."
        if users:
            said += f" {', '.join(users)} will use it within seconds."
        else:
            said += " No account of the organization file in force names it yet."
        return Output(text=said, data={"name": name, "accounts": [*users]})

    async def _known(self, call: Call) -> tuple[InForce, Organization]:
        known = await whose(self._desk, call)
        return known, await self._desk.organizations.get(known.organization, known.version)

    async def _must_exist(self, connection: AsyncConnection, organization: OrgId, name: str) -> None:
        if name not in {one.name for one in await list_secrets(connection, organization)}:
            raise NotFound("secret", name)

    async def _audit(
        self, connection: AsyncConnection, organization: OrgId, call: Call, action: str, name: str
    ) -> None:
        entry = AuditEntry(
            id=self._desk.new_id(),
            at=self._desk.clock(),
            actor=actor(call),
            action=action,
            subject=f"secret:{name}",
            details={},
        )
        await record(connection, organization, [entry])


def _name(call: Call) -> str:
    name = call.arguments["name"]
    if not is_secret_name(name):
        raise BadUsage(
            "A secret is named in capitals, as in the organization file: TELEGRAM_BOT_TOKEN."
            " The program's own settings are no secrets of an account."
        )
    return name


def _value(given: str) -> str:
    """Return the secret from a line that was typed or piped in. Errors do not repeat it.

    Raises CommandError.
    """
    value = given.strip()
    if not value:
        raise CommandError("Nothing was given, so nothing was changed: pipe the secret in, or type it.")
    if len(value) > LONGEST or "\0" in value or (not value.isascii() and not _is_text(value)):
        raise CommandError(
            f"That is no secret: it has more than {LONGEST:,} characters, or something in it that is no text."
        )
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # the bytes that were piped in are not UTF-8
        return False
    return True


def _users(organization: Organization) -> dict[str, tuple[str, ...]]:
    """Return which accounts use each secret."""
    users: dict[str, tuple[str, ...]] = {}
    for account in organization.accounts:
        for name in dict.fromkeys(account.secrets.values()):
            users[name] = (*users.get(name, ()), account.id)
    return users


def _when(one: SecretLine) -> str:
    return f"{one.changed_at:%Y-%m-%d %H:%M}"
