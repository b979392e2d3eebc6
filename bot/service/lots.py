"""Where agents' proposals are parked: the surfaces whose adapters keep them, and what each lists now."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from adapters.base import Mode
from adapters.base.parked import Draft, Parked
from adapters.errors import AdapterError
from bot.domain.draft_events import DraftSeen
from bot.domain.drafts import draft_digest, draft_name
from bot.domain.model import Surface
from bot.service.inventory import Inventory, Target
from bot.service.redact import redact

PAGE = 100  # drafts of a listing that is made again and again
ALL = 10_000  # drafts of a listing that looks for one of them
PATIENCE = 10.0  # seconds that a listing may take at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """One place where writes are parked. Surfaces of one target with the same settings share it."""

    target: Target
    surfaces: tuple[Surface, ...]
    adapter: Parked
    modes: frozenset[Mode]  # that park there

    @property
    def key(self) -> tuple[str, str]:
        """The target, and the first surface: names the lot."""
        return self.target.key, self.surfaces[0].name

    @property
    def names(self) -> tuple[str, ...]:
        """`agent/surface` of each surface."""
        return tuple(surface.name for surface in self.surfaces)

    @property
    def patience(self) -> float:
        """Seconds that one call may take."""
        return max(self.target.deadline, PATIENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A draft as it is listed now."""

    lot: Lot
    draft: Draft
    name: str
    digest: str

    def seen(self) -> DraftSeen:
        """For the journal."""
        return DraftSeen(
            draft=self.name,
            target=self.lot.target.key,
            id=self.draft.id,
            surfaces=self.lot.names,
            digest=self.digest,
            waits=self.draft.waits,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one lot answered: `number` in all, None where it does not tell; `trouble` is why it could not be listed."""

    found: tuple[Found, ...] = ()
    number: int | None = None
    trouble: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing more is parked there than what is listed."""
        return not self.trouble and self.number is not None and self.number <= len(self.found)


def lots(inventory: Inventory) -> Iterator[Lot]:
    """Every place of the configuration that parks."""
    for target in inventory.targets.values():
        yield from lots_of(target)


def lots_of(target: Target) -> Iterator[Lot]:
    """The places of one target that park."""
    grouped: list[list[tuple[Surface, Parked]]] = []
    for surface, adapter in zip(target.surfaces, target.adapters, strict=True):
        if _parks(adapter) and adapter.parks(surface.settings):
            same = next((pairs for pairs in grouped if pairs[0][0].settings == surface.settings), None)
            grouped.append([(surface, adapter)]) if same is None else same.append((surface, adapter))
    for pairs in grouped:
        first, keeper = pairs[0]
        surfaces = tuple(surface for surface, _ in pairs)
        yield Lot(target=target, surfaces=surfaces, adapter=keeper, modes=keeper.parks(first.settings))


_KEEPS: dict[type, bool] = {}  # of ten thousand surfaces there are a few kinds, and it is slow to find out


def _parks(adapter: object) -> TypeGuard[Parked]:
    kind = type(adapter)
    if kind not in _KEEPS:
        _KEEPS[kind] = isinstance(adapter, Parked)
    return _KEEPS[kind]


async def look(lot: Lot, limit: int = PAGE) -> Listing:
    """Lists what is parked there, within the lot's patience. Never raises but when it is cancelled."""
    try:
        async with asyncio.timeout(lot.patience):
            answer = await lot.adapter.list(limit=limit)
    except TimeoutError:
        return Listing(trouble=f"it did not answer within {lot.patience:.0f} s")
    except AdapterError as error:
        return Listing(trouble=redact(str(error)))
    except Exception as error:  # noqa: BLE001  # one bad surface must not hide what the others park
        return Listing(trouble=redact(f"{type(error).__name__}: {error}"))
    key = lot.target.key
    items = {
        draft.id: Found(lot=lot, draft=draft, name=draft_name(key, draft.id), digest=draft_digest(draft))
        for draft in answer.items
    }
    return Listing(found=tuple(items.values()), number=answer.number)


async def find(lot: Lot, draft_id: str) -> Found | None:
    """One draft as it is listed now; None where it is not. Raises what the adapter raises, and `TimeoutError`."""
    for limit in (PAGE, ALL):
        async with asyncio.timeout(lot.patience):
            answer = await lot.adapter.list(limit=limit)
        for draft in answer.items:
            if draft.id == draft_id:
                key = lot.target.key
                return Found(lot=lot, draft=draft, name=draft_name(key, draft.id), digest=draft_digest(draft))
        if answer.number is not None and answer.number <= len(answer.items):
            return None
    return None
