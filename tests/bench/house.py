#!/usr/bin/env python3
"""Measures foyer and prints its figures, one JSON object a line with --json, else a table. scripts/bench calls it.

What needs no house is left to foyer-bench. For the rest a street is opened: a box, phones and an internet, each in a
network namespace of its own, with the real foyer-gate and foyerd in the box. The namespaces belong to processes that
die with this one, so that nothing stays whatever ends it.
"""
import argparse
import contextlib
import ctypes
import getpass
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
import durable  # noqa: E402
from shop import answers, free_port, start, stop, wait_for  # noqa: E402

PHONES = 500
CLIENTS = 64
STARTS = 5
IDLE_SECONDS = 10
BOX, BOX_MAC, NETWORK = "10.9.255.254", "02:00:00:00:ff:fe", "10.9.255.254/16"
INTERNET = "203.0.113.5"
SINK_PORT = 7
CLONE_NEWNET = 0x40000000

ALONE = ["decode_rate", "decode_allocations", "presence_step_ns", "presence_growth_bytes", "match_1000_us",
         "bytes_per_event", "fsyncs_per_event", "redeem_1m_p99_ratio"]
STREET = ["gate_op_us", "gate_ask_us", "gate_look_ms", "ready_s", "rss_idle_mib", "gate_rss_mib", "idle_cpu_percent", "first_hits_50_max_ms",
          "redirects_per_s", "admission_p50_ms", "admission_p99_ms", "fence_honest_p99_ms"]
GATE_ALONE = {"gate_op_us", "gate_ask_us", "gate_look_ms"}
SHOP = ["draws_per_s", "draws_per_fsync", "draws_group_commit_ratio", "draw_p99_ms"]
FILES = ["package_mib"]
# In the virtual shop, with its processor's instructions counted: half an hour, so only when asked for by name.
RADIO = ["radio_cpu_ratio_dbus_200", "radio_cpu_ratio_dbus_500", "radio_cpu_ratio_tap_500", "radio_total_ratio_tap_500",
         "radio_total_ratio_passive_500", "radio_lost_dbus_500", "radio_lost_tap_500"]
DEFAULT = ALONE + STREET + SHOP + durable.NAMES + FILES
KNOWN = DEFAULT + RADIO

CONFIG = """\
gateway: {{id: bench-gw, store: bench-store, tenant: bench}}
storage: {{path: "{dir}/foyer.db", max_size: 4 GiB, commit_group: {group}}}
radio:
  driver: sim
  broadcast: [{{uuid: fda50693-a4e2-4fb1-afcf-c6eb07647825, major: 1, minor: rolling, rotate: 60s}}]
zones: [{{id: entrance, beacons: [{{uuid: 6d0b6a54-2f0c-4a7e-9d8b-5f1f3f0a7c11}}]}}]
wifi: {wifi}
portal: {{http: "{portal}", screen_rotation: 1h, limits: {{draws: 1000000, redeems: 1000000}}}}
upstream: {{mqtt: {{host: 127.0.0.1, port: {broker}}}}}
campaigns: "{dir}/campaigns"
admin: {{socket: "{dir}/control.sock", http: "{admin}"}}
"""
CAMPAIGN = """\
id: bench-shake
title: {en: Shake}
trigger: shake
where: {presence: 1}
limits: {interval: 0s}
prizes:
  ten-off: {kind: coupon, weight: 3, benefit: {kind: amount_off, amount: "10.00", currency: CNY}, valid: {for: 7d}}
  none: {kind: nothing, weight: 1}
"""


class Net:
    """A network namespace; it lives as long as the process that holds it."""

    def __init__(self, closing):
        self.holder = start(["unshare", "--net", "sleep", "infinity"])
        closing.callback(stop, self.holder)
        ours = os.readlink("/proc/self/ns/net")
        wait_for("a network namespace", lambda: os.readlink(self.path()) != ours)
        self.run("ip", "link", "set", "lo", "up")

    def path(self):
        return f"/proc/{self.holder.pid}/ns/net"

    def inside(self, *words):
        return ["nsenter", f"--net={self.path()}", *map(str, words)]

    def run(self, *words, **options):
        done = subprocess.run(self.inside(*words), capture_output=True, text=True, **options)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, words))}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def ip(self, lines):
        self.run("ip", "-batch", "-", input="\n".join(lines) + "\n")


