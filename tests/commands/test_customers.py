"""`desk customers`: who somebody is, on every channel, and who says so."""

import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from bot.commands.desk import Desk
from bot.core.events import Said, Started
from connectors.sandbox.telegram import TelegramStandIn
from storage.queries import ERASED
from tests.commands.conftest import Chats, Desks
from tests.commands.telling import Told, keys_of_tests, where
from tests.commands.telling import say as write
from tests.connectors.telegram.rig import TOKEN, served


@pytest.fixture
async def bot(surroundings: dict[str, str]) -> AsyncIterator[None]:
    """The organization's Telegram account can be reached."""
    async with served(TelegramStandIn(TOKEN, "brightdesk_bot")) as url:
        surroundings |= {"TELEGRAM_API_URL": url, "TELEGRAM_BOT_TOKEN": TOKEN}
        yield


async def audited(say: Chats) -> str:
    return str(await say("audit tail --limit 1"))


# --- reading -----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_newest_customers_come_first(desk: Desks, story: Told) -> None:
    assert [one["name"] for one in desk("customers", "--json").data] == ["Tom", "Maria"]
    tom = desk("customers", "list", "--limit", "1", "--json").data
    assert tom == [
        {
            "id": str(story.tom),
            "name": "Tom",
            "created_at": tom[0]["created_at"],
            "erased": False,
            "channels": ["telegram"],
            "conversations": 1,
        }
    ]
    after = desk("customers", "--before", str(story.tom), "--json").data
    assert [one["name"] for one in after] == ["Maria"]


@pytest.mark.long
def test_a_customer_is_shown_with_addresses_and_history(desk: Desks, story: Told) -> None:
    out = desk("customers", "show", str(story.tom)).out
    assert out.startswith(f"{story.tom}: Tom, a customer since ")
    assert re.search(r"102 +telegram +telegram", out)
    assert "My **card** was charged twice <!channel>\ufffd[31m" in out
    data = desk("customers", "show", str(story.tom)[:18], "--json").data
    assert data["identities"][0]["address"] == "102"
    assert data["identities"][0]["verified"] is True
    assert data["history"][0]["conversation"] == str(story.escalated)


@pytest.mark.long
def test_the_list_holds_nothing_that_a_customer_wrote(desk: Desks, story: Told) -> None:
    assert "charged" not in desk("customers").out
    assert "charged" not in desk("customers", "--json").out


@pytest.mark.long
def test_an_unknown_customer_is_exit_1_and_an_invalid_id_exit_2(desk: Desks, story: Told) -> None:
    assert desk("customers", "show", "0" * 32).code == 1
    assert desk("customers", "show", "Tom").code == 2


# --- merging -----------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_two_who_are_merged_have_one_history(say: Chats, told: Told) -> None:
    answer = await say(f"customers merge {told.maria} {told.tom}", "ben")
    assert f"{told.tom} is from now on {told.maria}: 2 conversations in one history" in answer
    for asked in (told.maria, told.tom):
        shown = await say(f"customers show {asked}")
        assert "first words How do I invite people?" in shown
        assert "was charged twice" in shown
        assert f"- **{str(told.tom)[:13]}** · name Tom · into {str(told.maria)[:13]}" in shown
        assert "how staff · by person:ben" in shown
    listed = await say("customers")
    assert listed.count("- **") == 1
    assert "conversations 2" in listed


@pytest.mark.long
async def test_a_merge_is_audited_and_said_only_once(say: Chats, told: Told) -> None:
    await say(f"customers merge {told.maria} {told.tom}", "ben")
    entry = await audited(say)
    assert "who person:ben · did customer.merged" in entry
    assert f"to customer:{told.tom}" in entry
    assert await say(f"customers merge {told.tom} {told.maria}") == "They are one customer already."
    assert await audited(say) == entry


@pytest.mark.long
async def test_a_merge_is_undone(say: Chats, told: Told) -> None:
    await say(f"customers merge {told.maria} {told.tom}")
    answer = await say(f"customers unmerge {told.tom}", "ben")
    assert f"{told.tom} is a customer of their own again, apart from {told.maria}." in answer
    assert "did customer.unmerged" in await audited(say)
    assert (await say("customers")).count("- **") == 2
    assert "charged" not in await say(f"customers show {told.maria}")


async def test_undoing_a_merge_of_the_kept_customer_says_whom_to_name(say: Chats, told: Told) -> None:
    await say(f"customers merge {told.maria} {told.tom}")
    answer = await say(f"customers unmerge {told.maria}")
    assert "is merged into nobody: name who was merged, not who was kept." in answer


@pytest.mark.long
async def test_nobody_is_merged_with_themselves(say: Chats, told: Told) -> None:
    assert "name two customers" in await say(f"customers merge {told.tom} {told.tom}")


@pytest.mark.long
async def test_staff_are_warned_of_an_address_that_nobody_vouches_for(
    say: Chats, chat_desk: Desk, told: Told
) -> None:
    await write(chat_desk.database, keys_of_tests(), "666", "Maria", Said("It is me."), verified=False)
    stranger = (await where(chat_desk.database, keys_of_tests(), "update-666"))[1]
    assert "nobody vouches for this address" in await say(f"customers show {stranger}")
    answer = await say(f"customers merge {told.maria} {stranger}")
    assert "Take care, nobody vouches for this address: telegram 666." in answer


