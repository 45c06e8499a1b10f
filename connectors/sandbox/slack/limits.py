"""Slack's published rate limits: for posting in a channel, and for reading history by an unlisted app.

https://docs.slack.dev/apis/web-api/rate-limits and
https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
"""

from connectors.sandbox.rate_limit import Rate

POSTS = Rate(1.0)
HISTORY_METHODS = frozenset({"conversations.history", "conversations.replies"})
HISTORY_OF_UNLISTED = Rate(1 / 60)
HISTORY_PAGE = 15
