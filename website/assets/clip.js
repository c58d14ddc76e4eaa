// What the playground computes, without a page: a clip as `mmnist_lib` makes it, bit for bit (both
// work in float64 and in the same order), what its address holds, and its Python.
// tests/website/test_playground.py compares it with the library.
// @ts-check

/**
 * @typedef {{kind: number | "own", number: number, start?: Point, angle?: number}} Digit a class, the number of an
 *   example, and its start and its angle, in radians, where the seed does not choose them
 * @typedef {{digits: Digit[], rule: string, speed: number, seed: number, size: number,
 *   frames: number, drawing: string}} State what the address holds
 * @typedef {[number, number]} Point (row, column)
 * @typedef {{start: Point, angle: number, velocity: Point}} Throw
 */

export const SIDE = 28; // of a digit, in pixels
export const BLANK = "A".repeat(523); // a drawing without ink
const RULES = ["clamp", "reflect"];
/** @type {Record<string, {least: number, most: number, form: RegExp}>} */
export const NUMBERS = {
  speed: { least: 0, most: 0.5, form: /^\d(\.\d{1,2})?$/ },
  seed: { least: 0, most: 9999, form: /^\d+$/ },
  size: { least: 32, most: 128, form: /^\d+$/ },
  frames: { least: 1, most: 40, form: /^\d+$/ },
  start: { least: 0, most: 1, form: /^\d(\.\d{1,3})?$/ },
  angle: { least: 0, most: 6.28, form: /^\d(\.\d{1,2})?$/ },
};
/** @type {State} */
const USUAL = {
  digits: [
    { kind: 3, number: 0 },
    { kind: 7, number: 0 },
  ],
  rule: "clamp",
  speed: 0.1,
  seed: 2,
  size: 64,
  frames: 20,
  drawing: BLANK,
};

// ---- what the library computes ----

/**
 * `bounce_path` of one digit.
 * @param {Point} start @param {Point} velocity @param {number} frames @param {string} rule
 * @returns {Point[]}
 */
export function bouncePath(start, velocity, frames, rule) {
  const [rows, columns] = [0, 1].map((axis) => bounce(start[axis], velocity[axis], frames, rule));
  return rows.map((row, frame) => [row, columns[frame]]);
}

/**
 * One coordinate of it. A loop, since exact.js follows a million of them.
 * @param {number} start @param {number} velocity @param {number} frames @param {string} rule
 */
export function bounce(start, velocity, frames, rule) {
  /** @type {number[]} */
  const path = Array(frames).fill(0);
  let position = start;
  for (let frame = 0; frame < frames; frame++) {
    if (rule === "clamp") {
      position += velocity;
      if (position <= 0 || position >= 1) {
        position = position >= 1 ? 1 : 0;
        velocity = -velocity;
      }
    } else {
      let unfolded = (start + (frame + 1) * (velocity % 2)) % 2; // as np.fmod …
      if (unfolded < 0) unfolded += 2; // … and now as np.mod
      position = 1 - Math.abs(1 - unfolded);
    }
    path[frame] = position;
  }
  return path;
}

/**
 * `to_pixels` of one digit.
 * @param {Point[]} path @param {number} size @returns {Point[]}
 */
export function toPixels(path, size) {
  return path.map(([row, column]) => [
    Math.trunc((size - SIDE) * row),
    Math.trunc((size - SIDE) * column),
  ]);
}

/**
 * `composite`: each frame from black, merged by maximum.
 * @param {Uint8Array[]} sprites @param {Point[][]} places @param {number} size
 * @returns {Uint8Array[]}
 */
export function composite(sprites, places, size) {
  return (places[0] || []).map((_, frame) => {
    const canvas = new Uint8Array(size * size);
    sprites.forEach((sprite, k) => {
      const [row, column] = places[k][frame];
      sprite.forEach((ink, at) => {
        const there = (row + Math.floor(at / SIDE)) * size + column + (at % SIDE);
        if (ink > canvas[there]) canvas[there] = ink;
      });
    });
    return canvas;
  });
}

/**
 * Draw a start and an angle for each digit. The generator is mulberry32, since NumPy's is not at
 * hand. They have three decimals, so that a page can state them in full. Each digit takes three
 * numbers, so that one digit more leaves the others as they are.
 * @param {State} state @returns {Throw[]}
 */
