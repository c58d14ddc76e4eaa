"""Moving MNIST: the dataset's exact rule, seeded and with ground truth.

Chapter N of the course explains module N: `loading`, `visualization`, `trajectories`,
`bouncing`, `compositing`, `prediction` (with `metrics`), `tracking`. `player` moves pictures on a
page, `files` writes the complete dataset, and ``python -m mmnist_lib`` does so from the command
line. All names are here except those of `prediction`, because it imports Keras, of `scale`, because
it imports Dask and Zarr, and of `exercises`: ``from mmnist_lib.prediction import build_model``.
"""

# Each module says in `__all__` what is public.
from .bouncing import *
from .compositing import *
from .datasets import *
from .files import *
from .loading import *
from .metrics import *
from .player import *
from .scoring import *
from .tracking import *
from .trajectories import *
from .visualization import *
