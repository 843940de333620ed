#!/usr/bin/env python3
"""A whole house with 500 guests in network namespaces, and what may not disturb them: a killed foyerd, a killed
foyer-gate, a reboot of the box, hostile phones, a weak signal. usage: gate_house_test.py BIN"""
import concurrent.futures
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/bench"), str(ROOT / "tests/support")]
import house  # noqa: E402
from distance import Distance, whole_frames  # noqa: E402
from house import within  # noqa: E402
from shop import start, stop, wait_for  # noqa: E402

ECHO_PORT = 77
WEAK = 499


def check(true, what):
    if not true:
        raise AssertionError(what)


class Traffic:
    """Every guest in turn talks to the internet for as long as this is open."""

    def __init__(self, street, closing):
        echo = start(street.internet.inside(street.bin / "foyer-bench", "echo", "--internet", house.INTERNET,
                                           "--port", ECHO_PORT),
                     stdout=subprocess.PIPE, text=True)
        closing.callback(stop, echo)
        check(echo.stdout.readline().strip() == "listening", "the echo does not listen")
        names = [f"{street.address(i)}%p{i}" for i in range(house.PHONES)]
        self.child = start(street.far.inside(street.bin / "foyer-bench", "traffic", "--internet", house.INTERNET,
                                             "--internet-port", ECHO_PORT, *names),
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        closing.callback(stop, self.child)

    def go_on(self, lines):
        """Waits until so many reports more came; none of them may tell of a packet refused."""
        for _ in range(lines):
            last = json.loads(self.child.stdout.readline())
            check(last["refused"] == 0, f"packets of guests were refused: {last}")

    def end(self):
        self.child.stdin.close()
        last = {}
        for line in self.child.stdout:
            last = json.loads(line)
        self.child.wait()
        check(last["refused"] == 0 and last["answered"] == last["sent"], f"packets of guests were lost: {last}")
        return last


class GateHouse:
    def __init__(self, binaries, closing):
        self.street, self.closing = house.Street(binaries, closing), closing
        self.house = self.street.house
        self.house.open()

    def clients(self):
        return {client["mac"]: client for client in self.house.ctl("clients")}

    def counted(self, least):
        """All clients, once each has used at least what `least` says."""
        def now():
            clients = self.clients()
            grown = all(mac in clients and clients[mac]["bytes_up"] >= old["bytes_up"] for mac, old in least.items())
            return clients if len(clients) == house.PHONES and grown else None
        return wait_for("the counters of all guests", now, 20)

    def start_gate(self):
        self.street.gate, _ = self.house.start_and_wait("foyer-gate", "--socket", self.street.gate_socket, "--uid", "0")

    def admit_all(self):
        self.street.open_sink()
        for one in self.street.phones("admissions", "--link", self.house.link(), "--internet-port", house.SINK_PORT):
            print(f"  {one['name']} {one['value']:.2f} {one['unit']}")
        check(len(self.clients()) == house.PHONES, "not everybody is in")

    def nobody_notices_a_kill(self):
        traffic = Traffic(self.street, self.closing)
        traffic.go_on(2)
        before = wait_for("counters", lambda: self.used(), 20)
        self.house.daemon.kill()
        self.house.daemon.wait()
        traffic.go_on(2)
        self.house.open_daemon()
        traffic.go_on(1)
        between = self.counted(before)
        self.street.gate.kill()
        self.street.gate.wait()
        traffic.go_on(2)
        self.start_gate()
        traffic.go_on(2)
        for _ in range(12):  # each lays the rules anew under way
            self.house.daemon.kill()
            self.house.daemon.wait()
            self.house.open_daemon()
            traffic.go_on(1)
        total = traffic.end()
        used = sum(client["bytes_up"] for client in between.values())
        wait_for("the counters to go on", lambda: sum(c["bytes_up"] for c in self.counted(between).values()) > used, 20)
        print(f"  {total['sent']} packets of {house.PHONES} guests, none refused, none lost")

    def used(self):
        clients = self.clients()
        return clients if len(clients) == house.PHONES and all(c["bytes_up"] > 0 for c in clients.values()) else None

    def sessions_come_back_after_a_reboot(self):
        before = self.counted({})
        stop(self.house.daemon)  # records what was used
        stop(self.street.gate)
        self.street.box.run(self.street.bin / "foyer-gate", "--remove")  # a kernel that has forgotten everything
        self.start_gate()
        self.house.open_daemon()
        after = self.counted(before)
        for mac, client in after.items():
            check(client["session"] == before[mac]["session"], "another session")
            check(0 < client["seconds_left"] <= before[mac]["seconds_left"], "more time than was left")

    def the_fence_holds(self):
        for i in range(5):
            self.house.ctl("remove", self.street.address(i))
        # From here on VmHWM is the most it was resident under attack (proc(5)).
        memory = pathlib.Path(f"/proc/{self.house.daemon.pid}/clear_refs")
        memory.write_text("5")
        for one in self.street.phones("fence"):
            print(f"  {one['name']} {one['value']:.2f} {one['unit']}: {one['note']}")
            check(one["value"] <= 50, f"an honest phone waited {one['value']:.0f} ms")
        size = house.resident_mib(self.house.daemon.pid, "VmHWM")
        print(f"  foyerd was never larger than {size:.1f} MiB")
        check(size <= 64, f"foyerd grew to {size:.0f} MiB")
        wait_for("the fence's tallies", lambda: self.tally("fence_cut") > 0 and self.tally("fence_crowded") > 0)

    def tally(self, what):
        text = self.street.box.run("curl", "-s", "http://127.0.0.1:9464/metrics")
        found = re.search(rf'^foyer_gate_packets_total{{what="{what}"}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def a_weak_phone_loads_every_page(self):
        """64 kbit/s and a quarter of a second each way, between one of the guests and everything else."""
        address, net = self.street.address(WEAK), house.Net(self.closing)
        mac = f"02:00:00:01:{WEAK >> 8:02x}:{WEAK & 255:02x}"
        self.street.far.ip([f"link add s1 type veth peer name s0 address {mac} netns {net.holder.pid}", "link set s1 up",
                            f"addr del {address}/32 dev p{WEAK}"])
        net.ip([f"addr add {address}/32 dev s0", "link set s0 up", f"route add {house.BOX} dev s0", f"route add default via {house.BOX}"])
        for end, interface in ((net, "s0"), (self.street.box, "lan0")):
            with within(end):
                whole_frames(interface)
        with within(self.street.far):
            wire = Distance("s1", f"p{WEAK}", 64_000, 0.25)
        try:
            cut, begun = self.tally("fence_cut"), time.monotonic()
            for page in ("/", "/welcome", "/shake", "/coupons", "/privacy"):
                with concurrent.futures.ThreadPoolExecutor(6) as browser:  # as many at once as a browser asks for
                    list(browser.map(lambda path: self.load(net, path), self.assets(self.load(net, page))))
            check(self.tally("fence_cut") == cut, "a weak phone was cut by the fence")
            check(time.monotonic() - begun > 5 * 1.0, "the wire is neither slow nor long")
        finally:
            wire.close()

    @staticmethod
    def load(net, path):
        text = net.run("curl", "-sS", "--max-time", "8", "-w", "\n%{http_code} %{time_total}", f"http://{house.BOX}{path}")
        body, _, last = text.rpartition("\n")
        status, seconds = last.split()
        print(f"  {path}: {status}, {len(body)} bytes in {float(seconds):.1f} s")
        check(status in ("200", "303", "304"), f"{path} was answered {status}")
        return body

    @staticmethod
    def assets(page):
        return sorted({path for path in re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js|svg|png))"', page)})


def main():
    failed = []
    with contextlib.ExitStack() as closing:
        gate_house = GateHouse(pathlib.Path(sys.argv[1]), closing)
        for step in (gate_house.admit_all, gate_house.nobody_notices_a_kill, gate_house.sessions_come_back_after_a_reboot,
                     gate_house.a_weak_phone_loads_every_page, gate_house.the_fence_holds):
            print(step.__name__.replace("_", " "), flush=True)
            try:
                step()
            except (AssertionError, RuntimeError, TimeoutError) as error:
                print(f"  FAILED: {error}", flush=True)
                failed.append(step.__name__)
    return 1 if failed else 0


sys.exit(main())
