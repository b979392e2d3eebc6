"""Every asynchronous test here lives in virtual time, as the unit tests of the stop path do."""

import os

from hypothesis import Phase, settings

from tests.unit.service.conftest import make_rig, pytest_asyncio_loop_factories

settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate), database=None)  # a failure is enough
if os.environ.get("HYPOTHESIS_PROFILE"):
    settings.load_profile(os.environ["HYPOTHESIS_PROFILE"])

__all__ = ["make_rig", "pytest_asyncio_loop_factories"]
