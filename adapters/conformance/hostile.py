"""Is what a stranger typed taken for anything but a name or a text?"""
# ruff: noqa: S101  # a test suite asserts

from contextlib import suppress

from adapters.conformance.agent import action_against, allowed, closing
from adapters.conformance.check import needs
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig
from adapters.errors import AdapterError

TEXTS = (
    "*", "[a-z]?%_.*|^", "' OR '1'='1\"; DROP TABLE effects; --", "$(touch x)`touch x`{0}%s{{x}}", "../../x",
    "a\nb\r\nc\td\x1b[2J\x07", "\x00", "<!channel> <@U1> *b* `c` &amp;", "\u202egnp.exe\u202c\u2028",
    "\udcff\udcfe", "\u00e9\U0001f600", "x" * 300, "y" * 20_000,
)  # fmt: skip
"""What is proposed: patterns, quotes, what shells, formats and Slack read, control and direction signs, bytes that are
no UTF-8 (as `surrogateescape` has them), long ones."""
NAMES = ("", " ", "?", "_", "%", ".*", "a b", *TEXTS)


class Hostile:
    """The checks of names and texts that nobody would type in good faith."""

    @needs("mistyped")
    async def test_a_hostile_name_is_nobody_else(self, rig: FullRig, keeper: Keeper) -> None:
        """A name that is a pattern, a command or no text is refused by the settings, or names nothing: none is cut."""
        before, strictest = await rig.authority(), max(keeper.adapter.modes)
        for name in NAMES:
            try:
                adapter = rig.mistyped(name)
            except ValueError:  # as pydantic says of settings that cannot be
                continue
            async with closing(adapter):
                with suppress(AdapterError):
                    assert not (await adapter.observe()).exists, f"a target named {name[:40]!r} was seen"
                with suppress(AdapterError):
                    await Keeper(adapter).restrict(strictest)
                assert await rig.authority() == before, f"a cut of a target named {name[:40]!r} hit another"
        assert await allowed(rig, action_against(strictest)), "a cut of another target stopped the agent"
