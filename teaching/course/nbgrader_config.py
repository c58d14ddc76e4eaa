"""The settings of the course: nbgrader reads them when it is started in this folder."""

import sys
from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821  (nbgrader provides it)
sys.path.insert(0, str(Path(__file__).resolve().parent))  # here is course_plugins

c.CourseDirectory.course_id = "moving-mnist"

c.ClearSolutions.code_stub = {"python": "# Your code here."}
c.ClearSolutions.text_stub = "*Write your answer here.*"

# Who deletes a test is graded by it all the same.
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "course_plugins.RestoreCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "course_plugins.ContainedExecute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "course_plugins.Harmless",  # later, since an answer that was changed gets its points by hand
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.LimitOutput.max_lines = 1000
c.ContainedExecute.cell_seconds = 60
c.ContainedExecute.all_seconds = 900
c.ContainedExecute.memory_gb = 3  # the whole of chapter 6 takes 1.8
c.Execute.timeout = 60  # of `nbgrader validate`, which is not contained

c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "course_plugins.HideTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
