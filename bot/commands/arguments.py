"""Turn the words after a command's name into its arguments."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from bot.core.commands import Command, Parameter
from bot.core.errors import BadUsage


def usage(command: Command) -> str:
    """Return how a command is used: `org apply [PATH] [--version VERSION] [--yes]`."""
    return " ".join((command.name, *map(_shape, command.parameters)))


def bind(command: Command, words: Sequence[str]) -> Mapping[str, str]:
    """Return the value of every parameter. Options may stand anywhere; after `--` nothing is an option.

    Raises BadUsage, which shows how the command is used.
    """
    options = {f"--{parameter.name}": parameter for parameter in command.parameters if _named(parameter)}
    given: dict[str, str] = {}
    plain: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            plain += rest
            break
        if not word.startswith("--"):
            plain.append(word)
            continue
        name, equals, value = word.partition("=")
        parameter = options.get(name)
        if parameter is None:
            raise _wrong(command, f"There is no option `{_brief(name)}`.", name, options)
        if parameter.flag:
            if equals:
                raise _wrong(command, f"`{name}` takes no value.")
            value = "yes"
        elif not equals:
            if not rest:
                raise _wrong(command, f"`{name}` needs a value.")
            value = rest.pop(0)
        given[parameter.name] = value
    return {**given, **_positional(command, plain), **_defaults(command, given, len(plain))}


def _named(parameter: Parameter) -> bool:
    return parameter.option or parameter.flag


def _positional(command: Command, words: Sequence[str]) -> dict[str, str]:
    places = [parameter for parameter in command.parameters if not _named(parameter)]
    if len(words) > len(places):
        raise _wrong(command, f"`{_brief(words[len(places)])}` is one word too many.")
    return {parameter.name: word for parameter, word in zip(places, words, strict=False)}


def _defaults(command: Command, given: Mapping[str, str], words: int) -> dict[str, str]:
    values: dict[str, str] = {}
    places = [parameter for parameter in command.parameters if not _named(parameter)]
    left = [
        parameter for parameter in command.parameters if _named(parameter) and parameter.name not in given
    ]
    for parameter in (*left, *places[words:]):
        if parameter.default is None and not parameter.flag:
            missing = f"--{parameter.name}" if parameter.option else parameter.name.upper()
            raise _wrong(command, f"`{missing}` is missing.")
        values[parameter.name] = parameter.default or ""
    return values


def _wrong(
    command: Command, problem: str, name: str = "", known: Mapping[str, Parameter] | None = None
) -> BadUsage:
    near = get_close_matches(name, known or (), n=1)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    return BadUsage(f"{problem}{hint} Usage: `{usage(command)}`")


def _shape(parameter: Parameter) -> str:
    if parameter.flag:
        return f"[--{parameter.name}]"
    value = parameter.name.upper()
    shape = f"--{parameter.name} {value}" if parameter.option else value
    return shape if parameter.default is None else f"[{shape}]"


def _brief(word: str) -> str:
    return word[:40].replace("`", "'")
