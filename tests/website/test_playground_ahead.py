"""The playground's predictions: its networks are Keras' models, and nothing else is loaded."""

import functools
import re

import numpy as np
import pytest

from mmnist_lib import MovingMNIST, animate, copy_last, load_mnist, mse
from mmnist_lib.prediction import load_model, rollout
from mmnist_lib.tracking import predict
from notebooks.outputs import stored_opening, truth_and_prediction
from tests.website.conftest import SITE, ask
from website.playground import LOADED, NETWORKS, shortened

from keras import ops  # isort: skip  # after prediction, which chooses the backend

PAGE = "playground.html"
READY = "document.querySelector('#clip-maker').dataset.ready"
TOLD = "document.querySelector('#clip-maker .told').textContent"
DONE = "document.querySelector('#clip-maker .predictions').ariaBusy === 'false'"
_, (images, _labels) = load_mnist("sample")


@pytest.fixture
def open_page(visit, wait_until):
    def open_(search="", **options):
        page = visit(PAGE + search, **{"reduced_motion": "reduce", **options})
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        wait_until(page, READY)
        return page

    return open_


@pytest.fixture(scope="module")
def predicting(asked_page, wait_until):
    """A page whose predictors are at hand: to load a network takes longer than all the rest."""
    page = asked_page(PAGE)
    wait_until(page, READY)
    page.get_by_role("button", name="Predict what comes next").click()
    wait_until(page, DONE)
    return page


@pytest.fixture
def predicted(predicting, wait_until):
    """Let that page show and predict what an address says."""

    def go(search="", until=DONE):
        predicting.evaluate(
            """(search) => {
                history.pushState(null, "", location.pathname + search);
                dispatchEvent(new PopStateEvent("popstate"));
            }""",
            search,
        )
        wait_until(predicting, until)
        return predicting

    return go


def clip_of(page):
    """The Python's clip, but twenty frames of it."""
    code = page.locator(".python code").inner_text()
    names = {}
    exec(re.sub(r"n_frames=\d+", "n_frames=20", code), names)
    return names["frames"]


@functools.cache
def model(network):
    """The network with the weights that the page has."""
    made = load_model(network)
    for weights in made.weights:
        weights.assign(shortened(ops.convert_to_numpy(weights.value)).astype(np.float32))
    return made


def by_keras(sequences, network):
    """What a network makes of sequences of ten frames, six at once, or it would compile anew."""
    seen = np.zeros((6, 10, 64, 64), np.float32)
    seen[: len(sequences)] = np.asarray(sequences, np.float32) / 255
    return rollout(model(network), seen, 10)[: len(sequences)]


def by_worker(page, kind, sequences, **job):
    """What the site's own worker makes of them, in full."""
    given = {"speed": 0.1, "rule": "clamp", "digits": 2, "size": sequences[0].shape[-1], **job}
    return ask(
        page,
        """async ([kind, sequences, job]) => {
            const script = document.querySelector("script[src*='playground.js']").src;
            const url = script.replace("playground.js", "predictor.js");
            const figure = document.querySelector(`[data-by=${kind}]`);
            const model = new URL(figure.dataset.model, document.baseURI).href;
            const worker = new Worker(url, { type: "module" });
            const answer = () => new Promise((resolve) => {
                worker.onmessage = ({ data }) => data.bytes || data.complete || resolve(data);
            });
            const all = [];
            for (const sequence of sequences) {
                const frames = sequence.map((frame) => Uint8Array.from(frame.flat()));
                worker.postMessage({ model, job: { ...job, frames } });
                const { frames: made, ...other } = await answer();
                all.push(made ? made.map((frame) => Array.from(frame)) : other);
            }
            worker.terminate();
            return all;
        }""",
        [kind, [sequence.tolist() for sequence in sequences], given],
    )


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_is_keras_model(open_page, network):
    sequences = [*MovingMNIST(images, seed=21).batch(0, 3)[:, :10]]
    sequences += [*MovingMNIST(images, n_digits=1, seed=22).batch(0, 1)[:, :10]]
    sequences += [*MovingMNIST(images, n_digits=3, rule="reflect", seed=23).batch(0, 2)[:, :10]]
    found = np.reshape(by_worker(open_page(), network, sequences), (6, 10, 64, 64))
    expected = by_keras(sequences, network)
    assert np.ptp(expected) > 0.9
    assert np.abs(found - expected).max() < 1e-3
    whole = rollout(load_model(network), np.asarray(sequences, np.float32) / 255, 10)
    assert np.abs(found - whole).max() < 0.05, "what the shorter weights may change"


