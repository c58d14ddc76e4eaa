// A worker of the playground, so that the page goes on while it computes. It predicts frames 10 to
// 19 of a clip from frames 0 to 9: by a trained network or, exactly, as chapter 8 does.
// @ts-check

/**
 * @typedef {{frames: Uint8Array[], size: number, digits: number, speed: number, rule: string}} Job
 * @typedef {(job: Job) => Promise<ArrayLike<number>[]>} Predictor frames in [0, 1]
 * @typedef {{name: string, shape: number[]}} Input of a network
 */

const RUNTIME = new URL("./onnx/ort.wasm.bundle.min.mjs", import.meta.url).href;
const WASM = new URL("./onnx/ort-wasm-simd-threaded.wasm.gz", import.meta.url); // 14 MB unpacked

/** @returns {Promise<Predictor>} */
async function loadExact() {
  const { predict } = await import("./exact.js");
  postMessage({ complete: true });
  return async ({ frames, size, digits, speed, rule }) =>
    predict(frames, size, digits, speed, rule, 10).frames;
}

/** @returns {Promise<Predictor>} */
async function loadNetwork(/** @type {string} */ model) {
  const [ort, wasm, network] = await Promise.all([
    import(RUNTIME),
    fetchPacked(WASM),
    fetchPacked(new URL(model)),
  ]);
  postMessage({ complete: true });
  ort.env.wasm.numThreads = 1; // more need headers that a plain web server does not send
  ort.env.wasm.wasmBinary = wasm;
  const session = await ort.InferenceSession.create(network);
  /** Run it once: arrays in and out, in the file's order. */
  async function run(/** @type {Float32Array[]} */ ...given) {
    const feeds = session.inputMetadata.map((/** @type {Input} */ { name, shape }, at = 0) => [
      name,
      new ort.Tensor("float32", given[at], shape),
    ]);
    const made = await session.run(Object.fromEntries(feeds));
    return session.outputNames.map((/** @type {string} */ name) => made[name].data);
  }
  const empty = session.inputMetadata
    .slice(1)
    .map((/** @type {Input} */ { shape }) => new Float32Array(shape.reduce((a, b) => a * b)));
  return async ({ frames, size }) => {
    const seen = frames.map((frame) => Float32Array.from(frame, (ink) => ink / 255));
    if (empty.length) return rollout(run, seen, empty);
    const [data] = await run(Float32Array.from(seen.flatMap((frame) => [...frame])));
    const area = size * size;
    return Array.from({ length: data.length / area }, (_, n) =>
      data.slice(n * area, (n + 1) * area),
    );
  };
}

/**
 * Let a network of one step read the frames, and from then on what it has predicted itself.
 * @param {(...given: Float32Array[]) => Promise<Float32Array[]>} step
 * @param {Float32Array[]} seen
 * @param {Float32Array[]} memory what it carries from one step to the next
 */
async function rollout(step, seen, memory) {
  const predicted = [];
  let [next] = seen;
  for (let at = 0; at < 2 * seen.length - 1; at += 1) {
    [next, ...memory] = await step(seen[at] ?? next, ...memory);
    if (at >= seen.length - 1) predicted.push(next);
  }
  return predicted;
}

/** Fetch a file, and undo gzip unless the browser has already undone it. */
async function fetchPacked(/** @type {URL} */ url) {
  const answer = await fetch(url);
  if (!answer.ok || !answer.body) throw new Error(`${url.pathname} did not arrive.`);
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const parts = [];
  let bytes = 0;
  const reader = answer.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    bytes += part.value.length;
    postMessage({ file: url.pathname, bytes });
  }
  const file = new Blob(parts);
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const packed = first === 0x1f && second === 0x8b;
  const stream = packed ? file.stream().pipeThrough(new DecompressionStream("gzip")) : file;
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const why = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : `${error}`);

/** @type {Promise<Predictor> | undefined} */
let ready;
addEventListener("message", async ({ data: { model, job } }) => {
  try {
    ready ??= model ? loadNetwork(model) : loadExact();
    const predictor = await ready;
    try {
      postMessage({ frames: await predictor(job) });
    } catch (error) {
      postMessage({ refused: why(error) });
    }
  } catch (error) {
    postMessage({ lost: why(error) });
  }
});
