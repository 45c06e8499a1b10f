"""`desk …` as people and scripts use it."""

import base64
import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import Desks
from tests.commands.telling import KEY, SAMPLE, Told


def golden(text: str) -> str:
    """Without what differs from run to run: ids, numbers and times; columns of them keep one width."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}(-7[0-9a-f]{3})?(-[0-9a-f]{4})?", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"\b\d+ (s|min)\b", "AGE", text)
    text = re.sub(r"#\d{4}-\d{2,}", "NUMBER", text)
    return re.sub(r" {2,}", "  ", text)


@pytest.mark.long
def test_apply_shows_the_difference_and_puts_the_file_in_force(desk: Desks) -> None:
    applied = desk("org", "apply", str(SAMPLE), "--yes")
    assert applied.code == 0
    lines = applied.out.splitlines()
    assert lines[0] == '+ organization "Brightdesk Support"'
    assert '+ teams[billing] "Billing Specialists"' in lines
    assert lines[-1].startswith("Version 1 of Brightdesk Support is in force: ")
    again = desk("org", "apply", str(SAMPLE))
    assert again.out == "Nothing changes: version 1 of Brightdesk Support says the same.\n"


def test_apply_without_a_terminal_and_without_yes_applies_nothing(desk: Desks) -> None:
    went = desk("org", "apply", str(SAMPLE))
    assert went.code == 1
    assert '+ organization "Brightdesk Support"' in went.out.splitlines()
    assert re.fullmatch(
        r"Nothing was applied\. To apply \d+ changes without being asked, add `--yes`\.",
        went.out.splitlines()[-1],
    )
    assert desk("org", "show").code == 1
    assert desk("org", "apply", str(SAMPLE), "--json").data["applied"] is False


@pytest.mark.long
def test_a_pipe_cannot_answer_for_a_person(desk: Desks, database_url: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bot.app", "org", "apply", str(SAMPLE)],
        input="y\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "Nothing was applied." in ran.stdout
    assert desk("org", "show").code == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("org", "apply", str(SAMPLE.parent / "minimal")), "Nothing was applied."),
        (("org", "retire", "Brightdesk Support"), "Nothing was done."),
        (("customers", "erase", "{tom}"), "Nothing was erased."),
    ],
)
def test_a_person_who_says_no_is_shown_the_change_once(
    desk: Desks, story: Told, words: tuple[str, ...], said: str
) -> None:
    shown = on_a_terminal("n\n", *(word.format(tom=story.tom) for word in words))
    loss = shown.splitlines()[0]
    assert shown.count(loss) == 1
    assert shown.splitlines()[-1].endswith(f"? [y/N] {said}")


def on_a_terminal(typed: str, *words: str) -> str:
    """Return what `desk` writes on a terminal where `typed` is typed."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "bot.app", *words], stdin=its, stdout=its, stderr=subprocess.STDOUT
    ) as ran:
        os.close(its)
        os.write(ours, typed.encode())
        shown = b""
        with contextlib.suppress(OSError):  # EIO: it has ended
            while part := os.read(ours, 65_536):
                shown += part
        assert ran.wait(timeout=60) == 1
    os.close(ours)
    # The terminal shows what is typed as well.
    return shown.decode().replace("\r\n", "\n").removeprefix(typed)


@pytest.mark.long
def test_erasing_without_a_terminal_and_without_yes_erases_nothing(desk: Desks, story: Told) -> None:
    went = desk("customers", "erase", str(story.tom))
    assert went.code == 1
    assert "Nothing was erased. To erase them without being asked, add `--yes`." in went.out
    assert desk("customers", "erase", str(story.tom), "--yes").code == 0


@pytest.mark.long
def test_going_back_to_a_version_that_never_was_fails(desk: Desks, story: Told) -> None:
    went = desk("org", "apply", "--version", "7")
    assert (went.code, went.err) == (1, "desk: There is no version '7' in this organization.\n")


def test_apply_needs_a_path_or_a_version_and_not_both(desk: Desks, story: Told) -> None:
    for words in ((), (str(SAMPLE), "--version", "1")):
        went = desk("org", "apply", *words)
        assert went.code == 2
        assert went.err.startswith("desk: Give either the path")


