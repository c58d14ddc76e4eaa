"""How long a test waits before it takes something for hung.

A limit is ten times what the slowest needs on a quiet machine, or more, so that no test is red
because a machine is busy.
"""

HANG = 600  # seconds, for a process
PAGE = 300  # seconds, for what a page does next
