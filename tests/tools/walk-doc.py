#!/usr/bin/env python3
"""walk-doc.py FILE.md: run each line "$ COMMAND" of the console blocks of a page in one folder, and compare what it
prints, on both streams, with the lines below it. "…" stands for anything. Exits with the number of differences."""
import re
import subprocess
import sys


def pattern(line):
    parts = [re.escape(part) for part in line.split("…")]
    return re.compile("^" + ".*".join(parts) + "$")


def steps(text):
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        command, expected = None, []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command:
                    yield command, expected
                command, expected = line[2:], []
            else:
                expected.append(line)
        if command:
            yield command, expected


def main():
    failures = count = 0
    for command, expected in steps(open(sys.argv[1], encoding="utf-8").read()):
        count += 1
        done = subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        got = done.stdout.splitlines()
        if len(got) != len(expected) or not all(pattern(e).match(g) for e, g in zip(expected, got)):
            failures += 1
            print(f"$ {command}\n  expected: {expected}\n  got:      {got}")
    print(f"{count} commands, {failures} differ")
    return min(failures, 100) if count else 1


if __name__ == "__main__":
    sys.exit(main())
