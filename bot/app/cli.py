"""The command `desk`: the processes, and every command of the registry as it was declared.

Exit codes: 0 done, 1 failed (one sentence on stderr), 2 used wrongly, 130 interrupted.

What a command needs is imported when it runs: the whole program takes two seconds to load, and `desk --help`
needs none of it.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
import uvloop

from bot.app.cli_output import fail, show
from bot.commands.arguments import usage
from bot.commands.registry import NOUNS, registry
from bot.core.commands import Command, Output, Parameter
from bot.core.errors import BadUsage, DeskError, InvalidOrganization, UnknownCommand

INTERRUPTED: Final = 130
_JSON: Final = "json"
_ORG: Final = "org"
_SANDBOX: Final = "sandbox"


def main() -> None:
    """Run `desk` with the arguments of this process, and end with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run `desk ARGUMENTS` and return the exit code."""
    try:
        code = build(arguments)(arguments, prog_name="desk", standalone_mode=False)
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


def build(arguments: list[str]) -> typer.Typer:
    """Return the program. Of nouns that the arguments do not ask for, it has names and summaries alone."""
    app = typer.Typer(
        help="Customer service from the chat tools a company already uses.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    _add_processes(app)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    for noun, summary in NOUNS.items():
        if noun == asked:
            _add_commands(app, noun, summary)
        else:
            app.add_typer(typer.Typer(rich_markup_mode=None), name=noun, help=summary)
    return app


def _add_commands(app: typer.Typer, noun: str, summary: str) -> None:
    from bot.commands.desk import unopened

    declared = [c for c in registry(unopened(), noun) if c.name.split()[0] == noun]
    alone = next((command for command in declared if command.name == noun), None)
    if alone is not None and len(declared) == 1:
        app.command(noun, help=alone.summary)(_function(alone, group=False))
        return
    group = typer.Typer(
        no_args_is_help=alone is None, invoke_without_command=alone is not None, rich_markup_mode=None
    )
    app.add_typer(group, name=noun, help=summary)
    for command in declared:
        if command is alone:
            group.callback(invoke_without_command=True)(_function(command, group=True))
        else:
            group.command(command.name.split()[1], help=command.summary)(_function(command, group=False))


# --- a command of the registry -----------------------------------------------------------------------------


def _function(command: Command, *, group: bool) -> Callable[..., int]:
    """Return a function whose signature tells Typer the command's parameters."""

    def call(ctx: typer.Context, **given: Any) -> int:
        if group and ctx.invoked_subcommand is not None:
            return 0
        as_json, org, sandbox = bool(given.pop(_JSON)), given.pop(_ORG), bool(given.pop(_SANDBOX))
        arguments = {name: _text(value) for name, value in given.items()}
        from bot.app.cli_desk import run_command

        output = uvloop.run(run_command(command.name, arguments, org, sandbox=sandbox))
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
    """Return a value as `Call.arguments` holds it: flags are "yes" or ""."""
    return ("yes" if value else "") if isinstance(value, bool) else str(value)


# --- the processes -----------------------------------------------------------------------------------------


def _add_processes(app: typer.Typer) -> None:
    @app.command()
    def up(
        sandbox: Annotated[bool, typer.Option("--sandbox", help="With stand-ins for the platforms.")] = False,
    ) -> None:
        """Everything on this machine, with servers of its own where none are given."""
        from bot.app import process
        from bot.app import up as all_processes

        process.run("up", lambda settings: uvloop.run(all_processes.up(settings, sandbox=sandbox)))

    @app.command()
    def serve() -> None:
        """Webhooks, sockets, polling, pages."""
        from bot.app import process, processes

        process.run("serve", lambda settings: uvloop.run(processes.serve(settings)))

    @app.command()
    def work() -> None:
        """Turns and deliveries."""
        from bot.app import process, processes

        process.run("work", lambda settings: uvloop.run(processes.work(settings)))

    @app.command()
    def jobs() -> None:
        """Work that belongs to no single conversation."""
        # Not `processes`, which loads all of the program: this one needs half of it.
        from bot.app import jobs_process, process

        process.run("jobs", jobs_process.jobs)

    db = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(db, name="db", help="The database's schema.")
    app.add_typer(keys, name="keys", help="The keys that wrap all other keys.")

    @db.command("migrate")
    def migrate(as_json: Annotated[bool, typer.Option("--json", help="Print data as JSON.")] = False) -> int:
        """Bring the database to the newest schema."""
        from bot.app.cli_desk import migrated

        names = uvloop.run(migrated())
        said = f"Applied: {', '.join(names)}." if names else "The schema is the newest already."
        return show(Output(text=said, data={"applied": list(names)}), as_json=as_json)

    @keys.command("rotate")
    def rotate(as_json: Annotated[bool, typer.Option("--json", help="Print data as JSON.")] = False) -> int:
        """Wrap every key with the newest of ENCRYPTION_KEY, so that the older ones can be taken out."""
        from bot.app.cli_desk import rotated

        customers, organizations = uvloop.run(rotated())
        said = f"Wrapped anew: {customers} of customers, {organizations} of organizations."
        return show(
            Output(text=said, data={"customers": customers, "organizations": organizations}), as_json=as_json
        )
