from collections.abc import AsyncIterator

import pytest

from connectors.sandbox.faults import FaultPlan
from connectors.sandbox.mail import Customer, MailServer
from tests.connectors.email import rig


@pytest.fixture
def faults() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
def program() -> str:
    """Name the mail program of customers. One that writes HTML costs half a second: a process reads it."""
    return "plain"


@pytest.fixture
async def server(faults: FaultPlan, program: str) -> AsyncIterator[MailServer]:
    async with MailServer(faults=faults) as made:
        made.program = program
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
