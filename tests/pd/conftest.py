"""Lets the tests of Pd use the models of the Python tests, and every Pd that is there."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))

from pure_data import pure_datas

PDS = pure_datas()


@pytest.fixture(params=PDS)
def any_pd(request: pytest.FixtureRequest) -> Path:
    """Each that there is, also the one of double precision."""
    return PDS[request.param]


@pytest.fixture(params=[name for name in PDS if name != "double"])
def every_pd(request: pytest.FixtureRequest) -> Path:
    """The installed Pd, then one without multichannel signals."""
    return PDS[request.param]
