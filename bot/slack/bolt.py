"""Makes Bolt's app with its traps closed."""

import contextlib
import logging
import os
from collections.abc import Iterator

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.authorize import Authorize

# With the first two set, Bolt silently turns to OAuth and forgets its token; the others it reads behind our back.
_TRAPS = (
    "SLACK_CLIENT_ID",
    "SLACK_CLIENT_SECRET",
    "SLACK_BOT_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_VERIFICATION_TOKEN",
)


def make_app(*, authorize: Authorize, client: AsyncWebClient) -> AsyncApp:
    """Makes the app.

    A listener runs to its end before the response leaves (`process_before_response`): Bolt's other way polls for the
    acknowledgement every 10 ms, answers an error after 3 s while the work goes on, and loses tasks that nothing holds.
    The listeners here end within the second. The guard has already verified the signature; Bolt's own check would
    write the bodies of refused requests, with their tokens, into the log.
    """
    log = logging.getLogger(f"{__name__}.framework")
    log.setLevel(logging.ERROR)  # below it Bolt logs whole requests
    with _hidden(_TRAPS):
        return AsyncApp(
            name="agent-kill",
            logger=log,
            client=client,
            authorize=authorize,
            process_before_response=True,
            request_verification_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )


@contextlib.contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
