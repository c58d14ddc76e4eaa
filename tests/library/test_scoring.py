"""Files of predictions, scored beside baselines, the floor and the published scores."""

import re

import numpy as np
import pytest

from mmnist_lib import (
    MovingMNIST,
    bootstrap,
    copy_last,
    extrapolate,
    finite_psnr,
    mae,
    mse,
    oracle,
    psnr,
    save_sequences,
    score_file,
    scoring,
    split_frames,
    ssim,
)
from mmnist_lib.__main__ import main


def digits():
    return np.random.default_rng(3).integers(0, 256, (9, 28, 28), dtype=np.uint8)


DATA = MovingMNIST(digits(), seed=1)
SEEN, TRUE = split_frames(DATA.batch(0, 4) / np.float32(255), 10)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scoring, "BLOCK", 3)
    save_sequences(DATA, 4, "true.npy", truth=True)
    np.save("half.npy", TRUE / 2)
    return tmp_path


def cells(table):
    """Read a table: for each row, a mean and an interval for each metric."""
    lines = table.split("\n\n")[0].splitlines()[1:]
    found = {
        line.split()[0]: re.findall(r"([\d.]+) \(([\d.]+) to ([\d.]+)\)", line) for line in lines
    }
    return {name: np.array(row, float) for name, row in found.items()}


def expected(predicted):
    rows = [score(predicted, TRUE, axis=1) for score in (mse, mae, ssim, finite_psnr)]
    return np.array([[row.mean(), *bootstrap(row)] for row in rows])


def test_the_four_metrics_and_their_intervals_stand_beside_the_baselines(folder):
    found = cells(score_file("true.npy", "half.npy"))
    assert list(found) == ["half.npy", "black", "copy_last", "extrapolate"]
    predictions = [TRUE / 2, 0 * TRUE, copy_last(SEEN, 10), extrapolate(SEEN, 10)]
    for row, predicted in zip(found.values(), predictions, strict=True):
        np.testing.assert_allclose(row, expected(predicted), rtol=1e-3, atol=0.06)


def test_the_floor_is_what_the_oracle_scores(folder):
    found = cells(score_file("true.npy", digits=digits()))
    truth = DATA.truth(0, 4)
    made = zip(digits()[truth.digits], truth.track[:, :, :10], strict=True)
    np.testing.assert_allclose(
        found["floor"], expected(np.stack([oracle(*one) for one in made])), rtol=1e-3, atol=0.06
    )


@pytest.mark.parametrize(
    "form", [lambda p: p, lambda p: p[:, :, None], lambda p: p.swapaxes(0, 1),
             lambda p: (255 * p).round().astype(np.uint8), lambda p: p.astype(np.float64)]
)  # fmt: skip
def test_predictions_come_in_several_forms(folder, form):
    np.save("other.npy", form(np.round(TRUE * 255) / np.float32(255)))
    np.testing.assert_allclose(
        cells(score_file("true.npy", "other.npy"))["other.npy"][:2], 0, atol=0.06
    )


@pytest.mark.parametrize(("n_frames", "published"), [(10, True), (5, False)])
def test_published_scores_are_marked_and_only_beside_their_like(folder, n_frames, published):
    np.save("last.npy", TRUE[:, -n_frames:])
    table = score_file("true.npy", "last.npy")
    assert ("Published, all for the published test file" in table) == published
    assert ("PredRNN                     23.97   72.82   0.9462" in table) == published


def test_a_perfect_frame_has_a_finite_psnr_that_is_not_beaten():
    near = TRUE.copy()
    near[0, 0, 0, 0] += 1 / 255  # one pixel off by one gray level
    assert near[0, 0, 0, 0] == pytest.approx(1 / 255)
    assert np.isinf(psnr(TRUE, TRUE))
    one = psnr(near, TRUE, axis=())[0, 0]
    assert (
        finite_psnr(TRUE, TRUE) == pytest.approx(one, abs=1e-4) == pytest.approx(84.254, abs=1e-3)
    )
    np.testing.assert_allclose(finite_psnr(TRUE / 2, TRUE, axis=0), psnr(TRUE / 2, TRUE, axis=0))


def test_progress_is_told_in_percent(folder):
    seen = []
    score_file("true.npy", progress=seen.append)
    assert seen == [75, 100]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (
            TRUE[:3],
            r"other.npy holds float32 of shape \(3, 10, 64, 64\): pass .*\(4, n_out, 64, 64\)",
        ),
        (TRUE[..., :63], "holds float32 of shape"),
        (TRUE > 0, "holds bool of shape"),
        (TRUE[0, 0], "holds float32 of shape"),
        (255 * TRUE, "holds floats up to 255: divide by 255"),
        (
            np.zeros((4, 19, 64, 64), np.float32),
            r"predictions have \[19\] frames, and sequences 20",
        ),
    ],
)
def test_predictions_that_do_not_fit_are_refused(folder, array, words):
    np.save("other.npy", array)
    with pytest.raises(ValueError, match=words):
        score_file("true.npy", "other.npy")


def test_other_errors_are_worded(folder):
    np.save("five.npy", TRUE[:, -5:])
    with pytest.raises(ValueError, match=r"have \[5, 10\] frames.* of one length"):
        score_file("true.npy", "half.npy", "five.npy")
    with pytest.raises(ValueError, match=r"true-truth\.npz has other digits"):
        score_file("true.npy", digits=digits()[1:])
    (folder / "bad.npy").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"bad\.npy is not a whole"):
        score_file("true.npy", "bad.npy")


def test_the_command_prints_the_table(folder, capsys):
    save_arguments = dict(zip(("x_train", "x_test"), (digits(), digits()), strict=True))
    labels = np.zeros(9, np.uint8)
    np.savez("digits.npz", y_train=labels, y_test=labels, **save_arguments)
    assert main(["score", "half.npy", "true.npy", "--source", "digits.npz"]) == 0
    assert capsys.readouterr().out == score_file("true.npy", "half.npy", digits=digits())
    assert main(["score", "none.npy", "true.npy"]) == 2
    assert capsys.readouterr().err == "mmnist: none.npy: No such file or directory\n"
