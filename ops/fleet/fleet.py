"""A fleet on one machine: real Prometheus, Alertmanager and plimsoll processes, on loopback, in a directory of their own.

Everything that is started is stopped by its id, whatever happens. Standard library only.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "ops" / "prometheus"
TOOLS = ["prometheus", "promtool", "prometheus-alertmanager", "amtool"]

# Nothing here takes longer unless it hangs.
DEADLINE = 120


def install_tools():
    """From Debian, where they are missing; their services are left stopped."""
    if all(shutil.which(tool) for tool in TOOLS):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    packages = ["prometheus", "prometheus-alertmanager"]
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    subprocess.run(install + packages, check=True, env=environment, stdout=subprocess.DEVNULL)


def build_member(release=False):
    """Builds the example and says where it is; `FLEET_MEMBER` is one that is built already."""
    if os.environ.get("FLEET_MEMBER"):
        return pathlib.Path(os.environ["FLEET_MEMBER"]).resolve()
    features = os.environ.get("FLEET_FEATURES", "http,prometheus")
    command = ["cargo", "build", "--quiet", "--locked", "--example", "fleet_member", "--features", features]
    subprocess.run(command + (["--release"] if release else []), check=True, cwd=ROOT)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / ("release" if release else "debug") / "examples" / "fleet_member"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, accept=None):
    request = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def eventually(what, look, seconds=DEADLINE):
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = look()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.5)
    raise SystemExit(f"in {seconds} s there was no sign of this: {what}")


class Fleet:
    """Use as `with Fleet() as fleet`."""

    def __enter__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="plimsoll-fleet-"))
        self.processes, self.members = [], {}
        (self.home / "targets").mkdir()
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.stop(process)
        if not os.environ.get("FLEET_KEEP"):
            shutil.rmtree(self.home, ignore_errors=True)

    def stop(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def start(self, name, command, **given):
        log = open(self.home / f"{name}.log", "w")
        process = subprocess.Popen(command, stderr=log, cwd=self.home, text=True, **given)
        self.processes.append(process)
        return process

    def member(self, name, binary, *arguments, **environment):
        """Starts a plimsoll process, and writes it down where Prometheus looks for it."""
        given = {"env": {**os.environ, **environment}, "stdout": subprocess.PIPE}
        process = self.start(name, [str(binary), *arguments], **given)
        hello = json.loads(process.stdout.readline())
        self.members[name] = {"process": process, "address": hello["address"]}
        self.discover()
        return self.members[name]

    def discover(self):
        """One file, replaced as a whole: no scraper ever reads half of it."""
        targets = [
            {"targets": [member["address"]], "labels": {"instance": name, "service": "fleet"}}
            for name, member in self.members.items()
        ]
        new = self.home / "targets" / "fleet.new"
        new.write_text(json.dumps(targets))
        new.rename(self.home / "targets" / "fleet.json")

    def alertmanager(self):
        port = free_port()
        config = self.home / "alertmanager.yml"
        text = (RULES / "alertmanager.yml").read_text()
        config.write_text(text.replace("group_wait: 30s", "group_wait: 1s"))
        self.alerts_url = f"http://127.0.0.1:{port}"
        self.start("alertmanager", [
            "prometheus-alertmanager", f"--config.file={config}", f"--storage.path={self.home}/alerts",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="])
        eventually("a ready Alertmanager", lambda: get(self.alerts_url + "/-/ready"))

    def prometheus(self, pending="3s"):
        """With the shipped rules; only how long an alert is pending is shortened, to see it fire while somebody waits."""
        for rules in ["recording.rules.yml", "alerts.rules.yml"]:
            text = (RULES / rules).read_text()
            (self.home / rules).write_text(re.sub(r"(?m)^( +for:) .*$", rf"\1 {pending}", text))
        text = (RULES / "prometheus.yml").read_text()
        text = re.sub(r"(_interval:) 1[5m]\w*", r"\1 1s", text)
        text = text.replace("127.0.0.1:9093", self.alerts_url.removeprefix("http://"))
        config = self.home / "prometheus.yml"
        config.write_text(text)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.start("prometheus", [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.home}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"])
        eventually("a ready Prometheus", lambda: get(self.url + "/-/ready"))

    def api(self, path, **arguments):
        answer = json.loads(get(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        """What it finds now: labels and number of each series."""
        found = self.api("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def alerts(self):
        """What Alertmanager has been told."""
        return json.loads(get(self.alerts_url + "/api/v2/alerts?active=true"))

    def all_are_scraped(self):
        up = self.query("up == 1")
        return len(up) == len(self.members) and up
