"""The command `desk`: the processes, and every command of the registry as it was declared.

Exit codes: 0 done, 1 failed (one sentence on stderr), 2 used wrongly, 130 interrupted.
"""

import asyncio
import inspect
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final

import structlog
import typer
import uvloop

from bot.commands.arguments import usage
from bot.commands.desk import NOWHERE, unopened
from bot.commands.registry import registry
from bot.core.commands import Call, Caller, Command, Output, Parameter
from bot.core.errors import BadUsage, DeskError, InvalidOrganization, ProcessBroken, UnknownCommand
from bot.run import processes
from bot.run.cli_desk import Shell, migrated, opened_desk, rotated, settings_for
from bot.run.cli_output import fail, show
from bot.run.logs import configure
from bot.run.sandbox import in_running_sandbox
from bot.run.settings import LogLevel, Settings, load, surroundings
from bot.run.wiring import CHANNELS
from storage.organizations import find

log = structlog.get_logger(__name__)

INTERRUPTED: Final = 130
_JSON: Final = "json"
_ORG: Final = "org"
_SANDBOX: Final = "sandbox"
_WITHOUT_STORAGE: Final = frozenset(("help", "org lint", "channels"))


def main() -> None:
    """The entry point."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of `desk ARGUMENTS`."""
    try:
        code = build()(arguments, prog_name="desk", standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except (BadUsage, UnknownCommand) as error:
        return fail(str(error), 2)
    except InvalidOrganization as error:
        return fail("\n".join((*error.problems, "Nothing was applied.")), 1)
    except DeskError as error:
        return fail(str(error), 1)
    except Exception as error:
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception) -> int:
    """Typer's own complaints about usage say their exit code; anything else is a defect and shows itself."""
    message, code = getattr(error, "format_message", None), getattr(error, "exit_code", None)
    if callable(message) and isinstance(code, int):
        return fail(str(message()), code)
    raise error


def build() -> typer.Typer:
    """The program, made from the registry."""
    app = typer.Typer(
        help="Customer service from the chat tools a company already uses.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    _add_processes(app)
    groups: dict[str, typer.Typer] = {}
    declared = list(registry(unopened()))
    alone = {command.name for command in declared if " " not in command.name}
    nouns = {command.name.split()[0] for command in declared if " " in command.name}
    for noun in sorted(nouns):
        groups[noun] = typer.Typer(
            no_args_is_help=noun not in alone, invoke_without_command=noun in alone, rich_markup_mode=None
        )
        app.add_typer(groups[noun], name=noun, help=_help_of(noun, declared))
    for command in declared:
        noun, _, verb = command.name.partition(" ")
        function = _function(command, group=not verb and noun in nouns)
        if verb:
            groups[noun].command(verb, help=command.summary)(function)
        elif noun in nouns:
            groups[noun].callback(invoke_without_command=True)(function)
        else:
            app.command(noun, help=command.summary)(function)
    return app


def _help_of(noun: str, declared: list[Command]) -> str:
    verbs = [command.name.split()[1] for command in declared if command.name.startswith(f"{noun} ")]
    return f"{noun.capitalize()}: {', '.join(verbs)}."


# --- a command of the registry -----------------------------------------------------------------------------


def _function(command: Command, *, group: bool) -> Callable[..., int]:
    """A function with the signature that Typer reads parameters from."""

    def call(ctx: typer.Context, **given: Any) -> int:
        if group and ctx.invoked_subcommand is not None:
            return 0
        as_json, org, sandbox = bool(given.pop(_JSON)), given.pop(_ORG), bool(given.pop(_SANDBOX))
        arguments = {name: _text(value) for name, value in given.items()}
        output = uvloop.run(_run(command.name, arguments, org, sandbox=sandbox))
        return show(output, as_json=as_json)

    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(
            _signature(parameter)
            for parameter in command.parameters
            if not (group and _positional(parameter))
        ),
        inspect.Parameter(
            _JSON,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option("--json", help="Print data as JSON.")],
        ),
        inspect.Parameter(
            _ORG,
            inspect.Parameter.KEYWORD_ONLY,
            default="",
            annotation=Annotated[
                str, typer.Option("--org", help="Which organization, if there are several.")
            ],
        ),
        inspect.Parameter(
            _SANDBOX,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[
                bool, typer.Option("--sandbox", help="Ask the stand-ins that `desk up --sandbox` runs.")
            ],
        ),
    ]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__doc__ = f"{command.summary}\n\n{usage(command)}"
    return call


