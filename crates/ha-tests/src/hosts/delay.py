"""delay.py PORT STAND-IN MILLISECONDS: passes frames between the interface PORT and a new one, STAND-IN, each that late.

For kernels without netem. It ends when it is killed, and STAND-IN with it.
"""
import collections
import fcntl
import os
import select
import socket
import struct
import sys
import time

PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, PACKET_ADD_MEMBERSHIP, SOL_PACKET = 15, 23, 1, 263
FRAME_BYTES = 1 << 17  # the largest that segmentation offload makes, and its header
AT_A_TIME = 256  # frames read from one side before the other gets its turn
EARLY = 0.0002  # a timer of poll() is coarser than that


def stand_in(name):
    """A TAP interface with the virtio header, so that large frames without a checksum yet pass unchanged."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x0002 | 0x1000 | 0x4000))
    fcntl.ioctl(tap, 0x400454D0, 0x01 | 0x02 | 0x04)  # checksums, TCP segmentation for IPv4 and IPv6
    return tap


def cable(name):
    """All that arrives at an interface, and nothing of what is sent through it."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    raw.bind((name, 0))
    promiscuous = struct.pack("iHH8s", socket.if_nametoindex(name), 1, 0, b"")
    raw.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous)
    raw.setblocking(False)
    return raw


def pass_on(one, other, late):
    queue = collections.deque()
    poll = select.poll()
    poll.register(one, select.POLLIN)
    poll.register(other, select.POLLIN)
    while True:
        wait = None if not queue else max(0, (queue[0][0] - time.monotonic()) * 1000)
        events = poll.poll(wait)
        due = time.monotonic() + late
        for source, what in events:
            if what & ~select.POLLIN:
                sys.exit(f"an interface is gone: {what}")
            for _ in range(AT_A_TIME):
                try:
                    queue.append((due, other if source == one else one, os.read(source, FRAME_BYTES)))
                except BlockingIOError:
                    break
        now = time.monotonic() + EARLY
        while queue and queue[0][0] <= now:
            _, target, frame = queue.popleft()
            try:
                os.write(target, frame)
            except OSError:
                pass  # a lost frame, as on any network


if __name__ == "__main__":
    port, name, milliseconds = sys.argv[1:]
    cable_end = cable(port)
    pass_on(cable_end.fileno(), stand_in(name), float(milliseconds) / 1000)
