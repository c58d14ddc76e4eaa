// The playground's predictions: frames 10 to 19 of its clip, guessed from frames 0 to 9. Two workers
// compute them (predictor.js); this shows them beside the truth.
// @ts-check

import { clipOf, squaredError } from "./clip.js";
import { drawErrors, paint } from "./pictures.js";

/**
 * @typedef {import("./clip.js").State} State
 * @typedef {{frames?: ArrayLike<number>[], why?: string}} Answer frames in [0, 1], or why none
 * @typedef {"network" | "exact"} Kind
 */

const SEEN = 10; // and as many are predicted
const SIZE = 64; // of the frames that the network takes
const QUIET = 250; // milliseconds without a change, before anything is computed
const PATIENCE = 2000; // milliseconds for an answer that nobody waits for any more
const NAMES = { network: "the network", exact: "the exact predictor" };

/**
 * Start a worker. It answers one question at a time; of those that wait, only the last is asked.
 * @param {Kind} kind
 * @param {{bytes(sum: number): void, ready(): void, lost(why: string): void}} tell
 */
function hire(kind, tell) {
  /** @typedef {(answer: Answer) => void} Then */
  /** @type {Then | undefined} */
  let answered;
  /** @type {[object, Then] | undefined} */
  let next;
  let overdue = 0;
  let worker = employ();
  worker.postMessage({ kind });

  function employ() {
    const made = new Worker(new URL("./predictor.js", import.meta.url), { type: "module" });
    made.addEventListener("message", ({ data }) => {
      if (data.bytes) return tell.bytes(data.bytes);
      if (data.ready) return tell.ready();
      if (data.lost) return tell.lost(data.lost);
      answered?.({ frames: data.frames, why: data.refused });
      goOn();
    });
    made.addEventListener("error", () => tell.lost("Its program did not arrive."));
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
  return { ask, dismiss: () => worker.terminate() };
}

/**
 * Bring the section to life.
 * @param {HTMLElement} section
 * @returns {{changed(state: State, sprites: Uint8Array[]): void, show(frame: number): void}}
 */
export function ahead(section) {
  const one = (/** @type {string} */ selector) =>
    /** @type {any} */ (section.querySelector(selector));
  const [button, progress, told, later] = [".predict", "progress", ".told", ".later"].map(one);
  /** @type {Partial<Record<Kind, ReturnType<typeof hire>>>} */
  const workers = {};
  /** @type {Partial<Record<Kind, string>>} */
  const lost = {};
  /** @type {[State, Uint8Array[]]} */
  let present;
  let [timer, asked] = [0, 0];
  /** @type {{truth: Uint8Array[], answers: Partial<Record<Kind, Answer>>}} */
  let shown = { truth: [], answers: {} };
  let mark = (/** @type {number} */ _frame) => {};

  button.addEventListener("click", () => {
    button.disabled = true;
    one(".guesses").hidden = false;
    for (const kind of /** @type {Kind[]} */ (["network", "exact"])) {
      if (workers[kind]) continue;
      delete lost[kind];
      progress.hidden = false;
      workers[kind] = hire(kind, {
        bytes: (sum) => (progress.value = sum / Number(section.dataset.bytes)),
        ready: () => settled(kind),
        lost: (why) => {
          lost[kind] = `It could not be loaded. ${why}`;
          workers[kind]?.dismiss();
          delete workers[kind];
          settled(kind);
        },
      });
    }
    ask();
  });

  function settled(/** @type {Kind} */ kind) {
    if (kind === "network") progress.hidden = true;
    button.disabled = !Object.keys(lost).length;
    button.textContent = button.disabled ? "Predicted below" : "Try again";
    ask();
  }

  function ask() {
    const [state, sprites] = present;
    const { size, speed, rule, digits } = state;
    const { frames } = clipOf(state, sprites, 2 * SEEN);
    const job = { frames: frames.slice(0, SEEN), size, speed, rule, digits: digits.length };
    const turn = ++asked;
    /** @type {typeof shown} */
    const fresh = { truth: frames, answers: {} };
    shown = fresh;
    for (const kind of /** @type {Kind[]} */ (["network", "exact"])) {
      const done = (/** @type {Answer} */ answer) => {
        if (turn !== asked) return; // another clip is on by now
        fresh.answers[kind] = answer;
        draw();
      };
      const no = lost[kind] || (kind === "network" && size !== SIZE && "It takes 64 by 64 pixels.");
      if (no) fresh.answers[kind] = { why: no };
      else workers[kind]?.ask(job, done);
    }
    draw();
  }

  function draw() {
    const { truth, answers } = shown;
    section.classList.remove("stale");
    const held = Array.from(truth[SEEN - 1], (ink) => ink / 255);
    const errorsOf = (/** @type {ArrayLike<number>[]} */ frames) =>
      frames.map((frame, n) => squaredError(frame, truth[SEEN + n]));
    /** @type {Record<string, number[]>} */
    const errors = { held: errorsOf(Array.from({ length: SEEN }, () => held)) };
    const mean = (/** @type {string} */ name) =>
      (errors[name].reduce((sum, error) => sum + error, 0) / SEEN).toFixed(1);
    const words = [`frame 9, held still, ${mean("held")}`];
    for (const kind of /** @type {Kind[]} */ (["network", "exact"])) {
      const answer = answers[kind];
      if (answer?.frames) {
        errors[kind] = errorsOf(answer.frames);
        words.push(`${NAMES[kind]} ${mean(kind)}`);
      }
      one(`[data-guess=${kind}] span`).textContent = answer?.frames
        ? `MSE ${mean(kind)}`
        : answer?.why || "is at work.";
    }
    const errorText = `MSE over frames 10 to 19: ${words.join(", ")}.`;
    one(".error").setAttribute("aria-label", `Error against frame. ${errorText}`);
    const busy = !(answers.network && answers.exact);
    one(".guesses").setAttribute("aria-busy", String(busy));
    told.textContent = busy ? "" : [errorText, ...strange()].join(" ");
    mark = drawErrors(one(".error"), errors, SEEN);
    show(later.valueAsNumber);
  }

  /** What the network met in no training. */
  function strange() {
    const { digits, speed, rule } = present[0];
    const other = [
      digits.length !== 2 && (digits.length === 1 ? "one digit" : `${digits.length} digits`),
      speed !== 0.1 && `speed ${speed}`,
      rule !== "clamp" && `the rule ${rule}`,
      digits.some(({ kind }) => kind === "own") && "a drawing",
    ].filter(Boolean);
    if (!other.length || !shown.answers.network?.frames) return [];
    return [
      `In training the network saw two digits of MNIST, speed 0.1 and clamp. Here it meets ${other.join(", ")}.`,
    ];
  }

  function show(/** @type {number} */ frame) {
    const { truth, answers } = shown;
    if (!truth.length) return;
    later.value = frame;
    one(".later-at").textContent = frame;
    const side = Math.sqrt(truth[0].length);
    const black = new Uint8Array(truth[0].length);
    paint(one("[data-guess=truth] canvas"), truth[frame], side);
    for (const kind of /** @type {Kind[]} */ (["network", "exact"])) {
      const guess = answers[kind]?.frames?.[frame - SEEN];
      const grey = guess ? Array.from(guess, (value) => Math.round(255 * value)) : black;
      paint(one(`[data-guess=${kind}] canvas`), grey, side);
    }
    mark(frame);
  }

  later.addEventListener("input", () => show(later.valueAsNumber));

  return {
    changed(state, sprites) {
      present = [structuredClone(state), sprites];
      if (!asked) return; // nobody has asked for predictions
      section.classList.add("stale");
      clearTimeout(timer);
      timer = setTimeout(ask, QUIET);
    },
    show: (frame) => show(SEEN + (frame % SEEN)),
  };
}
