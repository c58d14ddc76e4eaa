"""Settings that all tests share."""

import matplotlib
from hypothesis import settings

matplotlib.use("agg")

# The same examples in each run, so that a red test is red for everyone.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")
