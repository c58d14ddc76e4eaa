"""The measure of the prose counts right. What it finds in the book is nobody's failure."""

import json

import pytest

from tests.book.measure import main, measure, sentences

TEXT = """# A heading counts not. It has none.

(an-old-anchor)=
We look at a *digit*, and so do you, because its path is short. But why?

| a table | counts not. |
|---|---|

```python
you, we, because  # nor does code.
```

- [A link](somewhere.md) is read as its words.
- `some.code()` counts as one word: it's short.

<details><summary>Answer</summary>

This sentence has as many words as the longest one here, which is fourteen.

</details>
"""


def test_the_sentences_of_a_text_are_found():
    assert sentences(TEXT) == [
        "We look at a digit, and so do you, because its path is short.",
        "But why?",
        "A link is read as its words.",
        "x counts as one word: it's short.",
        "This sentence has as many words as the longest one here, which is fourteen.",
    ]


def test_they_are_measured():
    words, mean, short, why, whom = measure(TEXT)
    assert words == 14 + 2 + 7 + 7 + 14
    assert mean == words / 5
    assert short == 60  # three of five
    assert why == 1000 * 3 / words  # so, because, But
    assert whom == 1000 * 2 / words  # We, you


def test_a_text_without_a_sentence_has_nothing_to_measure():
    assert measure("# A heading") == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("suffix", [".md", ".ipynb"])
def test_the_table_has_a_line_for_each_file(suffix, tmp_path, capsys):
    page = tmp_path / f"page{suffix}"
    cells = [
        {"cell_type": "code", "source": ["# You may skip this."]},
        {"cell_type": "markdown", "source": TEXT.splitlines(keepends=True)},
    ]
    page.write_text(TEXT if suffix == ".md" else json.dumps({"cells": cells}), encoding="utf-8")
    main([str(page)])
    header, aim, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["words", "a", "sentence", "short", "because/but/so", "we/you"]
    assert aim.startswith("aim")
    assert line.split() == [str(page), "44", "8.8", "60", "%", "68.2", "45.5"]
