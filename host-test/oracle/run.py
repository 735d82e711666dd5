#!/usr/bin/env python3
"""Holds udmill's goldens and its UDM schema against Google's own protobuf descriptors.

    python3 host-test/oracle/run.py [FOLDER...]

Runs check.py in a virtual environment of its own. Folders are those with golden files; by default every
src/udm/*/golden.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import environment  # noqa: E402

if __name__ == "__main__":
    environment.run(HERE)
