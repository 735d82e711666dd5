#!/usr/bin/env python3
"""Holds udmill's goldens and its UDM schema against Google's own protobuf descriptors.

    python3 host-test/oracle/run.py [FOLDER...]

Makes a virtual environment with the pinned requirements under target/oracle-venv, or takes the one that is there,
and runs check.py in it. Folders are those with golden files; by default every src/udm/*/golden.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE.parents[1] / "target" / "oracle-venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
REQUIREMENTS = HERE / "requirements.txt"


def main():
    if not is_ready():
        make()
    outcome = subprocess.run([PYTHON, HERE / "check.py", *sys.argv[1:]], check=False)
    sys.exit(outcome.returncode)


def is_ready():
    """The stamp is written last, so that a broken installation is none."""
    stamp = VENV / "stamp"
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == stamp_text()


def stamp_text():
    return f"{sys.version}\n{REQUIREMENTS.read_text()}"


def make():
    shutil.rmtree(VENV, ignore_errors=True)
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    for command in ([sys.executable, "-m", "venv", VENV], [*pip, "-r", REQUIREMENTS]):
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            words = " ".join(str(it) for it in command)
            print(made.stdout + made.stderr, file=sys.stderr)
            print(f"expected `{words}` to make the environment, but it failed", file=sys.stderr)
            print("0 passed, 1 failed")
            sys.exit(1)
    (VENV / "stamp").write_text(stamp_text())


if __name__ == "__main__":
    main()
