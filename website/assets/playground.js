// The playground's page: its controls, its player, its address. What it shows, clip.js computes.
// @ts-check

import * as clips from "./clip.js";
import { drawPaths, paint } from "./pictures.js";

const { NUMBERS, SIDE } = clips;
const NAMED = 5; // of what is wrong in an address, which may be long
const PLAY = "M3 1v14l11-7z";
const PAUSE = "M3 1h4v14H3zM9 1h4v14H9z";

/** Read the digits of the sheet, and make sure that they are what was sent. */
async function loadSheet(/** @type {HTMLElement} */ root) {
  const answer = await fetch(String(root.dataset.sheet));
  if (!answer.ok) throw new TypeError();
  // Whatever a screen's colours are, the pixels are to stay as they are stored.
  const image = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser draws no canvas.");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = Uint8Array.from({ length: width * height }, (_, at) => data[4 * at]);
  const sum = pixels.reduce((total, ink, at) => total + ink * ((at % 251) + 1), 0);
  if (sum !== Number(root.dataset.sum)) {
    throw new Error(
      "This browser alters pictures that a page reads, so digits from it would not be exact.",
    );
  }
  return (/** @type {number} */ kind, /** @type {number} */ number) =>
    Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
      const row = kind * SIDE + Math.floor(at / SIDE);
      return pixels[row * width + number * SIDE + (at % SIDE)];
    });
}

