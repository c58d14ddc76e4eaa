"""Where the repository and its site are found. `_config.yml` says it once; the rest follows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
STATED: str = CONFIG["repository"]["url"]


def own() -> str:
    """Return the address of the repository: a fork's own, if GitHub Actions builds it there."""
    repository = os.environ.get("GITHUB_REPOSITORY")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    return f"{server}/{repository}" if repository else STATED


def site_of(repository: str) -> str:
    """Return the address at which GitHub Pages shows the site of a repository."""
    *_, owner, name = repository.split("/")
    return f"https://{owner}.github.io/{name}/"


def fill_in(text: str) -> str:
    """Put our own address where a page asks for it, and where a notebook has the stated one."""
    return text.replace("{{ repository }}", own()).replace(STATED, own())


def stamp(text: str, repository: str = STATED) -> str:
    """Replace every address of a repository on GitHub, of its site and of its launchers."""
    path = repository.removeprefix("https://github.com/")
    text = re.sub(r"https://github\.com/[\w.-]+/[\w.-]+", repository, text)
    launchers = r"(mybinder\.org/v2/gh/|google\.com/github/)[\w.-]+/[\w.-]+(?=/)"
    text = re.sub(launchers, rf"\g<1>{path}", text)
    return re.sub(r"https://[\w-]+\.github\.io/[\w.-]+/", site_of(repository), text)
