// A reader's answers to exercises: kept by the browser, and put into the notebook for a download.
// @ts-check

/**
 * @typedef {object} Kept the place of one answer
 * @property {() => string | undefined} text
 * @property {(text: string | undefined) => void} keep
 */

const KEY = `answers ${location.pathname}`;
/** @type {Record<string, string>} */
let answers = {};
let isKept = true;
try {
  answers = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  isKept = !("forgets" in localStorage); // publish.py's stand-in, where site data is blocked
} catch {
  isKept = false;
}

/**
 * Return where the answer of a cell is kept.
 * @param {string} id
 * @returns {Kept}
 */
export function keptOf(id) {
  return {
    text: () => answers[id],
    keep: (text) => {
      if (text === undefined) delete answers[id];
      else answers[id] = text;
      try {
        if (Object.keys(answers).length) localStorage.setItem(KEY, JSON.stringify(answers));
        else localStorage.removeItem(KEY);
      } catch {
        isKept = false;
      }
    },
  };
}

/**
 * Make written answers editable, and offer the notebook with all answers in it.
 * @param {HTMLElement} note
 * @param {string} notebook
 */
export function offerWork(note, notebook) {
  const written = /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll(".live-written")
  );
  for (const element of written) {
    const kept = keptOf(`${element.dataset.cell}`);
    const field = document.createElement("textarea");
    field.setAttribute("aria-label", "Your answer");
    field.placeholder = "Write your answer here.";
    field.value = kept.text() ?? "";
    field.addEventListener("input", () => kept.keep(field.value || undefined));
    element.replaceChildren(field);
  }
  if (!document.querySelector("[data-answer]") && !written.length) return;
  const line = document.createElement("p");
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  const button = (/** @type {string} */ label, /** @type {() => void} */ press) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", press);
    return made;
  };
  line.append(
    isKept
      ? "Your answers are kept in this browser, until you clear them. "
      : "Your browser blocks site data, so your answers are gone when you leave. ",
    button("Download with your answers", async () => {
      said.textContent = await download(notebook).then(
        () => "",
        () => " The notebook did not arrive.",
      );
    }),
    " ",
    button("Clear your answers", () => {
      for (const id of Object.keys(answers)) keptOf(id).keep(undefined);
      location.reload();
    }),
    said,
  );
  note.append(line);
}

/** Fetch the notebook, put the answers into their cells, and save it. */
async function download(/** @type {string} */ address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(address);
  const notebook = await answer.json();
  for (const cell of notebook.cells) {
    if (cell.id in answers) cell.source = answers[cell.id];
  }
  const link = document.createElement("a");
  link.download = `${address.split("/").pop()}`;
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(notebook, null, 1)}\n`]));
  link.click();
  URL.revokeObjectURL(link.href);
}