def test_it_loads_when_asked_and_from_here_alone(open_page, wait_until, address):
    page = open_page()
    page.wait_for_timeout(300)
    assert not [url for url in page.asked if "onnx" in url or "predictor" in url]
    megabytes = sum(path.stat().st_size for path in LOADED) / 1e6
    assert f" {megabytes:.1f} MB" in page.locator(".offer").inner_text()
    page.get_by_role("button", name="Predict what comes next").click()
    wait_until(page, DONE)
    assert not page.locator(".loading").is_visible()
    assert page.locator("progress").evaluate("(it) => it.value") == 1, "all that was announced"
    loaded = [url.rpartition("/")[2].partition("?")[0] for url in page.asked]
    assert {path.name for path in LOADED} <= set(loaded)
    assert all(url.startswith(address) for url in page.asked), page.asked
    ours = [url for url in page.asked if "logo" not in url]
    assert all("?v=" in url for url in ours), "or an old file would stay with a new one"


def test_readme_and_the_first_page_show_what_the_network_predicts():
    stored, (truth, prediction) = stored_opening(), truth_and_prediction().astype(int)
    assert (stored[0] == truth).all() and (stored[1, :10] == truth[:10]).all()
    assert abs(stored[1] - prediction).max() <= 2  # of 255: last digits depend on the machine
    page = (SITE / "book" / "index.html").read_text("utf-8")
    assert f'data-sha256="{animate(stored).sha256}"' in page


@pytest.mark.parametrize("search", ["", "?digits=8,own&speed=0.2&rule=reflect&seed=5"])
def test_what_is_shown_is_what_was_predicted(predicted, wait_until, search):
    page = predicted(search)
    if search:
        page.locator(".pad").press("Space")
        wait_until(page, f"{DONE} && !{TOLD}.includes('no ink')")
    clip = clip_of(page)
    seen, later = clip[:10], clip[10:] / 255
    state = {"step_length": 0.2, "rule": "reflect"} if search else {}
    predictions = {network: by_keras(seen[np.newaxis], network)[0] for network in NETWORKS}
    predictions["truth"] = later
    predictions["exact"] = predict(seen, **state)
    page.locator(".later").fill("17")
    for name, frames in predictions.items():
        canvas = page.locator(f"[data-by={name}] canvas")
        ink = canvas.evaluate(
            """(it) => Array.from(it.getContext("2d").getImageData(0, 0, 64, 64).data)
                .filter((_, at) => at % 4 === 0)"""
        )
        assert np.abs(np.reshape(ink, (64, 64)) - 255 * frames[7]).max() <= 0.51 + 0.26, name
    told = page.locator(".told").inner_text()
    held = copy_last(seen[np.newaxis] / 255, 10)[0]
    for text, frames in (
        ("frame 9, held still, has", held),
        *((f"the {name}", predictions[network]) for network, name in NETWORKS.items()),
        ("the exact predictor", predictions["exact"]),
    ):
        score = float(re.search(rf"{text} (\d+\.\d)", told)[1])
        assert score == pytest.approx(mse(frames[np.newaxis], later[np.newaxis]), abs=0.06)
    assert ("In training, the U-Net and the ConvLSTM saw" in told) == bool(search)
    if search:
        assert "New here: speed 0.2, the rule reflect, a drawing." in told
    assert page.locator(".error polyline").count() == 2 + len(NETWORKS)
    plot = page.locator(".error")
    assert told.partition(" In training")[0] in plot.get_attribute("aria-label")
    page.set_viewport_size({"width": 320, "height": 900})
    scale = "it => it.getBoundingClientRect().width / it.viewBox.baseVal.width"
    wait_until(page, lambda: plot.evaluate(scale) == 1)  # its words do not shrink with the page


