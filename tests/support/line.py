"""What the tests of the line stand on: a broker, an ingester that stores before it acknowledges, a proxy that spoils the
line, certificates, and foyer-line (tests/line/main.cpp) with its oracle of what was stored."""
import json
import os
import pathlib
import queue
import random
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from shop import answers, free_port, start, stop, wait_for

BASE = "foyer/v1/acme/store-001/gw-01"
STREAMS = ("ledger", "presence", "health")


class Folder:
    def __init__(self, prefix):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("TMPDIR", "/dev/shm")))

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Broker:
    def __init__(self, folder, lines=(), port=None, env=None):
        self.folder, self.lines, self.port, self.env = folder, list(lines), port or free_port(), env
        self.process = None

    def open(self):
        lines = [f"listener {self.port} 127.0.0.1", "user root", "persistence false", "max_inflight_messages 64", *self.lines]
        if not any(line.startswith("allow_anonymous") for line in lines):
            lines.append("allow_anonymous true")
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        with open(self.folder / "broker.log", "a") as log:
            self.process = start([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(self.folder / "mosquitto.conf")],
                                 stderr=log, env=self.env)
        wait_for("the broker", lambda: answers(self.port))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process and self.process.poll() is None:
            stop(self.process)


class Ingester:
    """Stores every event in a file, synced, and only then sends the watermark: what an ingester must do."""

    def __init__(self, broker, folder, watermarks=True, session=False, words=()):
        self.broker, self.watermarks, self.session, self.words = broker, watermarks, session, list(words)
        self.file = open(folder / "ingested", "a")
        self.lock = threading.Lock()
        self.seen = {}      # (epoch, stream) -> set of seq
        self.upto = {}
        self.gaps = {}      # (epoch, stream) -> numbers of rows that were dropped: had, as far as the watermark goes
        self.gap_events = []  # whole
        self.events = []    # (stream, seq, time, type), each once, in order of arrival
        self.arrived = {}   # (stream, seq) -> time.monotonic() of the first
        self.messages = self.rows = 0
        self.in_order = True
        self.sub = None
        self.pubs = {}

    def open(self):
        common = ["-p", str(self.broker.port), "-V", "mqttv5", "-q", "1", *self.words]
        keep = ["-i", "ingester", "-c", "-x", "3600"] if self.session else ["-i", "ingester"]
        self.sub = start(["mosquitto_sub", *common, *keep, "-t", f"{BASE}/up/+", "-F", "%t %p"], stdout=subprocess.PIPE)
        if self.watermarks:
            for stream in STREAMS:
                self.pubs[stream] = start(["mosquitto_pub", *common, "-t", f"{BASE}/ack/{stream}", "-l"], stdin=subprocess.PIPE)
        threading.Thread(target=self.read, args=(self.sub,), daemon=True).start()

    def read(self, sub):
        for line in sub.stdout:
            topic, _, payload = line.partition(b" ")
            self.take(topic.decode().rsplit("/", 1)[1], json.loads(payload))
        sub.stdout.close()

    def take(self, stream, batch):
        now = time.monotonic()
        moved = set()
        with self.lock:
            self.messages += 1
            self.rows += len(batch)
            for event in batch:
                _, epoch, _, seq = event["id"].rsplit("/", 3)
                seq, key = int(seq), (epoch, stream)
                seen = self.seen.setdefault(key, set())
                if seq in seen:
                    continue
                if seen and seq != max(self.upto.get(key, 0), 0) + 1:
                    self.in_order = False
                seen.add(seq)
                self.file.write(f"{epoch} {stream} {seq}\n")
                self.events.append((stream, seq, event["time"], event["type"]))
                self.arrived[stream, seq] = now
                told = {stream}
                if event["type"] == "foyer.outbox.gap.v1":
                    self.gap_events.append(event)
                if event["type"] == "foyer.outbox.gap.v1" and event["data"].get("epoch", epoch) == epoch:
                    gap = event["data"]
                    self.gaps.setdefault((epoch, gap["stream"]), set()).update(range(gap["first"], gap["last"] + 1))
                    told.add(gap["stream"])
                for one in told:
                    self.advance((epoch, one))
                    moved.add((epoch, one))
            moved.add(key)
            self.file.flush()
            os.fdatasync(self.file.fileno())
            marks = [(epoch, one, self.upto.get((epoch, one), 0)) for epoch, one in sorted(moved)]
        if self.watermarks:
            for epoch, one, upto in marks:
                self.acknowledge(epoch, one, upto)

    def advance(self, key):
        """The watermark: as far as every number came, or is told to have been dropped."""
        seen, gaps = self.seen.get(key, set()), self.gaps.get(key, set())
        while self.upto.get(key, 0) + 1 in seen or self.upto.get(key, 0) + 1 in gaps:
            self.upto[key] = self.upto.get(key, 0) + 1

    def acknowledge(self, epoch, stream, upto):
        try:
            pub = self.pubs[stream]
            pub.stdin.write(json.dumps({"epoch": epoch, "upto": upto}).encode() + b"\n")
            pub.stdin.flush()
        except OSError:
            pass  # the broker is gone; the gateway sends again what is not acknowledged

    def count(self, stream):
        with self.lock:
            return sum(len(seen) for (_, one), seen in self.seen.items() if one == stream)

    def whole(self, epoch, stream, last):
        with self.lock:
            return self.seen.get((epoch, stream), set()) >= set(range(1, last + 1))

    def told(self, epoch, stream, last):
        """Every number came as a row or as part of a gap (as both, where it was dropped before the watermark had it)."""
        with self.lock:
            seen, gaps = self.seen.get((epoch, stream), set()), self.gaps.get((epoch, stream), set())
            return seen | gaps == set(range(1, last + 1))

    def close(self):
        for process in (self.sub, *self.pubs.values()):
            if process is not None:
                if process.stdin:
                    try:
                        process.stdin.close()
                    except OSError:
                        pass
                stop(process)
        self.pubs = {}

    def end(self):
        self.close()
        self.file.close()


