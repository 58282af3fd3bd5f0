"""What all Python tests share."""

import atexit
import os
import shutil
import tempfile

# What the engine remembers of files that it has loaded is the user's; the tests have their own.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="timbrel-cache-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)