/** Bring the playground to life. */
function start(/** @type {HTMLElement} */ root) {
  const one = (/** @type {string} */ selector) => /** @type {any} */ (root.querySelector(selector));
  root.replaceChildren(one("template").content);
  const [form, frameRange, playButton, said] = ["form", ".frame", ".play", ".said"].map(one);
  const choosers = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[data-digit]")]);
  for (const input of form.querySelectorAll("input[name]")) {
    const range = NUMBERS[input.name];
    if (range) Object.assign(input, { min: range.least, max: range.most });
  }
  let digit = (/** @type {number} */ _kind, /** @type {number} */ _number) =>
    new Uint8Array(SIDE * SIDE);
  /** @type {clips.State} */
  let state;
  /** @type {ReturnType<typeof clips.clipOf>} */
  let clip;
  /** @type {Uint8Array[]} */
  let sprites = [];
  /** @type {(frame: number) => void} */
  let mark = () => {};
  const spare = [3, 7, 1, 9].map((kind) => /** @type {clips.Digit} */ ({ kind, number: 0 }));
  let [timer, writing] = [0, 0];
  /** @type {string[]} */
  const missing = [];
  let [misread, written] = ["", ""];
  // Until their parts arrive:
  let showInk = (/** @type {Uint8Array} */ _ink) => {};
  let predictions = {
    changed: (/** @type {clips.State} */ _state, /** @type {Uint8Array[]} */ _sprites) => {},
    show: (/** @type {number} */ _frame) => {},
    tick: (/** @type {number} */ _frame) => {},
  };

  // The address, the settings and the clip

  function read() {
    clearTimeout(writing);
    writing = 0;
    written = location.search;
    const { state: found, bad } = clips.readAddress(location.search);
    state = found;
    showInk(clips.unpack(state.drawing));
    update();
    const more = bad.length > NAMED ? ` and ${bad.length - NAMED} more` : "";
    const list = bad.slice(0, NAMED).join(", ") + more;
    const named = `Not understood in the address: ${list}. The usual value stands in.`;
    misread = bad.length ? named : "";
    tell();
  }

  function tell() {
    const own = state.digits.some(({ kind }) => kind === "own");
    const empty = own && state.drawing === clips.BLANK ? `${whose()} Draw it below.` : "";
    said.textContent = [...missing, misread, empty].join(" ").trim();
  }

  function write() {
    clearTimeout(writing);
    writing = 0;
    written = clips.writeAddress(state);
    history.replaceState(history.state, "", written + location.hash);
  }

  function changed() {
    update();
    misread = "";
    tell();
    // Some browsers refuse more than a hundred new addresses in half a minute.
    writing ||= setTimeout(write, 400);
  }

  function update() {
    sprites = state.digits.map(({ kind, number }) =>
      kind === "own" ? clips.unpack(state.drawing) : digit(kind, number),
    );
    clip = clips.clipOf(state, sprites);
    form.count.value = state.digits.length;
    form.rule.value = state.rule;
    // Or the cursor would jump while someone types.
    if (form.seed.valueAsNumber !== state.seed) form.seed.value = state.seed;
    for (const name of /** @type {const} */ (["speed", "size", "frames"])) {
      form[name].value = one(`#maker-${name}-out`).textContent = String(state[name]);
    }
    for (const copy of same) copy.value = form[String(copy.dataset.same)].value;
    one(".same-speed").textContent = state.speed;
    one(".whose").textContent = whose();
    choosers.forEach((set, k) => {
      set.hidden = k >= state.digits.length;
      if (!set.hidden) showDigit(set, k);
    });
    mark = drawPaths(one(".paths"), one(".plot"), clip.paths, state.size);
    describe();
    one(".python code").textContent = clips.writePython(state);
    one(".copied").textContent = "";
    frameRange.max = state.frames - 1;
    show(Math.min(frameRange.valueAsNumber, state.frames - 1));
    predictions.changed(state, sprites);
  }

  function showDigit(/** @type {HTMLElement} */ set, /** @type {number} */ k) {
    const within = (/** @type {string} */ name) => /** @type {any} */ (set.querySelector(name));
    const { kind, number } = state.digits[k];
    const thrown = clip.throws[k];
    paint(within("canvas"), sprites[k], SIDE);
    within("select").value = kind;
    within("[name=number]").value = within(".number").textContent = String(number);
    within("[name=number]").disabled = kind === "own";
    const degrees = Math.round((180 * thrown.angle) / Math.PI) % 360;
    within("[name=degrees]").value = within(".degrees").textContent = String(degrees);
    ["row", "column"].forEach((name, axis) => {
      within(`[name=${name}]`).value = within(`.start-${name}`).textContent = String(
        thrown.start[axis],
      );
    });
  }

  /** Which digit the drawing is. */
  function whose() {
    const own = state.digits.findIndex(({ kind }) => kind === "own") + 1;
    if (!own) return `Once you draw, it takes the place of digit ${state.digits.length}.`;
    return `Digit ${own} is yours${state.drawing === clips.BLANK ? ", and still empty" : ""}.`;
  }

  function describe() {
    const told = clip.places.map((places, k) => {
      const [rows, columns] = [0, 1].map((axis) => places.map((place) => place[axis]));
      const { kind } = state.digits[k];
      const name = kind === "own" ? "your drawing" : `of class ${kind}`;
      return `Digit ${k + 1}, ${name}: row from ${Math.min(...rows)} to ${Math.max(...rows)}, column from ${Math.min(...columns)} to ${Math.max(...columns)}.`;
    });
    const { size, frames } = state;
    const names = {
      ".clip": `The clip: ${size} by ${size} pixels, ${frames} frames.`,
      ".paths": "The path of each digit on the canvas.",
      ".plot": "Row and column of each digit against the frame, in pixels.",
    };
    for (const [selector, name] of Object.entries(names)) {
      one(selector).setAttribute("aria-label", `${name} ${told.join(" ")}`);
    }
  }

  // A finger that lands on a slider to scroll the page is not to move it.
  let before = "";
  root.addEventListener("pointerdown", (/** @type {any} */ { target }) => {
    before = target.value;
  });
  root.addEventListener("pointercancel", (/** @type {any} */ { target }) => {
    if (target.type !== "range" || target.value === before) return;
    target.value = before;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  });
  form.addEventListener("change", () => {
    form.seed.value = state.seed; // half a number makes way for the one that counts
  });
  form.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  form.addEventListener("input", (/** @type {any} */ { target }) => {
    const { name, value } = target;
    const which = state.digits[Number(target.closest("fieldset")?.dataset.digit)];
    if (!target.checkValidity()) {
      misread = `A seed is a whole number from 0 to ${NUMBERS.seed.most}.`;
      return tell();
    }
    if (name === "kind") which.kind = value === "own" ? value : Number(value);
    else if (name === "number") which.number = Number(value);
    else if (name === "degrees") which.angle = cut((Number(value) * Math.PI) / 180, 2);
    else if (name === "row" || name === "column") {
      const [row, column] = clip.throws[state.digits.indexOf(which)].start;
      which.start = name === "row" ? [Number(value), column] : [row, Number(value)];
    } else if (name === "count") {
      spare.splice(0, state.digits.length, ...state.digits); // who goes may come back
      state.digits = spare.slice(0, Number(value));
    } else if (name === "seed") throwWith(Number(value));
    else Object.assign(state, { [name]: name === "rule" ? value : Number(value) });
    changed();
  });
  function throwWith(/** @type {number} */ seed) {
    state.seed = seed;
    for (const each of state.digits) {
      delete each.start; // the seed chooses all anew
      delete each.angle;
    }
  }
  for (const button of root.querySelectorAll(".again")) {
    button.addEventListener("click", () => {
      throwWith((state.seed + 1) % (NUMBERS.seed.most + 1));
      changed();
    });
  }
  // Beside the predictions two controls stand once more.
  const same = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("[data-same]")]);
  for (const copy of same) {
    const original = form[String(copy.dataset.same)];
    [copy.min, copy.max] = [original.min, original.max];
    copy.addEventListener("input", () => {
      original.value = copy.value;
      original.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  // A link within the page is no reason to forget what is not written yet.
  addEventListener("popstate", () => (writing && location.search === written ? write() : read()));
  addEventListener("pagehide", () => writing && write());

  one(".erase").addEventListener("click", () => {
    state.drawing = clips.BLANK;
    showInk(clips.unpack(state.drawing));
    changed();
  });

  // The player

  function show(/** @type {number} */ frame) {
    frameRange.value = String(frame);
    one(".at").textContent = `frame ${frame}`;
    paint(one(".clip"), clip.frames[frame], state.size);
    mark(frame);
    predictions.show(frame);
  }
  const step = (/** @type {number} */ by) =>
    show((frameRange.valueAsNumber + by + state.frames) % state.frames);
  function tick() {
    step(1);
    predictions.tick(frameRange.valueAsNumber);
  }
  function play(/** @type {boolean} */ on) {
    clearInterval(timer);
    timer = on ? setInterval(tick, 100) : 0;
    playButton.setAttribute("aria-label", on ? "Pause" : "Play");
    playButton.querySelector("path").setAttribute("d", on ? PAUSE : PLAY);
  }
  playButton.addEventListener("click", () => play(!timer));
  frameRange.addEventListener("input", () => {
    play(false);
    show(frameRange.valueAsNumber);
  });
  one(".later").addEventListener("input", (/** @type {any} */ { target }) => {
    play(false);
    if (target.valueAsNumber < state.frames) show(target.valueAsNumber);
  });
  one(".player").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    play(false);
    step(by);
  });

  // What one takes away

  one(".copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(clips.writePython(state));
      one(".copied").textContent = "Copied.";
    } catch {
      getSelection()?.selectAllChildren(one(".python code"));
      one(".copied").textContent = "Selected. Copy it with your keyboard.";
    }
  });
  function save(
    /** @type {string} */ name,
    /** @type {Uint8Array<ArrayBuffer>} */ bytes,
    /** @type {string} */ type,
  ) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    one(".copied").textContent = `${name}, ${Math.ceil(bytes.length / 1000)} kB.`;
  }

  read();
  write();
  play(!matchMedia("(prefers-reduced-motion: reduce)").matches);

  // What the page can do without. Where one does not arrive, the others go on.

  async function part(
    /** @type {() => Promise<void>} */ load,
    /** @type {string} */ without,
    selector = "",
  ) {
    try {
      await load();
    } catch (error) {
      console.error(error);
      // A failed download is a TypeError. What we found ourselves says more.
      const why = error instanceof TypeError ? "" : `${/** @type {Error} */ (error).message} `;
      missing.push(why + without);
      for (const each of selector ? root.querySelectorAll(selector) : [])
        each.setAttribute("hidden", "");
      tell();
      return false;
    }
    return true;
  }
  async function loadDigits() {
    digit = await loadSheet(root);
    update();
  }
  async function loadPad() {
    const { drawingPad } = await import("./pad.js");
    showInk = drawingPad(one(".pad"), (ink) => {
      state.drawing = clips.pack(clips.centred(ink));
      if (!state.digits.some(({ kind }) => kind === "own")) {
        state.digits[state.digits.length - 1].kind = "own";
      }
      changed();
    });
    showInk(clips.unpack(state.drawing));
  }
  async function loadHands() {
    const { takeDigits } = await import("./hands.js");
    /** @type {clips.Point} */
    let start;
    let played = false;
    takeDigits(one(".clip"), () => clip.places.map((places) => places[frameRange.valueAsNumber]), {
      grab(k) {
        played = timer !== 0;
        play(false);
        // The clip begins anew where the digit is. Its frame 0 is one step behind the start.
        const { velocity } = clip.throws[k];
        const now = clip.paths[k][frameRange.valueAsNumber];
        start = [now[0] - velocity[0], now[1] - velocity[1]];
        show(0);
      },
      drag(k, by) {
        state.digits[k].start = inside(
          start.map((at, axis) => at + by[axis] / (state.size - SIDE)),
        );
        changed();
      },
      release(k, angle) {
        if (angle !== undefined) {
          state.digits[k].start = inside(clip.paths[k][0]);
          state.digits[k].angle = cut(angle, 2);
          changed();
        }
        play(played || angle !== undefined);
      },
    });
  }
  async function loadPredictions() {
    const { ahead } = await import("./ahead.js");
    predictions = ahead(one(".ahead"));
    predictions.changed(state, sprites);
  }
  async function loadDownloads() {
    const { gif, npz } = await import("./downloads.js");
    one(".gif").addEventListener("click", async () => {
      const scale = Math.ceil(256 / state.size);
      save("moving-digits.gif", await gif(clip.frames, state.size, scale), "image/gif");
    });
    one(".npz").addEventListener("click", () => {
      const [k, n, size] = [state.digits.length, state.frames, state.size];
      const arrays = {
        frames: { data: flat(Uint8Array, clip.frames), shape: [n, size, size] },
        digits: { data: flat(Uint8Array, sprites), shape: [k, SIDE, SIDE] },
        path: { data: flat(Float64Array, clip.paths.flat()), shape: [k, n, 2] },
        pixels: { data: BigInt64Array.from(clip.places.flat(2), BigInt), shape: [k, n, 2] },
      };
      save("moving-digits.npz", npz(arrays), "application/octet-stream");
    });
  }
  const lacks =
    "There are no digits to choose from. You can still draw one. The Python is complete.";
  Promise.all([
    part(loadDigits, lacks),
    part(loadPad, "The drawing pad did not arrive.", ".draw"),
    part(loadHands, "Digits can't be dragged.", ".hands"),
    part(loadPredictions, "The predictions did not arrive.", ".ahead"),
    part(loadDownloads, "GIF and .npz cannot be made.", ".gif, .npz"),
  ]).then(([digits]) => {
    root.dataset.ready = digits ? "yes" : "no";
  });
}

/** Cut a number as an address holds it. */
function cut(/** @type {number} */ value, /** @type {number} */ decimals) {
  return Number(value.toFixed(decimals));
}

/** Keep a start where a digit can be. */
function inside(/** @type {number[]} */ start) {
  const [row, column] = start.map((at) => cut(Math.min(1, Math.max(0, at)), 3));
  return /** @type {clips.Point} */ ([row, column]);
}

/**
 * Put rows into one typed array.
 * @template {Uint8Array | Int32Array | Float64Array} T
 * @param {{from: (values: Iterable<number>) => T}} Kind @param {ArrayLike<number>[]} rows
 */
function flat(Kind, rows) {
  return Kind.from(rows.flatMap((row) => Array.from(row)));
}

const root = document.getElementById("clip-maker");
if (root) start(root);
