// Digits of the playground's clip can be dragged, and flung where they are let go.
// @ts-check

import { SIDE } from "./clip.js";

/** @typedef {import("./clip.js").Point} Point */

const SLACK = 4; // pixels beside a digit in which a finger still takes it
const WHILE = 120; // milliseconds: what a digit did in the last ones tells how it was let go

/**
 * Let hands take digits on a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {() => Point[]} places where each digit is now, in pixels of the canvas
 * @param {{grab(digit: number): void, drag(digit: number, by: Point): void,
 *   release(digit: number, angle?: number): void}} hand what to do with a digit: `by` counts from
 *   where it was taken, and there is an angle if it was flung
 */
export function takeDigits(canvas, places, hand) {
  /** @type {{digit: number, from: Point, moved: boolean, trail: [number, Point][]} | undefined} */
  let taken;

  function pointOf(/** @type {PointerEvent} */ { clientX, clientY }) {
    const box = canvas.getBoundingClientRect();
    const zoom = canvas.width / box.width;
    return /** @type {Point} */ ([(clientY - box.top) * zoom, (clientX - box.left) * zoom]);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const from = pointOf(event);
    const off = places().map((place) =>
      Math.max(...place.map((corner, axis) => Math.abs(from[axis] - corner - SIDE / 2))),
    );
    const digit = off.indexOf(Math.min(...off)); // of two under a finger, the nearer one
    if (off[digit] > SIDE / 2 + SLACK) return;
    canvas.setPointerCapture(event.pointerId);
    taken = { digit, from, moved: false, trail: [] };
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!taken) return;
    const { digit, from, trail } = taken;
    const now = pointOf(event);
    const by = /** @type {Point} */ (now.map((place, axis) => place - from[axis]));
    if (!taken.moved && Math.hypot(...by) < 1) return; // a click moves nothing
    if (!taken.moved) hand.grab(digit);
    taken.moved = true;
    trail.push([performance.now(), now]);
    hand.drag(digit, by);
  });

  function letGo() {
    if (taken?.moved) {
      const late = performance.now() - WHILE;
      const recent = taken.trail.filter(([time]) => time >= late).map(([, place]) => place);
      const [[top, left], [bottom, right]] = [recent[0] ?? [0, 0], recent.at(-1) ?? [0, 0]];
      const far = Math.hypot(bottom - top, right - left);
      const angle = (Math.atan2(bottom - top, right - left) + 2 * Math.PI) % (2 * Math.PI);
      hand.release(taken.digit, far < 1 ? undefined : angle);
    }
    taken = undefined;
  }
  canvas.addEventListener("pointerup", letGo);
  canvas.addEventListener("pointercancel", letGo);
}
