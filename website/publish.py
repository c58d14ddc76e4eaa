"""What happens to the site after Sphinx has written it.

A page asks nothing of another host. It loads one style sheet, of the rules
that some page uses, one script, and a font of the icons that are drawn. A page may bring a script
and a style sheet of its own beside them. Pictures that
came inside the page become files that are fetched when they scroll into view.
What the theme leaves without a name for those who hear the page gets one. At
last a policy forbids the browser whatever the page does not need.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import itertools
import logging
import math
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import tinycss2
from bs4 import BeautifulSoup
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from PIL import Image
from sphinx.application import Sphinx

Page = Any  # or a tag of it: BeautifulSoup's own types hold that each may be missing

# The theme brings them for what this book does not use: code that runs on
# Binder within the page, tabs, other versions, and icons as a script of half a megabyte.
UNUSED = ("thebe", "kernelname", "design-tabs", "documentation_options.", "fontawesome")
USED = "documentation_options.js"
FOR_SEARCH = ("searchtools", "language_data", "searchindex")  # nor are they used on other pages
# Light or dark is chosen before anything is drawn. The theme's own script stores an unknown mode.
# Where a reader blocks site data, touching a storage is an error that ends the theme's scripts, so
# a stand-in takes its place, which forgets everything when the page is left.
CHOOSE_MODE = """
for (const name of ["localStorage", "sessionStorage"]) {
  try {
    window[name].length;
  } catch {
    const kept = new Map();
    const value = {
      forgets: true,
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, text) => kept.set(key, String(text)),
      removeItem: (key) => kept.delete(key),
    };
    Object.defineProperty(window, name, { value });
  }
}
const mode = localStorage.getItem("mode") || "auto";
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.mode = mode;
document.documentElement.dataset.theme = mode === "auto" ? (dark ? "dark" : "light") : mode;
"""
# Addresses that lead to another page: the site's own, and those of pages that have moved.
MOVED = {
    "index": "book/index",
    "book/07-limit": "book/08-limit",
    "book/exercises/07-limit": "book/exercises/08-limit",
}
# A script goes on to the anchor that was asked for, which a refresh would forget.
FORWARD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<title>{title}</title>
<link rel="canonical" href="{address}"/>
<script>location.replace("{link}" + location.search + location.hash);</script>
<noscript><meta http-equiv="refresh" content="0; url={link}"/></noscript>
</head>
<body><main><h1><a href="{link}">{title}</a></h1></main></body>
</html>
"""
# Without scripts, the contents stand above a narrow page, and no button is there that needs one.
WITHOUT_SCRIPTS = """
.pst-js-only, .sidebar-toggle, .dropdown-toggle, .btn-fullscreen-button, .copybtn
{ display: none !important; }
@media (max-width: 991px) {
  .bd-container__inner.bd-page-width { display: block; }
  #pst-primary-sidebar { position: static; visibility: visible; width: auto; margin: 0; }
  #pst-secondary-sidebar { display: none; }
}
"""
STILL = "This picture moves where scripts may run. Here stands its first frame."
NAMED = r'(?<=")\./([\w./-]+)(?=")'  # a file, as one of our scripts names it
PIECE = 370  # pixels of a picture that a phone has room for
LONG = 24  # characters of a name or a path, which a phone may have to break
SENTENCE = 40  # characters of a cell in a table, more than a word or a number has
WIDE = 100  # characters of a printed line, more than NumPy makes
POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' {styles}; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)