@contextlib.contextmanager
def within(net):
    """Sockets made by this thread inside belong to that namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, open(net.path()) as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


class Ready:
    """Where a service says READY=1 (sd_notify(3))."""

    def __init__(self, directory, name):
        self.path = str(directory / f"{name}.notify")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.1)

    def environment(self):
        return {**os.environ, "NOTIFY_SOCKET": self.path}

    def wait(self, child, name, log, seconds=10.0):
        deadline = time.monotonic() + seconds
        with self.socket:
            while time.monotonic() < deadline:
                with contextlib.suppress(TimeoutError):
                    if b"READY=1" in self.socket.recv(4096).split(b"\n"):
                        return
                if child.poll() is not None:
                    raise RuntimeError(f"{name} ended with status {child.returncode}: {log.read_text().strip()}")
        raise RuntimeError(f"{name} was not ready within {seconds:.0f} s: {log.read_text().strip()}")


class House:
    """A folder, a broker and foyerd; `net` is where it stands, or None for right here."""

    def __init__(self, binaries, closing, net=None):
        self.bin, self.closing, self.net = binaries, closing, net
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="foyer-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        closing.callback(shutil.rmtree, self.dir, ignore_errors=True)
        self.daemon = None
        self.broker_port = 1883 if net else free_port()

    def start(self, *words, **options):
        child = start(self.net.inside(*words) if self.net else list(map(str, words)), **options)
        self.closing.callback(stop, child)
        return child

    def start_and_wait(self, name, *words):
        """Starts a service; it, and the seconds until it said that it is ready."""
        ready, log = Ready(self.dir, name), self.dir / f"{name}.log"
        with open(log, "a") as out:
            begun = time.monotonic()
            child = self.start(self.bin / name, *words, stderr=out, env=ready.environment())
            ready.wait(child, name, log)
            return child, time.monotonic() - begun

    def broker_answers(self):
        if not self.net:
            return answers(self.broker_port)
        return subprocess.run(self.net.inside("bash", "-c", f"</dev/tcp/127.0.0.1/{self.broker_port}"),
                              stderr=subprocess.DEVNULL).returncode == 0

    def open_broker(self):
        # Without `user` it would change its own, and a process that does so no longer dies with its parent (prctl(2)).
        (self.dir / "mosquitto.conf").write_text(
            f"user {getpass.getuser()}\nlistener {self.broker_port} 127.0.0.1\nallow_anonymous true\n"
            "persistence false\nlog_type error\n")
        self.start(shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", self.dir / "mosquitto.conf",
                   stderr=subprocess.DEVNULL)
        wait_for("the broker", self.broker_answers)
        self.start("mosquitto_sub", "-p", self.broker_port, "-V", "mqttv5", "-q", "1", "-t", "foyer/v1/+/+/+/up/#",
                   stdout=subprocess.DEVNULL)

    def configure(self, wifi, portal, admin, group=256):
        (self.dir / "campaigns").mkdir()
        (self.dir / "campaigns/bench.yaml").write_text(CAMPAIGN)
        (self.dir / "foyer.yaml").write_text(
            CONFIG.format(dir=self.dir, wifi=wifi, portal=portal, admin=admin, broker=self.broker_port, group=group))

    def open_daemon(self):
        self.daemon, seconds = self.start_and_wait("foyerd", "run", "--log", "warn", "--config", self.dir / "foyer.yaml")
        return seconds

    def open(self):
        """A fresh foyerd that has told upstream that it is there."""
        self.open_broker()
        self.open_daemon()
        wait_for("the uplink", self.settled)

    def settled(self):
        outbox = self.ctl("outbox")
        return outbox["connected"] and all(stream["rows"] == 0 for stream in outbox["streams"].values())

    def ctl(self, *words):
        done = subprocess.run([self.bin / "foyerctl", "--socket", self.dir / "control.sock", "--json", *words],
                              capture_output=True, text=True, timeout=10)
        if done.returncode != 0:
            raise RuntimeError(f"foyerctl {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def link(self):
        return urllib.parse.urlsplit(self.ctl("token", "mint", "--kind", "screen", "--zone", "entrance")["url"]).path


def bench_program(binaries, words, net=None):
    """What foyer-bench prints, as it comes."""
    command = [str(binaries / "foyer-bench"), *map(str, words)]
    child = start(net.inside(*command) if net else command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in child.stdout:
            yield json.loads(line)
        if child.wait() != 0:
            raise RuntimeError(child.stderr.read().strip() or f"foyer-bench ended with status {child.returncode}")
    finally:
        stop(child)


def figure(name, value, unit, n, note):
    return {"name": name, "value": value, "unit": unit, "n": n, "note": note}


def resident_mib(pid, what="VmRSS"):
    """Now; with VmHWM at the most."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no {what}")


