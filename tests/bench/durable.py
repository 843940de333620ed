"""Figures of the durable half alone (foyer-line): draining a backlog over a long line, and what a commit takes."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from line import Broker, Folder, Ingester, Line, Proxy  # noqa: E402
from shop import wait_for  # noqa: E402

NAMES = ["drain_events_per_s", "drain_live_p99_s", "ledger_commit_p99_ms", "rss_backlog_mib"]
BACKLOG, ROUND_TRIP = 100_000, 0.1
LONG_BACKLOG = 1_000_000
COMMITS = 400


def figure(name, value, unit, n, note):
    return {"name": name, "value": value, "unit": unit, "n": n, "note": note}


def p99(values):
    return sorted(values)[int(len(values) * 0.99)]


def fill(line, rows):
    """An outage: so many presence events wait in the database."""
    line.open("--offline")
    while line.stored["presence"] < rows:
        had = line.stored["presence"]
        line.tell("store", "presence", min(50_000, rows - had))
        line.wait_stored("presence", min(had + 50_000, rows), 120)
    line.close()


def drain(program, closing):
    folder = Folder("foyer-bench-line-")
    closing.callback(folder.close)
    broker = Broker(folder.path)
    closing.callback(broker.close)
    broker.open()
    ingester = Ingester(broker, folder.path)
    closing.callback(ingester.close)
    ingester.open()
    proxy = Proxy(broker.port, delay=ROUND_TRIP / 2)
    closing.callback(proxy.close)
    line = Line(program, folder.path, proxy.port, "--puback-ms", "20000", "--watermark-ms", "30000")
    closing.callback(line.close)
    fill(line, BACKLOG)
    line.open()
    line.wait("connected", 30)
    begun, stored_at = time.monotonic(), {}
    while ingester.count("presence") < BACKLOG:
        seq = line.stored["ledger"] + 1
        line.tell("store", "ledger", 1)
        line.wait_stored("ledger", seq)
        stored_at[seq] = time.monotonic()
        time.sleep(0.02)  # the pace of a busy shop
    took = time.monotonic() - begun
    wait_for("the live events", lambda: ingester.count("ledger") >= len(stored_at), 30)
    late = [ingester.arrived["ledger", seq] - at for seq, at in stored_at.items()]
    note = f"{BACKLOG:,} presence events of 200 bytes wait, {ROUND_TRIP * 1000:.0f} ms round trip, mosquitto, ingester with watermarks"
    yield figure("drain_events_per_s", BACKLOG / took, "events/s", BACKLOG, note)
    yield figure("drain_live_p99_s", p99(late), "s", len(late), "a ledger event stored meanwhile: until the ingester has it")


def commits(program, closing):
    folder = Folder("foyer-bench-line-")
    closing.callback(folder.close)
    line = Line(program, folder.path, 1)
    closing.callback(line.close)
    line.open("--offline")
    line.tell("rate", "presence", 500)
    line.wait_stored("presence", 500)
    took = []
    for _ in range(COMMITS):
        seq, begun = line.stored["ledger"] + 1, time.monotonic()
        line.tell("store", "ledger", 1)
        line.wait_stored("ledger", seq)
        took.append((time.monotonic() - begun) * 1000)
    yield figure("ledger_commit_p99_ms", p99(took), "ms", COMMITS,
                 "a ledger event among 500 presence events/s: told to foyer-line until it says stored; two pipes included")


def resident_mib(pid):
    for text in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith("VmRSS:"):
            return int(text.split()[1]) / 1024
    return 0.0


def backlog(program, closing):
    folder = Folder("foyer-bench-line-")
    closing.callback(folder.close)
    broker = Broker(folder.path)
    closing.callback(broker.close)
    broker.open()
    line = Line(program, folder.path, broker.port)
    closing.callback(line.close)
    fill(line, LONG_BACKLOG)
    ingester = Ingester(broker, folder.path)
    closing.callback(ingester.close)
    ingester.open()
    line.open()
    most = at_start = resident_mib(line.process.pid)
    begun = time.monotonic()
    while ingester.count("presence") < LONG_BACKLOG and time.monotonic() - begun < 300:
        most = max(most, resident_mib(line.process.pid))
        time.sleep(0.1)  # a sample
    if ingester.count("presence") < LONG_BACKLOG:
        raise RuntimeError(f"only {ingester.count('presence')} of {LONG_BACKLOG} arrived in 300 s")
    yield figure("rss_backlog_mib", most, "MiB", LONG_BACKLOG,
                 f"the most resident memory while a million rows drain; {at_start:.1f} at the start")


def measure(program, wanted, closing):
    if wanted & {"drain_events_per_s", "drain_live_p99_s"}:
        yield from drain(program, closing)
    if "ledger_commit_p99_ms" in wanted:
        yield from commits(program, closing)
    if "rss_backlog_mib" in wanted:
        yield from backlog(program, closing)
