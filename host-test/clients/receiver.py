"""`udmill serve` as a process of its own, on any free port and a store of its own.

The environment variable UDMILL names the command; by default it is the one that `cargo xtask build` makes.
"""

import json
import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
COMMAND = Path(os.environ.get("UDMILL", TARGET / "release" / "udmill"))

CONFIG = """
[feed.azdo]
log_type = "AZURE_DEVOPS"
auth = { secrets = ["{azdo_secret}"] }
destination = "main"

[destination.main]
type = "stdout"
"""
SECRET = "secret-of-the-clients-3f9d52"
# Longer than anything takes here, in seconds.
PATIENCE = 60


class Receiver:
    """A context: the receiver runs inside it."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        (folder / "udmill.toml").write_text(CONFIG)
        command = [COMMAND, "serve", "--listen", "127.0.0.1:0", "--state", folder / "state"]
        self.process = subprocess.Popen(
            [*command, "--config", folder / "udmill.toml"],
            env={**os.environ, "SPIN_VARIABLE_AZDO_SECRET": SECRET},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.printed, self.logged = follow(self.process.stdout), follow(self.process.stderr)
        while not (found := re.search(r"listening on (http://\S+)", self.next(self.logged))):
            pass
        self.endpoint = f"{found[1]}/v1/feeds/azdo"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def url(self, secret=SECRET):
        """The address of the feed, as it is pasted into a subscription."""
        return f"{self.endpoint}?secret={secret}"

    def events(self, count):
        """The next so many events on standard output."""
        return [json.loads(self.next(self.printed)) for _ in range(count)]

    def end(self):
        """Ends as an operator ends it; gives the exit status and the events that nobody asked for."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        return status, list(iter(lambda: self.printed.get(timeout=PATIENCE), None))

    def next(self, lines):
        line = lines.get(timeout=PATIENCE)
        if line is None:
            raise AssertionError("expected another line of `udmill serve`, but it ended")
        return line


def follow(stream):
    """Its lines in a queue, with None behind the last."""
    lines = queue.Queue()

    def read():
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines
