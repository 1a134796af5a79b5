"""Whatever the caller's shell says, no process of a run compiles anew what another compiled; see the Makefile."""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
