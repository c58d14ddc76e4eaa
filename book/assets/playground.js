// The playground's page: controls, pictures and the player. What it shows, clip.js computes.
// @ts-check

import {
  EXAMPLES, NUMBERS, RULES, SIDE, bouncePath, centred, composite, pack, readAddress, throwsOf,
  toPixels, unpack, writeAddress, writePython,
} from "./clip.js";

/** @typedef {import("./clip.js").State} State */
/** @typedef {import("./clip.js").Point} Point */

const PLAY = "M3 1v14l11-7z";
const PAUSE = "M3 1h4v14H3zM9 1h4v14H9z";
const DASHES = ["", "7 4", "2 4", "9 3 2 3"]; // colour alone does not tell four digits apart
const fromZero = (/** @type {number} */ n) => Array.from({ length: n }, (_, k) => k);
const line = (/** @type {number} */ k) =>
  `<svg class="key d${k}" viewBox="0 0 32 8" aria-hidden="true"><path d="M1 4h30" stroke-dasharray="${DASHES[k]}"/></svg>`;
const slider = (
  /** @type {string} */ name,
  /** @type {string} */ text,
  /** @type {number} */ step,
) => `
  <div class="field"><label for="maker-${name}">${text}</label>
  <output id="maker-${name}-out" for="maker-${name}"></output>
  <input type="range" id="maker-${name}" name="${name}" step="${step}"
    min="${NUMBERS[name].least}" max="${NUMBERS[name].most}"></div>`;
const chooser = (/** @type {number} */ k) => `
  <fieldset data-digit="${k}"><legend>${line(k)} Digit ${k + 1}</legend>
  <canvas width="${SIDE}" height="${SIDE}" aria-hidden="true"></canvas>
  <div class="field"><label for="maker-kind${k}">Class</label>
  <select id="maker-kind${k}" name="kind">${fromZero(10)
    .map((n) => `<option>${n}</option>`)
    .join("")}
    <option value="own">mine</option></select></div>
  <div class="field"><label for="maker-number${k}">Example</label>
  <output for="maker-number${k}"></output>
  <input type="range" id="maker-number${k}" name="number" min="0" max="${EXAMPLES - 1}"></div>
  <p class="throw"></p></fieldset>`;

// Constants alone are written as HTML. What comes from the address is set as text or as a value.
const CONTROLS = `
<p class="said" role="status"></p>
<div class="shown">
  <figure class="player"><canvas class="clip" role="img" aria-label="The clip"></canvas>
    <div class="bar"><button type="button" class="play"><svg viewBox="0 0 16 16" aria-hidden="true"><path/></svg></button>
    <input type="range" class="frame" min="0" value="0" aria-label="Frame"><output class="at" aria-live="off"></output></div></figure>
  <figure><svg class="paths" role="img"></svg><figcaption>The path of each digit’s centre. The ring is the first frame.</figcaption></figure>
  <figure><svg class="plot" role="img" viewBox="0 0 260 250"></svg><figcaption>The pixel of its top-left corner, against the frame.</figcaption></figure>
</div>
<form>
  <div class="settings">
    <div class="field"><label for="maker-count">Digits</label>
    <select id="maker-count" name="count">${fromZero(4)
      .map((k) => `<option>${k + 1}</option>`)
      .join("")}</select></div>
    <div class="field"><label for="maker-rule">Rule at a wall</label>
    <select id="maker-rule" name="rule">${RULES.map((rule) => `<option>${rule}</option>`).join("")}</select></div>
    <div class="field"><label for="maker-seed">Seed</label><span class="pair">
    <input type="number" id="maker-seed" name="seed" min="0" max="${NUMBERS.seed.most}" required>
    <button type="button" class="again">Throw again</button></span></div>
    ${slider("speed", "Speed, <code>step_length</code>", 0.01)}
    ${slider("size", "Canvas, pixels", 1)}
    ${slider("frames", "Frames", 1)}
  </div>
  <div class="choosers">${fromZero(4).map(chooser).join("")}
    <fieldset class="draw"><legend>Draw your own</legend>
    <canvas class="pad" width="${SIDE}" height="${SIDE}" tabindex="0" role="application"
      aria-label="Drawing pad" aria-describedby="maker-pad-text"></canvas>
    <p id="maker-pad-text">With a mouse, a finger or a pen. On the keyboard, arrow keys move the brush and Space inks.</p>
    <button type="button" class="erase">Erase</button></fieldset></div>
</form>
<div class="python">
  <button type="button" class="copy">Copy as Python</button> <span class="copied" role="status"></span>
  <pre tabindex="0" role="region" aria-label="The same clip in Python"><code></code></pre>
</div>`;