export function throwsOf({ seed, digits, speed }) {
  let sum = seed;
  const random = () => {
    sum = (sum + 0x6d2b79f5) | 0;
    let mixed = Math.imul(sum ^ (sum >>> 15), sum | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (/** @type {number} */ most) => Math.floor(1000 * most * random()) / 1000;
  return digits.map(({ start, angle: chosen }) => {
    const [row, column, thrown] = [below(1), below(1), below(2 * Math.PI)];
    const angle = chosen ?? thrown;
    // Python is handed these very numbers: its sine may differ from this one in the last bit.
    const velocity = /** @type {Point} */ ([speed * Math.sin(angle), speed * Math.cos(angle)]);
    return { start: start ?? [row, column], angle, velocity };
  });
}

/**
 * Make the clip of a state: its throws, paths, pixels and frames.
 * @param {State} state @param {Uint8Array[]} sprites @param {number} frames how many
 */
export function clipOf(state, sprites, frames = state.frames) {
  const throws = throwsOf(state);
  const paths = throws.map((one) => bouncePath(one.start, one.velocity, frames, state.rule));
  const places = paths.map((path) => toPixels(path, state.size));
  return { throws, paths, places, frames: composite(sprites, places, state.size) };
}

// ---- a drawing: 28 × 28 pixels of 16 shades, so that it fits into an address ----

/** @param {string} text base64 for addresses @returns {Uint8Array} */
export function unpack(text) {
  const packed = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
    const pair = packed.charCodeAt(at >> 1);
    return 17 * (at % 2 ? pair & 15 : pair >> 4);
  });
}

/** @param {ArrayLike<number>} ink from 0 to 255 @returns {string} */
export function pack(ink) {
  const shades = Array.from(ink, (value) => Math.round(value / 17));
  const pairs = shades
    .filter((_, at) => at % 2 === 0)
    .map((high, at) => high * 16 + shades[2 * at + 1]);
  return btoa(String.fromCharCode(...pairs))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace("=", "");
}

/**
 * Shift a drawing by whole pixels, until its centre of mass is within half a pixel of (14, 14), as
 * in MNIST.
 * @param {ArrayLike<number>} ink @returns {Uint8Array}
 */
export function centred(ink) {
  let [mass, down, right] = [0, 0, 0];
  Array.from(ink).forEach((value, at) => {
    mass += value;
    down += value * Math.floor(at / SIDE);
    right += value * (at % SIDE);
  });
  const [y, x] = [down, right].map((sum) => (mass ? Math.round(SIDE / 2 - sum / mass) : 0));
  return Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
    const [row, column] = [Math.floor(at / SIDE) - y, (at % SIDE) - x];
    const inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
    return inside ? ink[row * SIDE + column] : 0;
  });
}

/**
 * `mse` of one frame, as the benchmark has it: summed over its pixels, white being 1.
 * @param {ArrayLike<number>} predicted in [0, 1] @param {Uint8Array} truth from 0 to 255
 */
export function squaredError(predicted, truth) {
  return truth.reduce((sum, ink, at) => sum + (predicted[at] - ink / 255) ** 2, 0);
}

// ---- the address, and the Python ----

/** @param {string} name @param {string} text */
function inRange(name, text) {
  const { least, most, form } = NUMBERS[name];
  return form.test(text) && Number(text) >= least && Number(text) <= most;
}

/**
 * Read what an address holds. What cannot be read keeps its usual value, and is named in `bad`.
 * @param {string} search @returns {{state: State, bad: string[]}}
 */
