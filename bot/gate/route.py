"""One configured surface as the gate serves it."""

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.base.gated import Gated
from bot.domain.model import Configuration

KIND = "gate"


@dataclass(frozen=True, slots=True)
class Route:
    """Whose calls come under `/{name}/…`, and what is configured for them."""

    name: str  # agent/surface
    settings: Gated

    @property
    def secret(self) -> str:
        """What the bot and the gates sign with."""
        return self.settings.secret.get_secret_value()


def routes(configuration: Configuration) -> dict[str, Route]:
    """Every surface of kind `gate`, by the name under which it is served; of two with one name the first."""
    found: dict[str, Route] = {}
    for route in _all(configuration):
        found.setdefault(route.name, route)
    return found


def _all(configuration: Configuration) -> Iterable[Route]:
    for surface in configuration.surfaces():
        if surface.adapter == KIND and isinstance(surface.settings, Gated):
            yield Route(surface.settings.name or surface.name, surface.settings)
