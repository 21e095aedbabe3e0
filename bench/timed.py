"""Runs a shell command; prints its wall time in milliseconds and the peak memory of its processes
in bytes, of the largest one. Python, since the kernel counts the memory of a process from before
its exec too: the parent must be smaller than what is measured."""

import resource
import subprocess
import sys
import time

start = time.perf_counter()
status = subprocess.run(["sh", "-c", sys.argv[1]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode
milliseconds = (time.perf_counter() - start) * 1000
print(milliseconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(status)
