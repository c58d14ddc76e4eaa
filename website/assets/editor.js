// An editor of Python in the place of a cell's code. CodeMirror does the work, and is loaded when
// a reader edits the first cell.
// @ts-check

const CODEMIRROR = new URL("./codemirror/codemirror.js", import.meta.url).href;

/**
 * @typedef {object} Editor
 * @property {() => string} text
 * @property {(text: string) => void} replace
 * @property {() => void} focus
 */

/**
 * Open an editor in an element. It stands in a shadow tree, where the page's policy lets CodeMirror
 * set its styles, and where the theme's own for code do not reach.
 * @param {HTMLElement} host
 * @param {string} label
 * @param {string} text
 * @param {{run: () => void, leave: () => void, change: (text: string) => void}} on
 * @returns {Promise<Editor>}
 */
export async function openEditor(host, label, text, on) {
  const cm = await import(CODEMIRROR);
  const act = (/** @type {() => void} */ what) => () => {
    what();
    return true;
  };
  const view = new cm.EditorView({
    parent: host.attachShadow({ mode: "open" }),
    doc: text,
    extensions: [
      cm.keymap.of([
        { key: "Mod-Enter", run: act(on.run) },
        { key: "Shift-Enter", run: act(on.run) },
        { key: "Escape", run: act(on.leave) },
        cm.indentWithTab,
        ...cm.defaultKeymap,
        ...cm.historyKeymap,
      ]),
      cm.history(),
      cm.drawSelection(),
      cm.bracketMatching(),
      cm.python(),
      cm.indentUnit.of("    "),
      cm.EditorState.tabSize.of(4),
      cm.syntaxHighlighting(colors(cm)),
      cm.EditorView.contentAttributes.of({ "aria-label": label }),
      cm.EditorView.theme(LOOK),
      cm.EditorView.updateListener.of((/** @type {any} */ update) => {
        if (update.docChanged) on.change(update.state.doc.toString());
      }),
    ],
  });
  // Or the theme takes an arrow or a slash for one of its own keys.
  host.addEventListener("keydown", (event) => event.stopPropagation());
  return {
    text: () => view.state.doc.toString(),
    replace: (now) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: now } }),
    focus: () => view.focus(),
  };
}

// The colors stand in live.css, for a light and a dark page.
const LOOK = {
  "&": { color: "var(--code)", backgroundColor: "var(--pst-color-surface)" },
  "&.cm-focused": { outline: "3px solid var(--pst-color-accent)" },
  ".cm-scroller": { fontFamily: "var(--pst-font-family-monospace)", lineHeight: "1.5" },
  ".cm-content": { padding: "0.75rem 0", caretColor: "var(--code)" },
  ".cm-line": { padding: "0 1rem" },
  ".cm-cursor": { borderLeftColor: "var(--code)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--code-match)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { background: "var(--code-match)" },
};

function colors(/** @type {any} */ { HighlightStyle, tags }) {
  const kinds = {
    keyword: [tags.keyword, tags.bool, tags.null],
    string: [tags.string, tags.operator],
    number: [tags.number, tags.standard(tags.variableName)],
    name: [tags.function(tags.definition(tags.variableName)), tags.className],
    comment: [tags.comment],
  };
  return HighlightStyle.define(
    Object.entries(kinds).map(([kind, tag]) => ({ tag, color: `var(--code-${kind})` })),
  );
}
