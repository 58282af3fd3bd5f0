"""Lets the tests of Pd use the models of the Python tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))
