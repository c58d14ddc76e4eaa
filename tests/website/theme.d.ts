// What the theme and Sphinx have on a page, as far as the course's own scripts use it.

interface Window {
  toggleFullScreen(): void;
}

declare let Search: {
  htmlToText(page: string, anchor: string | null): string;
};

declare const SphinxHighlight: {
  hideSearchWords(): void;
};