def cpu_seconds(pid):
    """Of all threads; the scheduler's own count, in nanoseconds (proc-schedstat)."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


class Street:
    """phones (each a MAC and an address of its own, on one wire) - lan0 box u0 - internet."""

    def __init__(self, binaries, closing):
        if os.geteuid() != 0:
            raise RuntimeError("network namespaces need root")
        self.bin = binaries
        self.box, self.far, self.internet = Net(closing), Net(closing), Net(closing)
        self.house = House(binaries, closing, self.box)
        self.wire_up()
        self.gate_socket = self.house.dir / "gate.sock"
        self.gate, _ = self.house.start_and_wait("foyer-gate", "--socket", self.gate_socket, "--uid", "0")
        self.house.configure(
            f'{{gate: nftables, interface: lan0, uplink: u0, address: {NETWORK}, gate_socket: "{self.gate_socket}"}}',
            "0.0.0.0:8080", "127.0.0.1:9464")

    def wire_up(self):
        self.box.ip([f"link add lan0 address {BOX_MAC} type veth peer name w0 netns {self.far.holder.pid}",
                     f"link add u0 type veth peer name i0 netns {self.internet.holder.pid}",
                     f"addr add {NETWORK} dev lan0", "addr add 198.51.100.1/24 dev u0", "link set lan0 up", "link set u0 up",
                     "route add default via 198.51.100.2"])
        self.internet.ip(["addr add 198.51.100.2/24 dev i0", f"addr add {INTERNET}/32 dev i0", "link set i0 up"])
        # Each phone answers for its own address only, by the way it was asked; IPv4 is what is measured.
        self.far.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.rp_filter=0",
                     "net.ipv4.conf.default.rp_filter=0", "net.ipv6.conf.all.disable_ipv6=1",
                     "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.ip_local_port_range=1024 39999")
        # Half-open connections, asked for from port 40000 on, are not reset by a phone that does not know them.
        self.far.run("nft", "add table ip half; add chain ip half out { type filter hook output priority 0; };"
                            "add rule ip half out tcp sport 40000-40999 tcp flags rst drop")
        lines = ["link set w0 up"]
        for i in range(PHONES):
            lines += [f"link add link w0 name p{i} address 02:00:00:01:{i >> 8:02x}:{i & 255:02x} type macvlan mode private",
                      f"addr add {self.address(i)}/32 dev p{i}", f"link set p{i} up",
                      f"neigh replace {BOX} lladdr {BOX_MAC} dev p{i} nud permanent",
                      f"route add default via {BOX} dev p{i} onlink metric {1000 + i}",
                      # Among as many routes of one prefix the kernel looks for the device's one by one, at each connect.
                      f"route add {self.host(i)} via {BOX} dev p{i} onlink"]
        self.far.ip(lines)

    @staticmethod
    def address(i):
        return f"10.9.{i // 250}.{i % 250 + 1}"

    @staticmethod
    def host(i):
        """What phone i probes: an address of its own in the network for benchmarks (RFC 2544)."""
        return f"198.18.{i // 250}.{i % 250 + 1}"

    def phones(self, word, *options):
        """Measured by phones 0 to PHONES-1."""
        names = [f"{self.address(i)}%p{i}@{self.host(i)}" for i in range(PHONES)]
        return bench_program(self.bin, [word, "--portal", BOX, "--internet", INTERNET, *options, *names], self.far)

    def gate_op(self):
        return bench_program(self.bin, ["figures", *GATE_ALONE, "--gate-socket", self.gate_socket, "--interface", "lan0",
                                        "--uplink", "u0", "--address", NETWORK], self.box)

    def starts(self):
        """exec to READY=1, each with an empty folder."""
        seconds = []
        for _ in range(STARTS):
            seconds.append(self.house.open_daemon())
            stop(self.house.daemon)
            for left in self.house.dir.glob("foyer.db*"):
                left.unlink()
        return figure("ready_s", statistics.median(seconds), "s", STARTS,
                      f"exec to READY=1 with an empty database, real gate; median, slowest {max(seconds):.3f}")

    def idle(self):
        daemon, gate = self.house.daemon.pid, self.gate.pid
        before, begun = cpu_seconds(daemon), time.monotonic()
        time.sleep(IDLE_SECONDS)  # the time that is measured
        used, took = cpu_seconds(daemon) - before, time.monotonic() - begun
        note = "real gate, uplink connected, silent radio, nobody there"
        yield figure("idle_cpu_percent", 100 * used / took, "%", 1, f"of one core, over {IDLE_SECONDS} s; {note}")
        yield figure("rss_idle_mib", resident_mib(daemon), "MiB", 1, f"foyerd, resident, libraries included; {note}")
        yield figure("gate_rss_mib", resident_mib(gate), "MiB", 1, "foyer-gate, resident, libraries included; idle")

    def open_sink(self):
        child = start(self.internet.inside(self.bin / "foyer-bench", "sink", "--port", SINK_PORT), stdout=subprocess.PIPE,
                      text=True)
        self.house.closing.callback(stop, child)
        if child.stdout.readline().strip() != "listening":
            raise RuntimeError("the internet does not listen")

    def measure(self, wanted):
        if wanted & GATE_ALONE:
            yield from self.gate_op()
        if "ready_s" in wanted:
            yield self.starts()
        if not (wanted & set(STREET)) - GATE_ALONE - {"ready_s"}:
            return
        self.house.open()
        if wanted & {"rss_idle_mib", "gate_rss_mib", "idle_cpu_percent"}:
            yield from self.idle()
        if "first_hits_50_max_ms" in wanted:
            yield from self.phones("first-hits")
        if "redirects_per_s" in wanted:
            yield from self.phones("redirects")
        if wanted & {"admission_p50_ms", "admission_p99_ms"}:
            self.open_sink()
            yield from self.phones("admissions", "--link", self.house.link(), "--internet-port", SINK_PORT)
        if "fence_honest_p99_ms" in wanted:  # last: it leaves phones shut out, and the honest ones must be strangers
            for i in range(5):
                with contextlib.suppress(RuntimeError):
                    self.house.ctl("remove", self.address(i))
            yield from self.fence()

    def fence(self):
        """The figure, with foyerd's size under attack in its note."""
        for one in self.phones("fence"):
            one["note"] += f"; foyerd then {resident_mib(self.house.daemon.pid):.0f} MiB"
            yield one