class Proxy:
    """Between gateway and broker, on a port of its own. `delay` seconds each way; carries `rate` bytes a second up; eats
    PUBACKs; cuts; falls silent."""

    def __init__(self, target, delay=0.0, seed=1):
        self.target, self.delay, self.random = target, delay, random.Random(seed)
        self.rate = 0             # bytes a second from the gateway, of all connections together; 0: as they come
        self.eat_every = 0        # so many of the broker's PUBACKs, one is eaten
        self.pubacks = 0
        self.cut_every = 0        # bytes on average, then both sides are closed in the middle of whatever is sent
        self.mute = set()         # connections that carry nothing any more, and say nothing of it
        self.connections = self.eaten = self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.closing = False
        self.pairs = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.closing:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            self.connections += 1
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                one.settimeout(None)
            pair = (client, server)
            self.pairs.append(pair)
            budget = [self.random.randrange(1, 2 * self.cut_every) if self.cut_every else None]
            for source, sink, filtered in ((client, server, False), (server, client, True)):
                lane = queue.Queue(4 if self.rate and not filtered else 0)
                threading.Thread(target=self.pump_in, args=(source, lane, not filtered), daemon=True).start()
                threading.Thread(target=self.pump_out, args=(lane, sink, pair, filtered, budget), daemon=True).start()

    def pump_in(self, source, lane, limited):
        if limited and self.rate:
            source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what is not carried waits at the gateway
        while True:
            try:
                data = source.recv(max(64, self.rate // 10) if limited and self.rate else 65536)
            except OSError:
                data = b""
            lane.put((time.monotonic() + self.delay, data))
            if not data:
                return

    def pump_out(self, lane, sink, pair, filtered, budget):
        held = b""
        while True:
            due, data = lane.get()
            if self.delay:
                time.sleep(max(0.0, due - time.monotonic()))  # the delay is what this proxy is for
            if not data:
                return self.shut(pair)
            if self.rate and not filtered:
                time.sleep(len(data) / self.rate)  # … and so is the rate
            if pair in self.mute:
                continue
            if filtered and self.eat_every:
                held, data = self.without_some_pubacks(held + data)
            if budget[0] is not None:
                budget[0] -= len(data)
                if budget[0] <= 0:
                    self.cuts += 1
                    data = data[:len(data) // 2]
            try:
                sink.sendall(data)
            except OSError:
                return self.shut(pair)
            if budget[0] is not None and budget[0] <= 0:
                return self.shut(pair)

    def without_some_pubacks(self, data):
        """What is left over of an unfinished packet, and the whole packets to send."""
        out = b""
        while len(data) >= 2:
            length, shift, at = 0, 0, 1
            while at < len(data):
                length |= (data[at] & 127) << shift
                shift += 7
                at += 1
                if not data[at - 1] & 128:
                    break
            else:
                break
            if len(data) < at + length:
                break
            packet, data = data[:at + length], data[at + length:]
            self.pubacks += packet[0] >> 4 == 4
            if packet[0] >> 4 == 4 and self.pubacks % self.eat_every == 0:
                self.eaten += 1
            else:
                out += packet
        return data, out

    @staticmethod
    def shut(pair):
        for one in pair:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def fall_silent(self):
        """What is connected now stays so and carries nothing; the next connection works."""
        self.mute.update(self.pairs)

    def cut(self):
        for pair in self.pairs:
            self.shut(pair)
        self.pairs = []

    def close(self):
        self.closing = True
        self.cut()
        self.listener.close()


class Line:
    """One foyer-line: what it stored is known here from its own word, after each commit."""

    def __init__(self, program, folder, port, *words, env=None):
        self.program, self.folder, self.port, self.words, self.env = program, folder, port, words, env
        self.process = self.listener = None
        self.epoch = ""
        self.stored = {stream: 0 for stream in STREAMS}
        self.said = []
        self.changed = threading.Condition()

    def open(self, *words):
        if self.listener:
            self.listener.join()  # the last words of the one before are not said by this one
        began = time.monotonic()
        with self.changed:
            self.said = []
        self.process = start([str(self.program), "--database", str(self.folder / "line.db"), "--port", str(self.port),
                              *map(str, (*self.words, *words))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.env)
        self.listener = threading.Thread(target=self.listen, args=(self.process,), daemon=True)
        self.listener.start()
        self.wait("ready", 30)
        return time.monotonic() - began

    def listen(self, process):
        for line in process.stdout:
            what, _, rest = line.strip().partition(" ")
            # The log has every change of the line in its order, however soon one follows the other.
            if what == "log" and rest.startswith("upstream connected"):
                what = "connected"
            elif what == "log" and rest.startswith("upstream: "):
                what, rest = "lost", rest.removeprefix("upstream: ")
            with self.changed:
                if what == "stored":
                    stream, seq = rest.split()
                    self.stored[stream] = max(self.stored[stream], int(seq))
                elif what == "ready":
                    self.epoch = rest
                self.said.append((what, rest))
                self.changed.notify_all()
        process.stdout.close()
        with self.changed:
            self.said.append(("end", ""))
            self.changed.notify_all()

    def wait(self, what, seconds=20.0, text="", times=1):
        """The words after the first (times-th) `what` that has `text` in it."""
        def found():
            all_ = [rest for one, rest in self.said if one == what and text in rest]
            return all_[times - 1] if len(all_) >= times else None
        with self.changed:
            self.changed.wait_for(lambda: found() is not None or ("end", "") in self.said, seconds)
            if found() is None:
                raise TimeoutError(f"{what} {text} was not said within {seconds} s: {self.said[-5:]}")
            return found()

    def times(self, what, text=""):
        with self.changed:
            return sum(1 for one, rest in self.said if one == what and text in rest)

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def status(self):
        before = self.times("status")
        self.tell("status")
        return json.loads(self.wait("status", 30, times=before + 1))

    def acknowledged(self):
        streams = self.status()["streams"]
        return all(one["rows"] == 0 for one in streams.values())

    def wait_stored(self, stream, last, seconds=30.0):
        with self.changed:
            if not self.changed.wait_for(lambda: self.stored[stream] >= last, seconds):
                raise TimeoutError(f"{stream} is stored to {self.stored[stream]}, not {last}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        with self.changed:  # what it had said is heard
            self.changed.wait_for(lambda: ("end", "") in self.said, 10)

    def close(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.tell("quit")
        try:
            self.process.wait(10)
            self.process.stdin.close()
        except subprocess.TimeoutExpired:
            self.kill()


class Authority:
    """A certificate authority of one's own. Times are days from now, as openssl ca takes them."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                f"/CN={name}", "-keyout", self.key, "-out", self.certificate)
        self.serial = 0

    def issue(self, name, begin=-1.0, end=30.0, common_name=None):
        """Key and certificate files for 127.0.0.1."""
        self.serial += 1
        stem = self.folder / f"{name}-{self.serial}"
        request, config = stem.with_suffix(".csr"), stem.with_suffix(".cnf")
        database = stem.with_suffix(".index")
        database.write_text("")
        key, certificate = stem.with_suffix(".key"), stem.with_suffix(".pem")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                f"/CN={common_name or name}", "-keyout", key, "-out", request)
        config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={database}\nserial={stem}.srl\nnew_certs_dir={self.folder}\n"
                          f"default_md=sha256\npolicy=p\nx509_extensions=x\nunique_subject=no\n[p]\ncommonName=supplied\n"
                          "[x]\nsubjectAltName=IP:127.0.0.1\n")
        when = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400)) for days in (begin, end)]
        openssl("ca", "-batch", "-config", config, "-cert", self.certificate, "-keyfile", self.key, "-rand_serial", "-in", request,
                "-out", certificate, "-startdate", when[0], "-enddate", when[1], "-notext")
        return key, certificate


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr}")
