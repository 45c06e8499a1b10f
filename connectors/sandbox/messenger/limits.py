"""The rates at which a Page may send: https://developers.facebook.com/docs/messenger-platform/overview/rate-limiting"""

from typing import NamedTuple

from connectors.sandbox.rate_limit import Rate


class Limits(NamedTuple):
    texts: Rate = Rate(300.0, 300)  # text, links, reactions and stickers
    media: Rate = Rate(10.0, 10)  # audio and video
