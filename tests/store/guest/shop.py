"""Words for writing the scenario: steps with names, waiting for conditions, requests from a network namespace."""
import contextlib
import ctypes
import dataclasses
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time
import traceback
import urllib.parse

IN = pathlib.Path("/run/store/in")
OUT = pathlib.Path("/run/store/out")
INTERNET = "203.0.113.10"


class Failed(Exception):
    """A check that does not hold; its text goes into the report."""


def demand(holds, what):
    if not holds:
        raise Failed(what)


def until(condition, seconds, what):
    """The first true value of condition() and the seconds it took; Failed after the deadline. A refused connection
    or a step that Failed is only "not yet"; the last one is told."""
    start, last = time.monotonic(), ""
    while True:
        try:
            value, last = condition(), ""
        except (OSError, http.client.HTTPException, Failed) as error:
            value, last = None, f" ({error})"
        took = time.monotonic() - start
        if value:
            return value, took
        demand(took <= seconds, f"not within {seconds} s: {what}{last}")
        time.sleep(0.05)


def run(*command, check=True, text=None, timeout=120):
    done = subprocess.run(command, capture_output=True, text=True, input=text, timeout=timeout)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def systemctl(*arguments, **options):
    return run("systemctl", *arguments, **options)


def show(unit, name):
    return run("systemctl", "show", "-P", name, unit).strip()


# --- steps ---------------------------------------------------------------------------------------------------------

class Scenario:
    """Steps run in the order written; one whose need failed counts as failed, because it was not proven."""

    def __init__(self):
        self.steps = []
        self.results = OUT / "results.jsonl"

    def step(self, *needs):
        def add(function):
            self.steps.append((function.__name__, needs, function))
            return function
        return add

    def wanted(self, names):
        """The named steps with all they need; every step when none is named."""
        needs = {name: need for name, need, _ in self.steps}
        unknown = set(names) - set(needs)
        if unknown:
            raise SystemExit(f"no such step: {unknown}")
        chosen, queue = set(), list(names or needs)
        while queue:
            name = queue.pop()
            if name not in chosen:
                chosen.add(name)
                queue.extend(needs[name])
        return chosen

    def run(self, names):
        chosen, passed = self.wanted(names), set()
        for name, needs, function in self.steps:
            if name not in chosen:
                continue
            start = time.monotonic()
            missing = [need for need in needs if need not in passed]
            ok, detail = (False, f"not run: {missing[0]} failed") if missing else attempt(function)
            if ok:
                passed.add(name)
            self.write({"name": name, "ok": ok, "detail": detail, "seconds": round(time.monotonic() - start, 2)})
        self.write({"end": True, "uptime": float(pathlib.Path("/proc/uptime").read_text().split()[0])})
        return len(passed) == len(chosen)

    def write(self, result):
        with self.results.open("a") as file:
            file.write(json.dumps(result) + "\n")
        print(result, flush=True)


def attempt(function):
    try:
        return True, function() or ""
    except Failed as failure:
        return False, str(failure)
    except Exception:  # a fault of the scenario or a broken answer: the trace is the detail
        return False, traceback.format_exc()


# --- namespaces and requests ---------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def inside(namespace):
    """This thread's new sockets belong to the namespace (None: stay)."""
    if namespace is None:
        yield
        return
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        if _libc.setns(there.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if _libc.setns(home.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns back")


@dataclasses.dataclass
class Response:
    status: int
    headers: dict
    body: bytes
    seconds: float

    def json(self):
        return json.loads(self.body)


class Web:
    """A browser in a namespace: no redirects followed, cookies kept as a phone keeps them, certificates trusted when
    signed by the one in the file `trust`."""

    def __init__(self, namespace, trust=None):
        self.namespace = namespace
        self.cookie = None
        self.trust = trust

    def address(self, host):
        if host.replace(".", "").isdigit():
            return host
        command = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        found = run(*command, "getent", "ahostsv4", host)
        return found.split()[0]

    def request(self, method, url, body=None, headers=None, timeout=10):
        parts = urllib.parse.urlsplit(url)
        address = self.address(parts.hostname)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        start = time.monotonic()
        with inside(self.namespace):
            connected = socket.create_connection((address, port), timeout)
        if secure:
            connected = ssl.create_default_context(cafile=self.trust).wrap_socket(connected, server_hostname=parts.hostname)
        connection = http.client.HTTPConnection(parts.hostname, port)
        connection.sock = connected
        sent = {"Cookie": self.cookie} if self.cookie else {}
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, body, sent | (headers or {}))
            answer = connection.getresponse()
            response = Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read(),
                                time.monotonic() - start)
        finally:
            connection.close()
        if "set-cookie" in response.headers:
            self.cookie = response.headers["set-cookie"].split(";")[0]
        return response

    def get(self, url, **options):
        return self.request("GET", url, **options)

    def post_form(self, url, **fields):
        return self.request("POST", url, urllib.parse.urlencode(fields),
                            {"Content-Type": "application/x-www-form-urlencoded"})

    def post_json(self, url, value, headers=None, **options):
        return self.request("POST", url, json.dumps(value), {"Content-Type": "application/json"} | (headers or {}), **options)


class Traffic:
    """A guest who reads the internet all the time; counts what was refused. One request each 100 ms."""

    def __init__(self, namespace):
        self.web = Web(namespace)
        self.done, self.failures = 0, []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.loop)

    def loop(self):
        while not self.stopping.wait(0.1):
            start = time.monotonic()
            try:
                answer = self.web.get(f"http://{INTERNET}/", timeout=5)
                demand(answer.status == 200 and answer.body.startswith(b"internet"), f"status {answer.status}")
                self.done += 1
            except Exception as error:
                self.failures.append(f"{start:.2f}: {error!r}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def demand_unbroken(self):
        demand(self.done > 0, "no request of the guest got through at all")
        demand(not self.failures, f"{len(self.failures)} of {self.done + len(self.failures)} refused: {self.failures[:3]}")
        return f"{self.done} requests, none refused"


def radio(line):
    """One command to the virtual controllers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("/run/store-radio.sock")
        connection.sendall(line.encode() + b"\n")
        answer = connection.makefile().readline().strip()
    demand(not answer.startswith("error"), f"radio {line}: {answer}")
    return answer


def json_lines(path):
    """Whole lines only: the last one may still be in the writing."""
    path = pathlib.Path(path)
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
