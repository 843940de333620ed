"""What the chain received: the ingester's file read as CloudEvents, with the promises of their ids checked."""
import collections
import json

from shop import Failed, demand

PREFIX = "foyer/v1/acme/store-001/gw-01/"


class Upstream:
    def __init__(self, path):
        self.path, self.offset = path, 0
        self.events = {}  # id → event, in order of arrival
        self.repeats = 0
        self.last_state = {}

    def read(self):
        """Takes in what arrived since; only whole lines."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self.offset)
            arrived = file.read()
        end = arrived.rfind(b"\n") + 1
        self.offset += end
        for line in arrived[:end].splitlines():
            self.take(json.loads(line))

    def take(self, message):
        topic = message["topic"].removeprefix(PREFIX)
        demand(topic != message["topic"], f"a topic outside the gateway's: {message['topic']}")
        if topic == "state":
            self.last_state = json.loads(message["payload"])
        elif topic.startswith("up/"):
            for event in json.loads(message["payload"]):
                self.take_event(topic.removeprefix("up/"), event)

    def take_event(self, stream, event):
        gateway, _, named, _ = event["id"].split("/")
        demand(gateway == "gw-01" and named == stream, f"event {event['id']} on stream {stream}")
        known = self.events.setdefault(event["id"], event)
        if known is not event:
            self.repeats += 1
            if known != event:
                raise Failed(f"one id, two events: {event['id']}")

    def of(self, kind, holds=lambda data: True):
        self.read()
        return [event for event in self.events.values()
                if event["type"] == f"foyer.{kind}.v1" and holds(event.get("data", {}))]

    def state(self):
        self.read()
        return self.last_state

    def coupons_issued(self):
        """coupon id → the ids of the events that say it was issued."""
        issued = collections.defaultdict(list)
        for event in self.of("coupon.issued"):
            issued[event["data"]["coupon"]].append(event["id"])
        return issued

    def streams(self):
        """(epoch, stream) → the seqs that arrived."""
        self.read()
        seqs = collections.defaultdict(set)
        for identifier in self.events:
            _, epoch, stream, seq = identifier.split("/")
            seqs[epoch, stream].add(int(seq))
        return seqs

    def whole(self):
        return all(seqs == set(range(1, len(seqs) + 1)) for seqs in self.streams().values())

    def summary(self):
        parts = [f"{stream} 1–{max(seqs)}" for (_, stream), seqs in sorted(self.streams().items())]
        return f"{', '.join(parts)}; {self.repeats} sent again"