def publish(app: Sphinx, error: Exception | None) -> None:
    """Rework every page, now that all are written."""
    if error or app.builder.name != "html":
        return
    site = Path(app.outdir)
    pages: dict[Path, Page] = {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }
    # A page that an earlier build has reworked stays as it is.
    fresh = {
        path: page
        for path, page in pages.items()
        if page.find(id="pst-header") and not page.find("script", src=re.compile("site.js"))
    }
    if not fresh:
        return
    for path, page in fresh.items():
        drop_unused(page, UNUSED if path.name == "search.html" else UNUSED + FOR_SEARCH)
    static = site / "_static"
    version_imports(Path(app.srcdir) / app.config.html_static_path[0], static)
    bundle_scripts(fresh, static)
    for path, page in fresh.items():
        if not page.find("meta", attrs={"name": "description"}):  # on pages that Sphinx makes
            description = new_tag(page, "meta", content=page.title.get_text(strip=True))
            description["name"] = "description"
            page.head.append(description)
        name_controls(page)
        explain_terms(page, pages[site / "book" / "glossary.html"])
        let_prose_wrap(page)
        store_pictures(page, path, site)
    bundle_styles(fresh, pages, static)
    # The search reads other pages' styles, so one list of them serves all pages.
    styles = hashes([tag for page in pages.values() for tag in page("style")])
    for path, page in fresh.items():
        forbid_the_rest(page, styles)
        path.write_text(str(page), encoding="utf-8")
    absolute_links(site / "404.html", app.config.html_baseurl)
    downloads = Path(app.srcdir) / app.config.downloads
    if app.config.published and downloads.exists():
        shutil.copytree(downloads, site / "downloads", dirs_exist_ok=True)
    forward(site, pages, app.config.html_baseurl)


def forward(site: Path, pages: dict[Path, Page], base: str) -> None:
    """Let each address that has moved lead to where its page is now."""
    for old, new in MOVED.items():
        path, target = site / f"{old}.html", site / f"{new}.html"
        title = html.escape(pages[target].find("meta", property="og:title")["content"])
        text = FORWARD.format(title=title, link=address(target, path), address=f"{base}{new}.html")
        page = BeautifulSoup(text, "html.parser")
        forbid_the_rest(page, [])
        path.write_text(str(page), encoding="utf-8")


def drop_unused(page: Page, names: tuple[str, ...]) -> None:
    """Remove scripts and styles of parts of the theme that are not used."""
    for tag in page(["script", "link"]):
        text = f"{tag.get('src')} {tag.get('href')} {tag.get('type')} {tag.string}"
        unused = any(name in text.lower().replace(USED, "") for name in names)
        # Firefox fetches what comes next ahead of time, and the policy forbids it.
        if unused or tag.get("as") == "script" or "next" in tag.get("rel", []):
            tag.decompose()
    page.find("script", string=re.compile("dataset.mode")).string = CHOOSE_MODE
    page.select_one("noscript style").string = WITHOUT_SCRIPTS
    for tag in page.select("#ethical-ad-placement"):
        tag.decompose()
    head = page.select_one("#jb-print-docs-body h1")
    if head and not head.get_text(strip=True):  # on pages that Sphinx itself makes
        head.decompose()
    for tag in page(onclick=True):  # course.js does it, under the policy
        del tag["onclick"]
    # It repeats the buttons of the page's own head, and its are those that a script finds.
    page.find(id="pst-header").clear()


def version_imports(source: Path, static: Path) -> None:
    """Let our scripts name other files by an address that changes with their content."""
    done = set()

    def rework(name: str) -> None:
        if name in done:
            return
        done.add(name)
        text = (source / name).read_text(encoding="utf-8")
        for other in re.findall(NAMED, text):
            if other.endswith(".js"):
                rework(other)  # first, since its own content changes
        path = static / name
        text = re.sub(NAMED, lambda found: f"./{versioned(static / found[1], path)}", text)
        path.write_text(text, encoding="utf-8")

    for path in source.glob("*.js"):
        rework(path.name)


def bundle_scripts(pages: dict[Path, Page], static: Path) -> None:
    """Put the scripts that every page loads into one file."""
    lists = [
        [local_file(tag["src"], path) for tag in page("script", src=True)]
        for path, page in pages.items()
    ]
    common = [path for path in lists[0] if all(path in other for other in lists)]
    text = ";\n".join(path.read_text(encoding="utf-8") for path in common)
    text = re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.M)
    (static / "site.js").write_text(text, encoding="utf-8")
    for path, page in pages.items():
        for tag in page("script", src=True):
            if local_file(tag["src"], path) in common:
                tag.decompose()
            else:
                tag["src"] = versioned(local_file(tag["src"], path), path)
                tag["defer"] = ""
        own = new_tag(page, "script", src=versioned(static / "site.js", path), defer="")
        first = page.head.find("script", src=True)
        first.insert_before(own) if first else page.head.append(own)


