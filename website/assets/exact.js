// @ts-check
// The exact predictor of chapter 8, without a page: `mmnist_lib/tracking.py`, which explains the
// steps, for a browser. What they find hangs on orders and on ties, so these are the same here.
// tests/website/test_exact.py compares them.

import { SIDE, bounce, composite } from "./clip.js";

/**
 * @typedef {number[][]} Track rows and columns of a window's top-left corner, frame by frame
 * @typedef {{path: number[], low: number, high: number, first: number, last: number}} Kind a path
 *   of one coordinate, and between what angles and starts it arises
 * @typedef {{kinds: Kind[], paths: Uint16Array}} Listed with the paths end to end, for `near`
 * @typedef {{at: Track, sprite: Uint8Array, score: number}} Digit
 * @typedef {{sprites: Uint8Array[], positions: [number, number][][], residual: number,
 *   exact: boolean}} Found
 * @typedef {{frames: Uint8Array[], thick: Uint8Array[], size: number, nDigits: number,
 *   stepLength: number, rule: string, listed: Listed, window: Int32Array, where: Int32Array,
 *   ink: Uint8Array, best: {left: number, fits: boolean, digits: Digit[]}}} Search
 */

const [ANGLES, STARTS] = [120, 24];
const TRIES = [20, 10];
const KEPT = [8, 3];
const CENTRE = SIDE / 2;
const PULL = 4;

let latest = { name: "", listed: /** @type {Listed} */ ({}) }; // listing is slow

/**
 * `track`: the digits of a sequence, the heavier first, and where each is in each frame.
 * @param {Uint8Array[]} frames @param {number} size @param {number} nDigits
 * @param {number} stepLength @param {string} rule @returns {Found}
 */
export function track(frames, size, nDigits, stepLength, rule) {
  const n = frames.length;
  if (n < 3) throw Error(`frames are ${n}: pass 3 or more, to show a motion`);
  if (size <= SIDE)
    throw Error(`frames are ${size} pixels wide: pass more than ${SIDE}, so that digits move`);
  if (!frames.some((frame) => frame.some(Boolean)))
    throw Error("frames are black: pass a sequence in which digits can be seen");
  if (!(stepLength > 0))
    throw Error(`step_length=${stepLength} moves nothing: pass the speed of the digits, above 0`);
  const window = windowOf(size, 1);
  /** @type {Search} */
  const search = {
    frames,
    size,
    nDigits,
    stepLength,
    rule,
    window,
    thick: frames.map((frame) => thicken(frame, size)),
    listed: listPaths(n, size - SIDE, stepLength, rule),
    where: window.slice(), // room for what `carve` keeps
    ink: new Uint8Array(window.length),
    best: { left: Infinity, fits: false, digits: [] },
  };
  if (!extend(search, [])) pair(search, search.best.digits, refineBoth);
  const digits = place(search, search.best.digits);
  digits.sort((one, other) => sum(other.sprite) - sum(one.sprite));
  const residual = left(search, digits);
  return {
    sprites: digits.map(({ sprite }) => sprite),
    positions: digits.map(({ at }) => points(at)),
    residual,
    exact: residual === 0 && possible(search, digits),
  };
}

/**
 * `predict`: the mean of all sequences that may follow, from 0 to 1, and what `track` found.
 * @param {Uint8Array[]} frames @param {number} size @param {number} nDigits
 * @param {number} stepLength @param {string} rule @param {number} nFrames
 * @returns {{frames: Float64Array[], found: Found}}
 */
export function predict(frames, size, nDigits, stepLength, rule, nFrames) {
  const found = track(frames, size, nDigits, stepLength, rule);
  if (!found.exact) {
    const all = sum(frames.map(sum));
    const [some, of] = [found.residual, all].map((levels) => levels.toLocaleString("en"));
    const why = found.residual
      ? `the best tracks leave ${some} of ${of} gray levels unexplained`
      : "tracks that give them are of another speed";
    throw Error(
      `frames are not of ${nDigits} digits with step_length=${stepLength} and rule='${rule}': ` +
        `${why}; pass the settings that made them, and frames without noise`,
    );
  }
  const futures = found.positions.map((past) => futuresOf(past, size, stepLength, rule, nFrames));
  const means = Array.from({ length: nFrames }, (_, t) => {
    const places = futures.map((future) => future[t]);
    return meanFrame(found.sprites, places, size);
  });
  return { frames: means, found };
}

