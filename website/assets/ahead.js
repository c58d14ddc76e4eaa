// The playground's predictions: frames 10 to 19 of its clip, guessed from frames 0 to 9. Two workers
// compute them (predictor.js); this shows them beside the truth.
// @ts-check

import { clipOf, squaredError, writeAddress } from "./clip.js";
import { drawErrors, paint } from "./pictures.js";

/**
 * @typedef {import("./clip.js").State} State
 * @typedef {"network" | "exact"} Kind
 * @typedef {{frames?: ArrayLike<number>[], why?: string}} Answer frames in [0, 1], or why none
 * @typedef {(answer: Answer) => void} Then
 * @typedef {{state: State, truth: Uint8Array[], answers: Partial<Record<Kind, Answer>>}} Asked
 */

const KINDS = /** @type {const} */ (["network", "exact"]);
const NAMES = { network: "the network", exact: "the exact predictor" };
const UNEXPLAINED = "It found no tracks that explain each pixel, so it guesses nothing.";
const UNLOADED = "It could not be loaded. Is there a connection?";
const SEEN = 10; // and as many are predicted
const SIZE = 64; // of the frames that the network takes
const QUIET = 250; // milliseconds without a change, before anything is computed
const PATIENCE = 2000; // milliseconds for an answer that nobody waits for any more

/**
 * Start a worker. It answers one question at a time; of those that wait, only the last is asked.
 * @param {Kind} kind
 * @param {(bytes: number) => void} loaded
 * @param {(why: string) => void} lost
 */
