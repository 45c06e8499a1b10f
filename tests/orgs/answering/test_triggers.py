"""Messages that call people by the sample's triggers, and everyday ones that call nobody."""

import csv
import time
from pathlib import Path

import pytest
import yaml

from bot.core.answering import AgentTrigger
from orgs.answering.people import asks_for_person
from orgs.answering.triggers import fired
from orgs.loading import load
from tests.orgs.answering.test_people import bitext
from tests.story.rig import SAMPLE

TRIGGERS = tuple(
    AgentTrigger(t.id, t.description, t.phrases, t.patterns) for t in load(SAMPLE).organization.triggers
)
LISTS = yaml.safe_load((Path(__file__).parent / "paging.yaml").read_text("utf-8"))


def called(text: str, triggers: tuple[AgentTrigger, ...] = TRIGGERS) -> str:
    hit = fired(triggers, text)
    return hit.trigger.name if hit else ""


@pytest.mark.parametrize("text", LISTS["everyday"])
def test_words_of_everyday_use_call_nobody(text: str) -> None:
    assert called(text) == ""
    assert asks_for_person(text) == ""


@pytest.mark.parametrize(("text", "trigger"), LISTS["pages"])
def test_a_reason_to_call_people_is_found_in_spite_of_slips(text: str, trigger: str) -> None:
    assert called(text) == trigger


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("you are down", "you are down!", True),
        ("you are down", "move a card down", False),
        ("hacked", "I was haked", True),
        ("hacked", "is there a hack for this", False),
        ("refund", "have I been refunded", True),
        ("charged twice", "you have charge me twise", True),
        ("charged twice", "change it twice", False),
        ("card was declined", "the card had been declined", True),
        ("card was declined", "my card wasn't declined", False),
        ("nobody can log in", "noone here can sign in", True),
        ("outage", "what an outrage", False),
        ("credit note", "the credit does not show", False),
        ("someone on call", "can someone call me", False),
        ("débité deux fois", "J’ai été DEBITE deux fois", True),
        ("Geld zurück", "ich will mein geld zurueck", True),
        ("charged|billed twice|again", "I was billed again", True),
        ("charged|billed twice|again", "I was paid again", False),
        ("I|we am|are angry", "I'm really really angry", True),
        ("I|we am|are angry", "an angry bird", False),
        ("billed twice", "we want to be billed twice a year", False),
        ("site is down", "on the site I scroll down", False),
        ("site is down", "the site is still down", True),
        ("site is down", "site down??", True),
        ("doppelt abgebucht", "mir wurde nicht doppelt abgebucht", False),
        ("débité deux fois", "je n'ai pas été débité deux fois", False),
        ("cobrado dos veces", "no me han cobrado dos veces", False),
        ("cobrado dos veces", "no, me han cobrado dos veces", True),
        ("cobrado duas vezes", "não fui cobrado duas vezes", False),
        ("charged twice", "I have never been charged twice", False),
        ("charged twice", "I was not only charged twice", True),
        ("nobody answers", "they did not help, nobody answers", True),
        ("keiner hilft", "keiner hilft mir", True),
        ("someone is using my account", "someone from my team is using my account", False),
        ("refund", "write a mail to the shop about a refund", False),
    ],
)
def test_a_phrase_is_found_as_it_is_meant(phrase: str, text: str, *, found: bool) -> None:
    assert bool(called(text, (AgentTrigger("one", phrases=(phrase,)),))) is found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\bÉquipe\b.{0,9}\bnulle\b", "votre equipe est NULLE", True),
        (r"\bequipe\b", "votre Équipe", True),
        (r"(?P<Who>you)\W+(?P=Who)\D*$", "You, you!", True),
        (r"[ß-ö]", "ß", True),
        (r"\bhacked\b", "it was never hacked", False),
        (r"\bhacked\b", "no, hacked", True),
    ],
)
def test_a_pattern_is_found_whatever_the_case_and_the_accents(
    pattern: str, text: str, *, found: bool
) -> None:
    assert bool(called(text, (AgentTrigger("one", patterns=(pattern,)),))) is found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("code {e}", "code {e}", True),  # braces that count nothing are braces
        ("code {e}", "code", False),
        ("[{]e}{1,2}", "{e}}", True),
        (r"(?:hacked){i<=1}", "hackked", False),
        (r"\bпривет\b", "ну привет", True),
    ],
)
def test_a_pattern_means_what_it_means_in_python(pattern: str, text: str, *, found: bool) -> None:
    assert bool(called(text, (AgentTrigger("one", patterns=(pattern,)),))) is found


@pytest.mark.parametrize(
    "pattern", ["((a+))+!", "(a|aa)+$", "(x+x+)+y", "((((((a{99}){99}){99}){99}){99}){99})"]
)
def test_a_pattern_that_would_take_minutes_is_given_up(pattern: str) -> None:
    """Each of these takes longer than anybody waits for a test."""
    text = "a" * 900 + " " + "x" * 900 + " I was hacked."
    others = (AgentTrigger("phrases", phrases=("I was hacked",)),)
    assert not called(text, (AgentTrigger("one", patterns=(pattern,) * 100),))
    assert called(text, (AgentTrigger("one", patterns=(pattern,) * 100), *others)) == "phrases"


@pytest.mark.parametrize("half", [0, 1], ids=["looked-at half", "held-out half"])
def test_public_utterances_about_money_are_found_and_others_call_nobody(half: int, shared_dir: Path) -> None:
    """Bitext's refunds and payment troubles, and two data sets of everyday talk, among them `slow down`."""
    folder = shared_dir / "datasets"
    if not (folder / "bitext").is_dir():
        pytest.skip("the public data sets are not here")
    rows = bitext(folder)
    money = [text for text, intent in rows if intent in ("get_refund", "track_refund", "payment_issue")][
        half::2
    ]
    everyday = []
    for part in ("train", "valid"):
        with (folder / "hwu64" / f"{part}.csv").open(encoding="utf-8", newline="") as lines:
            everyday += [row["text"] for row in csv.DictReader(lines)][half::2]
    started = time.process_time()
    found = sum(called(text) == "billing_inquiry" for text in money)
    false = [text for text in everyday if called(text)]
    took = (time.process_time() - started) * 1000 / (len(money) + len(everyday))
    print(f"{found} of {len(money)} found, {len(false)} of {len(everyday)} others; {took:.2f} ms each")
    assert found > 0.8 * len(money)
    assert len(false) < 0.001 * len(everyday)
