"""The body of `POST /v1/stop`, and the scope that it names."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from adapters.base import Mode, SurfaceClass
from bot.domain.plan import Scope
from bot.domain.report import Known

_REASON = 2_000  # characters that are kept; a long reason never refuses a stop
_NAMED = 20  # names that an error lists
_MODES = ", ".join(str(mode) for mode in Mode if mode is not Mode.NORMAL)


class MalformedCallError(ValueError):
    """The body is not what `POST /v1/stop` takes; the text says what it takes."""


class UnknownNameError(ValueError):
    """The call names something that is not configured, or nothing at all; nothing was stopped."""


def _mode(value: object) -> Mode:
    if isinstance(value, str):
        for mode in Mode:
            if value == str(mode) and mode is not Mode.NORMAL:
                return mode
    raise ValueError(f"mode is one of {_MODES}")


def _names(value: object) -> object:
    return () if value is None else value


def _flag(value: object) -> object:
    return False if value is None else value


def _reason(value: object) -> object:
    if value is None:
        return ""
    return value[:_REASON] if isinstance(value, str) else value


class StopCall(BaseModel):
    """A stop as a monitor asks for it; an unknown key is an error, and null means that a key is not given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Annotated[Mode, BeforeValidator(_mode)]
    agents: Annotated[tuple[StrictStr, ...], BeforeValidator(_names)] = ()
    surfaces: Annotated[tuple[StrictStr, ...], BeforeValidator(_names)] = ()
    classes: Annotated[tuple[SurfaceClass, ...], BeforeValidator(_names)] = ()
    everything: Annotated[StrictBool, BeforeValidator(_flag)] = Field(default=False, alias="all")
    reason: Annotated[StrictStr, BeforeValidator(_reason)] = ""

    @classmethod
    def read(cls, body: bytes) -> "StopCall":
        """Reads the raw body. Raises `MalformedCallError`."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            found = "; ".join(_sentence(item["loc"], item["msg"]) for item in error.errors(include_url=False)[:_NAMED])
            raise MalformedCallError(
                f"the body is not a stop: {found}. It takes {{mode, agents, surfaces, classes, all, reason}}"
            ) from error

    def scope(self, known: Mapping[str, Known]) -> Scope:
        """What the call names, all of it configured.

        Args:
            known: every configured surface by name, usable or not.

        Raises:
            UnknownNameError: an empty scope, or an unknown name; a mistyped name never stops less than was meant.
        """
        if not (self.agents or self.surfaces or self.classes or self.everything):
            raise UnknownNameError("the scope is empty: name agents, surfaces or classes, or send all: true")
        _all_known("agent", self.agents, {name.partition("/")[0] for name in known})
        _all_known("surface", self.surfaces, set(known))
        return Scope(
            agents=frozenset(self.agents),
            surfaces=frozenset(self.surfaces),
            classes=frozenset(self.classes),
            everything=self.everything,
        )


def _all_known(noun: str, asked: tuple[str, ...], known: set[str]) -> None:
    unknown = [name[:100] for name in asked if name not in known]
    if not unknown:
        return
    listed = ", ".join(sorted(known)[:_NAMED]) or "none"
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    raise UnknownNameError(
        f"nothing was stopped: no {noun} is called {', '.join(unknown[:_NAMED])}; configured are {listed}{more}"
    )


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(map(str, place))
    return f"{where}: {message}" if where else message
