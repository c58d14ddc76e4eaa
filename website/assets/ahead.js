// The playground's predictions: frames 10 to 19 of its clip, from frames 0 to 9. A worker for each
// predictor computes them (predictor.js); this shows them beside the truth. The page's figures are
// the list of predictors: one for each network, whose file it names, and one for the exact one.
// @ts-check

import { clipOf, squaredError, writeAddress } from "./clip.js";
import { drawErrors, paint } from "./pictures.js";

/**
 * @typedef {import("./clip.js").State} State
 * @typedef {{kind: string, name: string, model: string, line: string}} Predictor how the page finds
 *   it, what sentences call it, the address of a network's file ("" for the exact predictor), and
 *   the class of its line in the plot
 * @typedef {{frames?: ArrayLike<number>[], why?: string}} Answer frames in [0, 1], or why none
 * @typedef {(answer: Answer) => void} Then
 * @typedef {{state: State, truth: Uint8Array[], answers: Record<string, Answer>}} Asked
 */

const UNEXPLAINED = "It found no tracks that explain every pixel, so it predicts nothing.";
const UNLOADED = "It could not be loaded. Is there a connection?";
const SEEN = 10; // and as many are predicted
const SIZE = 64; // of the frames that a network takes
const QUIET = 250; // milliseconds without a change, before anything is computed
const STALLED = 30_000; // milliseconds without a byte, before a file counts as lost
const PATIENCE = 2000; // milliseconds for an answer that nobody waits for any more

/**
 * Start a worker. It answers one question at a time; of those that wait, only the last is asked.
 * @param {string} model
 * @param {(file: string, bytes: number) => void} loaded
 * @param {(why: string) => void} lost
 */
function hire(model, loaded, lost) {
  /** @type {Then | undefined} */
  let answered;
  /** @type {[object, Then] | undefined} */
  let next;
  let [overdue, stalled] = [0, 0];
  let worker = employ();

  function employ() {
    const made = new Worker(new URL("./predictor.js", import.meta.url), { type: "module" });
    expect();
    made.addEventListener("message", ({ data }) => {
      if (data.bytes) {
        expect();
        return loaded(data.file, data.bytes);
      }
      clearTimeout(stalled);
      if (data.complete) return;
      if (data.lost) return lost(data.lost);
      answered?.({ frames: data.frames, why: data.refused });
      goOn();
    });
    made.addEventListener("error", ({ message }) => lost(message || "A file did not arrive."));
    return made;
  }
  /** Wait for the next part of a file, though not for ever. */
  function expect() {
    clearTimeout(stalled);
    stalled = setTimeout(() => lost("A file has stopped coming."), STALLED);
  }
  function goOn() {
    clearTimeout(overdue);
    overdue = 0;
    answered = undefined;
    if (next) ask(...next);
    next = undefined;
  }
  function ask(/** @type {object} */ job, /** @type {Then} */ then) {
    if (!answered) {
      answered = then;
      worker.postMessage({ model, job });
      return;
    }
    next = [job, then];
    // Four digits that hide one another can take it a minute, for a clip that is gone.
    if (!model) overdue ||= setTimeout(restart, PATIENCE);
  }
  function restart() {
    worker.terminate();
    worker = employ();
    goOn();
  }
  function dismiss() {
    clearTimeout(stalled);
    clearTimeout(overdue);
    worker.terminate();
  }
  return { ask, dismiss };
}

const listed = (/** @type {Predictor[]} */ some) => some.map(({ name }) => name).join(" and ");

/**
 * Bring the section to life.
 * @param {HTMLElement} section
 * @returns {{changed(state: State, sprites: Uint8Array[]): void, show(frame: number): void,
 *   tick(frame: number): void}}
 */
