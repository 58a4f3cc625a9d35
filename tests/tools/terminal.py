#!/usr/bin/env python3
"""terminal.py ROWSxCOLUMNS STEP… -- CMD…: run a command on a terminal of that size and print what it shows.

Steps, in order: expect=TEXT waits for it, send=TEXT types (\\n, \\x03 …), resize=ROWSxCOLUMNS,
signal=NAME sends a signal to the command, modes prints "modes kept" or "modes changed" at the end.
Exit status: the command's (128 + n for a signal), 98 when an expected text never came."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_S = 20


def set_size(fd, text):
    rows, columns = map(int, text.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def main():
    split = sys.argv.index("--")
    size, steps, command = sys.argv[1], sys.argv[2:split], sys.argv[split + 1 :]
    master, slave = pty.openpty()
    set_size(master, size)
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 64)
        os.execvp(command[0], command)
    seen, shown, status = b"", 0, None

    def pump(timeout):
        nonlocal seen, status
        ready, _, _ = select.select([master], [], [], timeout)
        if ready:
            data = os.read(master, 65536)
            seen += data
            sys.stdout.buffer.write(data)
        if status is None:
            done, raw = os.waitpid(pid, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(raw)

    for step in steps:
        name, _, value = step.partition("=")
        if name == "expect":
            deadline = time.time() + PATIENCE_S
            while value.encode() not in seen[shown:]:
                if time.time() > deadline or (status is not None and not select.select([master], [], [], 0)[0]):
                    sys.stdout.buffer.write(b"\nterminal.py: never came: " + value.encode() + b"\n")
                    os.kill(pid, signal.SIGKILL)
                    sys.exit(98)
                pump(0.05)
            shown = seen.index(value.encode(), shown) + len(value)
        elif name == "send":
            os.write(master, value.encode().decode("unicode_escape").encode("latin-1"))
        elif name == "resize":
            set_size(master, value)
        elif name == "signal":
            os.kill(pid, getattr(signal, "SIG" + value))
    deadline = time.time() + PATIENCE_S
    while status is None and time.time() < deadline:
        pump(0.05)
    while select.select([master], [], [], 0.1)[0]:
        pump(0)
    if "modes" in steps:
        kept = termios.tcgetattr(slave) == before
        print("\nmodes kept" if kept else "\nmodes changed")
    sys.stdout.flush()
    if status is None:
        os.kill(pid, signal.SIGKILL)
        sys.exit(97)
    sys.exit(128 - status if status < 0 else status)


main()
