"""Settings that all tests share."""

import os

import matplotlib
from hypothesis import settings

collect_ignore = ["mistakes"]  # pieces of notebooks, which test_exercises.py reads

# The tests draw without a window. The notebooks' kernels draw in line, but only where nobody
# has named another backend in the environment that they inherit.
os.environ.pop("MPLBACKEND", None)
matplotlib.use("agg")

# The same examples in each run, so that a red test is red for everyone.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")
