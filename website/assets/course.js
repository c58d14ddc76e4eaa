// Buttons of the theme whose own handlers stand in the tag, where the page's policy forbids them.
for (const button of document.querySelectorAll(".btn-download-pdf-button")) {
  button.addEventListener("click", () => window.print());
}
for (const button of document.querySelectorAll(".btn-fullscreen-button")) {
  button.addEventListener("click", () => window.toggleFullScreen());
}

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
    return textOf(article ? `<div role="main">${article.innerHTML}</div>` : page, anchor);
  };
});
