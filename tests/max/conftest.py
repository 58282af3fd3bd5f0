"""The tests read what the package's generator knows of Max's boxes."""

import sys
from pathlib import Path

SOURCES = Path(__file__).parents[2]
sys.path[:0] = [str(SOURCES / "help"), str(SOURCES / "help" / "max")]
