// Buttons of the theme whose own handlers stand in the tag, where the page's policy forbids them.
for (const button of document.querySelectorAll(".btn-download-pdf-button")) {
  button.addEventListener("click", () => window.print());
}
for (const button of document.querySelectorAll(".btn-fullscreen-button")) {
  button.addEventListener("click", () => window.toggleFullScreen());
}
