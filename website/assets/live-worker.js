// Python in a worker, for the cells of a page: it can be stopped while it computes, and the page
// goes on meanwhile. `cells.py` runs a cell, and tells here what to show.
// @ts-check

const PACKAGES = ["numpy", "matplotlib", "pillow"];
const CELLS = new URL("./cells.py", import.meta.url);

/**
 * @typedef {{python: string, library: string}} Files addresses
 * @typedef {(source: string, name: string, send: (kind: string, text: string) => void) => boolean} Run
 */

// How much has arrived is told for all files together, also for those that Pyodide asks for.
const plainFetch = globalThis.fetch;
let bytes = 0;
globalThis.fetch = async (...request) => {
  const answer = await plainFetch(...request);
  if (!answer.ok || !answer.body) throw new Error(`${answer.url} did not arrive.`);
  const count = new TransformStream({
    transform(part, to) {
      bytes += part.length;
      postMessage({ bytes });
      to.enqueue(part);
    },
  });
  return new Response(answer.body.pipeThrough(count), answer);
};

/** @returns {Promise<Run>} */
async function load(/** @type {Files} */ { python, library }) {
  const { loadPyodide } = await import(`${python}/pyodide.mjs`);
  const [pyodide, archive, script] = await Promise.all([
    loadPyodide({ indexURL: `${python}/`, packages: PACKAGES }),
    fetch(library).then((answer) => answer.arrayBuffer()),
    plainFetch(CELLS).then((answer) => answer.text()),
  ]);
  const [place] = pyodide.runPython("import site; site.getsitepackages()").toJs();
  pyodide.unpackArchive(archive, "zip", { extractDir: place });
  pyodide.FS.writeFile(`${place}/cells.py`, script);
  const cells = pyodide.pyimport("cells");
  cells.prepare();
  return cells.run;
}

/** @type {Promise<Run>} */
let ready;
addEventListener("message", async ({ data: { files, source, name } }) => {
  try {
    ready ??= load(files);
    const run = await ready;
    postMessage({ ready: true });
    const fine = run(source, name, (kind, text) => postMessage({ kind, text }));
    postMessage({ done: true, fine });
  } catch (error) {
    postMessage({ lost: `${error instanceof Error ? error.message : error}` });
  }
});
