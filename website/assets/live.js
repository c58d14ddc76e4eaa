// The cells of a page, which can be run and edited in it. Until a reader presses a button, a page
// loads nothing but this file. Python runs in a worker (live-worker.js), and keeps its variables
// from cell to cell until it is stopped.
// @ts-check

import { keptOf, offerWork } from "./work.js";

const settings = /** @type {HTMLElement} */ (document.getElementById("live")).dataset;
const place = (/** @type {string | undefined} */ address) =>
  new URL(`${address}`, location.href).href;
const FILES = { python: place(settings.python), library: place(settings.library) };
const TOTAL = Number(settings.bytes);
const STALL = 60_000; // milliseconds without a byte, after which loading is given up
const MEGABYTES = Math.round(TOTAL / 1e6);

/**
 * @typedef {{kind: string, text: string}} Output
 * @typedef {"fine" | "failed" | "stopped" | "lost"} End how a run ended; lost: Python did not start
 * @typedef {object} Cell
 * @property {HTMLElement} element
 * @property {string} id
 * @property {boolean} ran whether it has run since Python was started
 * @property {() => Promise<End>} run
 */

// Python

/** @type {Worker | undefined} */
let worker;
/** @type {((end: End) => void) | undefined} */
let finish; // ends the run that goes on
/** @type {Promise<unknown>} */
let turn = Promise.resolve(); // the runs that wait, one after the other
let times = 0; // that a reader has pressed Stop

/**
 * Run a cell's code, when those before it are done.
 * @param {string} source
 * @param {string} name
 * @param {{output: (output: Output) => void, loaded: (bytes: number) => void,
 *          started: () => void, lost: (why: string) => void}} on
 * @returns {Promise<End>}
 */
function execute(source, name, on) {
  return new Promise((resolve) => {
    let stall = 0;
    const end = (/** @type {End} */ how) => {
      clearTimeout(stall);
      finish = undefined;
      resolve(how);
    };
    const lose = (/** @type {string} */ why) => {
      on.lost(why);
      dismiss();
      end("lost");
    };
    const wait = () => {
      clearTimeout(stall);
      stall = setTimeout(() => lose("Nothing has arrived for a minute."), STALL);
    };
    finish = end;
    if (!worker) {
      worker = new Worker(new URL("./live-worker.js", import.meta.url), { type: "module" });
      wait();
    }
    worker.onmessage = ({ data }) => {
      if (data.bytes) {
        on.loaded(data.bytes);
        if (data.bytes < TOTAL) wait();
        else clearTimeout(stall); // all is here, and a slow processor may take its time
      } else if (data.ready) {
        clearTimeout(stall);
        on.started();
      } else if (data.kind) on.output(data);
      else if (data.done) end(data.fine ? "fine" : "failed");
      else if (data.lost) lose(data.lost);
    };
    worker.onerror = (event) => lose(event.message || "A file did not arrive.");
    worker.postMessage({ files: FILES, source, name });
  });
}

function dismiss() {
  worker?.terminate();
  worker = undefined;
  for (const cell of cells) cell.ran = false;
}

function stop() {
  times += 1; // those that wait do not run either
  dismiss();
  finish?.("stopped");
}

/**
 * Run some cells in their order. Return the one that failed and kept the others from running.
 * @param {Cell[]} some
 * @returns {Promise<Cell | undefined>}
 */
function runAll(some) {
  const now = times;
  const done = turn.then(async () => {
    for (const cell of some) {
      if (now !== times || (await cell.run()) !== "fine") return cell;
    }
    return undefined;
  });
  turn = done;
  return done;
}

// A cell

/** @type {Cell[]} */
const cells = [];
const isExercise = Boolean(document.querySelector("[data-answer]"));

