"""Run the recipes of "Other frameworks": the lines of each, and the time that it takes.

    pip install torch tensorflow datasets
    python -m benchmarks.frameworks

Prints a row for each framework that is installed. The seconds are the processor's, those of all
threads and workers together, without what importing takes. The table goes into
benchmarks/README.md by hand.
"""

import argparse
import contextlib
import importlib.util
import io
import os
import re
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

PAGE = Path(__file__).parents[1] / "book" / "other-frameworks.md"
SECTIONS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
RECIPES = {
    section.splitlines()[0]: re.findall(r"^```python\n(.*?)^```$", section, flags=re.M | re.S)
    for section in SECTIONS
}
FIRST, NUMPY, FILE = "Three sets without a digit in common", "NumPy", "From a file"
BEFORE = {FIRST: [], NUMPY: [FIRST], FILE: [FIRST, NUMPY], "PyTorch": [FIRST, NUMPY, FILE]}
LARGE = ("torch", "tensorflow", "datasets")
DOES = {
    FIRST: "load the digits and share them out",
    NUMPY: "make batches in a random order",
    FILE: "write and read a file; write a store and read it twice",
    "PyTorch": "make and train, two epochs; validate; predict; read a batch of a store",
    "tf.data": "make batches as float32",
    "Keras": "make and train, two epochs, and validate after each",
    "Hugging Face": "make, write, and read one",
}


def before(name: str) -> list[str]:
    """Name the recipes that this one goes on from."""
    return BEFORE.get(name, [FIRST])


def few(code: str, n: int) -> str:
    """Let a recipe take n sequences in place of 10,000, and as many in place of 1,000."""
    return code.replace("10_000", str(n)).replace("1_000", str(n))


def lines(name: str) -> int:
    """Count a recipe's lines of code."""
    return sum(bool(line.strip()) for code in RECIPES[name] for line in code.splitlines())


def absent(code: str) -> list[str]:
    """Name the large frameworks that some code needs, and that are not installed."""
    used = [one for one in LARGE if re.search(rf"^(import|from) {one}\b|\b{one}\.", code, re.M)]
    return [one for one in used if not importlib.util.find_spec(one)]


def seconds(name: str, n: int) -> float:
    """Run a recipe in a folder of its own, and return the processor's seconds."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": folder}
        space = {"__name__": "recipe"}
        for code in (code for one in before(name) for code in RECIPES[one]):
            exec(few(code, n), space)
        code = few("\n".join(RECIPES[name]), n)
        exec("\n".join(re.findall(r"^(?:import|from) .*$", code, re.M)), space)
        began = os.times()
        exec(compile(code, PAGE.name, "exec"), space)
        ended = os.times()
        os.chdir("/")
    return sum(ended[i] - began[i] for i in range(4))


def main() -> None:
    """Print the table: each recipe in a fresh process, because a framework changes its process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=480, help="for each 10,000 or 1,000")
    args = parser.parse_args()
    print(f"| {args.sequences:,} sequences | what the recipe does | lines | seconds |")
    print("|---|---|---:|---:|")
    for name in RECIPES:
        if missing := absent("\n".join(RECIPES[name])):
            print(f"{name} is left out: pip install {missing[0]}")
            continue
        with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
            taken = fresh.submit(seconds, name, args.sequences).result()
        print(f"| {name} | {DOES[name]} | {lines(name)} | {taken:.2g} |", flush=True)


if __name__ == "__main__":
    main()
