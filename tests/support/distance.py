"""A slow and distant wire in user space, frame by frame: for kernels without netem."""
import ctypes
import fcntl
import heapq
import select
import socket
import struct
import threading
import time

SIOCETHTOOL, STXCSUM, STSO, SGSO = 0x8946, 0x17, 0x1F, 0x24  # linux/sockios.h, linux/ethtool.h


def whole_frames(interface):
    """Frames leave it with their sums and no larger than the wire takes, as hardware would send them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for command in (STXCSUM, STSO, SGSO):
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            asked = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            fcntl.ioctl(asking, SIOCETHTOOL, asked)


class Distance:
    """Carries frames between two interfaces of the calling thread's namespace, each way at `rate` bit/s and with `delay`
    seconds; close() ends it."""

    def __init__(self, one, other, rate, delay):
        self.rate, self.delay = rate, delay
        self.ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2)]  # ETH_P_ALL
        for end, interface in zip(self.ends, (one, other)):
            end.bind((interface, 3))
        self.stop, self.stopped = socket.socketpair()
        self.carried = 0
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def carry(self):
        under_way, free = [], [0.0, 0.0]
        while True:
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
            readable, _, _ = select.select([*self.ends, self.stopped], [], [], wait)
            if self.stopped in readable:
                return
            now = time.monotonic()
            for i, end in enumerate(self.ends):
                if end not in readable:
                    continue
                frame, (_, _, kind, *_) = end.recvfrom(65536)
                if kind == socket.PACKET_OUTGOING:
                    continue
                free[i] = max(now, free[i]) + len(frame) * 8 / self.rate
                heapq.heappush(under_way, (free[i] + self.delay, self.carried, 1 - i, frame))
                self.carried += 1
            while under_way and under_way[0][0] <= time.monotonic():
                _, _, to, frame = heapq.heappop(under_way)
                self.ends[to].send(frame)

    def close(self):
        self.stop.send(b"x")
        self.thread.join()
        for one in (*self.ends, self.stop, self.stopped):
            one.close()
