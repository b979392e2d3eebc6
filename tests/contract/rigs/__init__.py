"""One rig per kind of adapter: how to act as its agent, count effects, and break its server.

A kind's module opens rigs with `opened(servers)`, a context manager; `servers` starts what is needed, once per process.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module

from adapters import registry
from adapters.conformance import Rig
from tests.contract.rigs.running import Running

KINDS = registry.BUILT_IN
Open = Callable[[], AbstractAsyncContextManager[Rig]]


def opener(kind: str, servers: Running) -> Open:
    """What opens a fresh rig of that kind."""
    opened = import_module(f"tests.contract.rigs.{kind}").opened

    def fresh() -> AbstractAsyncContextManager[Rig]:
        rig: AbstractAsyncContextManager[Rig] = opened(servers)
        return rig

    return fresh