// ---- what may come ----

/**
 * `futures_of`: how probable each row and column is, frame by frame.
 * @param {[number, number][]} past @param {number} size @param {number} stepLength
 * @param {string} rule @param {number} nFrames
 */
function futuresOf(past, size, stepLength, rule, nFrames) {
  const [n, free] = [past.length, size - SIDE];
  const at = [0, 1].map((axis) => past.map((point) => point[axis]));
  const allowed = anglesOf(listPaths(n, free, stepLength, rule), at);
  const places = Array.from({ length: nFrames }, () => new Float64Array((free + 1) ** 2));
  let all = 0;
  for (let turn = 0; allowed && turn < 4 * 160; turn++) {
    const fine = allowed.low + (((turn % 160) + 0.5) / 160) * (allowed.high - allowed.low);
    const angle = [fine, -fine, Math.PI - fine, Math.PI + fine][Math.floor(turn / 160)];
    const [rows, columns] = [Math.sin(angle), Math.cos(angle)].map((part, axis) => {
      const { first, last } = allowed.kinds[axis];
      return Array.from({ length: 96 }, (_, i) => {
        const start = first + ((i + 0.5) / 96) * (last - first);
        return follow(n + nFrames, start, stepLength * part, free, rule);
      }).filter((path) => at[axis].every((pixel, t) => pixel === path[t]));
    });
    all += rows.length * columns.length;
    for (const row of rows)
      for (const column of columns)
        for (let t = 0; t < nFrames; t++) places[t][row[n + t] * (free + 1) + column[n + t]]++;
  }
  if (all) return places.map((counts) => counts.map((count) => count / all));
  throw Error(
    `track from [${past[0]}] to [${past[n - 1]}] is impossible for a digit with ` +
      `step_length=${stepLength} and rule='${rule}': pass the settings that made it`,
  );
}

/**
 * A frame of `oracle`. A pixel is at most z if each digit's is, so their distributions multiply.
 * @param {Uint8Array[]} sprites @param {Float64Array[]} places @param {number} size
 */
function meanFrame(sprites, places, size) {
  const side = size - SIDE + 1;
  const frame = new Float64Array(size * size);
  // One row at a time: the tables of a whole frame would not fit into the cache.
  const [atMost, chance] = [new Float64Array(size * 256), new Float64Array(size * 256)];
  for (let y = 0; y < size; y++) {
    atMost.fill(1);
    sprites.forEach((sprite, k) => {
      chance.fill(0);
      for (let row = Math.max(0, y - SIDE + 1); row <= Math.min(y, side - 1); row++)
        for (let column = 0; column < side; column++) {
          const probable = places[k][row * side + column];
          for (let x = 0; probable && x < SIDE; x++)
            chance[(column + x) * 256 + sprite[(y - row) * SIDE + x]] += probable;
        }
      for (let from = 0; from < chance.length; from += 256)
        for (let z = 255, above = 0; z > 0; z--) {
          above += chance[from + z];
          atMost[from + z - 1] *= 1 - above;
        }
    });
    atMost.forEach((below, i) => {
      frame[y * size + (i >> 8)] += (1 - below) / 255;
    });
  }
  return frame;
}

// ---- paths of one coordinate ----

/**
 * All of them, in the order of NumPy's hash: pixels times powers of a number, modulo 2^64.
 * @param {number} n @param {number} free @param {number} stepLength @param {string} rule
 */