/** @param {HTMLElement} element */
function addCell(element) {
  const id = `${element.dataset.cell}`;
  const code = /** @type {HTMLElement} */ (element.querySelector(".cell_input .highlight"));
  const original = `${code.querySelector("pre")?.textContent}`.trimEnd();
  const isAnswer = "answer" in element.dataset;
  const number = cells.length + 1;
  const kept = isAnswer ? keptOf(id) : undefined;
  let text = kept?.text() ?? original;
  /** @type {Promise<import("./editor.js").Editor> | undefined} */
  let editor;

  const bar = document.createElement("div");
  bar.className = "live-bar";
  bar.setAttribute("role", "group");
  bar.ariaLabel = `Cell ${number}`;
  const button = (/** @type {string} */ label, /** @type {() => void} */ press) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", press);
    bar.append(made);
    return made;
  };
  const above = () => cells.slice(0, cells.indexOf(cell));
  /** With those above that have not run yet, since a cell needs what they have made. */
  async function press() {
    status.textContent = "Waiting.";
    const failed = await runAll([...above().filter((one) => !one.ran), cell]);
    if (failed && failed !== cell)
      status.textContent = "It has not run, since a cell above did not.";
  }
  const runs = button("Run", press);
  runs.className = "live-run";
  const stops = button("Stop", stop);
  const edits = button(isAnswer ? "Write your answer" : "Edit", edit);
  const runsAbove = button("Run all above", () => runAll(above()));
  const resets = button("Reset cell", reset);
  const progress = document.createElement("progress");
  progress.max = TOTAL;
  progress.setAttribute("aria-label", "Python is loading");
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  bar.append(progress, status);
  runsAbove.hidden = !cells.length;
  stops.hidden = progress.hidden = true;
  resets.hidden = text === original;

  let output = /** @type {HTMLElement} */ (element.querySelector(":scope > .cell_output"));
  if (!output) {
    output = document.createElement("div");
    output.className = "cell_output docutils container";
    element.append(output);
  }
  if (isExercise) output.ariaLive = "polite"; // a verdict is heard as it comes
  const stored = [...output.childNodes];
  const alts = [...output.querySelectorAll("img")].map((image) => image.alt).filter(Boolean);
  output.before(bar);

  async function open() {
    const host = document.createElement("div");
    host.className = "live-editor";
    code.before(host);
    const { openEditor } = await import("./editor.js");
    const label = `Code of cell ${number}. Escape leaves the editor.`;
    code.hidden = edits.hidden = true;
    return openEditor(host, label, text, {
      run: press,
      leave: () => runs.focus(),
      change: (now) => {
        text = now;
        resets.hidden = text === original;
        kept?.keep(text === original ? undefined : text);
      },
    });
  }
  async function edit() {
    const folded = element.querySelector("details");
    if (folded) folded.open = true;
    try {
      editor ??= open();
      (await editor).focus();
    } catch {
      editor = undefined;
      status.textContent = "The editor did not arrive. Is there a connection?";
    }
  }
  function reset() {
    text = original;
    kept?.keep(undefined);
    editor?.then((it) => it.replace(original));
    output.replaceChildren(...stored);
    resets.hidden = true;
    status.textContent = "The cell is as it was.";
    runs.focus();
  }
  /** @type {Cell} */
  const cell = { element, id, ran: false, run };
  async function run() {
    const show = printer(output, alts);
    runs.hidden = true;
    stops.hidden = false;
    element.ariaBusy = "true";
    status.textContent = worker ? "Running." : `Loading Python, ${MEGABYTES} MB.`;
    let why = "";
    const end = await execute(text, `cell ${number}`, {
      output: show,
      loaded: (bytes) => {
        progress.hidden = false;
        progress.value = bytes;
      },
      started: () => {
        progress.hidden = true;
        status.textContent = "Running.";
      },
      lost: (reason) => {
        why = reason;
      },
    });
    if (end !== "lost") show(undefined);
    cell.ran = end === "fine";
    progress.hidden = stops.hidden = true;
    runs.hidden = false;
    element.ariaBusy = "false";
    status.textContent = {
      fine: "Done.",
      failed: "It ended with an error.",
      stopped: "Stopped. Python has forgotten its variables.",
      lost: `Python could not be started here. ${why}`,
    }[end];
    return end;
  }
  if (isAnswer) code.addEventListener("click", edit);
  if (text !== original) editor = open();
  return cell;
}

/**
 * Return what shows outputs in the place of those that stand there, from the first that comes on.
 * Without one, it ends, and takes away what is still there of old.
 */
function printer(/** @type {HTMLElement} */ output, /** @type {string[]} */ alts) {
  let fresh = false;
  let pictures = 0;
  return (/** @type {Output | undefined} */ made) => {
    if (!fresh) output.replaceChildren();
    fresh = true;
    if (!made) return;
    const { kind, text } = made;
    if (kind === "png") {
      const image = document.createElement("img");
      image.src = `data:image/png;base64,${text}`;
      image.alt = alts[pictures] ?? "A figure that this cell draws.";
      pictures += 1;
      output.append(image);
    } else if (kind === "html") {
      const box = document.createElement("div");
      box.className = "output text_html";
      box.innerHTML = text;
      output.append(box);
      for (const script of box.querySelectorAll("script")) {
        // One that comes as text does not run; the page's policy knows the player's.
        const running = document.createElement("script");
        running.textContent = script.textContent;
        script.replaceWith(running);
      }
    } else {
      let box = output.lastElementChild;
      if (!(box instanceof HTMLPreElement) || box.dataset.kind !== kind) {
        box = document.createElement("pre");
        box.className = kind === "error" ? "live-text live-error" : "live-text";
        /** @type {HTMLElement} */ (box).dataset.kind = kind;
        /** @type {HTMLElement} */ (box).tabIndex = 0; // a long one scrolls, by keyboard too
        output.append(box);
      }
      box.append(text);
    }
  };
}

/** Say of a cell that cannot run here where it can. */
function explain(/** @type {HTMLElement} */ element) {
  const line = document.createElement("p");
  line.className = "live-needs";
  line.append(`This cell needs ${element.dataset.needs}, which does not run in a page. Run it `);
  const places = [["on ", "your laptop", place(settings.laptop)]];
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (
    document.querySelectorAll(".dropdown-launch-buttons a:is([href*=colab], [href*=binder])")
  )) {
    places.push(["in ", `${link.textContent?.trim()}`, link.href]);
  }
  for (const [n, [how, name, address]] of places.entries()) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = name;
    line.append(n && n === places.length - 1 ? " or " : n ? ", " : "", how, link);
  }
  line.append(".");
  element.querySelector(".cell_input")?.after(line);
}

// The page

for (const element of /** @type {NodeListOf<HTMLElement>} */ (
  document.querySelectorAll(".cell[data-cell]")
)) {
  if (element.dataset.needs) explain(element);
  else if (typeof WebAssembly === "object") cells.push(addCell(element));
  else element.dataset.needs = "WebAssembly";
}
const note = /** @type {HTMLElement} */ (document.querySelector(".live-note"));
if (!cells.length) {
  note.textContent =
    "Code does not run in this page, because your browser does not allow WebAssembly.";
}
offerWork(note, `${settings.notebook}`);
