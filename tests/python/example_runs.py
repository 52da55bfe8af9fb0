"""The example of the manual page, run as the program that it is."""

import os
import subprocess
import sys

example = os.path.join(os.environ["PYTHONPATH"], "example.py")
with subprocess.Popen([sys.executable, example, "hello world/1"], stdout=subprocess.PIPE, text=True) as program:
    lines = []
    for line in program.stdout:
        lines.append(line)
        if "'started'" in line:
            break
    program.kill()
first, second, *events = lines
assert first.startswith("hello world 0 running ") and second.startswith("hello world 1 running "), lines
assert events, lines
