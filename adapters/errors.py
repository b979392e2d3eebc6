"""The errors of an adapter. The class chooses the dispatcher's next step, the text is read by a person at 3 a.m."""


class AdapterError(Exception):
    """Anything that went wrong at a surface; on its own it means *unknown*: try again, claim nothing."""


class Unreachable(AdapterError):
    """The surface did not answer: no route, connection refused, connection lost. Trying again is useful."""


class Refused(AdapterError):
    """The surface answered no to the bot itself. Trying again at once is useless until a person acts.

    Args:
        message: what was refused, and by whom.
        missing: the permissions or credentials that would change the answer, by the surface's own names.
    """

    def __init__(self, message: str, *, missing: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing
