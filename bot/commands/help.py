"""`desk help`: the commands, from their declarations. Short in chat, and complete on the shell."""

from collections.abc import Iterable, Mapping

from bot.commands.arguments import usage
from bot.core.commands import Call, Command, Commands, Output, Parameter, Table

Groups = Mapping[str, Mapping[str, str]]


def commands(registry: Commands, groups: Groups) -> tuple[Command, ...]:
    async def tell(call: Call) -> Output:
        words = [word.lower() for word in (call.arguments["noun"], call.arguments["verb"]) if word]
        in_chat = call.caller.person is not None
        if words:
            return _of(registry, words, in_chat)
        return _in_chat(registry, groups) if in_chat else _on_the_shell(registry, groups)

    return (
        Command(
            name="help",
            summary="List the commands, or explain one.",
            permission=None,
            handler=tell,
            parameters=(
                Parameter("noun", "A command, or its first word.", ""),
                Parameter("verb", "Its second word.", ""),
            ),
            example="escalations",
        ),
    )


def _prefix(in_chat: bool) -> str:
    return "/desk" if in_chat else "desk"


def _in_chat(registry: Commands, groups: Groups) -> Output:
    """Name each noun on one line. `help` with the noun says the rest."""
    shown = _shown(registry, in_chat=True)
    known = {command.name.split()[0] for command in shown}
    parts = [
        "\n".join((f"{title}:", *(f"`/desk {noun}` {told}" for noun, told in nouns.items() if noun in known)))
        for title, nouns in groups.items()
    ]
    return Output(text="\n".join((*parts, _more(in_chat=True))), data=[command.name for command in shown])


def _on_the_shell(registry: Commands, groups: Groups) -> Output:
    shown = _shown(registry, in_chat=False)
    tables = [
        Table(
            ("command", "what it does"),
            tuple((f"desk {usage(c)}", c.summary) for c in shown if c.name.split()[0] in nouns),
            title=title,
        )
        for title, nouns in groups.items()
    ]
    return Output(_more(in_chat=False), tuple(tables), [command.name for command in shown])


def _more(*, in_chat: bool) -> str:
    return f"`{_prefix(in_chat)} help escalations` shows what can follow a word, with examples."


def _of(registry: Commands, words: list[str], in_chat: bool) -> Output:
    """Explain one command, or all of a noun."""
    of_noun = [c for c in _shown(registry, in_chat) if c.name.split()[0] == words[0]]
    if len(words) == 1 and len(of_noun) > 1:
        return Output(
            text="\n".join(f"{_written(c, in_chat)}\n{_explained(c, in_chat)}" for c in of_noun),
            data=[c.name for c in of_noun],
        )
    command = of_noun[0] if len(words) == 1 and of_noun else registry.find(words)[0]
    rows = tuple(
        (f"--{p.name}" if p.option or p.flag else p.name.upper(), p.summary) for p in command.parameters
    )
    return Output(
        text=f"{_written(command, in_chat)}\n{_explained(command, in_chat)}",
        tables=(Table(("parameter", "meaning"), rows),) if rows else (),
        data={
            "command": command.name,
            "usage": usage(command),
            "permission": command.permission.value if command.permission else None,
        },
    )


def _written(command: Command, in_chat: bool) -> str:
    return f"`{_prefix(in_chat)} {usage(command)}`"


def _explained(command: Command, in_chat: bool) -> str:
    if not command.example:
        return command.summary
    return f"{command.summary} For example: `{_prefix(in_chat)} {command.name} {command.example}`"


def _shown(registry: Commands, in_chat: bool) -> list[Command]:
    """Return each command once: `conversations` also stands for `conversations list`."""
    return [c for c in _reachable(registry, in_chat) if not _repeats(registry, c)]


def _repeats(registry: Commands, command: Command) -> bool:
    noun, _, verb = command.name.partition(" ")
    return verb == "list" and any(other.name == noun for other in registry)


def _reachable(registry: Iterable[Command], in_chat: bool) -> list[Command]:
    return [c for c in registry if not (in_chat and c.shell_only)]
