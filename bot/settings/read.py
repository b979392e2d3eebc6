"""One part of the tree -> its shape, with a line for each thing that is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.settings.complaints import complaint
from bot.settings.nodes import Node, Path
from bot.settings.nodes import line_of as line_in
from bot.settings.values import Plainly, Problem, Value

M = TypeVar("M", bound=BaseModel)
_PASSES = 6  # each pass removes at least one thing; what is left then is given up


@dataclass(frozen=True, slots=True)
class Read(Generic[M]):
    """What was read. `shape` is what is left when every wrong thing is left out; None where a needed one is wrong."""

    shape: M | None
    problems: tuple[Problem, ...]


def read(model: type[M], node: Node, plainly: Plainly, *, prefix: str = "") -> Read[M]:
    """Checks `node` against `model`; `prefix` stands before the keys in messages."""
    value = plainly.value(node)
    problems = [_prefixed(problem, prefix) for problem in plainly.problems]
    value = _without(value, [problem.path for problem in problems])
    for _ in range(_PASSES):
        try:
            return Read(model.model_validate(_given(value)), tuple(problems))
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)
        found = [_problem(model, node, detail, prefix) for detail in wrong]
        problems += _news(found, problems)
        value = _without(value, [problem.path for problem in found])
    return Read(None, tuple(problems))


def _problem(model: type[BaseModel], node: Node, detail: ErrorDetails, prefix: str) -> Problem:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    message, hint = complaint(model, node, detail, prefix)
    key = detail["type"] == "extra_forbidden"
    return Problem(line=line_in(node, path, key=key), path=path, message=message, next=hint)


def _news(found: Iterable[Problem], known: list[Problem]) -> list[Problem]:
    """What is not the mere consequence of a problem that was reported already."""
    told = {problem.path for problem in known}
    return [problem for problem in found if problem.path not in told]


def _prefixed(problem: Problem, prefix: str) -> Problem:
    return Problem(line=problem.line, path=problem.path, message=prefix + problem.message, next=problem.next)


def _given(value: Value) -> Value:
    """Without keys that have no value: `pact:` alone means that there is none."""
    if not isinstance(value, dict):
        return {} if value is None else value
    return {key: below for key, below in value.items() if below is not None}


def _without(value: Value, paths: list[Path]) -> Value:
    for path in sorted(set(paths), key=_last_first, reverse=True):
        _remove(value, path)
    return value


def _last_first(path: Path) -> tuple[tuple[int, str], ...]:
    """Sorts items of a list by number, so that removing from the end keeps the other indices right."""
    return tuple((part, "") if isinstance(part, int) else (-1, part) for part in path)


def _remove(value: Value, path: Path) -> None:
    for part in path[:-1]:
        value = _child(value, part)
    if not path:
        return
    last = path[-1]
    if isinstance(value, dict):
        value.pop(str(last), None)
    elif isinstance(value, list) and isinstance(last, int) and last < len(value):
        del value[last]


def _child(value: Value, part: str | int) -> Value:
    if isinstance(value, dict):
        return value.get(str(part))
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