def test_a_broken_file_is_told_line_by_line_and_nothing_is_applied(desk: Desks, tmp_path: Path) -> None:
    file = tmp_path / "organization.yaml"
    file.write_text("organization: X\nagents: []\nteems: []\n", "utf-8")
    went = desk("org", "apply", str(file))
    assert went.code == 1
    assert went.err.endswith("Nothing was applied.\n")
    assert f"{file}:" in went.err
    lint = desk("org", "lint", str(file), "--json")
    assert lint.code == 1
    assert {problem["severity"] for problem in lint.data} == {"error"}


def test_commands_on_an_empty_database_say_what_to_do(desk: Desks) -> None:
    for words in (("status",), ("conversations",), ("org", "show"), ("audit", "verify")):
        went = desk(*words)
        assert (went.code, went.err) == (
            1,
            "desk: There is no organization yet: `desk org apply PATH` makes one.\n",
        )


@pytest.mark.long
def test_status_counts_everything_that_waits(desk: Desks, story: Told) -> None:
    assert golden(desk("status").out) == (
        "Brightdesk Support, version 1 of its file.\n"
        "\n"
        "now  count  longest\n"
        "customers who wait for an answer  0  -\n"
        "conversations nobody answers, as a program wrote  0  -\n"
        "escalations nobody has taken  1  AGE\n"
        "escalations held by somebody  0  -\n"
        "escalations that no channel can show  1  -\n"
        "deliveries that wait  1  AGE\n"
        "deliveries that failed  1  -\n"
        "deliveries nobody knows the outcome of  0  -\n"
        "\n"
        "conversations begun in the last 24 h  count\n"
        "pending  1\n"
        "in_progress  0\n"
        "escalated  1\n"
        "resolved  0\n"
    )
    data = desk("status", "--json").data
    assert data["deliveries"] == {"waiting": 1, "failed": 1, "unknown": 0}


@pytest.mark.long
def test_conversations_alone_means_list(desk: Desks, story: Told) -> None:
    alone, listed = desk("conversations"), desk("conversations", "list")
    assert golden(alone.out) == golden(listed.out)
    assert golden(alone.out) == (
        "conversation  number  customer  channel  status  owner  messages  age\n"
        "ID  NUMBER  Tom  telegram  escalated  queue:billing  2  AGE\n"
        "ID  NUMBER  Maria  telegram  pending  agent:onboarding-specialist  2  AGE\n"
    )
    listed_data = desk("conversations", "--json").data
    assert [c["id"] for c in listed_data] == [str(story.escalated), str(story.plain)]
    number = listed_data[0]["number"]
    for typed in (number, number.removeprefix("#"), number.replace("-", "").removeprefix("#")):
        assert desk("conversations", "show", typed, "--json").data["id"] == str(story.escalated)
        assert desk("escalations", "show", typed, "--json").data["conversation"] == str(story.escalated)
        assert str(story.escalated) in desk("why", typed).out
    assert desk("conversations", "show", "#1000-00").code != 0
    assert [c["customer_name"] for c in desk("conversations", "--status", "escalated", "--json").data] == [
        "Tom"
    ]
    after = desk("conversations", "list", "--before", str(story.escalated), "--json").data
    assert [c["customer_name"] for c in after] == ["Maria"]


@pytest.mark.long
def test_lists_hold_nothing_that_a_customer_wrote(desk: Desks, story: Told) -> None:
    for words in (
        ("conversations",),
        ("escalations", "--all"),
        ("deliveries",),
        ("status",),
        ("audit", "tail"),
    ):
        for more in ((), ("--json",)):
            assert "charged" not in desk(*words, *more).out


def test_a_conversation_is_shown_word_by_word_without_control_characters(desk: Desks, story: Told) -> None:
    shown = desk("conversations", "show", str(story.escalated)[:18])
    assert golden(shown.out) == (
        "ID, number NUMBER: Tom on telegram, escalated, waiting for team billing.\n"
        "Escalation ID: waiting, team billing\n"
        "\n"
        "2 messages\n"
        "at (UTC)  who  text  state\n"
        "TIME  Tom  My **card** was charged twice <!channel>\ufffd[31m  received\n"
        "TIME  agent onboarding-specialist  Hello Tom!  released\n"
    )


