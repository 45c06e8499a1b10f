from collections.abc import AsyncIterator

import pytest

from connectors.sandbox.faults import FaultPlan
from connectors.sandbox.mail import Customer, MailServer
from tests.connectors.email import rig


@pytest.fixture
def faults() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
async def server(faults: FaultPlan) -> AsyncIterator[MailServer]:
    async with MailServer(faults=faults) as made:
        await made.add_account(rig.ADDRESS, rig.PASSWORD)
        yield made


@pytest.fixture
async def line(server: MailServer) -> AsyncIterator[rig.Line]:
    async with rig.line(server, rig.settings(rig.options(server))) as made:
        await made.listen()
        yield made


@pytest.fixture
def maya(server: MailServer) -> Customer:
    return server.customer("maya@fischer.example", "Maya Fischer")