def bundle_styles(fresh: dict[Path, Page], pages: dict[Path, Page], static: Path) -> None:
    """Put into one file those rules of the style sheets that some page can use."""
    sheets: dict[Path, None] = {}
    for path, page in fresh.items():
        for tag in page("link", rel="stylesheet"):
            if tag.has_attr("data-own"):  # of this page alone, so no other is to carry it
                continue
            sheets[local_file(tag["href"], path)] = None
            tag.decompose()
    known = set(re.findall(r"[\w-]+", (static / "site.js").read_text(encoding="utf-8")))
    for page in pages.values():
        for tag in page(True):
            known.update(tag.get("class") or [], [tag.get("id") or ""], [tag.name])
        for script in page("script", src=False):
            known.update(re.findall(r"[\w-]+", script.string or ""))
    text = "\n".join(used_rules(read_style(path), known) for path in sheets)
    fonts = set(re.findall(r"url\(([^)]*/(fa-[\w-]+)\.ttf)\)", text))
    used = set(map(ord, text))
    for url, name in fonts:
        subset(static / url, used, static / f"{name}.woff")
        source = rf"url\([^)]*{name}\.woff2\)[^}}]*url\([^)]*{name}\.ttf\)[^;}}]*"
        text = re.sub(source, f'url({name}.woff) format("woff")', text)
    whole = "".join(path.read_text(encoding="utf-8") for path in sheets)
    licenses = re.findall(r"/\*!.*?\*/", whole, flags=re.S)
    (static / "site.css").write_text("\n".join([*licenses, text]), encoding="utf-8")
    for path, page in fresh.items():
        href = versioned(static / "site.css", path)
        page.head.append(new_tag(page, "link", rel="stylesheet", href=href))


def read_style(path: Path) -> str:
    """Read a style sheet and what it imports, with addresses seen from `_static`."""
    static = next(parent for parent in path.parents if parent.name == "_static")

    def seen_from_static(found: re.Match[str]) -> str:
        url = found[1].strip("\"'")
        if url.startswith(("data:", "#", "http")):
            return found[0]
        file = (path.parent / url).resolve()
        return f"url({file.relative_to(static.resolve()).as_posix()})"

    text = path.read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"url\(([^)]*?)\)", seen_from_static, text)
    return re.sub(r'@import "([^"]*)";', lambda found: read_style(path.parent / found[1]), text)


def used_rules(text: str, known: set[str]) -> str:
    """Keep the rules of a style sheet whose classes and names occur somewhere."""
    kept = []
    for rule in tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            selectors = [part for part in split(rule.prelude) if can_match(part, known)]
            if selectors:
                prelude = ",".join(tinycss2.serialize(part).strip() for part in selectors)
                kept.append(f"{prelude}{{{tinycss2.serialize(rule.content).strip()}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = used_rules(tinycss2.serialize(rule.content), known)
            if inner:
                kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}")
        elif rule.type != "error":
            kept.append(rule.serialize())
    return "\n".join(kept)


def split(tokens: list[Any]) -> Iterator[list[Any]]:
    """Split a list of selectors at its commas."""
    part: list[Any] = []
    for token in tokens:
        if token == ",":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def can_match(selector: list[Any], known: set[str]) -> bool:
    """Tell whether all classes and names that a selector asks for occur."""
    for before, token in zip([None, *selector], selector, strict=False):
        if token.type == "ident" and before == "." and token.value not in known:
            return False
        if token.type == "hash" and token.value not in known:
            return False
        if token.type == "function" and token.lower_name in ("is", "where", "has"):
            parts = list(split(token.arguments))
            if not any(can_match(part, known) for part in parts):
                return False
    return True


def subset(source: Path, used: set[int], target: Path) -> None:
    """Write a font with no other signs than those used."""
    logging.getLogger("fontTools.subset").setLevel(logging.WARNING)
    font = TTFont(source, recalcTimestamp=False)
    subsetter = Subsetter(Options(layout_features=[], hinting=False))
    subsetter.populate(unicodes=used)
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(target)


