"""`/desk accounts check` against all platforms at once."""

from connectors.sandbox.whatsapp.templates import text_template
from tests.story.rig import rig
from tests.story.test_moving import command


async def test_accounts_check_names_the_identity_of_every_account(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        told = await command(r, "accounts check")
        assert "WRONG" not in told, told
        for name in ("sandbox", "Brightdesk", "support@brightdesk.example"):
            assert name in told.replace("\\", ""), told


async def test_a_template_that_the_platform_does_not_know_is_told(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        r.whatsapp.templates = tuple(t for t in r.whatsapp.templates if t.name != "still_there")
        told = (await command(r, "accounts check whatsapp")).replace("\\", "")
        assert "has not approved still_there (en_US)" in told
        other = text_template("still_there", "Hello {{1}}, are you there?")
        r.whatsapp.templates = (*r.whatsapp.templates, other)
        told = (await command(r, "accounts check whatsapp")).replace("\\", "")
        assert "another text of still_there (en_US)" in told
