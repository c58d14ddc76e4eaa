"""The page for instructors: its numbers, sentences, commands and plans are those of the course."""

import copy
import itertools
import json
import math
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from mmnist_lib.exercises import check

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
RECIPES = "own-dataset.ipynb"  # which no plan has
CHAPTERS = sorted(p for p in (ROOT / "book").glob("*.ipynb") if p.name != RECIPES)
MASTERS = {  # those of the book: an instructor's own have no chapter
    path.stem: ROOT / "teaching" / "masters" / path.name
    for path in CHAPTERS
    if (ROOT / "teaching" / "masters" / path.name).exists()
}
VALUES = ROOT / "teaching" / "course" / "hub" / "values.yaml"
SCHEMA = yaml.safe_load(Path(__file__).with_name("hub_schema.yaml").read_text("utf-8"))


def prose(path: Path) -> str:
    """Return what a notebook says, without its code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def section(title: str) -> str:
    """Return a part of the page, down to the next heading of its level."""
    level = re.search(rf"^(#+) {re.escape(title)}$", PAGE, re.M)[1]
    after = re.split(rf"^#+ {re.escape(title)}$", PAGE, flags=re.M)[1]
    return re.split(rf"^#{{1,{len(level)}}} ", after, flags=re.M)[0]


def rows(title: str, head: str) -> list[list[str]]:
    """Return the rows of the table in a section whose first head is given."""
    lines = section(title).split(f"\n| {head} |", 1)[1].splitlines()
    table = itertools.takewhile(lambda line: line.startswith("|"), lines[2:])
    cells = (line.replace("&nbsp;", " ").strip("|").split("|") for line in table)
    return [[cell.strip() for cell in row] for row in cells]


# ---- what is in each chapter, and the plans ----


def test_the_table_of_chapters_is_the_books():
    table = rows("What is in each chapter", "chapter")
    files = [re.search(r"\((.*)\)", row[0])[1] for row in table]
    assert sorted(files) == [path.name for path in CHAPTERS]
    for file, (_, minutes, needs, learn) in zip(files, table, strict=True):
        text = prose(ROOT / "book" / file)
        time, wants = re.search(r"Time: (\d+) minutes. You need: (.*)", text).groups()
        stem = file.removesuffix(".ipynb")
        own = [time]
        if stem in MASTERS:
            own.append(re.search(r"about (\d+) minutes", prose(MASTERS[stem]))[1])
        assert minutes.split(" + ")[: len(own)] == own, file
        wants = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", wants)
        assert re.split(r"[,.]", wants)[0] == needs, file
        assert learn.count(";") == text.count("\n- **", 0, text.index("Time: ")) - 1, file


def test_the_exercises_of_each_chapter_are_told():
    table = rows("What is in each chapter", "exercises")
    assert [row[0][0] for row in table] == [name[1] for name in sorted(MASTERS)]
    for chapter, tasks in table:
        assert "TASKS-" not in tasks, f"the exercises of {chapter} are to be filled in"


def test_a_master_has_the_tasks_and_points_that_the_page_tells():
    for path in MASTERS.values():
        points = re.findall(r"^\*(\d) points?\b", prose(path), re.M)
        assert points == ["1", "3", "3", "2", "1"], path.name


def test_the_workshop_fills_two_hours():
    spans = [row[0].split("–") for row in rows("Two hours", "minutes")]
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert (spans[0][0], spans[-1][1]) == ("0", "120")


def test_each_lab_of_the_week_takes_two_hours_and_covers_its_chapters():
    read = {
        row[0]: int(row[1].split(" + ")[0]) for row in rows("What is in each chapter", "chapter")
    }
    known = {
        re.search(r"\[(\d)", name)[1]: time for name, time in read.items() if "[The" not in name
    }
    table = rows("A week of labs", "lab")
    assert len(table) == 5
    for day, *minutes, _ in table:
        assert sum(map(int, minutes)) == 120, day
        assert int(minutes[1]) == sum(known[n] for n in re.findall(r"\d", day)), day
    handed_in = " ".join(row[-1] for row in table)  # chapter 8 is for afterwards
    assert re.findall(r"\d", handed_in) == list("123456")


def test_half_a_term_has_a_hundred_points():
    table = rows("Half a term", "week")
    assert [row[0] for row in table] == list("123456")
    assert sum(int(row[-1]) for row in table) == 100
    for _, _, _, handed_in, points in table[:-1]:
        assert int(points) == 10 * len(re.findall(r"\d", handed_in))
    project = section("Half a term").split("**The project**")[1]
    assert "is worth 10 points" in project and project.count("\n- ") * 10 == int(table[-1][-1])


@pytest.mark.parametrize("name, heading", re.findall(r"chapter (\d), (\*[^|\n]*)", PAGE, re.I))
def test_a_section_that_the_page_names_is_in_the_chapter(name, heading):
    (path,) = (ROOT / "book").glob(f"0{name}-*.ipynb")
    for title in re.findall(r"\*([^*]+)\*", heading.split(";")[0]):
        assert title in prose(path), f"chapter {name} has no {title!r}"


# ---- what the checks say ----


def sentences() -> dict[str, str]:
    """Make each mistake of the table that a check knows by itself, and collect its sentence."""
    right = np.array([[12, 9], [18, 9], [24, 9], [30, 9], [36, 9], [30, 9], [24, 9]])
    frames = np.zeros((3, 5, 5), np.uint8)
    frames[1, 2, 3] = 140

    def said(answer, given=(), expected=right, name="my_path", kind="track", **more):
        def function(*_):
            return answer(*_) if callable(answer) else answer

        function.__name__ = name
        return check(function, given, expected=expected, kind=kind, limits=(0, 36), **more).message

    late = np.concatenate([[[6, 9]], right[:-1]])
    outside = np.array([*right[:4], [36, 9], [36, 9], [36, 9], [37, 9]])
    stuck = np.array([*right[:3], [36, 9], [36, 9], [36, 9], [36, 9]])
    rounded = "it rounds: the real dataset drops the fraction"
    summed = frames.copy()
    summed[1, 2, 3] = (130 + 140) % 256
    frames_of = {"expected": frames, "name": "my_frames", "kind": "clip"}
    return {
        "swapped": said(right[:, ::-1]),
        "late": said(late),
        "rounds": said(right + 1, slips={rounded: right + 1}),
        "outside": said(outside, expected=np.concatenate([right, [[18, 9]]])),
        "sticks": said(stuck),
        "byte": said(right.astype(np.uint8)),
        "sum": said(summed, **frames_of),
        "global": said(lambda: np.random.rand(), name="my_start"),  # noqa: NPY002
        "argument": said(lambda given: given.fill(9) or frames, (frames.copy() + 1,), **frames_of),
    }


def test_the_page_quotes_what_the_checks_say():
    made = sentences()
    for sentence in made.values():
        assert f"*{sentence}*" in PAGE, f"the page does not quote: {sentence}"
    quoted = set(re.findall(r"\*(✗ [^*]*)\*", PAGE))
    assert quoted == set(made.values())
    masters = "".join(path.read_text(encoding="utf-8") for path in MASTERS.values())
    assert "it rounds: the real dataset drops the fraction" in masters


def test_the_page_quotes_what_remarks_say():
    """Without the names and numbers, each piece of a quoted remark stands in the program."""
    course = ROOT / "teaching" / "course"
    program = "".join((course / name).read_text("utf-8") for name in ("matching.py", "grading.py"))
    quoted = [row[0].strip("*") for row in rows("What a remark says", "remark")]
    for remark in quoted:
        pieces = re.split(
            r"\S*\d\S*(?: \(1\)\.ipynb)?|mend|colleague|; |what it defines|[:,]", remark
        )
        pieces = [piece.strip() for piece in pieces if len(piece.strip()) > 6]
        assert pieces or "late:" in remark
        for piece in pieces:
            assert piece in program, f"no remark says {piece!r}"


# ---- commands ----


def test_every_make_target_on_the_page_exists():
    named = set(re.findall(r"(?:`|^ *(?:\$ )?)make (?:-C \S+ )?([a-z]+)\b", PAGE, re.M))
    assert {"release", "collect", "grade", "export", "assignments", "slides", "book"} <= named
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert not named - set(re.findall(r"^([a-z]+):", makefile, re.M))


def test_every_command_of_nbgrader_on_the_page_exists():
    nbgrader = pytest.importorskip("nbgrader.apps.nbgraderapp")
    named = set(re.findall(r"^nbgrader (\w+)", PAGE, re.M))
    assert named and not named - {
        name.replace("-", "_") for name in nbgrader.NbGraderApp().subcommands
    }


def test_the_course_folder_on_the_page_is_the_one_that_is_made():
    shown = section("On a laptop").split("```text\ncourse/\n")[1].split("```")[0]
    ours = {path.name for path in (ROOT / "teaching" / "course").iterdir()}
    for name in re.findall(r"^  (\w+\.(?:csv|py)) ", shown, re.M):
        assert name in ours, name
    header = (ROOT / "teaching" / "course" / "students.csv").read_text(encoding="utf-8").strip()
    assert header in shown
    settings = (ROOT / "teaching" / "course" / "nbgrader_config.py").read_text(encoding="utf-8")
    (course,) = set(re.findall(r"--course (\S+)", PAGE))
    assert f'course_id = "{course}"' in settings


def test_the_workflow_builds_the_edition_that_a_fork_chooses():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text("utf-8"))
    assert workflow["name"] == "publish"
    steps = workflow["jobs"]["build"]["steps"]
    runs = [step.get("run", step.get("uses", "")).split(" #")[0] for step in steps]
    built = runs.index("make site EDITION=class")
    (published,) = [run for run in runs if run.startswith("actions/upload-pages-artifact@")]
    assert runs.index("make test") < built < runs.index(published)
    assert steps[built]["if"] == "vars.EDITION == 'class'"
    text = section("Fork and publish")
    assert "the variable `EDITION` with the value `class`" in text
    assert "make site EDITION=class" in text


def files_of(row: str) -> set[Path]:
    """The files that a row of the list of what to rebrand names."""
    found = set()
    for pattern in re.findall(r"`([\w./*-]+[./][\w*]+|Makefile|LICENSE)`", row):
        matching = set(ROOT.glob(pattern))
        assert matching, f"{pattern} is no file"
        found |= matching
    return found


def test_the_list_of_what_to_rebrand_and_translate_is_complete():
    listed = {what: files_of(where) for what, where in rows("Rebrand and translate", "what")}
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    url = config["repository"]["url"].removeprefix("https://github.com/")
    words = {"title": [config["title"]], "author": [config["author"]], "address": [url]}
    words["verdicts of the checks"] = ["✗ ", "○ "]
    rooms = ("book", "mmnist_lib", "notebooks", "teaching", "website", ".github", ".binder")
    texts = ["py", "md", "ipynb", "yml", "toml", "cff", "html", "j2", "js", "css"]
    files = [path for room in rooms for path in (ROOT / room).rglob("*")]
    files = [path for path in [*ROOT.glob("*.*"), *files] if path.suffix[1:] in texts]
    files.append(ROOT / "Makefile")
    exercises = ROOT / "book" / "exercises"
    for path in files:
        text = path.read_text(encoding="utf-8")
        for what, said in words.items():
            made = path.parent == exercises and what != "address"
            if any(word in text for word in said) and not made:
                assert path in listed[what], f"{path.relative_to(ROOT)} holds the {what}"
    shown = [*ROOT.glob("website/assets/*.js"), *ROOT.glob("website/**/*.j2")]
    shown += [*ROOT.glob("website/assets/*.html"), *ROOT.glob("mmnist_lib/player/*")]
    shown += [*ROOT.glob("teaching/*.j2"), *ROOT.glob("teaching/course/*.py")]
    for path in shown:
        assert not path.is_file() or path in set().union(*listed.values()), path


# ---- the hub ----


def test_the_values_for_the_hub_follow_the_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(yaml.safe_load(VALUES.read_text(encoding="utf-8")), SCHEMA)
    (login,) = re.findall(r"```yaml\n(   hub:\n.*?)```", PAGE, re.S)
    jsonschema.validate(yaml.safe_load(login), SCHEMA)


def places(value: object, path: tuple = ()) -> list[tuple]:
    """Return the path of each key, however deep."""
    found = []
    for key, below in value.items() if isinstance(value, dict) else ():
        found += [(*path, key), *places(below, (*path, key))]
    return found


OURS = [("extraEnv", "NBGITPULLER_APP"), ("extraFiles", "culling")]  # names that we chose
KEYS = [p for p in places(yaml.safe_load(VALUES.read_text("utf-8"))) if p[-2:] not in OURS]


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_a_misspelt_key_is_found(path):
    values = copy.deepcopy(yaml.safe_load(VALUES.read_text(encoding="utf-8")))
    parent = values
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1] + "s"] = parent.pop(path[-1])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, SCHEMA)


def test_nobody_gets_in_before_the_values_are_changed():
    text = VALUES.read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    config = values["hub"]["config"]
    assert config["JupyterHub"]["authenticator_class"] == "null"  # the word, not nothing
    assert config["Authenticator"] == {"allow_all": False, "allowed_users": [], "admin_users": []}
    assert values["proxy"]["https"]["enabled"] is True
    assert values["singleuser"]["image"]["tag"] != "latest"
    for placeholder in ('"null"', "hub.example.edu", "you@example.edu", "registry.example.edu"):
        (line,) = [line for line in text.splitlines() if placeholder in line.split(" #")[0]]
        assert "# CHANGE" in line, line


# ---- what a class needs: every number from benchmarks/classroom.json ----

MEASURED = json.loads((ROOT / "benchmarks" / "classroom.json").read_text(encoding="utf-8"))
CORES, MACHINE_GB, FOR_PODS = 16, 64, 0.9
CLASSES = (30, 300, 3000)
LATE = [path.stem for path in CHAPTERS if path.stem[:2] in ("06", "07", "08")]  # Keras is loaded


def two_digits(value: float) -> str:
    """Write a number as the tables do."""
    shown = float(f"{value:.2g}")
    return f"{shown:,.0f}" if shown >= 10 else f"{shown:g}"


def quarters(megabytes: float) -> float:
    """Return gigabytes, rounded up to quarters."""
    return math.ceil(megabytes / 256) / 4


@pytest.fixture(scope="module")
def needs() -> dict[str, float]:
    """Derive what a student and a machine hold from what was measured."""
    measured = MEASURED["measured"]
    chapters = {path.stem for path in CHAPTERS}
    peaks = {name: row["MiB"] for name, row in measured.items() if name in chapters}
    assert peaks.keys() == chapters, "measure again: python -m benchmarks.classroom"
    server, late = measured["server"]["MiB"], [peaks.pop(name) for name in LATE]
    last, largest = max(late), max(peaks.values())
    found = {
        "early": quarters(server + largest),
        "late": quarters(server + last),
        "limit": quarters(server + last + largest),
        "together": quarters(server + sum(late)),
        "late seconds": measured["06-prediction"]["cpu s"],
    }
    for name in ("early", "late", "limit"):
        found[f"{name} on one"] = math.floor(MACHINE_GB * FOR_PODS / found[name])
    return found


def test_the_measured_table_is_the_stored_one():
    found = {row[0]: row[1:] for row in rows("What a student needs", "what runs")}
    titles = {"server": "JupyterLab, idle", "complete-data-set": "The complete dataset"}
    titles["08-limit"] = "8 The limit"
    for name, stored in MEASURED["measured"].items():
        if name == "kernel" or name.startswith("exercises/"):
            continue
        title = titles.get(name, f"{name[1:2]} {name[3:].capitalize()}")
        expected = [
            two_digits(stored["MiB"]),
            *(two_digits(stored[key]) if key in stored else "" for key in ("cpu s", "s")),
        ]
        assert found[title] == expected, f"{title}: {' | '.join(expected)}"
    hardware = MEASURED["machine"].split(", NumPy")[0]
    assert f"Measured on {hardware}," in PAGE


def test_an_exercise_needs_no_more_than_the_page_allows(needs):
    for name, row in MEASURED["measured"].items():
        if name.startswith("exercises/"):
            most = needs["late" if "06" in name else "early"]
            assert MEASURED["measured"]["server"]["MiB"] + row["MiB"] <= 1024 * most, name


def test_what_a_student_needs_is_derived(needs):
    text = section("What a student needs")
    assert f"**{needs['early']:g} GB** for chapters 1 to 5" in text
    assert f"**{needs['late']:g} GB** for chapters 6 to 8" in text
    assert f"**{needs['limit']:g} GB** at most" in text
    assert "6 to 8 don't all fit" in text and needs["together"] > needs["limit"]


def test_what_a_class_needs_is_derived(needs):
    machines = {key: [math.ceil(n / needs[f"{key} on one"]) for n in CLASSES]
                for key in ("early", "late", "limit")}  # fmt: skip
    waits = [
        math.ceil(n / m) * needs["late seconds"] / CORES
        for n, m in zip(CLASSES, machines["late"], strict=True)
    ]
    expected = {
        "memory guaranteed, chapters 1 to 5, GB": [f"{n * needs['early']:,g}" for n in CLASSES],
        "memory guaranteed, chapters 6 to 8, GB": [f"{n * needs['late']:,g}" for n in CLASSES],
        "memory if everyone reaches the limit, GB": [f"{n * needs['limit']:,g}" for n in CLASSES],
        "machines, chapters 1 to 5": [f"{m:,}" for m in machines["early"]],
        "machines, chapters 6 to 8": [f"{m:,}" for m in machines["late"]],
        "machines if everyone reaches the limit": [f"{m:,}" for m in machines["limit"]],
        "cores at work, chapter 6 spread over an hour":
            [two_digits(n * needs["late seconds"] / 3600) for n in CLASSES],
        "minutes until all are done, if all start chapter 6 at once":
            [two_digits(seconds / 60) for seconds in waits],
    }  # fmt: skip
    found = {row[0]: row[1:] for row in rows("What a class needs", "students")}
    for name, numbers in expected.items():
        assert found[name] == numbers, f"{name} | {' | '.join(numbers)}"
    assert found.keys() == expected.keys()
    text = section("What a class needs")
    assert f"{CORES} cores and {MACHINE_GB} GB, and leave a tenth" in text
    assert f"holds {needs['early on one']} students in chapters 1 to 5" in text
    assert f"or {needs['late on one']} in chapters 6 to 8" in text
    assert f"Up to {needs['late on one']} students fit" in PAGE
    assert "need three times the memory" in text and needs["late"] / needs["early"] == 3
    six = MEASURED["measured"]["06-prediction"]
    most = max(MEASURED["measured"][name]["cpu s"] for name in LATE)
    assert six["cpu s"] == most, "the rows on processors name chapter 6"
    assert six["s"] < 150, "minutes instead of two"


def test_the_hub_guarantees_what_was_derived(needs):
    text = VALUES.read_text(encoding="utf-8")
    user = yaml.safe_load(text)["singleuser"]
    assert user["memory"] == {"guarantee": f"{needs['late']:g}G", "limit": f"{needs['limit']:g}G"}
    assert f"until then {needs['early']:g}G is enough" in text
    early = float(re.search(r"until chapter 6, ([\d.]+) is enough", text)[1])
    for cpu, key in ((user["cpu"]["guarantee"], "late"), (early, "early")):
        # The guarantee of processor time must not be what fills a machine.
        assert cpu * needs[f"{key} on one"] <= CORES * FOR_PODS
