"""The files that the playground hands out, as Pillow and NumPy read them."""

import base64
import io
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageSequence

from mmnist_lib import MovingMNIST, load_mnist

BYTES = "(text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))"
TEXT = "(bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))"


@pytest.fixture(scope="module")
def page(asked_page):
    return asked_page("playground.html")


def made(page, code, given):
    """What a function of downloads.js makes: `given` holds text where the function takes bytes."""
    text = page.evaluate(
        f"""async (given) => {{
            const script = document.querySelector("script[src*='playground.js']").src;
            const it = await import(script.replace("playground.js", "downloads.js"));
            const [bytes, text] = [{BYTES}, {TEXT}];
            return text({code});
        }}""",
        given,
    )
    return base64.b64decode(text)


def text_of(raw):
    return base64.b64encode(raw).decode()


# an animated GIF


def gif(page, frames, *more):
    given = [[text_of(frame) for frame in frames], frames.shape[1], *more]
    return made(page, "await it.gif(given[0].map(bytes), ...given.slice(1))", given)


def check_gif(file, frames, scale=4, delay=100):
    assert file[:6] == b"GIF89a" and file[-2:] == b"\x00;"
    with Image.open(io.BytesIO(file)) as image:
        assert image.n_frames == len(frames)
        assert image.size == (frames.shape[2] * scale, frames.shape[1] * scale)
        assert image.info["loop"] == 0, "for ever"
        large = frames.repeat(scale, axis=1).repeat(scale, axis=2)
        for found, expected in zip(ImageSequence.Iterator(image), large, strict=True):
            assert found.info["duration"] == delay
            colours = np.asarray(found.convert("RGB"))
            assert all(np.array_equal(colours[..., k], expected) for k in range(3))


def test_a_clip_is_a_gif_without_a_loss(page):
    _, (images, _) = load_mnist("sample")
    frames = MovingMNIST(images, seed=5)[0]
    file = gif(page, frames)
    check_gif(file, frames)
    assert len(file) < frames.size * 16 / 10, "it is compressed"


@pytest.mark.parametrize(
    ("n", "size", "scale", "delay"),
    [(40, 128, 4, 100), (2, 97, 1, 40), (1, 33, 3, 1000)],
)
@pytest.mark.parametrize("greys", [1, 2, 256])
def test_any_pixels_come_back_from_a_gif(page, n, size, scale, delay, greys):
    """One grey makes runs of hundreds of pixels; 256 fill the table of codes again and again."""
    rng = np.random.default_rng(size + greys)
    frames = rng.integers(0, greys, (n, size, size), dtype=np.uint8)
    check_gif(gif(page, frames, scale, delay), frames, scale, delay)


@pytest.mark.parametrize("size", [61, 62, 128])
def test_the_table_of_codes_is_filled(page, size):
    """No pair of neighbours comes twice, so each pixel is a code, and 3838 of them fill it.

    That is just before the end of 62 × 62 pixels, and 61 × 61 leave it open.
    """
    steps = 2 * (np.arange(size**2) // 256) + 1
    frames = (np.cumsum(steps) % 256).astype(np.uint8).reshape(1, size, size)
    pixels = frames.ravel().astype(int)
    assert len(np.unique(256 * pixels[:-1] + pixels[1:])) == size**2 - 1
    check_gif(gif(page, frames, 1), frames, scale=1)


def test_the_page_goes_on_while_a_gif_is_made(page):
    frames = np.zeros((20, 32, 32), np.uint8)
    given = [[text_of(frame) for frame in frames], 32]
    code = """await (async () => {
        let [turns, done] = [0, false];
        const count = () => { turns++; done || setTimeout(count); };
        count();
        await it.gif(given[0].map(bytes), given[1]);
        done = true;
        return [turns];
    })()"""
    assert made(page, code, given)[0] >= 10


def test_a_gif_has_all_greys(page):
    frames = np.tile(np.arange(256, dtype=np.uint8), 4).reshape(1, 32, 32)
    check_gif(gif(page, frames), frames)


# arrays


ARRAYS = {
    "frames": np.random.default_rng(2).integers(0, 256, (5, 32, 32), dtype=np.uint8),
    "path": np.random.default_rng(3).normal(size=(2, 20, 2)),
    "special": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
    "single": np.float32([[0.1], [1e38]]),
    "places": np.int32([[-(2**31), 2**31 - 1, 0]]),
    "labels": np.int64([-(2**63), 2**63 - 1]),
    "seed": np.array(7, dtype=np.int64),
    "nothing": np.zeros((0, 28), dtype=np.uint8),
    "größe": np.int32([64]),
}
KINDS = {
    "uint8": "Uint8Array",
    "int32": "Int32Array",
    "int64": "BigInt64Array",
    "float32": "Float32Array",
    "float64": "Float64Array",
}
# Each array is a view from byte 8 on, since what lies before a view is not to get into the file.
NPZ = """it.npz(Object.fromEntries(given.map(([name, kind, shape, text]) =>
    [name, { shape, data: new globalThis[kind](bytes(text).buffer, 8) }])))"""


def npz(page, arrays):
    given = [
        [name, KINDS[array.dtype.name], [*array.shape], text_of(bytes(8) + array.tobytes())]
        for name, array in arrays.items()
    ]
    return made(page, NPZ, given)


def test_numpy_reads_what_it_is_handed(page):
    file = npz(page, ARRAYS)
    with np.load(io.BytesIO(file), allow_pickle=False) as found:
        assert found.files == [*ARRAYS]
        for name, expected in ARRAYS.items():
            array = found[name]
            assert array.dtype == expected.dtype and array.shape == expected.shape, name
            assert array.tobytes() == expected.tobytes(), name


def test_the_zip_is_whole_and_always_the_same(page):
    file = npz(page, ARRAYS)
    assert npz(page, ARRAYS) == file
    with zipfile.ZipFile(io.BytesIO(file)) as whole:
        assert whole.testzip() is None
        for one in whole.infolist():
            assert one.date_time == (1980, 1, 1, 0, 0, 0)
            assert one.compress_type == zipfile.ZIP_STORED
            with whole.open(one) as array:
                assert np.lib.format.read_magic(array) == (1, 0)
            numbers = ARRAYS[one.filename.removesuffix(".npy")].nbytes
            assert (one.file_size - numbers) % 64 == 0, "as np.save does it"


def test_a_shape_that_does_not_fit_is_refused(page):
    with pytest.raises(Exception, match=r"4 numbers for a shape of \(2, 3\)"):
        made(page, "it.npz({ path: { data: new Float64Array(4), shape: [2, 3] } })", None)
