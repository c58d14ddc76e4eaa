// Buttons of the theme whose own handlers stand in the tag, where the page's policy forbids them.
for (const button of document.querySelectorAll(".btn-download-pdf-button")) {
  button.addEventListener("click", () => window.print());
}
for (const button of document.querySelectorAll(".btn-fullscreen-button")) {
  button.addEventListener("click", () => window.toggleFullScreen());
}

// So does Sphinx's link that takes the marks of a search away: its address is a script.
document.addEventListener("click", (event) => {
  if (!(/** @type {Element} */ (event.target).closest(".highlight-link"))) return;
  event.preventDefault();
  SphinxHighlight.hideSearchWords();
});

// The theme takes the focus from this button, and does not say which mode is chosen.
for (const button of /** @type {NodeListOf<HTMLElement>} */ (
  document.querySelectorAll(".theme-switch-button")
)) {
  const root = document.documentElement;
  const say = () => {
    button.ariaLabel = `Color mode: ${root.dataset.mode}`;
  };
  say();
  new MutationObserver(say).observe(root, { attributeFilter: ["data-mode"] });
  button.addEventListener("click", () => button.focus());
}

// The theme puts the page that is read near the top of the contents, however little is missing, and
// so hides what stands above them. They move no further than it takes to see where one is.
addEventListener("DOMContentLoaded", () => {
  const bar = document.querySelector(".bd-sidebar");
  const here = [...document.querySelectorAll(".bd-docs-nav li.active")].pop();
  if (bar && !sessionStorage.getItem("sidebar-scroll-top")) bar.scrollTop = 0;
  here?.scrollIntoView({ block: "nearest" });
});

// Escape hides what the glossary says of a term, until one comes back to it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const term of document.querySelectorAll(".term:is(:hover, :focus-within)")) {
    const speak = () => term.classList.remove("term-quiet");
    term.classList.add("term-quiet");
    for (const end of ["mouseleave", "focusout"]) term.addEventListener(end, speak, { once: true });
  }
});

// On a phone, the contents of the page make way for what was chosen there.
for (const dialog of /** @type {NodeListOf<HTMLDialogElement>} */ (
  document.querySelectorAll("#pst-secondary-sidebar-modal")
)) {
  dialog.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("a")) dialog.close();
  });
}

// An excerpt among the results of a search is of the text, without the buttons around it.
addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const textOf = Search.htmlToText;
  Search.htmlToText = (page, anchor) => {
    const article = new DOMParser().parseFromString(page, "text/html").querySelector("article");
    for (const text of article?.querySelectorAll(".term-text") ?? []) text.remove();
    return textOf(article ? `<div role="main">${article.innerHTML}</div>` : page, anchor);
  };
});
