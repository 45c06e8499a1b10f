"""Answers to realistic questions, put to the sample organization's articles in a real PostgreSQL."""

from pathlib import Path

import yaml

from bot.core.answering import Answer, Answered, Clarify, HandOver
from tests.orgs.answering.conftest import Asks

QUESTIONS: list[tuple[str, str]] = [
    (str(text), str(expected))
    for text, expected in yaml.safe_load((Path(__file__).parent / "questions.yaml").read_text("utf-8"))
]


def outcome(answer: Answer) -> str:
    match answer:
        case Answered(sources=sources):
            return sources[0] if sources else "courtesy"
        case Clarify(options=options):
            return "clarify: " + " ".join(
                option.value.removeprefix("article:").partition("#")[0] for option in options
            )
        case HandOver(trigger=trigger):
            return trigger


def right(found: str, expected: str) -> bool:
    if expected == "none":
        return found.startswith("clarify")
    return found in expected.split("|")


async def test_nine_in_ten_questions_are_answered_rightly_and_nothing_out_of_scope_is(ask: Asks) -> None:
    table: list[str] = []
    offered = correct = wrong = 0
    for text, expected in QUESTIONS:
        answer = await ask(text)
        found = outcome(answer)
        if right(found, expected):
            correct += 1
            continue
        among = found.startswith("clarify") and any(slug in found.split() for slug in expected.split("|"))
        offered += among
        wrong += not found.startswith("clarify")
        mark = "asked" if among else "WRONG" if not found.startswith("clarify") else "lost "
        table.append(f"{mark}  {text[:60]:60}  expected {expected:28}  got {found}\n       {answer.why}")
    print("\n".join(table))
    total = len(QUESTIONS)
    print(f"{total} questions: {correct} right, {offered} offered among options, {wrong} confidently wrong")
    assert total >= 120
    assert correct + offered >= 0.95 * total, "\n".join(table)
    assert correct >= 0.90 * total, "\n".join(table)
    assert not [row for row in table if "expected none" in row], "answered out of scope:\n" + "\n".join(table)
