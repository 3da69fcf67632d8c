"""The example `on_command` as a process to talk to, and waiting with an end; shared by the scripts here."""

import json
import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def build(features="full"):
    """Builds the example; gives its path."""
    command = ["cargo", "build", "--locked", "--example", "on_command", "--features", features]
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "debug" / "examples" / "on_command"


class OnCommand:
    """A running one; ends with `end`."""

    def __init__(self, path, **environment):
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("PLIMSOLL_", "OTEL_"))}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([path], stdin=pipe, stdout=pipe, text=True, env=clean | environment)
        self.pid = self.process.pid

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        return answer if answer == "done" else json.loads(answer)

    def end(self):
        """Has it end by itself."""
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0, self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=30)


def eventually(what, met, seconds=60):
    """Asks `met` until it gives something."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        found = met()
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"never happened: {what}")
