"""The form on the page for instructors: the links that it makes, in a browser."""

import itertools
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

PAGE = "instructors.html"
FORK = "https://github.com/ada/fork"


def link(page, kind: str) -> str:
    return page.locator(f'#made input[data-link="{kind}"]').input_value()


@pytest.fixture
def page(visit):
    return visit(PAGE)


def fill(page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f'#links [name="{name}"]').fill(value)


def test_the_form_begins_with_this_repository_and_makes_the_sites_own_links(page, visit):
    chapter = visit("04-bouncing.html")
    page.get_by_label("Notebook").select_option("4. Bouncing")
    for kind, host in (("binder", "mybinder.org"), ("colab", "colab.research.google.com")):
        button = chapter.locator(f'a[href*="{host}"]').first.get_attribute("href")
        assert link(page, kind) == button
    assert link(page, "hub") == "", "no hub was named"
    copies = page.locator("#made button")
    assert copies.evaluate_all("all => all.map((it) => it.disabled)") == [True, False, False]


def test_the_links_lead_to_the_fork_the_branch_and_the_notebook(page):
    page.get_by_label("Repository").fill(FORK)
    page.get_by_label("Branch").fill("autumn")
    page.get_by_label("Notebook").select_option("Exercises 4")
    page.get_by_label("Address of your hub").fill("https://hub.example.edu")
    file = "book/exercises/04-bouncing.ipynb"
    assert (
        link(page, "binder")
        == f"https://mybinder.org/v2/gh/ada/fork/autumn?urlpath=lab/tree/{file}"
    )
    assert (
        link(page, "colab")
        == f"https://colab.research.google.com/github/ada/fork/blob/autumn/{file}"
    )
    made = link(page, "hub")
    assert made == (
        "https://hub.example.edu/hub/user-redirect/git-pull"
        "?repo=https%3A%2F%2Fgithub.com%2Fada%2Ffork&branch=autumn"
        "&urlpath=lab%2Ftree%2Ffork%2Fbook%2Fexercises%2F04-bouncing.ipynb"
    )
    # What nbgitpuller reads: https://nbgitpuller.readthedocs.io/en/latest/topic/url-options.html
    assert parse_qs(urlsplit(made).query) == {
        "repo": [FORK],
        "branch": ["autumn"],
        "urlpath": [f"lab/tree/fork/{file}"],
    }


def test_addresses_may_be_pasted_as_they_come(page):
    """The folder that nbgitpuller makes is named by the last part of the address."""
    addresses = f"{FORK}/", f"{FORK}.git", f"  {FORK}.git/  "
    for address_, end in itertools.product(addresses, ("", "hub/home", "user/ada/lab?x=1")):
        fill(page, repository=address_, hub=f"https://hub.example.edu/{end}")
        made = urlsplit(link(page, "hub"))
        assert made.scheme + "://" + made.netloc + made.path == (
            "https://hub.example.edu/hub/user-redirect/git-pull"
        ), end
        query = parse_qs(made.query)
        assert query["repo"] == [FORK], address_
        assert query["urlpath"] == ["lab/tree/fork/book/01-loading.ipynb"]
        assert link(page, "binder").startswith("https://mybinder.org/v2/gh/ada/fork/main?")


def test_a_hub_below_a_path_and_a_repository_elsewhere(page):
    fill(
        page, repository="https://git.example.edu/maths/course", hub="https://example.edu/jupyter/"
    )
    assert link(page, "hub").startswith("https://example.edu/jupyter/hub/user-redirect/git-pull?")
    assert link(page, "binder").startswith(
        "https://mybinder.org/v2/git/https%3A%2F%2Fgit.example.edu%2Fmaths%2Fcourse/main?"
    )
    assert link(page, "colab") == "", "Colab opens notebooks of GitHub alone"


def test_what_is_typed_is_never_taken_for_html(page):
    nasty = 'https://github.com/a/b"><img src=x onerror=document.title=1>'
    title = page.title()
    fill(page, repository=nasty, branch="<b>main</b>", hub='https://h.example.edu/"><i>')
    for kind in ("hub", "binder", "colab"):
        assert link(page, kind) and not set('<>" ') & set(link(page, kind))
    assert page.locator("#made img, #made b, #made i").count() == 0
    assert page.title() == title


def test_half_an_address_makes_no_link(page):
    fill(page, repository="github.com/ada/fork", hub="hub.example.edu")
    assert [link(page, kind) for kind in ("hub", "binder", "colab")] == ["", "", ""]
    fill(page, repository=FORK, branch="")
    assert link(page, "binder") == ""


def test_every_notebook_of_the_form_is_a_file(page):
    root = Path(__file__).parents[2]
    values = page.locator('#links [name="notebook"] option').evaluate_all(
        "all => all.map(option => option.value)"
    )
    assert not [value for value in values if not (root / "book" / f"{value}.ipynb").exists()]
    assert {path.stem for path in (root / "book").glob("*.ipynb")} <= set(values)


def test_the_keyboard_is_enough(page):
    """Every field and button is reached with the tabulator, in the order of the page."""
    fill(page, hub="https://hub.example.edu")  # nothing is there to be copied before
    page.locator('#links [name="repository"]').focus()
    reached = []
    for _ in range(10):
        reached.append(
            page.evaluate(
                "(e => e.name || e.dataset.link || e.textContent)(document.activeElement)"
            )
        )
        page.keyboard.press("Tab")
    assert reached[:4] == ["repository", "branch", "notebook", "hub"]
    assert reached[4::2] == ["hub", "binder", "colab"]
    assert all(name.startswith("Copy") for name in reached[5::2])


def test_a_link_is_copied_or_selected(page, wait_until):
    fill(page, hub="https://hub.example.edu")
    page.get_by_role("button", name="Copy Binder's link").click()
    status = page.get_by_role("status")
    wait_until(page, "document.getElementById('copied').textContent")
    assert re.match(r"Copied\.|Selected\.", status.inner_text())
    selected = page.evaluate(
        "(e => e.value.slice(e.selectionStart, e.selectionEnd))"
        "(document.querySelector('#made input[data-link=binder]'))"
    )
    assert selected == link(page, "binder") != ""