def alone(binaries, wanted, closing):
    folder = House(binaries, closing).dir
    return bench_program(binaries, ["figures", "--folder", folder, *[name for name in ALONE if name in wanted]])


def street(binaries, wanted, closing):
    return Street(binaries, closing).measure(wanted)


class Shop:
    """A foyerd with a simulated gate: every source address 127.x.y.z is a phone of its own."""

    def __init__(self, binaries, group, closing):
        self.bin, self.house = binaries, House(binaries, closing)
        self.portal, self.admin = free_port(), free_port()
        self.house.configure("{gate: sim}", f"127.0.0.1:{self.portal}", f"127.0.0.1:{self.admin}", group)
        self.house.open()

    def commits(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith("foyer_ledger_commits_total "):
                    return float(line.split()[1])
        raise RuntimeError("foyerd counts no commits")

    def draw(self, rate=0):
        phones = [f"127.0.1.{i + 1}" for i in range(CLIENTS)]
        [one] = bench_program(self.bin, ["draws", "--portal", "127.0.0.1", "--port", self.portal, "--rate", rate, "--link",
                                         self.house.link(), *phones])
        return one


def shop(binaries, wanted, closing):
    if wanted & set(SHOP[:3]):
        with contextlib.ExitStack() as inner:
            grouped = Shop(binaries, 256, inner)
            before = grouped.commits()
            many = grouped.draw()
            commits = grouped.commits() - before
        yield many
        yield figure("draws_per_fsync", many["n"] / commits, "draws/fsync", many["n"],
                     f"the same run: {commits:.0f} commits, one fsync each, the guests' admissions among them; at most 64 could share one")
        if "draws_group_commit_ratio" in wanted:
            with contextlib.ExitStack() as inner:
                single = Shop(binaries, 1, inner).draw()
            yield figure("draws_group_commit_ratio", many["value"] / single["value"], "x", many["n"] + single["n"],
                         f"against {single['value']:.0f} draws/s with one decision a commit (storage.commit_group: 1)")
    if "draw_p99_ms" in wanted:
        yield Shop(binaries, 256, closing).draw(500)


def the_line(binaries, wanted, closing):
    return durable.measure(binaries.parent / "tests/foyer-line", wanted, closing)


def package(binaries):
    """This build's, made now: an older one that lies about says nothing of it."""
    made = subprocess.run([ROOT / "tests/store/make-deb", binaries.parent], check=True, capture_output=True, text=True)
    return pathlib.Path(made.stdout.strip())


def files(binaries, *_):
    made = package(binaries)
    yield figure("package_mib", made.stat().st_size / 2**20, "MiB", 1, made.name)


def radio(binaries, *_):
    """The store's machine with this build's package; tests/store/guest/radio_bench.py is what runs in it."""
    out = ROOT / "build/radio-bench"
    done = subprocess.run([ROOT / "tests/store/run", "--deb", package(binaries), "--out", out, "--minutes", "60", "--counted",
                           "--program", "radio_bench"], capture_output=True, text=True)
    lines = out / "figures.jsonl"
    if lines.exists():
        yield from map(json.loads, lines.read_text().splitlines())
    if done.returncode != 0:
        raise RuntimeError(done.stdout.strip()[-1000:] or done.stderr.strip()[-1000:])


class Printer:
    def __init__(self, as_json):
        self.as_json = as_json
        if not as_json:
            print(f"{machine()}\n\n{'figure':<26}{'value':>12}  {'unit':<12}{'n':>9}  note", flush=True)

    def __call__(self, one):
        if self.as_json:
            print(json.dumps(one, ensure_ascii=False), flush=True)
        else:
            print(f"{one['name']:<26}{readable(one['value']):>12}  {one['unit']:<12}{one['n']:>9}  {one['note']}", flush=True)


def readable(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def machine():
    """One line that says on what this was measured."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                 platform.machine())
    system = next((line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release")
                   if line.startswith("PRETTY_NAME=")), "Linux")
    folder = os.environ.get("TMPDIR", "/var/tmp")
    kind = subprocess.run(["findmnt", "-no", "FSTYPE", "-T", folder], capture_output=True, text=True).stdout.strip()
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} x {model}, {system}, Linux {platform.release()}, {folder} on {kind}, load {load:.1f} at the start"


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description="measures foyer", epilog="figures: " + " ".join(KNOWN))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--bin", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a figure; default: all but radio_…")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in KNOWN]
    if unknown:
        parser.exit(2, f"scripts/bench: unknown figure {', '.join(unknown)}; known are: {' '.join(KNOWN)}\n")
    return options


def main():
    options = parse_arguments()
    if options.check:
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda which, _: sys.exit(128 + which))
    wanted = set(options.names or DEFAULT)
    show, failed = Printer(options.json), False
    for names, measure in ((ALONE, alone), (STREET, street), (SHOP, shop), (durable.NAMES, the_line), (FILES, files),
                           (RADIO, radio)):
        if not wanted & set(names):
            continue
        with contextlib.ExitStack() as closing:
            try:
                for one in measure(options.bin, wanted, closing):
                    if one["name"] in wanted:
                        show(one)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                print(f"bench: {' '.join(n for n in names if n in wanted)}: cut short: {error}", file=sys.stderr, flush=True)
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