export function readAddress(search) {
  const state = structuredClone(USUAL);
  /** @type {string[]} */
  const bad = [];
  /** @type {Record<string, (text: string) => boolean>} */
  const readers = {
    digits(text) {
      const items = text.split(",");
      const fits = items.length <= 4 && items.every((item) => /^(own|\d(-1?\d)?)$/.test(item));
      if (fits) {
        state.digits = items.map((item) => {
          const [kind, number] = item.split("-");
          return { kind: kind === "own" ? kind : Number(kind), number: Number(number || 0) };
        });
      }
      return fits;
    },
    starts(text) {
      return perDigit(text, "start", 2, (digit, [row, column]) => {
        digit.start = [row, column];
      });
    },
    angles(text) {
      return perDigit(text, "angle", 1, (digit, [angle]) => {
        digit.angle = angle;
      });
    },
    rule(text) {
      const fits = RULES.includes(text);
      if (fits) state.rule = text;
      return fits;
    },
    drawing(text) {
      const fits = /^[\w-]{523}$/.test(text);
      if (fits) state.drawing = text;
      return fits;
    },
  };
  /**
   * Read what an address holds for each digit: some numbers, or nothing.
   * @param {string} text @param {string} name of the numbers @param {number} count of them
   * @param {(digit: Digit, numbers: number[]) => void} put
   */
  function perDigit(text, name, count, put) {
    const items = text.split(",").map((item) => (item ? item.split("-") : []));
    const fits =
      items.length <= state.digits.length &&
      items.every(
        (item) => !item.length || (item.length === count && item.every((it) => inRange(name, it))),
      );
    items.forEach((item, k) => {
      if (fits && item.length) put(state.digits[k], item.map(Number));
    });
    return fits;
  }
  for (const name of ["speed", "seed", "size", "frames"]) {
    readers[name] = (text) => {
      const fits = inRange(name, text);
      if (fits) Object.assign(state, { [name]: Number(text) });
      return fits;
    };
  }
  const given = new URLSearchParams(search);
  // The known ones first, and of these the digits: starts and angles are theirs.
  for (const name of new Set([...Object.keys(readers), ...given.keys()])) {
    const text = given.get(name);
    const known = Object.hasOwn(readers, name); // an address may say "constructor" too
    if (text === null || (known && readers[name](text.replaceAll(" ", "")))) continue;
    const { least, most } = (known && NUMBERS[name]) || {};
    const range = most ? ` (from ${least} to ${most})` : "";
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    bad.push(`${name.slice(0, 40)}=${shown}${range}`);
  }
  return { state, bad };
}

/** @param {State} state @returns {string} */
export function writeAddress(state) {
  const digits = state.digits.map(({ kind, number }) =>
    kind !== "own" && number ? `${kind}-${number}` : kind,
  );
  const starts = state.digits.map(({ start }) => start?.join("-") ?? "");
  const angles = state.digits.map(({ angle }) => angle ?? "");
  const { rule, speed, seed, size, frames, drawing } = state;
  const all = { digits, rule, speed, seed, size, frames };
  const text = Object.entries(all).map(([name, value]) => `${name}=${value}`);
  if (starts.some(Boolean)) text.push(`starts=${starts}`);
  if (angles.some((angle) => angle !== "")) text.push(`angles=${angles}`);
  if (drawing !== BLANK) text.push(`drawing=${drawing}`);
  return `?${text.join("&")}`; // none of it needs an escape
}

/**
 * Write the cell that makes the same frames.
 * @param {State} state @returns {string}
 */
export function writePython(state) {
  const { digits, drawing, rule, speed, size, frames } = state;
  const throws = throwsOf(state);
  const list = (/** @type {Point[]} */ points) =>
    `[\n${points.map((point) => `    [${point.join(", ")}],\n`).join("")}]`;
  const own = digits.some(({ kind }) => kind === "own");
  const packed = `${drawing.replaceAll("-", "+").replaceAll("_", "/")}=`.match(/.{1,64}/g) || [];
  const drawn = `packed = np.frombuffer(base64.b64decode(
${packed.map((line) => `    "${line}"\n`).join("")}), np.uint8)
drawn = 17 * np.stack([packed >> 4, packed & 15], axis=-1).reshape(28, 28)
`;
  const chosen = digits.map(({ kind, number }) =>
    kind === "own" ? "drawn" : `images[labels == ${kind}][${number}]`,
  );
  return `${own ? "import base64\n\n" : ""}import numpy as np

from mmnist_lib import animate, bounce_path, composite, load_mnist, to_pixels

_, (images, labels) = load_mnist("sample")
${own ? drawn : ""}digits = np.stack([
${chosen.map((text) => `    ${text},\n`).join("")}])
start = ${list(throws.map((one) => one.start))}
# velocity_of([${throws.map((one) => one.angle).join(", ")}], step_length=${speed})
velocity = ${list(throws.map((one) => one.velocity))}
path = bounce_path(start, velocity, n_frames=${frames}, rule="${rule}")
frames = composite(digits, to_pixels(path, size=${size}), size=${size})
animate(frames, alt="A clip from the playground.")
`;
}