def _signature(parameter: Parameter) -> inspect.Parameter:
    kind: Any
    if parameter.flag:
        kind = Annotated[bool, typer.Option(f"--{parameter.name}", help=parameter.summary)]
    elif parameter.option:
        kind = Annotated[str, typer.Option(f"--{parameter.name}", help=parameter.summary)]
    else:
        kind = Annotated[str, typer.Argument(help=parameter.summary, metavar=parameter.name.upper())]
    default: Any = inspect.Parameter.empty
    if parameter.flag:
        default = False
    elif parameter.default is not None:
        default = parameter.default
    return inspect.Parameter(parameter.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _positional(parameter: Parameter) -> bool:
    return not (parameter.option or parameter.flag)


def _text(value: object) -> str:
    """As `Call.arguments` has it: flags are "yes" or ""."""
    return ("yes" if value else "") if isinstance(value, bool) else str(value)


async def _run(name: str, arguments: dict[str, str], org: str, *, sandbox: bool) -> Output:
    if name in _WITHOUT_STORAGE:
        command, _ = registry(unopened(CHANNELS)).find(name.split())
        return await command.handler(Call(Caller(NOWHERE), arguments))
    configure(LogLevel.WARNING)
    applies = name == "org apply" and bool(arguments["path"])
    settings = await asyncio.to_thread(settings_for, surroundings(os.environ), begins=applies)
    if sandbox:
        settings = in_running_sandbox(settings)
    async with opened_desk(settings, Shell(sys.stdin, sys.stderr), migrate=applies) as desk:
        command, _ = registry(desk).find(name.split())
        organization = NOWHERE
        if org:
            async with desk.database.begin() as connection:
                organization = (await find(connection, org)).organization
        return await command.handler(Call(Caller(organization), arguments))


# --- the processes -----------------------------------------------------------------------------------------


def _add_processes(app: typer.Typer) -> None:
    @app.command()
    def up(
        sandbox: Annotated[bool, typer.Option("--sandbox", help="With stand-ins for the platforms.")] = False,
    ) -> None:
        """Everything on this machine, with servers of its own where none are given."""
        _process("up", lambda settings: uvloop.run(processes.up(settings, sandbox=sandbox)))

    @app.command()
    def serve() -> None:
        """Webhooks, sockets, polling, pages."""
        _process("serve", lambda settings: uvloop.run(processes.serve(settings)))

    @app.command()
    def work() -> None:
        """Turns and deliveries."""
        _process("work", lambda settings: uvloop.run(processes.work(settings)))

    @app.command()
    def jobs() -> None:
        """Work that belongs to no single conversation."""
        _process("jobs", processes.jobs)

    db = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(db, name="db", help="The database's schema.")
    app.add_typer(keys, name="keys", help="The keys that wrap all other keys.")

    @db.command("migrate")
    def migrate(as_json: Annotated[bool, typer.Option("--json", help="Print data as JSON.")] = False) -> int:
        """Bring the database to the newest schema."""
        names = uvloop.run(migrated(load(surroundings(os.environ))))
        said = f"Applied: {', '.join(names)}." if names else "The schema is the newest already."
        return show(Output(text=said, data={"applied": list(names)}), as_json=as_json)

    @keys.command("rotate")
    def rotate(as_json: Annotated[bool, typer.Option("--json", help="Print data as JSON.")] = False) -> int:
        """Wrap every key with the newest of ENCRYPTION_KEY, so that the older ones can be taken out."""
        customers, organizations = uvloop.run(rotated(load(surroundings(os.environ))))
        said = f"Wrapped anew: {customers} of customers, {organizations} of organizations."
        return show(
            Output(text=said, data={"customers": customers, "organizations": organizations}), as_json=as_json
        )


def _process(name: str, body: Callable[[Settings], None]) -> None:
    """Run a process until it is told to end. If it ends by itself, the log and the last sentence say why."""
    settings = load(surroundings(os.environ))
    configure(settings.log_level)
    try:
        body(settings)
    except DeskError as error:
        log.error("process ended by itself", process=name, code=error.code, reason=str(error))
        raise
    except Exception as error:
        log.error("process ended by itself", process=name, code=ProcessBroken.code, exc_info=error)
        raise ProcessBroken(
            f"`desk {name}` ended by itself ({type(error).__name__}): the log says where."
            " Report it, and start it again."
        ) from error