/** Read the digits of the sheet, and make sure that they are what was sent. */
async function loadSheet(/** @type {HTMLElement} */ root) {
  const answer = await fetch(String(root.dataset.sheet));
  if (!answer.ok) throw new Error("The digits did not arrive.");
  // Whatever a screen's colours are, the pixels are to stay as they are stored.
  const image = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser draws no canvas.");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = Uint8Array.from({ length: width * height }, (_, at) => data[4 * at]);
  if (
    pixels.reduce((sum, ink, at) => sum + ink * ((at % 251) + 1), 0) !== Number(root.dataset.sum)
  ) {
    throw new Error(
      "This browser alters pictures that a page reads, so the digits would not be exact.",
    );
  }
  return (/** @type {number} */ kind, /** @type {number} */ number) =>
    Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
      const row = kind * SIDE + Math.floor(at / SIDE);
      return pixels[row * width + number * SIDE + (at % SIDE)];
    });
}

/** Paint grey values onto a canvas of the same size. */
function paint(
  /** @type {HTMLCanvasElement} */ canvas,
  /** @type {ArrayLike<number>} */ ink,
  /** @type {number} */ side,
) {
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const image = new ImageData(side, side);
  image.data.fill(255); // opaque
  for (let at = 0; at < ink.length; at++) image.data.fill(ink[at], 4 * at, 4 * at + 3);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** Add an SVG element. */
function add(
  /** @type {Element} */ to,
  /** @type {string} */ name,
  /** @type {Record<string, unknown>} */ values,
  text = "",
) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, String(value));
  made.textContent = text;
  to.append(made);
  return made;
}

