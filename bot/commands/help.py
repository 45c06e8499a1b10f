"""`desk help`: the commands, from their declarations."""

from collections.abc import Iterable

from bot.commands.arguments import usage
from bot.core.commands import Call, Command, Commands, Output, Parameter, Permission, Table


def commands(registry: Commands) -> tuple[Command, ...]:
    async def tell(call: Call) -> Output:
        words = [word for word in (call.arguments["noun"], call.arguments["verb"]) if word]
        in_chat = call.caller.person is not None
        return _one(registry, words, in_chat) if words else _all(registry, in_chat)

    return (
        Command(
            name="help",
            summary="What can be asked for; of one command, how.",
            permission=Permission.MEMBER,
            handler=tell,
            parameters=(
                Parameter("noun", "A command, or its first word.", ""),
                Parameter("verb", "Its second word.", ""),
            ),
        ),
    )


def _prefix(in_chat: bool) -> str:
    return "/desk" if in_chat else "desk"


def _all(registry: Commands, in_chat: bool) -> Output:
    """List each command once: `conversations` also stands for `conversations list`."""
    shown = [c for c in registry if _reachable(c, in_chat) and not c.name.endswith(" list")]
    return Output(tables=(_table(shown, in_chat),), data=[c.name for c in shown])


def _one(registry: Commands, words: list[str], in_chat: bool) -> Output:
    prefix = _prefix(in_chat)
    of_noun = [c for c in registry if c.name.split()[0] == words[0] and _reachable(c, in_chat)]
    if len(words) == 1 and len(of_noun) > 1:
        return Output(tables=(_table(of_noun, in_chat),), data=[c.name for c in of_noun])
    command, _ = registry.find(words)
    return Output(
        text=f"`{prefix} {usage(command)}`\n{command.summary}",
        tables=(
            Table(
                ("parameter", "meaning"),
                tuple(
                    (f"--{p.name}" if p.option or p.flag else p.name.upper(), p.summary)
                    for p in command.parameters
                ),
                empty="It takes no parameters.",
            ),
        ),
        data={"command": command.name, "usage": usage(command), "permission": command.permission.value},
    )


def _table(shown: Iterable[Command], in_chat: bool) -> Table:
    return Table(
        ("command", "what it does"), tuple((f"{_prefix(in_chat)} {usage(c)}", c.summary) for c in shown)
    )


def _reachable(command: Command, in_chat: bool) -> bool:
    return not (in_chat and command.permission is Permission.SHELL)