@pytest.mark.long
def test_an_escalation_is_shown_with_its_path(desk: Desks, story: Told) -> None:
    shown = desk("escalations", "show", str(story.escalation))
    assert golden(shown.out) == (
        "ID: waiting, team billing.\n"
        "Customer: Tom, conversation ID\n"
        "Reason: Money: a charge.\n"
        "Why: trigger billing_inquiry\n"
        "Tried: nothing yet\n"
        "Opened TIME UTC by onboarding-specialist; time left: AGE\n"
        "\n"
        "Path: 1 step\n"
        "at (UTC)  from  to  reason\n"
        "TIME  agent:onboarding-specialist  team:billing  the rule says so\n"
    )
    data = desk("escalations", "show", str(story.escalation), "--json").data
    assert data["path"][0]["context_snapshot"] == "Tom: charged twice"


def test_why_names_stages_milliseconds_and_reasons(desk: Desks, story: Told) -> None:
    assert golden(desk("why", str(story.plain)).out) == (
        "ID: 1 turn.\n"
        "\n"
        "started (UTC)  because of  stages, ms  outcome  who decided, and why\n"
        "TIME  1 event  load 2.0, act 3.5, commit 1.2, all 6.8  committed"
        "  agent:onboarding-specialist: one article fits: invite-people\n"
    )


@pytest.mark.long
def test_a_dead_delivery_is_listed_with_its_tries_and_sent_again_once(desk: Desks, story: Told) -> None:
    lines = {line["id"]: line for line in desk("deliveries", "--json").data}
    assert lines[str(story.dead)]["tries"][0]["outcome"] == "send.unreachable"
    assert lines[str(story.waiting)]["state"] == "waiting"
    assert [line["id"] for line in desk("deliveries", "--dead", "--json").data] == [str(story.dead)]
    assert desk("deliveries", "retry", str(story.dead)).code == 0
    again = desk("deliveries", "retry", str(story.dead))
    assert again.code == 1
    told = "is not dead, or its customer was erased: only failed and unknown ones are sent again.\n"
    assert again.err.endswith(told)
    newest = desk("audit", "tail", "--limit", "1", "--json").data[0]
    assert (newest["action"], newest["actor"]) == ("delivery.retried", "shell")


@pytest.mark.long
def test_an_id_is_found_by_its_beginning_if_only_one_begins_so(desk: Desks, story: Told) -> None:
    whole = str(story.escalation)
    assert desk("escalations", "show", whole[:13]).code == 0
    assert desk("escalations", "show", whole.upper()).code == 0
    assert desk("escalations", "show", whole[:7]).code == 2
    assert desk("escalations", "show", "not-an-id").code == 2
    assert desk("escalations", "show", "0" * 32).code == 1
    several = desk("conversations", "show", str(story.plain)[:8])
    assert several.code == 2
    assert several.err.startswith("desk: Several conversations begin with")


@pytest.mark.long
def test_the_audit_chain_is_verified(desk: Desks, story: Told) -> None:
    whole, against = desk("audit", "verify").out.splitlines()
    assert whole == "The audit chain is whole: 0 entries are sealed, 2 waiting."
    assert against == "Compared with nothing outside the database: no anchor was written yet."
    assert desk("audit", "verify", "--json").data["ok"] is True
    cut = desk("audit", "verify", "--noted", f"5:{'0' * 64}")
    assert cut.code == 1
    assert "its end was cut off" in cut.out
    assert desk("audit", "verify", "--noted", "x").code == 2


@pytest.mark.parametrize(
    "words",
    [("nonsense",), ("org", "lint"), ("conversations", "--limit", "0"), ("why",), ("org", "aply", "x")],
)
def test_wrong_usage_is_2_and_one_sentence(desk: Desks, words: tuple[str, ...]) -> None:
    went = desk(*words)
    assert went.code == 2
    assert went.out == ""
    assert went.err.startswith("desk: ")
    assert went.err.count("\n") == 1


