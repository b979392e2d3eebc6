"""Asks every surface whether it could be cut now, changing nothing."""

import asyncio
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from adapters.base import Mode, Observation
from adapters.errors import Refused, Unreachable
from bot.service.foreign import foreign
from bot.service.inventory import Target
from bot.service.redact import redact

_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What one surface answered. `problems` make it NOT ARMED; `remarks` are worth knowing."""

    surface: str
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    seen: Observation | None = None


async def probe(targets: Iterable[Target]) -> list[Probed]:
    """Observes and preflights every target, a bounded number at once; one result per surface."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(target: Target) -> list[Probed]:
        async with slots:
            return await probe_one(target)

    found = await asyncio.gather(*map(one, targets))
    return [result for results in found for result in results]


async def probe_one(target: Target) -> list[Probed]:
    """Observes and preflights one target within its deadline; one result per surface. Never raises."""
    seen, problems, remarks = None, [], []
    try:
        async with asyncio.timeout(target.deadline):
            seen = await foreign(target.adapter.observe())
            problems += _unreadable(seen)
            problems += [f"missing: {item}" for item in await foreign(target.adapter.preflight())]
    except TimeoutError:
        problems.append(f"no answer within {target.deadline:g} s")
    except Unreachable as error:
        problems.append(f"unreachable: {error}")
    except Refused as error:
        problems.append(f"refused: {error}" + (f" (missing: {', '.join(error.missing)})" if error.missing else ""))
    except Exception as error:  # noqa: BLE001  # whatever it is, this surface could not be cut now
        problems.append(f"{type(error).__name__}: {error}")
    if seen is not None and not _unreadable(seen):
        problems += _unable(seen)
        remarks += _rounded(target, seen)
    return [
        Probed(
            surface=surface.name,
            problems=tuple(map(redact, problems)),
            remarks=tuple(map(redact, remarks)),
            seen=None if _unreadable(seen) else seen,
        )
        for surface in target.surfaces
    ]


def _unreadable(seen: object) -> list[str]:
    """Why an answer cannot be read: what shows nothing must not look armed."""
    if not isinstance(seen, Observation):
        return [f"its adapter answered {type(seen).__name__}, and no observation: it has to be mended"]
    mode: object = seen.mode
    enforceable: object = seen.enforceable
    if not (isinstance(mode, Mode) and isinstance(enforceable, AbstractSet)):
        return ["its adapter answered an observation that cannot be read: it has to be mended"]
    return []


def _unable(seen: Observation) -> list[str]:
    if not seen.exists:
        return [f"it does not exist there: {seen.why}" if seen.why else "it is absent"]
    if not seen.enforceable:
        return ["no mode can be held here" + (f": {seen.why}" if seen.why else "")]
    return []


def _rounded(target: Target, seen: Observation) -> list[str]:
    """The modes that the technique has and that cannot be held here."""
    lost = sorted(target.adapter.modes - seen.enforceable - {Mode.NORMAL})
    if not seen.exists or not lost or not seen.enforceable:
        return []
    return [f"cannot hold {', '.join(map(str, lost))} here" + (f": {seen.why}" if seen.why else "")]