function listPaths(n, free, stepLength, rule) {
  const name = [n, free, stepLength, rule].join();
  if (name === latest.name) return latest.listed;
  // Each half of 32 bits is summed by itself, far below 2^53, so that doubles are exact.
  const powers = Array.from({ length: n }, (_, t) => 6364136223846793005n ** BigInt(t + 1));
  const [highs, lows] = [32n, 0n].map((bits) =>
    powers.map((power) => Number(BigInt.asUintN(32, power >> bits))),
  );
  /** @type {Map<bigint, Kind>} */
  const found = new Map();
  const count = 1024;
  for (let turn = 0; turn < count; turn++) {
    const tilt = ((turn + 0.5) / count - 0.5) * Math.PI;
    const [angle, velocity] = [Math.abs(tilt), stepLength * Math.sin(tilt)];
    let [kind, highBefore, lowBefore] = [/** @type {Kind | null} */ (null), 0, 0];
    for (let i = 0; i < count; i++) {
      const start = (i + 0.5) / count;
      const path = follow(n, start, velocity, free, rule);
      let [high, low] = [0, 0];
      for (let t = 0; t < n; t++) {
        high += path[t] * highs[t];
        low += path[t] * lows[t];
      }
      // Mostly it is the path of the start before, which need not be looked up again.
      if (!kind || high !== highBefore || low !== lowBefore) {
        [highBefore, lowBefore] = [high, low];
        const hash = BigInt.asUintN(64, (BigInt(high) << 32n) + BigInt(low));
        kind = found.get(hash) ?? { path, low: angle, high: angle, first: start, last: start };
        found.set(hash, kind);
      }
      kind.low = Math.min(kind.low, angle);
      kind.high = Math.max(kind.high, angle);
      kind.first = Math.min(kind.first, start);
      kind.last = Math.max(kind.last, start);
    }
  }
  const margin = 4 / count; // what leads to a path tapers off between the points of the grid
  const ordered = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  const kinds = ordered.map(([, kind]) => kind);
  for (const kind of kinds) {
    kind.low = Math.max(kind.low - margin * Math.PI, 0);
    kind.high += margin * Math.PI;
    kind.first = Math.max(kind.first - margin, 0);
    kind.last = Math.min(kind.last + margin, 1);
  }
  const paths = new Uint16Array(kinds.length * n);
  kinds.forEach(({ path }, i) => {
    paths.set(path, i * n);
  });
  latest = { name, listed: { kinds, paths } };
  return latest.listed;
}

/**
 * `bounce_path` and `to_pixels`.
 * @param {number} n @param {number} start @param {number} velocity @param {number} free
 * @param {string} rule
 */
function follow(n, start, velocity, free, rule) {
  const path = bounce(start, velocity, n, rule);
  for (let t = 0; t < n; t++) path[t] = (free * path[t]) | 0;
  return path;
}

/**
 * Those that stay within some pixels of one. Within 0 there is itself, or none.
 * @param {Listed} listed @param {number[]} middle @param {number} reach
 */
function near({ kinds, paths }, middle, reach) {
  const n = middle.length;
  const found = [];
  for (let i = 0; i < kinds.length; i++) {
    let t = 0;
    while (t < n && Math.abs(paths[i * n + t] - middle[t]) <= reach) t++;
    if (t === n) found.push(kinds[i]);
  }
  return found;
}

/** Whether two coordinates are possible with one angle. @param {Kind} one @param {Kind} other */
function oneAngle(one, other) {
  return one.low < Math.PI / 2 - other.low && one.high > Math.PI / 2 - other.high;
}

/** Between what angles a track is possible. @param {Listed} listed @param {Track} at */
function anglesOf(listed, at) {
  const kinds = at.flatMap((path) => near(listed, path, 0));
  if (kinds.length < 2) return null;
  const low = Math.max(kinds[0].low, Math.PI / 2 - kinds[1].high);
  const high = Math.min(kinds[0].high, Math.PI / 2 - kinds[1].low);
  return low < high ? { low, high, kinds } : null;
}

// ---- the search ----

/**
 * Add digits until there are enough; tell whether they explain all.
 * @param {Search} search @param {Digit[]} digits @returns {boolean}
 */
