"""`/desk …` as staff type it."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bot.commands.chat import run_in_chat
from bot.commands.desk import Desk
from bot.commands.markdown import LONGEST, to_markdown
from bot.commands.registry import NOUNS, registry
from bot.core.commands import Call, Caller, Command, Commands, Output, Table
from bot.core.ids import OrgId, PersonId, new_id
from tests.commands.conftest import Chats, Rung
from tests.commands.telling import Told
from tests.lengths import times

WORDS = (
    *("org", "show", "apply", "conversations", "list", "why", "help", "deliveries", "retry", "escalations"),
    *(
        "--limit",
        "--version",
        "--yes",
        "--",
        "--json",
        "0",
        "-1",
        "99999999999",
        "01990000",
        '"',
        "\0",
        "\ud800",
    ),
)


async def test_the_help_names_what_can_be_typed_and_no_files(say: Chats) -> None:
    for words in ("", "help", "HELP"):
        answer = await say(words)
        assert "/desk conversations" in answer
        assert "lint" not in answer


async def test_the_help_fits_on_a_phone_and_names_every_noun(say: Chats) -> None:
    lines = (await say("help")).splitlines()
    assert len(lines) <= 20
    assert [line for line in lines if len(line.strip().replace("`", "")) > 70] == []
    typed = [line.split("`")[1] for line in lines if line.startswith("`")]
    assert typed == [*(f"/desk {noun}" for noun in NOUNS if noun != "help"), "/desk help escalations"]


async def test_the_help_of_a_noun_shows_its_commands_with_examples(say: Chats) -> None:
    answer = await say("help Escalations")
    assert "`/desk escalations show ESCALATION`" in answer
    assert "For example: `/desk escalations show 4831-27`" in answer
    assert "list" not in answer  # it is the noun alone
    assert "`/desk secrets list`" in await say("help secrets")
    assert "secrets set" not in await say("help secrets")  # only on the shell


async def test_each_example_of_the_help_works(say: Chats, chat_desk: Desk, told: Told) -> None:
    [line] = [line for line in (await say("conversations")).splitlines() if "customer Tom" in line]
    [number] = re.findall(r"#\d{4}-\d{2,}", line)
    known = {"4831-27": number, "01990a3c": str(told.maria), "01990b7d": str(told.tom)}
    for command in registry(chat_desk):
        if command.shell_only:
            continue
        if not command.example:
            assert not any(p.default is None and not p.flag for p in command.parameters), command.name
            continue
        shown = f"`/desk {command.name} {command.example}`"
        assert shown.replace('"', "") in (await say(f"help {command.name}")).replace('"', "")
        real = known | {"01990a3c": str(told.dead)} if command.name == "deliveries retry" else known
        answer = await say(" ".join([command.name, *(real.get(w, w) for w in command.example.split())]))
        for refusal in ("Usage", "There is no", "went wrong", "must be"):
            assert refusal not in answer, (command.name, answer)


async def test_a_list_is_one_line_for_each(say: Chats, told: Told) -> None:
    answer = await say("conversations")
    lines = answer.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("- **")
    assert (
        " · customer Tom · channel telegram · status escalated · owner queue:billing · messages 2 · age "
        in lines[0]
    )


async def test_nothing_a_customer_wrote_acts_as_markdown(say: Chats, told: Told) -> None:
    answer = await say(f"conversations show {told.escalated}")
    assert r"My \*\*card\*\* was charged twice \<!channel\>" in answer
    assert "\x1b" not in answer


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "who", "allowed"),
    [
        ("conversations", "carla", True),
        ("status", "carla", True),
        ("deliveries retry {dead}", "carla", False),
        ("deliveries retry {dead}", "ben", True),
        ("customers show {tom}", "carla", True),
        ("customers merge {maria} {tom}", "carla", False),
        ("customers merge {maria} {tom}", "ben", True),
        ("customers crm {tom} 7", "carla", False),
        ("customers erase {tom}", "ben", False),
        ("customers erase {tom}", "anna", True),
        ("accounts", "carla", True),
        ("accounts check", "carla", False),
        ("accounts check", "ben", True),
        ("audit tail", "ben", False),
        ("audit tail", "anna", True),
        ("org apply --version 1", "ben", False),
        ("org apply --version 1", "anna", True),
        ("org lint /etc/passwd", "anna", False),
        ("org apply /etc/passwd", "anna", False),
        ("status", "mallory", False),
        ("help", None, False),
        ("conversations", None, False),
    ],
)
async def test_each_command_is_allowed_to_those_with_the_role_alone(
    say: Chats, told: Told, words: str, who: str | None, allowed: bool
) -> None:
    answer = await say(words.format(dead=told.dead, maria=told.maria, tom=told.tom), who)
    refusals = (
        "does not let you",
        "is for the shell",
        "on the shell",
        "belongs to nobody",
        "not one of the",
    )
    assert any(refusal in answer for refusal in refusals) is not allowed


async def test_another_organization_is_out_of_reach(say: Chats, told: Told) -> None:
    answer = await say(f"conversations show {told.plain}", "anna", OrgId(new_id()))
    assert "There is no organization" in answer


async def test_retrying_rings_and_is_audited_by_name(say: Chats, told: Told, wakeups: Rung) -> None:
    assert "waits to be sent again" in await say(f"deliveries retry {told.dead}", "ben")
    assert wakeups.times == 1
    answer = await say("audit tail --limit 1")
    assert "who person:ben" in answer
    assert "did delivery.retried" in answer


@pytest.mark.long
async def test_going_back_to_an_older_version_needs_yes(
    say: Chats, chat_desk: Desk, told: Told, wakeups: Rung
) -> None:
    async with chat_desk.database.begin() as connection:
        await connection.execute(
            text(
                "insert into organization_versions (organization_id, version, document, digest, applied_by)"
                " select organization_id, 2, jsonb_set(document, '{organization,description}', '\"Other.\"'),"
                " digest, 'shell' from organization_versions"
            )
        )
        await connection.execute(text("update organizations set version = 2"))
    asked = await say("org apply --version 1")
    assert asked.endswith("Nothing was applied. To apply 1 change without being asked, add `--yes`.")
    assert wakeups.times == 0
    done = await say("org apply --version 1 —yes")
    assert "Version 3 of Brightdesk Support is in force: 1 change." in done
    assert wakeups.times == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("escalatoins", "There is no `escalatoins`. Did you mean `/desk escalations`?"),
        ("escalatoins shwo", "There is no `escalatoins shwo`. Did you mean `/desk escalations show`?"),
        ("escalatoins 4831-27", "There is no `escalatoins 4831-27`. Did you mean `/desk escalations"),
        ("help escalatoins", "There is no `escalatoins`. Did you mean `/desk escalations`?"),
        ("xyzzy", "There is no `xyzzy`. `/desk help` lists what there is."),
        ("org", "`org` needs one of these after it: `apply`, `show`, `versions`."),
        ("org shwo", "There is no `org shwo`. Did you mean `/desk org show`?"),
        ("conversations shwo", "There is no `conversations shwo`. Did you mean `/desk conversations show`?"),
        ("org xyzzy", "There is no `org xyzzy`. After `org` can come: `apply`, `show`, `versions`."),
        ("why", "`CONVERSATION` is missing. Usage: `why CONVERSATION [--limit LIMIT]`"),
        ("status now", "`now` is one word too many. Usage: `status`"),
        ("conversations --limt 3", "There is no option `--limt`. Did you mean `--limit`?"),
        ("conversations --limit", "`--limit` needs a value."),
        ("escalations --all=no", "`--all` takes no value."),
        ('why "0199', "A quotation mark is not closed."),
        ("x" * 3000, "That is too long: at most 2000 characters."),
        ("conversations --status open", "--status is 'open': it must be one of pending, in\\_progress"),
    ],
)  # fmt: skip
async def test_a_command_that_cannot_be_done_is_refused_with_a_close_match(
    say: Chats, typed: str, answer: str
) -> None:
    assert (await say(typed)).lstrip("\\").startswith(answer)


@pytest.mark.long
async def test_each_noun_loads_its_own_commands_and_no_others(chat_desk: Desk) -> None:
    every = {command.name for command in registry(chat_desk)}
    found = {noun: [c.name for c in registry(chat_desk, noun)] for noun in NOUNS if noun != "help"}
    assert {name.split()[0] for name in every} == set(NOUNS)
    for noun, names in found.items():
        assert names == sorted(name for name in every if name.split()[0] == noun)


@pytest.mark.long
async def test_every_declared_command_answers_in_chat(say: Chats, chat_desk: Desk, told: Told) -> None:
    ids = {
        "conversation": told.plain,
        "escalation": told.escalation,
        "delivery": told.dead,
        "customer": told.maria,
        "kept": told.maria,
        "merged": told.tom,
        "id": "crm-1",
        "account": "telegram",
    }
    for command in registry(chat_desk):
        if command.shell_only or command.name == "org apply":
            continue
        words = [str(ids[p.name]) for p in command.parameters if p.name in ids]
        answer = await say(" ".join((command.name, *words)))
        assert "went wrong on our side" not in answer
        assert "Usage" not in answer


@pytest.mark.long
async def test_a_command_that_breaks_answers_with_a_code_and_no_details(chat_desk: Desk, told: Told) -> None:
    async def breaks(call: Call) -> Output:
        raise RuntimeError("secret details")

    known = Commands([Command(name="broken", summary="", permission=None, handler=breaks)])
    caller = Caller(told.organization, PersonId("anna"))
    answer = (await run_in_chat(chat_desk, known, caller, "broken")).markdown
    assert answer.startswith("Something went wrong on our side.")
    assert "secret" not in answer


async def test_long_answers_end_in_whole_lines_and_say_so() -> None:
    rows = tuple((str(number), "x" * 50) for number in range(500))
    answer = to_markdown(Output(tables=(Table(("a", "b"), rows),)))
    assert len(answer) <= LONGEST
    assert answer.splitlines()[-1].endswith("more lines: narrow it down, or ask on the shell.")
    assert len(to_markdown(Output(text="y" * 10_000))) <= LONGEST


@pytest.mark.long
@given(typed=st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join))
@settings(max_examples=times(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_typed_command_is_answered_without_an_error_of_ours(say: Chats, typed: str) -> None:
    answer = await say(typed)
    assert answer
    assert len(answer) <= LONGEST
    assert "went wrong on our side" not in answer