def name_controls(page: Page) -> None:
    """Name what is not named, for those who hear a page or use the keyboard."""
    for icon in page.select("i[class*=fa-], span[class*=fa-]"):
        icon["aria-hidden"] = "true"
        del icon["title"], icon["role"]
    # A label that is not what the button says cannot be spoken to.
    for button in page.select(".search-button-field, summary[aria-label]"):
        del button["aria-label"]
    for player in page.select(".mmnist-player"):
        player.append(new_tag(page, "noscript"))
        player.contents[-1].string = STILL
    for entry in page.select("li.has-children"):
        entry.summary["aria-label"] = f"Pages of {entry.a.get_text()}"
    page.find(id="pst-primary-sidebar").attrs |= {"role": "complementary", "aria-label": "Site"}
    for tag in page.select("[role=doc-biblioentry], .citation-list"):
        del tag["role"]


def explain_terms(page: Page, glossary: Page) -> None:
    """Put what the glossary says of a term behind each link to it, for hover and for focus."""
    links = page.select('.bd-article a[href*="glossary.html#"]')
    for number, link in enumerate(links):
        entry = glossary.find(id=urlsplit(link["href"]).fragment)
        if not (entry and entry.p):
            continue
        link["aria-describedby"] = name = f"term-{number}"
        link.wrap(new_tag(page, "span", **{"class": "term"}))
        text = new_tag(page, "span", id=name, role="tooltip", **{"class": "term-text"})
        text.string = entry.p.get_text()
        link.insert_after(text)


def let_prose_wrap(page: Page) -> None:
    """Mark what does not fit a phone as it is: tables and outputs of sentences, and long names."""
    for table in page.select(".bd-article table.table:has(thead)"):
        columns = [cell.get_text() for cell in table.select("thead th")]
        for row in table.select("tbody tr"):
            for cell, column in zip(row("td"), columns, strict=False):
                cell["data-column"] = column
        if any(len(cell.get_text()) > SENTENCE for cell in table.select("td + td")):
            table["class"].append("stacks")
    for word in page.select("code .pre"):
        if len(word.get_text()) > LONG:
            word["class"].append("long")
    for output in page.select(".cell_output pre"):
        if max(map(len, output.get_text().splitlines()), default=0) > WIDE:
            output["class"] = ["prose"]


def store_pictures(page: Page, path: Path, site: Path) -> None:
    """Make files of the pictures within a page, which load when they come into view."""
    for image in page("img"):
        kind, _, text = image["src"].partition(";base64,")
        if kind == "data:image/png":
            content = base64.b64decode(text)
            file = site / "_images" / f"{hashlib.sha256(content).hexdigest()}.png"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
            image["src"] = address(file, path)
        state_size(image, path)
    for image in page.select('.bd-article img[src$=".svg"]'):  # a phone scrolls it, as a table
        image.wrap(new_tag(page, "span", **{"class": "pst-scrollable-table-container"}))
    for image in page.select(".cell_output > img, .cell_output > figure > img"):
        cut(page, image, path)
    first = page.select_one(".bd-article img")
    for image in page("img"):
        if image is not first:
            image["loading"] = "lazy"