function extend(search, digits) {
  const k = digits.length;
  if (k === search.nDigits) return pair(search, digits, refine);
  if (left(search, digits) === 0 && possible(search, digits))
    throw Error(`frames are explained by ${k} digits: pass n_digits=${k}, not ${search.nDigits}`);
  const painted = paint(search, digits);
  const level = Math.min(k, 1);
  const chosen = shortlist(search, painted, TRIES[level]);
  const found = chosen.map((at) => refine(search, at, painted, 1));
  found.sort((one, other) => other.score - one.score);
  // Neighbouring places often lead to the same digit, in windows that lie differently.
  const others = new Map();
  for (const digit of found) {
    const motion = digit.at.map((path) => path.map((pixel) => pixel - path[0]));
    others.set(`${motion} ${digit.score}`, digit);
  }
  const few = [...others.values()].slice(0, KEPT[level]);
  return few.some((digit) => extend(search, [...digits, digit]));
}

/**
 * Score each angle and start, on every other pixel of the thick frames; the best first.
 * @param {Search} search @param {Uint8Array[]} painted
 */
function survey(search, painted) {
  const { frames, thick, size, stepLength, rule } = search;
  const rest = frames.map((frame, t) => {
    const open = frame.map((value, pixel) => (value > painted[t][pixel] ? value : 0));
    return thicken(open, size);
  });
  const window = windowOf(size, 2);
  const scored = [];
  for (let turn = 0; turn < ANGLES; turn++) {
    const angle = ((turn + 0.5) / ANGLES) * 2 * Math.PI;
    const [rows, columns] = [Math.sin(angle), Math.cos(angle)].map((part) =>
      Array.from({ length: STARTS }, (_, i) =>
        follow(frames.length, (i + 0.5) / STARTS, stepLength * part, size - SIDE, rule),
      ),
    );
    for (const row of rows)
      for (const column of columns) {
        const at = [row, column];
        const count = carve(search, thick, at, window);
        scored.push({ at, score: shared(search, count, at, rest) });
      }
  }
  return scored.sort((one, other) => other.score - one.score);
}

/**
 * The best tracks of the survey that follow different digits.
 * @param {Search} search @param {Uint8Array[]} painted @param {number} tries
 */
function shortlist(search, painted, tries) {
  const thickPaint = painted.map((frame) => thicken(frame, search.size));
  const best = survey(search, painted).slice(0, 1500);
  let open = best.map(({ at }) => {
    const { score, off } = scoreOf(search, at, thickPaint, search.thick);
    return { at, score, digitAt: at.map((path, axis) => path.map((pixel) => pixel + off[axis])) };
  });
  open.sort((one, other) => other.score - one.score);
  const chosen = [];
  while (open.length && chosen.length < tries) {
    const [{ at, digitAt }] = open;
    chosen.push(at);
    open = open.filter((other) => {
      const [down, right] = other.digitAt.map((path, axis) =>
        path.map((pixel, t) => Math.abs(pixel - digitAt[axis][t])),
      );
      return mean(down.map((rows, t) => rows + right[t])) > 4;
    });
  }
  return chosen;
}

/**
 * What a track explains beyond what is painted, and how far its carving lies off the centre.
 * @param {Search} search @param {Track} at @param {Uint8Array[]} painted
 * @param {Uint8Array[]} frames
 */
function scoreOf(search, at, painted, frames) {
  const count = carve(search, frames, at, search.window);
  const { mass, off } = offCentre(search, count);
  const gain = frames.length * mass - shared(search, count, at, painted);
  const [down, right] = off.map((pixels) => Math.max(Math.abs(pixels) - 0.5, 0));
  return { score: gain / 255 - PULL * Math.min(down * down + right * right, 60), off };
}

/**
 * Try the neighbours of the row path, then those of the column path.
 * @param {Search} search @param {Track} at @param {Uint8Array[]} painted
 * @param {number} [turns] from the second on, both paths must be possible with one angle
 */
function refine(search, at, painted, turns = 2) {
  let digit = bestOf(search, [at], painted);
  for (let turn = 0; turn < 2 * turns; turn++) {
    const axis = turn % 2;
    let kinds = near(search.listed, digit.at[axis], 3);
    if (turn > 1) {
      const [other = search.listed.kinds[0]] = near(search.listed, digit.at[1 - axis], 0);
      kinds = kinds.filter((kind) => oneAngle(kind, other));
    }
    const trials = kinds.map(({ path }) => (axis ? [digit.at[0], path] : [path, digit.at[1]]));
    digit = bestOf(search, trials.length ? trials : [digit.at], painted);
  }
  return digit;
}