function hire(kind, loaded, lost) {
  /** @type {Then | undefined} */
  let answered;
  /** @type {[object, Then] | undefined} */
  let next;
  let overdue = 0;
  let worker = employ();

  function employ() {
    const made = new Worker(new URL("./predictor.js", import.meta.url), { type: "module" });
    made.addEventListener("message", ({ data }) => {
      if (data.bytes) return loaded(data.bytes);
      if (data.lost) return lost(data.lost);
      answered?.({ frames: data.frames, why: data.refused });
      goOn();
    });
    made.addEventListener("error", ({ message }) => lost(message || "A file did not arrive."));
    return made;
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
      worker.postMessage({ kind, job });
      return;
    }
    next = [job, then];
    // Four digits that hide one another can take it a minute, for a clip that is gone.
    if (kind === "exact") overdue ||= setTimeout(restart, PATIENCE);
  }
  function restart() {
    worker.terminate();
    worker = employ();
    goOn();
  }
  function dismiss() {
    clearTimeout(overdue);
    worker.terminate();
  }
  return { ask, dismiss };
}

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
  /** @type {Partial<Record<Kind, ReturnType<typeof hire>>>} */
  const workers = {};
  /** @type {Partial<Record<Kind, string>>} */
  const lost = {}; // until one tries again
  /** @type {State} */
  let state;
  /** @type {Uint8Array[]} */
  let sprites;
  /** @type {Asked | undefined} */
  let asked;
  let [timer, clip] = [0, ""];
  let mark = (/** @type {number} */ _frame) => {};

  button.addEventListener("click", () => {
    if (button.ariaDisabled) return;
    one(".guesses").hidden = false;
    for (const kind of KINDS) delete lost[kind];
    ask();
    one(".films").scrollIntoView({ block: "nearest" });
  });

  function ask() {
    const { size, speed, rule, digits } = state;
    const { frames } = clipOf(state, sprites, 2 * SEEN);
    const job = { frames: frames.slice(0, SEEN), size, speed, rule, digits: digits.length };
    /** @type {Asked} */
    const question = { state, truth: frames, answers: {} };
    asked = question;
    for (const kind of KINDS) {
      const done = (/** @type {Answer} */ answer) => {
        if (kind === "network") loading.hidden = true;
        if (asked !== question) return; // another clip is on by now
        const cannot = answer.why && kind === "exact"; // its own words are for programmers
        question.answers[kind] = cannot ? { why: UNEXPLAINED } : answer;
        draw();
      };
      const why = refusal(kind) || lost[kind];
      if (why) question.answers[kind] = { why };
      else workerFor(kind).ask(job, done);
    }
    draw();
  }

  /** Why a predictor cannot take the clip, if it cannot. */
  function refusal(/** @type {Kind} */ kind) {
    if (!sprites.every((sprite) => sprite.some(Boolean))) return "A digit has no ink.";
    if (kind === "network" && state.size !== SIZE)
      return `It takes a canvas of ${SIZE} pixels only. This one has ${state.size}.`;
    return kind === "exact" && !state.speed ? "It needs digits that move." : "";
  }

  function workerFor(/** @type {Kind} */ kind) {
    const present = workers[kind];
    if (present) return present;
    if (kind === "network") loading.hidden = false;
    const made = hire(
      kind,
      (bytes) => {
        const all = Number(section.dataset.bytes);
        one("progress").value = bytes / all;
        one(".loaded").textContent =
          `${[bytes, all].map((n) => (n / 1e6).toFixed(1)).join(" of ")} MB`;
      },
      (why) => {
        made.dismiss();
        delete workers[kind];
        if (kind === "network") loading.hidden = true;
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
    /** @type {Record<string, number[]>} */
    const errors = { held: errorsOf(Array(SEEN).fill(held)) };
    const [scores, excuses] = /** @type {string[][]} */ ([[], []]);
    for (const kind of KINDS) {
      const { frames, why } = answers[kind] || { why: "is at work." };
      if (frames) {
        errors[kind] = errorsOf(frames);
        scores.push(`${NAMES[kind]} ${mean(errors[kind])}`);
      } else excuses.push(` Without ${NAMES[kind]}: ${why}`);
      one(`[data-guess=${kind}] span`).textContent = frames ? `MSE ${mean(errors[kind])}` : why;
    }
    const still = `frame 9, held still, has ${mean(errors.held)}`;
    const text = scores.length
      ? `MSE over frames 10 to 19: ${[...scores, still].join("; ")}.`
      : "Nobody predicts this clip.";
    const busy = KINDS.some((kind) => !answers[kind]);
    const work = loading.hidden ? "The predictors are at work." : "The network is being loaded.";
    told.textContent = busy ? work : text + excuses.join("") + strange();
    one(".guesses").ariaBusy = String(busy);
    one(".error").setAttribute("aria-label", `Error against frame. ${text}`);
    // It keeps the focus, as a disabled button would not.
    const again = KINDS.some((kind) => lost[kind]);
    button.ariaDisabled = again ? null : "true";
    button.textContent = again ? "Try again" : busy ? "Predicting …" : "Predicted below";
    mark = drawErrors(one(".error"), errors, SEEN);
    show(later.valueAsNumber);
  }

  /** What the network met in no training. */
  function strange() {
    if (!asked?.answers.network?.frames) return "";
    const { digits, speed, rule } = asked.state;
    const other = [
      digits.length !== 2 && (digits.length === 1 ? "one digit" : `${digits.length} digits`),
      speed !== 0.1 && `speed ${speed}`,
      rule !== "clamp" && `the rule ${rule}`,
      digits.some(({ kind }) => kind === "own") && "a drawing",
    ].filter(Boolean);
    if (!other.length) return "";
    return ` In training the network saw two digits of MNIST, speed 0.1 and clamp. Here it meets ${other.join(", ")}.`;
  }

  function show(/** @type {number} */ frame) {
    if (!asked) return;
    const { truth, answers } = asked;
    later.value = frame;
    one(".later-at").textContent = frame;
    const side = Math.sqrt(truth[0].length);
    paint(one("[data-guess=truth] canvas"), truth[frame], side);
    for (const kind of KINDS) {
      const guess = answers[kind]?.frames?.[frame - SEEN];
      const canvas = one(`[data-guess=${kind}] canvas`);
      canvas.classList.toggle("none", !guess); // black would look like a guess
      if (guess)
        paint(
          canvas,
          Float64Array.from(guess, (value) => 255 * value),
          side,
        );
    }
    mark(frame);
  }

  later.addEventListener("input", () => show(later.valueAsNumber));

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
      one(".guesses").ariaBusy = "true";
      clearTimeout(timer);
      timer = setTimeout(ask, QUIET);
    },
    show(frame) {
      if (frame >= SEEN && frame < 2 * SEEN) show(frame);
    },
    // While the clip plays what was given, or has ended, the films go round by themselves.
    tick(frame) {
      if (frame < SEEN || frame >= 2 * SEEN) show(SEEN + ((later.valueAsNumber + 1) % SEEN));
    },
  };
}