def cut(page: Page, image: Page, path: Path) -> None:
    """Cut off a picture's empty sides, and a wide one where nothing is drawn.

    Strips of frames and figures of several panels have such places. Side by side, the parts look
    like the whole. On a phone they wrap, and each begins where something is drawn, so that they
    stand one below the other, in one scale and in the order in which one reads.
    """
    file = local_file(image["src"], path)
    with Image.open(file) as stored:
        picture = stored.convert("RGBA")
    alpha = np.asarray(picture)[..., 3]
    drawn = alpha.max(axis=0) > 0
    left, right = np.flatnonzero(drawn)[[0, -1]] + (0, 1) if drawn.any() else (0, len(drawn))
    each = (right - left) / (n := math.ceil((right - left) / PIECE) or 1)
    places = [np.abs(np.flatnonzero(~drawn) - left - k * each) for k in range(1, n)]
    if any(place.min(initial=each) > each / 6 for place in places):
        places = []
    inner = [np.flatnonzero(~drawn)[place.argmin()] for place in places]
    edges = [int(x) for x in (left, *(empty + drawn[empty:].argmax() for empty in inner), right)]
    heights = [0, *(rows_of_panels(alpha.max(axis=1) > 0) if inner else []), picture.height]
    widest = max(end - start for start, end in itertools.pairwise(edges))
    box = image.wrap(new_tag(page, "span", **{"class": "pieces"}))
    alt = image["alt"]
    for top, bottom in itertools.pairwise(heights):
        row = new_tag(page, "span")
        box.append(row)
        for start, end in itertools.pairwise(edges):
            part = file.with_name(f"{file.stem}-{top}-{start}.png")
            picture.crop((start, top, end, bottom)).save(part, optimize=True)
            size = {"width": str(end - start), "height": str(bottom - top)}
            if end - start < widest:
                size["style"] = f"max-width: {100 * (end - start) / widest:.2f}%"
            row.append(new_tag(page, "img", alt=alt, src=address(part, path), **size))
            alt = ""
    image.decompose()


def rows_of_panels(drawn: np.ndarray) -> list[int]:
    """Return where each row of panels but the first begins, if words stand between the rows.

    Rows with nothing between them, as in a strip of several sequences, are read side by side.
    """
    starts, ends = np.flatnonzero(np.diff(drawn, prepend=False, append=False)).reshape(-1, 2).T
    panels = np.flatnonzero(2 * (ends - starts) >= (ends - starts).max())
    gaps = starts[1:] - ends[:-1]  # the widest of those between two rows parts them
    return [
        int(starts[above + gaps[above:below].argmax() + 1])
        for above, below in itertools.pairwise(panels)
        if below - above > 1
    ]


def state_size(image: Page, path: Path) -> None:
    """Say how large a picture is, so that the page does not jump when it comes."""
    file = local_file(image["src"], path)
    if image.get("width") or image.get("style"):
        return
    if file.suffix == ".svg":
        size = re.findall(r'viewBox="0 0 (\d+)\S* (\d+)', file.read_text(encoding="utf-8"))
        image["width"], image["height"] = size[0]
        return
    with Image.open(io.BytesIO(file.read_bytes())) as picture:
        image["width"], image["height"] = picture.size


def absolute_links(path: Path, site: str) -> None:
    """Let a page that is shown at any address find its files."""
    root = urlsplit(site).path
    page: Page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    for tag in page(href=True) + page(src=True) + page(action=True):
        for key in ("href", "src", "action"):
            if tag.get(key) and not re.match(r"[a-z]+:|#|/", tag[key]):
                tag[key] = root + tag[key]
    path.write_text(str(page), encoding="utf-8")


def forbid_the_rest(page: Page, styles: list[str]) -> None:
    """Let the browser refuse all that the page does not need."""
    scripts = hashes(page("script", src=False))
    policy = POLICY.format(scripts=" ".join(scripts), styles=" ".join(styles))
    tag = new_tag(page, "meta", content=policy)
    tag["http-equiv"] = "Content-Security-Policy"
    page.head.find("meta").insert_after(tag)  # after that which names the encoding


def hashes(tags: Page) -> list[str]:
    """Return what a policy calls each of some scripts or styles, once."""
    digests = [hashlib.sha256((tag.string or "").encode()).digest() for tag in tags]
    return sorted({f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests})


def new_tag(page: Page, name: str, **attributes: str) -> Page:
    """Make a tag."""
    return page.new_tag(name, attrs=attributes)


def local_file(url: str, page: Path) -> Path:
    """Return the file that a page means by an address."""
    return (page.parent / unquote(urlsplit(url).path)).resolve()


def address(file: Path, page: Path) -> str:
    """Return what a page calls a file."""
    return Path(os.path.relpath(file, page.parent)).as_posix()


def versioned(file: Path, page: Path) -> str:
    """Return an address of a file that changes with it, since browsers keep what they have."""
    return f"{address(file, page)}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:8]}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it with Sphinx, after all others."""
    app.connect("build-finished", publish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