/**
 * Try the nearest neighbours of both paths at once, where one alone cuts through ink.
 * @param {Search} search @param {Track} at @param {Uint8Array[]} painted
 */
function refineBoth(search, at, painted) {
  const [rows, columns] = at.map((path) => near(search.listed, path, 1));
  const trials = rows.flatMap((row) =>
    columns.filter((column) => oneAngle(row, column)).map((column) => [row.path, column.path]),
  );
  return bestOf(search, [at, ...trials], painted);
}

/**
 * @param {Search} search @param {Track[]} trials @param {Uint8Array[]} painted @returns {Digit}
 */
function bestOf(search, trials, painted) {
  const { frames, size, window, where, ink } = search;
  const scores = trials.map((at) => scoreOf(search, at, painted, frames).score);
  const best = scores.indexOf(scores.reduce((one, other) => Math.max(one, other)));
  const sprite = new Uint8Array(window.length);
  const count = carve(search, frames, trials[best], window);
  for (let k = 0; k < count; k++)
    sprite[Math.floor(where[k] / size) * SIDE + (where[k] % size)] = ink[k];
  return { at: trials[best], sprite, score: scores[best] };
}

/**
 * Improve each digit given the others, while it helps; tell whether they explain all.
 * @param {Search} search @param {Digit[]} digits @param {typeof refineBoth} improve
 */
function pair(search, digits, improve) {
  let [now, before] = [left(search, digits), Infinity];
  while (now < before) {
    const fits = possible(search, digits);
    const { best } = search;
    if (now < best.left || (now === best.left && fits && !best.fits))
      search.best = { left: now, fits, digits };
    if (now === 0 && fits) return true;
    digits = [...digits];
    digits.forEach(({ at }, i) => {
      digits[i] = improve(search, at, paint(search, digits, i));
    });
    [before, now] = [now, left(search, digits)];
  }
  return false;
}

/** @param {Search} search @param {Digit[]} digits */
function possible({ listed }, digits) {
  return digits.every(({ at }) => anglesOf(listed, at));
}

/**
 * Clean each sprite of what others explain, and centre it where its track allows.
 * @param {Search} search @param {Digit[]} digits
 */
function place(search, digits) {
  const sure = digits.map((_, i) => clean(search, digits, digits, i));
  const placed = digits.map((_, i) => {
    let { at, sprite, score } = clean(search, digits, sure, i);
    const all = { size: SIDE, where: windowOf(SIDE, 1), ink: sprite };
    const shift = offCentre(all, sprite.length).off.map((pixels) => Math.floor(pixels + 0.5));
    for (const axis of [0, 1]) {
      const by = shift.map((pixels, a) => (a === axis ? pixels : 0));
      const moved = at.map((path, a) => path.map((pixel) => pixel + by[a]));
      if (!anglesOf(search.listed, moved)) continue;
      at = moved;
      sprite = sprite.map((_, p, old) => {
        const [row, column] = [Math.floor(p / SIDE) + by[0], (p % SIDE) + by[1]];
        return old[((row + SIDE) % SIDE) * SIDE + ((column + SIDE) % SIDE)];
      });
    }
    return { at, sprite, score };
  });
  return left(search, placed) > left(search, digits) ? digits : placed;
}

/**
 * Blacken the pixels of digit i that the others explain in every frame.
 * @param {Search} search @param {Digit[]} digits @param {Digit[]} others @param {number} i
 */
function clean(search, digits, others, i) {
  const { at, sprite, score } = digits[i];
  const painted = paint(search, others, i);
  const needed = sprite.map((value, p) => {
    const seen = painted.some(
      (frame, t) => value > frame[at[0][t] * search.size + at[1][t] + search.window[p]],
    );
    return seen ? value : 0;
  });
  return { at, sprite: needed, score };
}

/**
 * The frames of all digits, or of all but one.
 * @param {Search} search @param {Digit[]} digits @param {number} [but]
 */