/** Bring the playground to life. */
function start(/** @type {HTMLElement} */ root) {
  root.innerHTML = CONTROLS;
  const one = (/** @type {string} */ selector) => /** @type {any} */ (root.querySelector(selector));
  const [form, frameRange, playButton, said] = ["form", ".frame", ".play", ".said"].map(one);
  const choosers = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[data-digit]")]);
  /** @type {State} */
  let state;
  let ink = new Float64Array(SIDE * SIDE); // of the pad, not yet centred
  let digit = (/** @type {number} */ _kind, /** @type {number} */ _number) =>
    new Uint8Array(SIDE * SIDE);
  /** @type {{frames: Uint8Array[], places: Point[][]}} */
  let clip = { frames: [], places: [] };
  /** @type {(frame: number) => void} */
  let moveMarks = () => {};
  let [timer, writing] = [0, 0];
  let lost = ""; // why there are no digits

  // The address, the settings and the clip

  function read() {
    const { state: found, bad } = readAddress(location.search);
    state = found;
    ink = Float64Array.from(unpack(state.drawing));
    paintPad();
    update();
    said.textContent = [
      lost,
      bad.length && `Not understood in the address: ${bad.join(", ")}. The usual value stands in.`,
    ]
      .filter(Boolean)
      .join(" ");
  }

  function write() {
    clearTimeout(writing);
    writing = 0;
    history.replaceState(history.state, "", writeAddress(state) + location.hash);
  }

  function changed() {
    update();
    said.textContent = lost;
    // Some browsers refuse more than a hundred new addresses in half a minute.
    writing ||= setTimeout(write, 400);
  }

  function update() {
    const { digits, rule, size, frames } = state;
    const throws = throwsOf(state);
    const sprites = digits.map(({ kind, number }) =>
      kind === "own" ? unpack(state.drawing) : digit(kind, number),
    );
    const places = throws.map((one) =>
      toPixels(bouncePath(one.start, one.velocity, frames, rule), size),
    );
    clip = { frames: composite(sprites, places, size), places };
    form.count.value = digits.length;
    form.rule.value = rule;
    // Or the cursor would jump while someone types.
    if (form.seed.valueAsNumber !== state.seed) form.seed.value = state.seed;
    for (const name of ["speed", "size", "frames"]) {
      form[name].value = one(`#maker-${name}-out`).textContent = String(
        state[/** @type {"size"} */ (name)],
      );
    }
    choosers.forEach((set, k) => {
      set.hidden = k >= digits.length;
      if (set.hidden) return;
      const { kind, number } = digits[k];
      const [picture, select, range, output, text] = [
        "canvas",
        "select",
        "input",
        "output",
        ".throw",
      ].map((name) => /** @type {any} */ (set.querySelector(name)));
      paint(picture, sprites[k], SIDE);
      select.value = kind;
      range.value = output.textContent = String(number);
      range.disabled = kind === "own";
      const {
        start: [row, column],
        angle,
      } = throws[k];
      text.textContent = `start (${row}, ${column})\nangle ${angle}`;
    });
    drawPaths();
    one(".python code").textContent = writePython(state);
    one(".copied").textContent = "";
    frameRange.max = frames - 1;
    show(Math.min(frameRange.valueAsNumber, frames - 1));
  }

  form.addEventListener("change", update); // half a number makes way for the one that counts
  form.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  form.addEventListener("input", (/** @type {any} */ { target }) => {
    const { name, value } = target;
    const which = state.digits[Number(target.closest("fieldset")?.dataset.digit)];
    if (!target.checkValidity()) return; // half a number
    if (name === "kind") which.kind = value === "own" ? value : Number(value);
    else if (name === "number") which.number = Number(value);
    else if (name === "count") {
      const more = fromZero(4).map((k) => state.digits[k] || { kind: [3, 7, 1, 9][k], number: 0 });
      state.digits = more.slice(0, Number(value));
    } else Object.assign(state, { [name]: name === "rule" ? value : Number(value) });
    changed();
  });
  one(".again").addEventListener("click", () => {
    state.seed = (state.seed + 1) % (NUMBERS.seed.most + 1);
    changed();
  });
  addEventListener("popstate", () => (writing ? write() : read()));

  // Its pictures

  function drawPaths() {
    const { size, frames, digits } = state;
    const [free, half] = [size - SIDE, SIDE / 2];
    const [paths, plot] = [one(".paths"), one(".plot")];
    paths.replaceChildren();
    plot.replaceChildren();
    paths.setAttribute("viewBox", `0 0 ${size} ${size}`);
    add(paths, "rect", { x: half, y: half, width: free, height: free, class: "room" });
    const x = (/** @type {number} */ frame) => 34 + (216 * frame) / Math.max(1, frames - 1);
    const y = (/** @type {number} */ axis, /** @type {number} */ pixel) =>
      20 + 118 * axis + (84 * pixel) / free;
    ["row", "column"].forEach((name, axis) => {
      add(plot, "rect", { x: 34, y: y(axis, 0), width: 216, height: 84, class: "room" });
      add(plot, "text", { x: 34, y: y(axis, 0) - 6 }, name);
      add(plot, "text", { x: 28, y: y(axis, 0) + 9, "text-anchor": "end" }, "0");
      add(plot, "text", { x: 28, y: y(axis, free), "text-anchor": "end" }, String(free));
    });
    add(plot, "text", { x: 34, y: 239 }, "0");
    add(plot, "text", { x: 142, y: 239, "text-anchor": "middle" }, "frame");
    add(plot, "text", { x: 250, y: 239, "text-anchor": "end" }, String(frames - 1));
    const cursor = add(plot, "path", { class: "cursor" });
    const marks = clip.places.map((places, k) => {
      const points = places.map(([row, column]) => [column + half, row + half]);
      const style = { class: `d${k}`, "stroke-dasharray": DASHES[k] };
      add(paths, "polyline", { points: points.join(" "), ...style });
      add(paths, "circle", {
        cx: points[0][0],
        cy: points[0][1],
        r: size / 40,
        class: `d${k} first`,
      });
      for (const axis of [0, 1]) {
        add(plot, "polyline", {
          points: places.map((place, frame) => [x(frame), y(axis, place[axis])]).join(" "),
          ...style,
        });
      }
      return [
        add(paths, "circle", { r: size / 50, class: `d${k} now` }),
        ...[0, 1].map(() => add(plot, "circle", { r: 4, class: `d${k} now` })),
      ];
    });
    moveMarks = (frame) => {
      cursor.setAttribute("d", `M${x(frame)} 20v84M${x(frame)} 138v84`);
      clip.places.forEach((places, k) => {
        const [row, column] = places[frame];
        [
          [column + half, row + half],
          [x(frame), y(0, row)],
          [x(frame), y(1, column)],
        ].forEach(([cx, cy], n) => {
          marks[k][n].setAttribute("cx", String(cx));
          marks[k][n].setAttribute("cy", String(cy));
        });
      });
    };
    const told = clip.places
      .map((places, k) => {
        const [rows, columns] = [0, 1].map((axis) => places.map((place) => place[axis]));
        const name = digits[k].kind === "own" ? "your drawing" : `a ${digits[k].kind}`;
        return `Digit ${k + 1}, ${name}: row from ${Math.min(...rows)} to ${Math.max(...rows)}, column from ${Math.min(...columns)} to ${Math.max(...columns)}.`;
      })
      .join(" ");
    one(".clip").setAttribute(
      "aria-label",
      `The clip: ${size} by ${size} pixels, ${frames} frames. ${told}`,
    );
    paths.setAttribute("aria-label", `The path of each digit’s centre on the canvas. ${told}`);
    plot.setAttribute(
      "aria-label",
      `Row and column of each digit against the frame, in pixels. ${told}`,
    );
  }

  // The player

  function show(/** @type {number} */ frame) {
    frameRange.value = String(frame);
    one(".at").textContent = `frame ${frame}`;
    paint(one(".clip"), clip.frames[frame], state.size);
    moveMarks(frame);
  }
  const step = (/** @type {number} */ by) =>
    show((frameRange.valueAsNumber + by + state.frames) % state.frames);
  function play(/** @type {boolean} */ on) {
    clearInterval(timer);
    timer = on ? setInterval(() => step(1), 100) : 0;
    playButton.setAttribute("aria-label", on ? "Pause" : "Play");
    playButton.querySelector("path").setAttribute("d", on ? PAUSE : PLAY);
  }
  playButton.addEventListener("click", () => play(!timer));
  frameRange.addEventListener("input", () => {
    play(false);
    show(frameRange.valueAsNumber);
  });
  one(".player").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    play(false);
    step(by);
  });

  // The pad

  const pad = /** @type {HTMLCanvasElement} */ (one(".pad"));
  let [brush, keys] = [[SIDE / 2, SIDE / 2], false]; // (x, y), and whether keys move it
  function dab(/** @type {number} */ x, /** @type {number} */ y) {
    ink.forEach((value, at) => {
      const far = Math.hypot((at % SIDE) + 0.5 - x, Math.floor(at / SIDE) + 0.5 - y);
      ink[at] = Math.max(value, 255 * Math.min(1, Math.max(0, (2.1 - far) / 1.3))); // a soft edge
    });
  }
  function paintPad() {
    paint(pad, ink, SIDE);
    const context = pad.getContext("2d");
    if (!keys || !context) return;
    context.fillStyle = "#e08a00"; // it shows where the next dab falls, and is no ink
    context.fillRect(Math.floor(brush[0]), Math.floor(brush[1]), 1, 1);
  }
  function drawn() {
    paintPad();
    state.drawing = pack(centred(ink));
    if (!state.digits.some(({ kind }) => kind === "own"))
      state.digits[state.digits.length - 1].kind = "own";
    changed();
  }
  function stroke(/** @type {PointerEvent} */ event) {
    const box = pad.getBoundingClientRect();
    // A quick hand moves far between two frames of the screen.
    const events = event.getCoalescedEvents?.() || [];
    for (const { clientX, clientY } of events.length ? events : [event]) {
      const to = [
        ((clientX - box.left) * SIDE) / box.width,
        ((clientY - box.top) * SIDE) / box.height,
      ];
      const from = event.type === "pointerdown" ? to : brush;
      const dabs = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
      for (let n = 1; n <= dabs; n++) {
        dab(from[0] + ((to[0] - from[0]) * n) / dabs, from[1] + ((to[1] - from[1]) * n) / dabs);
      }
      brush = to;
    }
    keys = false;
    drawn();
  }
  pad.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pad.setPointerCapture(event.pointerId);
    stroke(event);
  });
  pad.addEventListener("pointermove", (event) => {
    if (pad.hasPointerCapture(event.pointerId)) stroke(event);
  });
  pad.addEventListener("keydown", (event) => {
    const [x, y] =
      { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] }[
        event.key
      ] || [];
    if (x === undefined) return;
    event.preventDefault(); // the page does not scroll
    keys = true;
    brush = [brush[0] + x, brush[1] + y].map((place) =>
      Math.min(SIDE - 0.5, Math.max(0.5, Math.floor(place) + 0.5)),
    );
    if (event.key !== " ") return paintPad();
    dab(brush[0], brush[1]);
    drawn();
  });
  pad.addEventListener("blur", () => {
    keys = false;
    paintPad();
  });
  one(".erase").addEventListener("click", () => {
    ink.fill(0);
    paintPad();
    state.drawing = pack(ink);
    changed();
  });

  one(".copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(writePython(state));
      one(".copied").textContent = "Copied.";
    } catch {
      getSelection()?.selectAllChildren(one(".python code"));
      one(".copied").textContent = "Selected. Copy it with your keyboard.";
    }
  });

  read();
  write();
  play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  loadSheet(root).then(
    (found) => {
      digit = found;
      update();
      root.dataset.ready = "yes";
    },
    (error) => {
      const why = error instanceof TypeError ? "The digits did not arrive." : error.message;
      lost = `${why} You can still draw one. The Python is complete.`;
      said.textContent = `${said.textContent} ${lost}`.trim();
      root.dataset.ready = "no";
    },
  );
}

const root = document.getElementById("clip-maker");
if (root) start(root);
