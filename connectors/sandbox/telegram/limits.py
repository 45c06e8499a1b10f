"""The rates at which a bot may send: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""

from typing import NamedTuple

from connectors.sandbox.rate_limit import Rate


class Limits(NamedTuple):
    bot: Rate = Rate(30.0, 30)  # in all
    chat: Rate = Rate(1.0, 3)  # to one person
    group: Rate = Rate(20 / 60, 20)