def test_each_predictor_is_asked_once_and_the_button_keeps_the_focus(open_page, wait_until):
    page = open_page()
    page.evaluate(
        """() => {
            window.jobs = [];
            const post = Worker.prototype.postMessage;
            Worker.prototype.postMessage = function (message) {
                window.jobs.push(message.model.split("/").at(-1));
                post.call(this, message);
            };
        }"""
    )
    page.get_by_role("button", name="Predict what comes next").press("Enter")
    wait_until(page, DONE)
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == page.locator(".predict").inner_text() == "Predicted below"
    page.locator(".predict").press("Enter")
    page.get_by_label("Frames", exact=True).fill("12")  # it changes nothing in what is predicted
    page.locator("#maker-speed").dispatch_event("change")
    page.wait_for_timeout(500)
    jobs = [model.partition("?")[0] for model in page.evaluate("window.jobs")]
    assert jobs == ["unet.onnx.gz", "convlstm.onnx.gz", ""], "the exact predictor has no model"


def test_an_answer_to_a_clip_that_is_gone_is_not_shown(predicted, wait_until):
    page = predicted("?digits=3,7&seed=2")
    page.locator("#maker-seed").fill("3")
    wait_until(page, f"{TOLD}.includes('at work')")
    page.evaluate(
        """() => {
            const speed = document.querySelector("#maker-speed");
            window.dragging = setInterval(() => {
                speed.value = speed.value === "0.2" ? 0.3 : 0.2;
                speed.dispatchEvent(new Event("input", { bubbles: true }));
            }, 50);
        }"""
    )
    page.wait_for_timeout(2500)
    assert "at work" in page.locator(".told").inner_text()
    assert page.locator(".ahead.stale").count() == 1
    page.evaluate("clearInterval(window.dragging)")
    wait_until(page, DONE)
    assert "New here: speed 0." in page.locator(".told").inner_text()


def test_a_change_is_predicted_anew(predicted, wait_until):
    page = predicted()
    first = page.locator(".told").inner_text()
    page.get_by_role("button", name="Throw again").first.click()
    wait_until(page, DONE)
    assert page.locator(".told").inner_text() != first
    later = clip_of(page)[10:] / 255
    network = by_keras(clip_of(page)[np.newaxis, :10], "unet")
    assert f"the U-Net {mse(network, later[np.newaxis]):.1f}" in page.locator(".told").inner_text()

    page.get_by_label("Canvas, pixels").fill("48")
    wait_until(page, DONE)
    assert "64 pixels only" in page.locator("[data-by=unet]").inner_text()
    assert "Without the U-Net: It takes" in page.locator(".told").inner_text()
    for label, value, why in (("speed", "0", "digits that move"), ("seed", "4", "")):
        page.locator(f"#maker-{label}").fill(value)
        wait_until(page, DONE)
        assert why in page.locator("[data-by=exact]").inner_text()
    page.locator("fieldset").first.get_by_label("Class").select_option("own")
    wait_until(page, DONE)
    assert "no ink" in page.locator("[data-by=exact]").inner_text()
    assert (
        page.locator(".told")
        .inner_text()
        .startswith("There is no prediction for this clip. Without")
    )


def test_rule_and_speed_stand_beside_the_predictions(predicted, wait_until):
    page = predicted()
    section = page.locator(".ahead")
    section.get_by_label("Speed").fill("0.2")
    section.get_by_label("Rule").select_option("reflect")
    section.get_by_role("button", name="Throw again").click()
    wait_until(page, f"{DONE} && location.search.includes('rule=reflect&speed=0.2&seed=3')")
    assert page.locator("#maker-speed").input_value() == "0.2"
    page.locator("#maker-speed").fill("0.3")
    assert section.get_by_label("Speed").input_value() == "0.3"


def test_the_predictions_play_with_the_clip(predicted):
    page = predicted()
    page.get_by_label("Frame", exact=True).first.fill("13")
    assert page.locator(".later").input_value() == "13"
    page.locator(".later").press("ArrowRight")
    assert page.locator(".later-at").inner_text() == "14"
    assert page.locator("#clip-maker .at").inner_text() == "frame 14"
    page.get_by_label("Frame", exact=True).first.fill("3")
    assert page.locator(".later-at").inner_text() == "14", "what is given is no prediction"


def test_the_predictions_of_a_short_clip_play_on(predicted, wait_until):
    page = predicted("?frames=5")
    page.locator(".play").click()
    for frame in ("19", "10"):
        wait_until(page, f"document.querySelector('.later').value === '{frame}'")
    page.locator(".play").click()


