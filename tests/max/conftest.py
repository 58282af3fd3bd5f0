"""The tests read what the package's generator, the scripts and the Python tests know."""

import sys
from pathlib import Path

SOURCES = Path(__file__).parents[2]
sys.path[:0] = [str(SOURCES / name) for name in ("help", "help/max", "scripts", "tests/python")]
