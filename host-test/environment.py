"""A virtual environment for the scripts of a folder: its pinned requirements.txt and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(folder):
    """Runs `folder`/check.py with this process's arguments, and ends as it does.

    The environment is target/{folder's name}-venv: made anew unless it is there with the same Python and requirements.
    """
    requirements = folder / "requirements.txt"
    venv = ROOT / "target" / f"{folder.name}-venv"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # The stamp is written last, so that a broken installation is none.
    stamp = venv / "stamp"
    wanted = f"{sys.version}\n{requirements.read_text()}"
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(venv, ignore_errors=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        succeed([sys.executable, "-m", "venv", venv])
        succeed([*pip, "-r", requirements])
        stamp.write_text(wanted)
    outcome = subprocess.run([python, folder / "check.py", *sys.argv[1:]], check=False)
    sys.exit(outcome.returncode)


def succeed(command):
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        words = " ".join(str(it) for it in command)
        print(made.stdout + made.stderr, file=sys.stderr)
        print(f"expected `{words}` to make the environment, but it failed", file=sys.stderr)
        print("0 passed, 1 failed")
        sys.exit(1)
