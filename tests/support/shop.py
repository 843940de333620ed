"""A shop for demonstrations and tests: a broker of its own, foyerd with simulated radio and gate, phones and a till.

Every source address 127.x.y.z is a phone of its own to the simulated gate.
"""
import ctypes
import hashlib
import http.client
import json
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PR_SET_PDEATHSIG = 1


def free_port(preferred=0):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, **options):
    """A child that dies with us, however we die."""
    libc = ctypes.CDLL(None)
    return subprocess.Popen(command, preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), **options)


def stop(child, seconds=5):
    """Asks a child to end; how long that took, or None when it had to be killed."""
    asked = time.monotonic()
    child.terminate()
    try:
        child.wait(seconds)
        return time.monotonic() - asked
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return None


def wait_for(what, condition, seconds=10.0):
    """The first true answer of condition, or an error after so long."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.02)


def answers(port):
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Shop:
    """One folder, one broker, one foyerd. Change `config` (text of foyer.yaml) before open() for another shop."""

    def __init__(self, binaries, portal=0, admin=0):
        self.bin = pathlib.Path(binaries)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="foyer-shop-"))
        self.portal, self.admin, self.broker_port = free_port(portal), free_port(admin), free_port()
        self.till_key = secrets.token_hex(16)
        self.broker = self.subscriber = self.daemon = None
        self.mosquitto_lines = ["allow_anonymous true", "persistence false", "log_dest stderr", "log_type error",
                                "log_type subscribe"]
        self.config = self.demo_config()
        self.write_files()

    def demo_config(self):
        places = {"@DIR@": self.dir, "@PORTAL@": self.portal, "@ADMIN@": self.admin, "@BROKER@": self.broker_port}
        text = (ROOT / "config/demo.yaml").read_text()
        for word, value in places.items():
            text = text.replace(word, str(value))
        return text + f'pos: {{keys_file: "{self.dir}/pos.keys"}}\n'

    def write_files(self):
        (self.dir / "pos.keys").write_text(f"demo-till:{hashlib.sha256(self.till_key.encode()).hexdigest()}\n")
        shutil.copy(ROOT / "config/scenarios/shop.yaml", self.dir / "scenario.yaml")
        (self.dir / "campaigns").mkdir()
        shutil.copy(ROOT / "config/campaigns/demo-shake.yaml", self.dir / "campaigns")

    def open_broker(self):
        mosquitto = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        lines = [f"listener {self.broker_port} 127.0.0.1", *self.mosquitto_lines]
        (self.dir / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        with open(self.dir / "broker.log", "w") as log:
            self.broker = start([mosquitto, "-c", str(self.dir / "mosquitto.conf")], stderr=log)
        wait_for("the broker", lambda: answers(self.broker_port))

    def open_subscriber(self, *words):
        """Someone must listen upstream: without a subscriber the broker says so (0x10) and foyer keeps its rows."""
        topic = "foyer/v1/+/+/+/up/#"
        with open(self.dir / "upstream.jsonl", "a") as arrived:
            self.subscriber = start(
                ["mosquitto_sub", "-p", str(self.broker_port), "-V", "mqttv5", "-q", "1", "-t", topic, *words], stdout=arrived)
        wait_for("the subscription", lambda: topic in (self.dir / "broker.log").read_text())

    def open_daemon(self):
        (self.dir / "foyer.yaml").write_text(self.config)
        with open(self.dir / "foyerd.log", "a") as log:
            # restore_signals: SIGXFSZ stays ignored, so that a file too large is an error of write(2), not the end.
            self.daemon = start([str(self.bin / "foyerd"), "run", "--config", str(self.dir / "foyer.yaml")], stderr=log,
                                restore_signals=False)

        def serving():
            if self.daemon.poll() is not None:
                raise RuntimeError(f"foyerd ended with status {self.daemon.returncode}:\n{self.log()}")
            return answers(self.portal)
        wait_for("foyerd", serving)

    def open(self):
        self.open_broker()
        self.open_subscriber()
        self.open_daemon()

    def log(self):
        return (self.dir / "foyerd.log").read_text()

    def ctl_raw(self, *words):
        return subprocess.run([str(self.bin / "foyerctl"), "--socket", str(self.dir / "control.sock"), *words],
                              capture_output=True, text=True, timeout=10)

    def ctl(self, *words):
        done = self.ctl_raw("--json", *words)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)

    def follow(self):
        """A foyerctl that prints events as they are stored, one JSON object a line."""
        return start([str(self.bin / "foyerctl"), "--socket", str(self.dir / "control.sock"), "--json", "events", "--follow"],
                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def mint(self, kind="screen", zone="entrance"):
        """The path of a fresh link."""
        return urllib.parse.urlsplit(self.ctl("token", "mint", "--kind", kind, "--zone", zone)["url"]).path

    def close(self):
        for child in (self.subscriber, self.daemon, self.broker):
            if child is not None and child.poll() is None:
                stop(child)
        shutil.rmtree(self.dir, ignore_errors=True)


class Phone:
    """One shopper's phone: an address, and what its browser does."""

    def __init__(self, shop, address):
        self.shop, self.address = shop, address

    def ask(self, method, path, body=None, kind="application/json", host=None, headers=None):
        """Status, body as text, headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.shop.portal, timeout=5, source_address=(self.address, 0))
        try:
            sent = {"Host": host or f"127.0.0.1:{self.shop.portal}", "Connection": "close", **(headers or {})}
            if body is not None:
                sent["Content-Type"] = kind
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def join(self):
        """Scans the screen's QR and agrees; the status of the answer."""
        link = self.shop.mint()
        self.ask("GET", link)
        status, body, _ = self.ask("POST", link, "consent=yes", "application/x-www-form-urlencoded")
        if status != 303:
            raise RuntimeError(f"redeeming the link was answered {status}: {body[:200]}")

    def open_draw(self):
        status, body, _ = self.ask("POST", "/v1/draws/open", "{}")
        if status != 200:
            raise RuntimeError(f"opening a draw was answered {status}: {body[:200]}")
        return json.loads(body)["nonce"]

    def draw(self, nonce):
        status, body, _ = self.ask("POST", "/v1/draws", json.dumps({"nonce": nonce, "mode": "shake"}))
        if status != 200:
            raise RuntimeError(f"a draw was answered {status}: {body[:200]}")
        return json.loads(body)

    def redeem(self, code, call="redeem", **changes):
        """What the till is answered: status and object."""
        order = {"code": code, "store": "demo-store", "terminal": "1", "operator": "demo", "check_no": secrets.token_hex(4),
                 "amount": "88.00", "currency": "CNY", "idempotency_key": secrets.token_hex(8), **changes}
        status, body, _ = self.ask("POST", f"/v1/pos/{call}", json.dumps(order),
                                   headers={"Authorization": f"Bearer {self.shop.till_key}"})
        return status, json.loads(body)
