"""Every asynchronous test here lives in virtual time, as the unit tests of the stop path do."""

from tests.unit.service.conftest import make_rig, pytest_asyncio_loop_factories

__all__ = ["make_rig", "pytest_asyncio_loop_factories"]
