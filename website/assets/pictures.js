// What the playground paints: pixels onto a canvas, and lines into an SVG.
// @ts-check

import { SIDE } from "./clip.js";

/** @typedef {import("./clip.js").Point} Point */

/**
 * Paint grey values, from 0 to 255, onto a canvas of the same size.
 * @param {HTMLCanvasElement} canvas @param {ArrayLike<number>} ink @param {number} side
 */
export function paint(canvas, ink, side) {
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const image = new ImageData(side, side);
  image.data.fill(255); // opaque
  for (let at = 0; at < ink.length; at++) image.data.fill(ink[at], 4 * at, 4 * at + 3);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/**
 * Add an SVG element.
 * @param {Element} to @param {string} name @param {Record<string, unknown>} values
 */
export function add(to, name, values, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, String(value));
  made.textContent = text;
  to.append(made);
  return made;
}

/**
 * Draw the paths on the canvas, and the positions against the frame.
 * @param {Element} paths @param {Element} plot
 * @param {Point[][]} clip the path of each digit, in unit coordinates @param {number} size
 * @returns {(frame: number) => void} what marks a frame in both
 */
export function drawPaths(paths, plot, clip, size) {
  const [free, half, last] = [size - SIDE, SIDE / 2, clip[0].length - 1];
  // Not in whole pixels, or a line would show as a staircase.
  const tracks = clip.map((path) => path.map((at) => at.map((part) => free * part)));
  paths.replaceChildren();
  plot.replaceChildren();
  paths.setAttribute("viewBox", `0 0 ${size} ${size}`);
  add(paths, "rect", { x: half, y: half, width: free, height: free, class: "room" });
  const x = (/** @type {number} */ frame) => 34 + (216 * frame) / Math.max(1, last);
  const y = (/** @type {number} */ axis, /** @type {number} */ pixel) =>
    20 + 122 * axis + (88 * pixel) / free;
  ["row", "column"].forEach((name, axis) => {
    add(plot, "rect", { x: 34, y: y(axis, 0), width: 216, height: 88, class: "room" });
    add(plot, "text", { x: 34, y: y(axis, 0) - 6 }, name);
    add(plot, "text", { x: 28, y: y(axis, 0) + 9, "text-anchor": "end" }, "0");
    add(plot, "text", { x: 28, y: y(axis, free), "text-anchor": "end" }, String(free));
  });
  add(plot, "text", { x: 34, y: 247 }, "0");
  add(plot, "text", { x: 142, y: 247, "text-anchor": "middle" }, "frame");
  add(plot, "text", { x: 250, y: 247, "text-anchor": "end" }, String(last));
  const cursor = add(plot, "path", { class: "cursor" });
  const marks = tracks.map((places, k) => {
    const points = places.map(([row, column]) => [column + half, row + half]);
    const [[cx, cy]] = points;
    add(paths, "polyline", { points: points.join(" "), class: `d${k}` });
    add(paths, "circle", { cx, cy, r: size / 28, class: `d${k}` });
    for (const axis of [0, 1]) {
      const line = places.map((place, frame) => [x(frame), y(axis, place[axis])]);
      add(plot, "polyline", { points: line.join(" "), class: `d${k}` });
    }
    return [paths, plot, plot].map((to) =>
      add(to, "circle", { r: to === paths ? size / 50 : 4, class: `d${k} now` }),
    );
  });
  return (frame) => {
    cursor.setAttribute("d", `M${x(frame)} 20v88M${x(frame)} 142v88`);
    tracks.forEach((places, k) => {
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
}

/**
 * Draw how some errors grow over the frames.
 * @param {Element} plot as wide as the page, so that its text is as large as other text
 * @param {Record<string, number[]>} errors by the class of their line
 * @param {number} first the number of the first frame
 */
export function drawErrors(plot, errors, first) {
  plot.replaceChildren();
  const wide = Math.max(280, plot.clientWidth);
  const end = wide - 10;
  plot.setAttribute("viewBox", `0 0 ${wide} 190`);
  const all = Object.values(errors).flat();
  const top = Math.max(10, ...all);
  const unit = 10 ** Math.floor(Math.log10(top));
  const most = [1, 2, 5, 10].map((by) => by * unit).find((value) => value >= top) || top;
  const count = Object.values(errors)[0].length;
  const x = (/** @type {number} */ n) => 44 + ((end - 44) * n) / (count - 1);
  const y = (/** @type {number} */ error) => 160 - (150 * error) / most;
  for (const value of [0, most / 2, most]) {
    add(plot, "path", { d: `M44 ${y(value)}H${end}`, class: "room" });
    add(plot, "text", { x: 38, y: y(value) + 5, "text-anchor": "end" }, String(value));
  }
  add(plot, "text", { x: 44, y: 180, "text-anchor": "middle" }, String(first));
  add(plot, "text", { x: (44 + end) / 2, y: 180, "text-anchor": "middle" }, "frame");
  add(plot, "text", { x: end, y: 180, "text-anchor": "middle" }, String(first + count - 1));
  const cursor = add(plot, "path", { class: "cursor" });
  for (const [name, values] of Object.entries(errors)) {
    const points = values.map((value, n) => [x(n), y(value)]);
    add(plot, "polyline", { points: points.join(" "), class: name });
  }
  return (/** @type {number} */ frame) => cursor.setAttribute("d", `M${x(frame - first)} 10v150`);
}
