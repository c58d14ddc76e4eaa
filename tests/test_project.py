"""The files around the course: workflows, citation, versions, links, house style."""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("*.md"))
GITHUB = ROOT / ".github"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Leave out what is code."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


# The schemas come with check-jsonschema: no network is used.
@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", sorted(GITHUB.glob("workflows/*.yml"))),
        ("custom.github-workflows-require-timeout", sorted(GITHUB.glob("workflows/*.yml"))),
        ("vendor.github-issue-forms", sorted(GITHUB.glob("ISSUE_TEMPLATE/*.yml"))),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_file_follows_its_schema(schema: str, files: list[Path]) -> None:
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", sorted(GITHUB.glob("workflows/*.yml")), ids=lambda p: p.stem)
def test_workflow_may_only_read_unless_a_job_says_more(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text("utf-8"))["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("workflow", sorted(GITHUB.glob("workflows/*.yml")), ids=lambda p: p.stem)
def test_a_workflow_runs_what_was_reviewed_from_one_index(workflow: Path) -> None:
    """A tag can be moved to other code, a commit can't."""
    text = workflow.read_text("utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", one) for one in used), used
    assert "index-url" not in text


# What ships and no one can read: digits, weights, and what runs them in a browser.
BINARIES = {
    "mmnist_lib/data/mnist_sample.npz": (
        "bbe2f0f7ba51aaf766c97e62b2316a027e91502a842c8abdbe45fde632c8f756"
    ),
    "mmnist_lib/weights/convlstm.npz": (
        "cf56ccfc5b4548c447fef6589cd51109933758f7af9d8a8685fd49ff4957a97c"
    ),
    "mmnist_lib/weights/unet.npz": (
        "3afa27d6b22b0edba1ea210d13140aedae99c5374d5d897b0c3a645554b8e2db"
    ),
    "website/assets/onnx/convlstm.onnx.gz": (
        "cd875b790a09ac3c5498da5a16360f46d950cb87eeaa2a4dac36ea3a1d0b806e"
    ),
    "website/assets/onnx/ort-wasm-simd-threaded.wasm.gz": (
        "9a202915ab712f2ac4504f9fd8c634d244a11e9f9e734361471a1fe6e7f984c0"
    ),
    "website/assets/onnx/ort.wasm.bundle.min.mjs": (
        "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"
    ),
    "website/assets/onnx/unet.onnx.gz": (
        "ecc14120157589dc6b8f42e4e4fa1115f14ef296f08dc5ad29aef9d9e3726412"
    ),
}


def test_what_no_one_can_read_is_what_was_tested() -> None:
    """A change of one is on purpose: renew its line here, and say in the commit what made it."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode == 0:  # not in an archive without Git
        found = {
            name for name in tracked.stdout.split() if name.endswith((".gz", ".npz", ".min.mjs"))
        }
        assert found == BINARIES.keys()
    for name, sha256 in BINARIES.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == sha256, name


def test_one_version_and_one_date() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    citation = yaml.safe_load(read("CITATION.cff"))
    released = re.search(r"^## (\d\S*) - (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert released, "CHANGELOG.md names no released version"
    assert project["version"] == citation["version"] == released[1]
    assert str(citation["date-released"]) == released[2]
    assert project["license"].startswith(citation["license"])


def test_requirements_start_with_the_tested_set_and_the_library() -> None:
    lines = [line for line in read("requirements.txt").splitlines() if line[:1] not in ("", "#")]
    assert lines[:2] == ["-c constraints.txt", "-e ."]


def test_the_tested_set_is_exact() -> None:
    """The weekly workflow empties the file: then there is nothing to check."""
    lines = [line for line in read("constraints.txt").splitlines() if line[:1] not in ("", "#")]
    inexact = [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+-]+", line)]
    assert not inexact


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    named = set(re.findall(r"(?:`|^ *(?:\$ )?)make ([a-z]+)\b", text, re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert not named - targets


def test_the_two_commands_are_in_the_readme() -> None:
    assert {"make book", "make test"} <= set(re.findall(r"make [a-z]+", read("README.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_points_at_a_file(page: Path) -> None:
    text = prose(page.read_text("utf-8"))
    links = re.findall(r"\]\(<?([^)\s>]+)|(?:src|href|srcset)=\"([^\"]+)\"", text)
    paths = [(a or b).partition("#")[0] for a, b in links if not re.match(r"\w+:|#", a or b)]
    assert not [path for path in paths if not (page.parent / path).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_house_style(page: Path) -> None:
    text = prose(page.read_text("utf-8"))
    assert not re.findall(r".*\bsimply\b.*", text, re.IGNORECASE)
    assert not re.findall(r".*\w[)\"'*_]*!(?=\W*$|\s).*", text, re.MULTILINE)


def test_binder_installs_what_the_chapters_import_and_no_more() -> None:
    assert re.fullmatch(r"python-3\.\d+\n", read(".binder/runtime.txt"))
    lines = [line for line in read(".binder/requirements.txt").splitlines() if line[:1] != "#"]
    assert lines[:2] == ["-c ../constraints.txt", "-e ."]
    assert (ROOT / ".binder" / lines[0].split()[1]).exists()
    wanted = {re.match(r"\w+", line)[0] for line in lines[2:]}
    code = "".join(
        "".join(cell["source"])
        for path in (ROOT / "book").rglob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    )
    assert wanted == {"ipywidgets", "keras", "jax"}  # keras needs a backend
    assert "keras" in code and "slider(" in code
    assert not re.search(r"^(?:import|from) (?:dask|zarr|scipy|skimage)\b", code, re.M)
