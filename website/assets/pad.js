// The playground's drawing pad, for a mouse, a finger, a pen and the keyboard.
// @ts-check

import { SIDE } from "./clip.js";
import { paint } from "./pictures.js";

/** @type {Record<string, number[]>} */
const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  " ": [0, 0],
};

/**
 * Let a canvas be drawn on.
 * @param {HTMLCanvasElement} pad
 * @param {(ink: Float64Array) => void} drawn called after each change, with values from 0 to 255
 * @returns {(ink: ArrayLike<number>) => void} what shows other ink, and goes on from there
 */
export function drawingPad(pad, drawn) {
  const ink = new Float64Array(SIDE * SIDE);
  let [brush, keys] = [[SIDE / 2, SIDE / 2], false]; // (x, y), and whether keys move it

  function show() {
    paint(pad, ink, SIDE);
    pad.classList.toggle("blank", !ink.some(Boolean)); // which shows a hint
    const context = pad.getContext("2d");
    if (!keys || !context) return;
    context.fillStyle = "#e08a00"; // it shows where the next dab falls, and is no ink
    context.fillRect(Math.floor(brush[0]), Math.floor(brush[1]), 1, 1);
  }

  function dab(/** @type {number} */ x, /** @type {number} */ y) {
    ink.forEach((value, at) => {
      const far = Math.hypot((at % SIDE) + 0.5 - x, Math.floor(at / SIDE) + 0.5 - y);
      ink[at] = Math.max(value, 255 * Math.min(1, Math.max(0, (2.1 - far) / 1.3))); // a soft edge
    });
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
    show();
    drawn(ink);
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
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault(); // the page does not scroll
    keys = true;
    brush = brush.map((place, axis) =>
      Math.min(SIDE - 0.5, Math.max(0.5, Math.floor(place) + 0.5 + step[axis])),
    );
    const inks = event.key === " ";
    if (inks) dab(brush[0], brush[1]);
    const [column, row] = brush.map(Math.floor);
    pad.ariaLabel = `Drawing pad: row ${row}, column ${column}${inks ? ", inked" : ""}`;
    show();
    if (inks) drawn(ink);
  });
  pad.addEventListener("blur", () => {
    keys = false;
    show();
  });

  return (other) => {
    ink.set(other);
    show();
  };
}