function paint({ frames, size }, digits, but) {
  const some = digits.filter((_, i) => i !== but);
  if (!some.length) return frames.map((frame) => new Uint8Array(frame.length));
  const places = some.map(({ at }) => points(at));
  return composite(
    some.map(({ sprite }) => sprite),
    places,
    size,
  );
}

/** The residual. @param {Search} search @param {Digit[]} digits */
function left(search, digits) {
  const painted = paint(search, digits);
  const off = search.frames.map((frame, t) =>
    frame.map((value, p) => Math.abs(value - painted[t][p])),
  );
  return sum(off.map(sum));
}

// ---- frames and windows ----

/**
 * `carve`, but only pixels with ink are kept, since most windows are soon black: how many, and in
 * `where` and `ink` which.
 * @param {Search} search @param {Uint8Array[]} frames @param {Track} at
 * @param {Int32Array} window
 */
function carve({ size, where, ink }, frames, [rows, columns], window) {
  let count = window.length;
  where.set(window);
  ink.fill(255);
  for (let t = 0; t < frames.length && count; t++) {
    const frame = frames[t];
    const corner = rows[t] * size + columns[t];
    let still = 0;
    for (let k = 0; k < count; k++) {
      const value = frame[corner + where[k]];
      if (value === 0) continue;
      where[still] = where[k];
      ink[still++] = Math.min(ink[k], value);
    }
    count = still;
  }
  return count;
}

/**
 * How much of what was carved is in other frames too.
 * @param {Search} search @param {number} count @param {Track} at @param {Uint8Array[]} frames
 */
function shared({ size, where, ink }, count, [rows, columns], frames) {
  let all = 0;
  for (let t = 0; t < frames.length; t++) {
    const frame = frames[t];
    const corner = rows[t] * size + columns[t];
    for (let k = 0; k < count; k++) all += Math.min(ink[k], frame[corner + where[k]]);
  }
  return all;
}

/**
 * How much was carved, and how far its centre of mass lies from (14, 14).
 * @param {Pick<Search, "size" | "where" | "ink">} carved @param {number} count
 */
function offCentre({ size, where, ink }, count) {
  let [mass, down, right] = [0, 0, 0];
  for (let k = 0; k < count; k++) {
    mass += ink[k];
    down += ink[k] * Math.floor(where[k] / size);
    right += ink[k] * (where[k] % size);
  }
  return { mass, off: [down, right].map((moment) => moment / Math.max(mass, 1) - CENTRE) };
}

/** Where the pixels of a window lie in a frame. @param {number} size @param {number} step */
function windowOf(size, step) {
  const many = SIDE / step;
  const pixel = (/** @type {number} */ p) => Math.floor(p / many) * size + (p % many);
  return Int32Array.from({ length: many * many }, (_, p) => step * pixel(p));
}

/**
 * The maximum of 3 by 3 pixels, so that a track may be off by one and still score.
 * @param {Uint8Array} frame @param {number} size
 */
function thicken(frame, size) {
  const wide = frame.map((value, at) =>
    Math.max(value, at % size ? frame[at - 1] : 0, (at + 1) % size ? frame[at + 1] : 0),
  );
  return wide.map((value, at) => Math.max(value, wide[at - size] ?? 0, wide[at + size] ?? 0));
}

/** @param {Track} at @returns {[number, number][]} */
function points([rows, columns]) {
  return rows.map((row, t) => [row, columns[t]]);
}

/** @param {Iterable<number>} values */
function sum(values) {
  let all = 0;
  for (const value of values) all += value;
  return all;
}

/** As np.mean, to the last bit: it adds every eighth up, then the rest. @param {number[]} all */
function mean(all) {
  const whole = all.length - (all.length % 8);
  const s = all.slice(0, whole && 8);
  for (let i = 8; i < whole; i++) s[i % 8] += all[i];
  const eight = whole ? s[0] + s[1] + (s[2] + s[3]) + (s[4] + s[5] + (s[6] + s[7])) : 0;
  return all.slice(whole).reduce((one, other) => one + other, eight) / all.length;
}