export function ahead(section) {
  const one = (/** @type {string} */ selector) =>
    /** @type {any} */ (section.querySelector(selector));
  const [button, loading, told, later] = [".predict", ".loading", ".told", ".later"].map(one);
  /** @type {Predictor[]} */
  const predictors = [...section.querySelectorAll(".squares [data-name]")].map((figure, at) => {
    const { by: kind, name, model } = /** @type {any} */ (figure).dataset;
    if (!model) return { kind, name, model: "", line: "exact" };
    return { kind, name, model: new URL(model, document.baseURI).href, line: `n${at}` };
  });
  /** @type {Record<string, ReturnType<typeof hire>>} */
  const workers = {};
  /** @type {Record<string, string>} */
  const lost = {}; // until one tries again
  /** @type {Record<string, number>} */
  const bytesOf = {}; // each file's that has come; two networks share the runtime's
  /** @type {Set<Predictor>} */
  const awaited = new Set(); // networks that are being loaded
  /** @type {State} */
  let state;
  /** @type {Uint8Array[]} */
  let sprites;
  /** @type {Asked | undefined} */
  let asked;
  let [timer, clip] = [0, ""];
  /** @type {Record<string, number[]>} */
  let errors = {};
  let mark = (/** @type {number} */ _frame) => {};

  button.addEventListener("click", () => {
    if (button.ariaDisabled) return;
    one(".predictions").hidden = false;
    for (const { kind } of predictors) delete lost[kind];
    ask();
    one(".squares").scrollIntoView({ block: "nearest" });
  });

  function ask() {
    const { size, speed, rule, digits } = state;
    const { frames } = clipOf(state, sprites, 2 * SEEN);
    const job = { frames: frames.slice(0, SEEN), size, speed, rule, digits: digits.length };
    /** @type {Asked} */
    const question = { state, truth: frames, answers: {} };
    asked = question;
    for (const predictor of predictors) {
      const { kind, model } = predictor;
      const done = (/** @type {Answer} */ answer) => {
        arrived(predictor);
        if (asked !== question) return; // another clip is on by now
        const cannot = answer.why && !model; // its own words are for programmers
        question.answers[kind] = cannot ? { why: UNEXPLAINED } : answer;
        draw();
      };
      const why = refusal(predictor) || lost[kind];
      if (why) question.answers[kind] = { why };
      else workerFor(predictor).ask(job, done);
    }
    draw();
  }

  /** Why a predictor cannot take the clip, if it cannot. */
  function refusal(/** @type {Predictor} */ { model }) {
    const empty = sprites.findIndex((sprite) => !sprite.some(Boolean));
    if (empty >= 0) return `Digit ${empty + 1} has no ink.`;
    if (model && typeof WebAssembly === "undefined")
      return "It needs WebAssembly, which is switched off in this browser.";
    if (model && state.size !== SIZE)
      return `It takes a canvas of ${SIZE} pixels only. This one has ${state.size}.`;
    return model || state.speed ? "" : "It needs digits that move.";
  }

  function arrived(/** @type {Predictor} */ predictor) {
    awaited.delete(predictor);
    loading.hidden = !awaited.size;
  }

  function workerFor(/** @type {Predictor} */ predictor) {
    const { kind, model } = predictor;
    const present = workers[kind];
    if (present) return present;
    if (model) awaited.add(predictor);
    loading.hidden = !awaited.size;
    const made = hire(
      model,
      (file, more) => {
        bytesOf[file] = Math.max(more, bytesOf[file] || 0);
        const bytes = Object.values(bytesOf).reduce((sum, each) => sum + each);
        const all = Number(section.dataset.bytes);
        one("progress").value = bytes / all;
        one(".loaded").textContent =
          `${[bytes, all].map((n) => (n / 1e6).toFixed(1)).join(" of ")} MB`;
      },
      (why) => {
        made.dismiss();
        delete workers[kind];
        arrived(predictor);
        console.warn(kind, why);
        lost[kind] = UNLOADED;
        if (asked) asked.answers[kind] = { why: UNLOADED };
        draw();
      },
    );
    workers[kind] = made;
    return made;
  }

  function draw() {
    if (!asked) return;
    const { truth, answers } = asked;
    section.classList.remove("stale");
    const errorsOf = (/** @type {ArrayLike<number>[]} */ frames) =>
      frames.map((frame, n) => squaredError(frame, truth[SEEN + n]));
    const mean = (/** @type {number[]} */ values) =>
      (values.reduce((sum, error) => sum + error, 0) / SEEN).toFixed(1);
    const held = Float64Array.from(truth[SEEN - 1], (ink) => ink / 255);
    errors = { held: errorsOf(Array(SEEN).fill(held)) };
    const [scores, excuses] = /** @type {string[][]} */ ([[], []]);
    for (const { kind, name, line } of predictors) {
      const { frames, why } = answers[kind] || { why: "is at work." };
      if (frames) {
        errors[line] = errorsOf(frames);
        scores.push(`${name} ${mean(errors[line])}`);
      } else excuses.push(` Without ${name}: ${why}`);
      one(`[data-by=${kind}] span`).textContent = frames ? `MSE ${mean(errors[line])}` : why;
    }
    const still = `frame 9, held still, has ${mean(errors.held)}`;
    const text = scores.length
      ? `MSE over frames 10 to 19: ${[...scores, still].join("; ")}.`
      : "There is no prediction for this clip.";
    const busy = predictors.some(({ kind }) => !answers[kind]);
    const work = awaited.size ? `Loading ${listed([...awaited])}.` : "The predictors are at work.";
    told.textContent = busy ? work : text + excuses.join("") + strange();
    one(".predictions").ariaBusy = String(busy);
    one(".error").setAttribute("aria-label", `Error against frame. ${text}`);
    // It keeps the focus, as a disabled button would not.
    const again = predictors.some(({ kind }) => lost[kind]);
    button.ariaDisabled = again ? null : "true";
    const done = scores.length ? "Predicted below" : "Nothing to predict";
    button.textContent = again ? "Try again" : busy ? "Predicting …" : done;
    mark = drawErrors(one(".error"), errors, SEEN);
    show(later.valueAsNumber);
  }

  /** What the networks met in no training. */
  function strange() {
    const networks = predictors.filter(({ kind, model }) => model && asked?.answers[kind]?.frames);
    if (!asked || !networks.length) return "";
    const { digits, speed, rule } = asked.state;
    const other = [
      digits.length !== 2 && (digits.length === 1 ? "one digit" : `${digits.length} digits`),
      speed !== 0.1 && `speed ${speed}`,
      rule !== "clamp" && `the rule ${rule}`,
      digits.some(({ kind }) => kind === "own") && "a drawing",
    ].filter(Boolean);
    if (!other.length) return "";
    return ` In training, ${listed(networks)} saw two digits of MNIST, speed 0.1 and clamp. New here: ${other.join(", ")}.`;
  }

  function show(/** @type {number} */ frame) {
    if (!asked) return;
    const { truth, answers } = asked;
    later.value = frame;
    one(".later-at").textContent = frame;
    const side = Math.sqrt(truth[0].length);
    paint(one("[data-by=truth] canvas"), truth[frame], side);
    for (const { kind } of predictors) {
      const predicted = answers[kind]?.frames?.[frame - SEEN];
      const canvas = one(`[data-by=${kind}] canvas`);
      canvas.classList.toggle("none", !predicted); // black would look like a prediction
      if (predicted)
        paint(
          canvas,
          Float64Array.from(predicted, (value) => 255 * value),
          side,
        );
    }
    mark(frame);
  }

  later.addEventListener("input", () => show(later.valueAsNumber));
  addEventListener("resize", () => {
    if (!asked) return;
    mark = drawErrors(one(".error"), errors, SEEN);
    mark(later.valueAsNumber);
  });

  return {
    changed(now, ink) {
      // How many frames one watches changes nothing here.
      const sums = ink.map((sprite) => sprite.reduce((sum, value) => sum + value, 0));
      const same = `${writeAddress({ ...now, frames: 2 * SEEN })} ${sums}`;
      if (same === clip) return;
      [clip, state, sprites] = [same, structuredClone(now), ink];
      if (!asked) return; // nobody wants predictions
      asked = { ...asked, answers: { ...asked.answers } }; // an answer that comes now is for no one
      section.classList.add("stale");
      one(".predictions").ariaBusy = "true";
      clearTimeout(timer);
      timer = setTimeout(ask, QUIET);
    },
    show(frame) {
      if (frame >= SEEN && frame < 2 * SEEN) show(frame);
    },
    // While the clip plays what was given, or has ended, the predictions go round by themselves.
    tick(frame) {
      if (frame < SEEN || frame >= 2 * SEEN) show(SEEN + ((later.valueAsNumber + 1) % SEEN));
    },
  };
}
