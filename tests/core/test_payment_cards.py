"""Card numbers are found however they are typed, and nothing else is taken for one."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.core.events import Attachment, AttachmentKind, Channel, Event, Place, Said, Sender
from bot.core.payment_cards import masked, without_card_numbers
from tests.lengths import times
from tests.tools.counting import calls

CARDS = (
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "4222222222222",
    "6304000000000000",
    "9792030394440796",
    "4000000000000000006",
)
GAPS = (
    "",
    " ",
    "-",
    "\u2013",
    ".",
    "\u00a0",
    "\u200b",
    "\u2060",
    "\ufeff",
    "/",
    " - ",
    "\t",
    "_",
    "\\-",
    "\n",
    ", ",
    ";",
    "     ",
    "\n> ",
    "=",
    "+",
    " + ",
    "#",
    '"',
    "!",
    "…",
    "・",
    "。",
    "|",
    "][",
    ") (",
    " ~ ",
    "💳",
    "\u3164",
)


def grouped(digits: str, gap: str, size: int = 4) -> str:
    return gap.join(digits[at : at + size] for at in range(0, len(digits), size))


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_is_masked_but_for_its_last_four_digits(card: str, gap: str) -> None:
    for text in (grouped(card, gap), f"My card is {grouped(card, gap)}, exp 12/27, cvc 123."):
        shown = masked(text)
        seen = "".join(sign for sign in shown.split(", exp")[0] if sign.isdigit())
        assert seen == card[-4:]
        assert len(shown) == len(text)


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_a_card_number_is_masked_in_groups_of_any_size(size: int) -> None:
    assert "•" in masked(f"It is {grouped('4111111111111111', ' ', size)} ok")


def test_a_card_number_is_masked_in_brackets_and_in_a_quotation_of_two_lines() -> None:
    assert masked("4111 (1111) 1111 1111") == "•••• (••••) •••• 1111"
    assert masked("> 4111 1111\n> 1111 1111") == "> •••• ••••\n> •••• 1111"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("4111111111111111@evil.example", "••••••••••••1111@evil.example"),
        ("@visa_4111111111111111 (id 7)", "@visa_••••••••••••1111 (id 7)"),
        ("4111111111111111", "4111111111111111"),  # an id that Messenger gave
        ("+4111111111111111", "+4111111111111111"),
    ],
)
def test_a_card_number_is_masked_in_an_address_that_somebody_chose(address: str, shown: str) -> None:
    sender = Sender("1", address=address, handle="4111111111111111")
    event = Event(
        external_id="1",
        place=Place(Channel("email"), "a", "c"),
        sender=sender,
        content=Said("Hello"),
        occurred_at=datetime.now(UTC),
    )
    read = without_card_numbers(event).sender
    assert (read.external_id, read.address, read.handle) == ("1", shown, "••••••••••••1111")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("tel:4111111111111111", "tel:••••••••••••1111"),
        ("tel:4111 1111 1111 1111", "tel:•••• •••• •••• 1111"),
        ("tel:+4111111111111111", "tel:+••••••••••••1111"),
        ("tel:+4222222222222", "tel:+4222222222222"),
        ("tel:4222222222222", "tel:4222222222222"),
    ],
)
def test_a_card_number_is_masked_in_the_number_of_a_contact(number: str, shown: str) -> None:
    contact = Attachment(kind=AttachmentKind.CONTACT, ref=number, name="my card")
    event = Event(
        external_id="1",
        place=Place(Channel("telegram"), "a", "c"),
        sender=Sender("1"),
        content=Said("", (contact,)),
        occurred_at=datetime.now(UTC),
    )
    read = without_card_numbers(event).content
    assert isinstance(read, Said)
    assert [each.ref for each in read.attachments] == [shown]


def test_a_card_number_is_masked_in_digits_of_other_scripts() -> None:
    wide = "".join(chr(0xFF10 + int(digit)) for digit in "4111111111111111")
    arabic = "".join(chr(0x660 + int(digit)) for digit in "4111111111111111")
    assert masked(wide) == "•" * 12 + wide[-4:]
    assert masked(arabic) == "•" * 12 + arabic[-4:]


def test_a_word_right_beside_it_hides_nothing() -> None:
    assert masked("Visa4111111111111111, 4111:1111:1111:1111EUR").count("•") == 24
    assert masked("".join(f"{digit}\ufe0f\u20e3" for digit in "4111111111111111")).count("•") == 12


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("side", ["CC{}", "MC{}", "AX{}", "N{}", "n{}", "x{}", "{}x", "{}A", "{}EU", "CC{}X"])
def test_a_letter_or_two_right_beside_it_hide_nothing(side: str, card: str) -> None:
    for typed in (card, grouped(card, " ")):
        text = f"Please use {side.format(typed)}, thanks"
        shown = masked(text)
        assert "".join(sign for sign in shown if sign.isdigit()) == card[-4:]
        assert len(shown) == len(text)


def test_two_with_letters_between_them_are_both_masked() -> None:
    assert masked("CC4111111111111111 MC5555555555554444") == "CC••••••••••••1111 MC••••••••••••4444"
    assert masked("CC4111111111111111MC5555555555554444") == "CC••••••••••••1111MC••••••••••••4444"


def test_a_plus_makes_no_telephone_number_of_more_digits_than_one_has() -> None:
    assert masked("+4111111111111111") == "+••••••••••••1111"
    assert masked("+4111 1111 1111 1111") == "+•••• •••• •••• 1111"
    assert masked("+378282246310005") == "+•••••••••••0005"


@pytest.mark.parametrize(
    "text",
    [
        "(4111) [1111] (1111) [1111]",
        "[4111] 1111/(1111) 1111",
        "{4111}={1111}={1111}={1111}",
        "4111 (1111)…1111!1111",
    ],
)
def test_a_card_number_is_masked_though_several_signs_part_its_digits(text: str) -> None:
    assert "".join(sign for sign in masked(text) if sign.isdigit()) == "1111"


def test_each_of_several_card_numbers_is_masked_and_the_rest_stays() -> None:
    text = "4111 1111 1111 1111 12/27 123, or 5555-5555-5555-4444; amex 3782 822463 10005"
    assert masked(text) == "•••• •••• •••• 1111 12/27 123, or ••••-••••-••••-4444; amex •••• •••••• •0005"
    assert masked("4111 1111 1111 1111\n5555 5555 5555 4444") == "•••• •••• •••• 1111\n•••• •••• •••• 4444"


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # does not check
        "353918051234561",  # a phone's serial number
        "8944500102198304826",  # a SIM card's
        "1234567890123452",  # an order's
        "9400 1000 0000 0000 0000 00",  # a parcel of USPS
        "94001118992237480000 12",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "+49 1512 34567890",
        "+4222222222222",
        "+30569309025904",
        "Call +4420 7123 4567, +4420 7123 4567 or +4420 7123 4567",
        "+4411111111111 +4411111111111",
        "00000000000000000",
        "1111111111111111111111",
        "Order A4111111111111111",
        "Bestellnummer: A4111111111111111",
        "Votre commande n° C4111111111111111",
        "tracking number LX4111111111111111",
        "RR4111111111111111US",
        "1Z4111111111111111",
        "a7f4111111111111111b0cd2e",
        "tickets #4111 #1111 #1111 #1111",
        "€4111 €1111 €1111 €1111",
        "4111% 1111% 1111% 1111%",
        "2026-11-29 10:30:00.123456",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14",
        "12 500 3 40 1200 7 18 900 55 3 2",
        "1 234 567.89 and 9 876 543.21",
        "1Z999AA10123456784",
        "",
    ],
)
def test_other_numbers_are_not_taken_for_card_numbers(text: str) -> None:
    assert masked(text) == text


@given(st.text(max_size=60))
def test_texts_without_thirteen_digits_stay_as_they_are(text: str) -> None:
    assume(sum(sign.isdecimal() for sign in text) < 13)
    assert masked(text) == text


@given(st.text("0123456789 -.,/\u200b\n+aA", max_size=80))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert masked(masked(text)) == masked(text)
    assert len(masked(text)) == len(text)


@pytest.mark.long
@pytest.mark.parametrize(
    "text", ["x" * 200_000 + "1", "1 " * 100_000, "1" * 200_000, "12 345 " * 30_000, "1" + " " * 200_000]
)
def test_long_texts_are_read_once(text: str) -> None:
    assert masked(text) == text


IBAN = "GB82WEST12345698765432"
HOSTILE = (
    f"{IBAN},",
    "1a2b3c4d",
    "1234567890123a",
    "GB82 WEST 1234 5698 7654 32 4111111111111111 ",
    "DE44 5001 0517 5407 3249 31 ",
    "AA11A A ",
    "4111 1111 1111 1111 ",
    "4111-1111-1111-1112 ",
    "4111 1111 1111 1 ",
    "4111111111111111x",
    "order no no 4111111111111112x",
    "1\u200b",
    "1" + " " * 12,
)


@pytest.mark.long
@given(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=3))
@example([f"{IBAN},", "1234567890123a"])
@settings(deadline=None, max_examples=times(40))
def test_a_text_that_is_twice_as_long_costs_about_twice_as_much(units: list[str]) -> None:
    """Also where all of one kind stands above all of another. Calls are counted: as many on any machine."""

    def lines(length: int) -> str:
        return "\n".join(unit * (length // len(unit)) for unit in units)

    assert calls(masked, lines(8_000)) < 2.5 * calls(masked, lines(4_000)) + 100


def test_an_iban_keeps_what_it_overlaps_and_nothing_else() -> None:
    text = f"{IBAN} x 4111111111111111, {IBAN} x 5555555555554444 y {IBAN}"
    assert masked(text) == f"{IBAN} x ••••••••••••1111, {IBAN} x ••••••••••••4444 y {IBAN}"
