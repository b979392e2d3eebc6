"""Rate limits as Slack keeps them: a bucket per method, and one per channel for posts.

docs.slack.dev/apis/web-api/rate-limits gives calls a minute per tier and "1 message a second a channel, bursts
tolerated"; how large a burst may be is not documented.
"""

import math
from collections.abc import Hashable

from bot.sandbox.clock import Clock


class Buckets:
    """Token buckets by key.

    Args:
        clock: the workspace's clock.
        enabled: switched off, nothing is ever refused.
    """

    def __init__(self, clock: Clock, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._clock = clock
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, *, per_second: float, burst: float) -> int | None:
        """Takes one token.

        Returns:
            None when there was one, else after how many whole seconds there will be one (`Retry-After`).
        """
        if not self.enabled:
            return None
        now = self._clock.now()
        level, since = self._levels.get(key, (burst, now))
        level = min(burst, level + (now - since) * per_second)
        if level < 1:
            self._levels[key] = (level, now)
            return max(1, math.ceil((1 - level) / per_second))
        self._levels[key] = (level - 1, now)
        return None
