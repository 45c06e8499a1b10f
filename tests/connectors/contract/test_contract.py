"""The connector contract, on every channel: what is claimed is done, and what is not claimed degrades."""

from dataclasses import fields

from bot.core.connector import Capabilities
from tests.connectors.contract.claims import CLAIMS
from tests.connectors.contract.contents import Contents
from tests.connectors.contract.deeds import Deeds
from tests.connectors.contract.failing import Failing
from tests.connectors.contract.hearing import Hearing


class TestConnectorContract(Hearing, Failing, Contents, Deeds):
    """One class for all: `platform` is each of `channels.CHANNELS` in turn."""

    def test_every_capability_is_in_the_contract(self) -> None:
        assert {field.name for field in fields(Capabilities)} == CLAIMS
