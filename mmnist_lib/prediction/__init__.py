"""Feed moving digits to Keras, train models, and let them predict. Chapters 6 and 7 explain it.

Importing this package imports Keras. The scores and the baselines need no Keras, so they are in
`mmnist_lib.metrics`.
"""
# ruff: noqa: E402

from ..loading import choose_keras_backend

choose_keras_backend()  # before the next lines import Keras, which reads the choice then

from .models import FOLDER as FOLDER
from .models import TRAINED as TRAINED
from .models import build_model as build_model
from .models import load_model as load_model
from .models import save_weights as save_weights
from .networks import frame_mse as frame_mse
from .training import SequencePairs as SequencePairs
from .training import rollout as rollout
from .training import train as train
