"""The rates at which a number may send.

https://developers.facebook.com/docs/whatsapp/throughput and, for one recipient,
https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits
"""

from typing import NamedTuple

from connectors.sandbox.rate_limit import Rate


class Limits(NamedTuple):
    number: Rate = Rate(80.0, 80)  # in all
    pair: Rate = Rate(1 / 6, 45)  # to one person
