#!/usr/bin/env python3
"""Has the client libraries of others post audit events to `udmill serve`.

    python3 host-test/clients/run.py

Runs check.py in a virtual environment of its own.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import environment  # noqa: E402

if __name__ == "__main__":
    environment.run(HERE)