# --- the CRM -----------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_one_id_in_the_crm_is_one_customer(say: Chats, told: Told) -> None:
    await say(f"customers crm {told.maria} ACME-7")
    answer = await say(f"customers crm {told.tom} ACME-7")
    assert f"{told.maria} had that id and was merged into them" in answer
    shown = await say(f"customers show {told.maria}")
    assert "known to the CRM" in shown
    assert "how crm" in shown
    await say(f"customers unmerge {told.maria}")
    assert (await say("customers")).count("- **") == 2


async def test_telling_the_crm_id_again_changes_nothing(say: Chats, told: Told) -> None:
    await say(f"customers crm {told.maria} ACME-7")
    entry = await audited(say)
    assert "leads to" in await say(f"customers crm {told.maria} ACME-7")
    assert await audited(say) == entry
    assert "in place of the one before" in await say(f"customers crm {told.maria} ACME-8")


async def test_two_ids_in_the_crm_are_two_people(say: Chats, told: Told) -> None:
    await say(f"customers crm {told.maria} ACME-7")
    await say(f"customers crm {told.tom} ACME-8")
    assert "says that they are two people" in await say(f"customers crm {told.tom} ACME-7")
    assert (await say("customers")).count("- **") == 2


async def test_the_crm_id_is_kept_as_a_hash_alone(say: Chats, chat_desk: Desk, told: Told) -> None:
    await say(f"customers crm {told.maria} ACME-7")
    async with chat_desk.database.begin() as connection:
        kept = await connection.scalar(text("select crm_hash from customers where crm_hash is not null"))
        logged = list(await connection.scalars(text("select details::text || subject from audit_log")))
    assert b"ACME" not in bytes(kept)
    assert not any("ACME" in entry for entry in logged)


# --- going on elsewhere ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("bot")
async def test_a_customer_who_follows_an_invitation_goes_on_as_the_same_customer(
    say: Chats, chat_desk: Desk, told: Told
) -> None:
    answer = await say(f"customers invite {told.plain} telegram", "carla")
    link = re.search(r"https://t\.me/brightdesk\\_bot\?start=(go-[\w\\-]{22,})", answer)
    assert link is not None, answer
    token = link[1].replace("\\", "")
    assert re.fullmatch(r"go-[A-Za-z0-9_-]{22}", token)
    keys = keys_of_tests()
    await write(chat_desk.database, keys, "201", "M.", Started(token))
    assert (await where(chat_desk.database, keys_of_tests(), "update-201"))[1] == told.maria
    await write(chat_desk.database, keys, "202", "Mallory", Started(token))
    assert (await where(chat_desk.database, keys_of_tests(), "update-202"))[1] != told.maria
    assert "did customer.invited" in await audited(say)


@pytest.mark.usefixtures("bot")
async def test_the_token_of_an_invitation_is_kept_nowhere(say: Chats, chat_desk: Desk, told: Told) -> None:
    await say(f"customers invite {told.plain} telegram")
    async with chat_desk.database.begin() as connection:
        row = (
            await connection.execute(
                text("select l::text as link, expires_at - created_at as lives from links l")
            )
        ).one()
        logged = list(await connection.scalars(text("select details::text from audit_log")))
    assert "go-" not in row.link
    assert 86_390 < row.lives.total_seconds() < 86_410
    assert not any("go-" in entry for entry in logged)


@pytest.mark.usefixtures("bot")
async def test_nobody_is_invited_from_an_address_that_nobody_vouches_for(
    say: Chats, chat_desk: Desk, told: Told
) -> None:
    await write(chat_desk.database, keys_of_tests(), "666", "Maria", Said("It is me."), verified=False)
    listed = await say("conversations --limit 1")
    match = re.match(r"- \*\*([0-9a-f\\-]+)\*\*", listed)
    assert match is not None
    answer = await say(f"customers invite {match[1]} telegram")
    assert "Nobody vouches for the address" in answer


@pytest.mark.long
async def test_an_account_that_cannot_invite_says_why(say: Chats, told: Told) -> None:
    answer = await say(f"customers invite {told.plain} telegram")
    assert "No link into telegram can be made now" in answer
    assert "TELEGRAM" in answer
    assert "is no account that serves customers" in await say(f"customers invite {told.plain} slack")


# --- erasing -----------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_erasing_needs_yes(say: Chats, told: Told) -> None:
    assert "Nothing was erased. To erase them without being asked, add `--yes`." in await say(
        f"customers erase {told.tom}"
    )
    assert "charged" in await say(f"customers show {told.tom}")


@pytest.mark.long
async def test_a_merged_customer_is_erased_together_with_the_one_they_are(say: Chats, told: Told) -> None:
    await say(f"customers merge {told.maria} {told.tom}")
    answer = await say(f"customers erase {told.tom} --yes")
    assert f"{told.maria} (2 conversations, with 1 customer merged into them) is erased" in answer
    assert "did customer.erased" in await audited(say)
    shown = await say(f"customers show {told.maria}")
    assert "No address leads to them." in shown
    assert "charged" not in shown
    assert "invite" not in shown
    assert ERASED in shown
    assert "was erased already" in await say(f"customers erase {told.tom} --yes")


@pytest.mark.long
async def test_nobody_is_merged_with_an_erased_customer(say: Chats, told: Told) -> None:
    await say(f"customers erase {told.tom} --yes")
    assert "was erased" in await say(f"customers merge {told.maria} {told.tom}")
    assert "was erased" in await say(f"customers crm {told.tom} ACME-7")