@pytest.mark.long
def test_an_unknown_organization_is_named_with_those_there_are(desk: Desks, story: Told) -> None:
    assert desk("status", "--org", "brightdesk support").code == 0
    went = desk("status", "--org", "Brightdesk Suport")
    assert went.code == 1
    assert "Did you mean 'Brightdesk Support'?" in went.err


def test_keys_are_rotated_and_everything_still_opens(
    desk: Desks, story: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = base64.b64encode(bytes(32)).decode()
    monkeypatch.setenv("ENCRYPTION_KEY", f"{newest},{base64.b64encode(KEY).decode()}")
    assert desk("keys", "rotate", "--json").data == {"customers": 2, "organizations": 2}
    monkeypatch.setenv("ENCRYPTION_KEY", newest)
    assert "charged twice" in desk("conversations", "show", str(story.escalated)).out
    assert desk("keys", "rotate", "--json").data == {"customers": 0, "organizations": 0}


@pytest.mark.long
@pytest.mark.parametrize("words", [("status",), ("escalations",), ("deliveries",), ("customers",)])
def test_a_key_that_opens_nothing_is_one_sentence(
    desk: Desks, story: Told, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ENCRYPTION_KEY", base64.b64encode(bytes(32)).decode())
    went = desk(*words)
    assert went.code == 1
    assert re.fullmatch(
        r"desk: the data key of \S+ was wrapped with key \w+, and ENCRYPTION_KEY has only \w+:"
        r" add the old key behind the newest\n",
        went.err,
    )


def test_status_counts_what_it_can_also_with_a_key_that_opens_nothing(
    desk: Desks, story: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = desk("status", "--json").data
    monkeypatch.setenv("ENCRYPTION_KEY", base64.b64encode(bytes(32)).decode())
    after = desk("status", "--json")
    assert after.code == 1
    assert after.data["escalations"] == before["escalations"]


def test_migrating_twice_is_harmless(desk: Desks) -> None:
    assert desk("db", "migrate").out == "The schema is the newest already.\n"


def test_a_database_that_is_gone_is_one_sentence(
    desk: Desks, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody@127.0.0.1:{free_port}/none")
    went = desk("status")
    assert went.code == 1
    assert went.err.startswith("desk: The database cannot be reached")


def test_settings_that_are_wrong_are_one_sentence(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENCRYPTION_KEY", "no key")
    went = desk("status")
    assert went.code == 1
    assert went.err.startswith("desk: ENCRYPTION_KEY")


@pytest.mark.long
def test_help_lists_every_command_once(desk: Desks) -> None:
    names = desk("help", "--json").data
    assert len(names) == len(set(names))
    for name in names:
        assert desk(*name.split(), "--help").code == 0
    assert desk("help", "org", "apply").out.startswith(
        "`desk org apply [PATH] [--version VERSION] [--yes]`\n"
    )
    assert [f"desk {name}" in desk("help").out for name in names] == [True] * len(names)
    assert "For example: `desk escalations show 4831-27`" in desk("help", "escalations").out


@pytest.mark.long
@pytest.mark.parametrize(
    "example",
    [
        "audit tail --limit 50",
        "channels whatsapp",
        "conversations --status escalated",
        "customers --limit 50",
        "deliveries --dead",
        "escalations --all",
    ],
)
def test_an_example_of_the_help_works_as_it_stands(desk: Desks, story: Told, example: str) -> None:
    assert f"`desk {example}`" in desk("help", *example.partition(" --")[0].split()[:2]).out
    assert desk(*example.split()).code == 0


def test_a_mistyped_command_is_told_with_the_close_match(desk: Desks) -> None:
    assert desk("escalatoins") == (
        2,
        "",
        "desk: No such command 'escalatoins'. Did you mean 'escalations'?\n",
    )
    asked = desk("help", "escalatoins")
    assert (asked.code, asked.err) == (
        2,
        "desk: There is no `escalatoins`. Did you mean `desk escalations`?\n",
    )


@pytest.mark.long
def test_the_program_itself_runs_without_a_terminal() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from bot.app.__main__ import main; main()", "org", "lint", str(SAMPLE)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "No problems.\n", "")