@pytest.mark.parametrize(
    "files, lost",
    [
        (["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.gz"], ["unet", "convlstm"]),
        (["unet.onnx.gz"], ["unet"]),
        (["exact.js"], ["exact"]),
        (["predictor.js"], ["unet", "convlstm", "exact"]),
    ],
    ids=["runtime", "network", "exact", "worker"],
)
def test_where_a_file_is_lost_the_rest_goes_on(open_page, wait_until, files, lost):
    names = {network: f"the {name}" for network, name in NETWORKS.items()}
    names["exact"] = "the exact predictor"
    rest = len(names) - len(lost)
    page = open_page()
    button = page.locator(".predict")
    for file in files:  # one after the other
        page.route(f"**/{file}*", lambda route: route.fulfill(status=404))
        button.click()
        wait_until(page, DONE)
        without = page.locator(".told").inner_text().partition("Without ")[2]
        for kind, name in names.items():
            text = page.locator(f"[data-by={kind}]").inner_text()
            assert ("could not be loaded" if kind in lost else "MSE") in text, file
            assert (name in without) == (kind in lost)
        assert len(page.workers) == rest, "whoever failed is dismissed"
        page.get_by_role("button", name="Throw again").first.click()
        wait_until(page, DONE)
        assert len(page.workers) == rest, "and comes back when asked, not by itself"
        page.unroute(f"**/{file}*")
        assert button.inner_text() == "Try again"
    button.click()
    wait_until(page, f"{TOLD}.includes('the U-Net ') && {TOLD}.includes('exact predictor ')")
    assert not page.locator(".loading").is_visible()
    assert len(page.workers) == len(names)


def test_a_file_that_stops_coming_is_given_up(open_page, wait_until):
    page = open_page()
    page.evaluate(
        """() => {
            const wait = window.setTimeout;
            window.setTimeout = (call, time) => wait(call, time === 30000 ? 300 : time);
        }"""
    )
    page.route("**/ort-wasm-simd-threaded.wasm.gz*", lambda route: None)
    page.get_by_role("button", name="Predict what comes next").click()
    wait_until(page, DONE)
    assert "could not be loaded" in page.locator("[data-by=unet]").inner_text()
    assert page.locator(".predict").inner_text() == "Try again"


def test_without_webassembly_it_says_so_and_loads_nothing(open_page, wait_until):
    page = open_page()
    page.evaluate("delete window.WebAssembly")
    page.get_by_role("button", name="Predict what comes next").click()
    wait_until(page, DONE)
    assert "needs WebAssembly" in page.locator("[data-by=unet]").inner_text()
    assert "MSE" in page.locator("[data-by=exact]").inner_text()
    assert page.locator(".predict").inner_text() == "Predicted below", "no use in trying again"
    assert not [url for url in page.asked if "onnx" in url]


@pytest.mark.parametrize("part", ["ahead", "pad", "hands", "downloads"])
def test_where_a_part_is_lost_the_page_says_so(browser, address, wait_until, part):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.route(f"**/{part}.js*", lambda route: route.abort())
    page.goto(f"{address}/book/{PAGE}")
    wait_until(page, READY)
    parts = {
        "ahead": ("predictions", ".predict"),
        "pad": ("drawing pad", ".pad"),
        "hands": ("dragged", ".hands"),
        "downloads": ("GIF and .npz", ".gif"),
    }
    said = parts[part][0]
    assert said in page.locator(".said").inner_text()
    page.get_by_role("button", name="Throw again").first.click()
    assert said in page.locator(".said").inner_text()
    for name, (_, selector) in parts.items():
        assert page.locator(selector).is_visible() == (name != part)
    context.close()


def test_a_long_search_for_a_clip_that_is_gone_is_given_up(predicted, wait_until):
    begun = "document.querySelector('[data-by=exact]').innerText.includes('at work')"
    page = predicted("?digits=3,7,1,9&size=128&seed=2", until=begun)
    page.get_by_label("Canvas, pixels").fill("64")
    page.get_by_label("Digits", exact=True).select_option("1")
    wait_until(page, f"{DONE} && {TOLD}.includes('exact predictor ')")
