"""A check that needs an ability of the rig runs where the kind has it, and is told where it has not."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar, cast

from adapters.conformance.rig import Rig, reason

Check = TypeVar("Check", bound=Callable[..., Awaitable[None]])
NEEDS = "_conformance_needs"


def needs(*abilities: str) -> Callable[[Check], Check]:
    """Marks a check that needs these abilities. A rig that lacks one passes by its declared reason alone."""

    def marked(check: Check) -> Check:
        @wraps(check)
        async def checked(suite: object, rig: Rig, *args: Any, **kwargs: Any) -> None:
            if not spared(checked, rig):
                await check(suite, rig, *args, **kwargs)

        setattr(checked, NEEDS, abilities)
        return cast("Check", checked)  # the same arguments, which functools.wraps does not carry over for methods

    return marked


def spared(check: object, rig: Rig) -> str:
    """Why a check does not apply to a kind; empty where it does. Raises `AssertionError` as `reason` does."""
    return next((why for ability in getattr(check, NEEDS, ()) if (why := reason(rig, ability))), "")
