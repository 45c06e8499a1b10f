"""Whether an agent of ours is at work in a thread, as Slack shows it there, with a button that stops it.

A session is `processing` until we say `active` again, or end a stream: Slack changes it for nobody.
https://docs.slack.dev/ai/agent-sessions, https://docs.slack.dev/reference/methods/agents.sessions.setStatus
"""

from typing import Final

from bot.core.errors import Refused
from connectors.slack.api import Api

THINKING: Final = "is thinking…"


class Status:
    """The status in the threads of one workspace.

    Only an app that is declared as an agent has sessions. One that is not, such as an older app, is refused;
    it shows its words until it answers, or for two minutes, without a button. Which of the two an app is does
    not change while it runs, so that it is asked once.
    https://docs.slack.dev/reference/methods/assistant.threads.setStatus
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._has_sessions = True

    async def show(self, chat: str, thread: str, *, at_work: bool) -> None:
        """Raises SendError."""
        if self._has_sessions:
            try:
                await self._api.call(
                    lambda web: web.agents_sessions_setStatus(
                        channel_id=chat, thread_ts=thread, status="processing" if at_work else "active"
                    ),
                    repeatable=True,
                )
            except Refused:
                self._has_sessions = False
            else:
                return
        if at_work:  # an answer ends it
            await self._api.call(
                lambda web: web.assistant_threads_setStatus(
                    channel_id=chat, thread_ts=thread, status=THINKING
                ),
                repeatable=True,
            )
