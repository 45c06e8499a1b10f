"""Show in a thread that an agent is at work, with a button that stops it.

A session is `processing` until we set it to `active` or end a stream: Slack does not change it by itself.
https://docs.slack.dev/ai/agent-sessions, https://docs.slack.dev/reference/methods/agents.sessions.setStatus
"""

from typing import Final

from bot.core.errors import Refused
from connectors.slack.api import Api

THINKING: Final = "is thinking…"


class StatusSetter:
    """Sets the status in the threads of one workspace.

    Only an app that is declared as an agent has sessions. Another app, such as an older one, is refused; it
    shows its status text until it answers, or for two minutes, without a button. Which of the two an app is
    does not change while it runs, so it is asked once.
    https://docs.slack.dev/reference/methods/assistant.threads.setStatus
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._has_sessions = True

    async def show(self, chat: str, thread: str, *, at_work: bool) -> None:
        """Show whether an agent is at work in a thread. Raises SendError."""
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
