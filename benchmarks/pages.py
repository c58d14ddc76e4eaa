"""Weigh every page of the site, and let Lighthouse judge it: ``python -m benchmarks.pages``.

The site is that in ``_build/html``, served as GitHub Pages does: text compressed with gzip. Of a
page are counted itself, its style sheets and their fonts, its scripts, and its pictures.
Lighthouse is an npm package that ``npm ci`` in this folder installs. It plays a phone on a slow
network. The table goes into README.md and pages.json beside this file.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

HERE = Path(__file__).parent
SITE = HERE.parent / "_build" / "html"
TEXT = {".html", ".css", ".js", ".svg", ".json", ".xml", ".txt"}  # GitHub Pages compresses these
CATEGORIES = ["performance", "accessibility", "best-practices", "seo"]
LIGHTHOUSE = HERE / "node_modules" / ".bin" / "lighthouse"
BEGIN, END = "<!-- pages.py writes the following -->", "<!-- to here -->"


def pages(site: Path = SITE) -> list[Path]:
    """Return the pages of the book, in the order of their names."""
    left_out = {"_static", "_modules"}
    found = [path for path in site.rglob("*.html") if not left_out & set(path.parts)]
    # An old address, which only leads to another page, is none.
    return sorted(path for path in found if 'http-equiv="refresh"' not in path.read_text("utf-8"))


def weigh(page: Path) -> dict[str, float]:
    """Return in kilobytes what a page transfers without and with pictures, and its requests."""
    content = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    links = content("link", rel=["stylesheet", "icon"])
    files = {page, *(file_of(tag["href"], page) for tag in links)}
    files |= {file_of(tag["src"], page) for tag in content("script", src=True)}
    for sheet in [file for file in files if file.suffix == ".css"]:
        fonts = re.findall(r"url\(([^)]+\.woff2?)\)", sheet.read_text(encoding="utf-8"))
        files |= {file_of(font, sheet) for font in fonts}
    pictures = {file_of(tag["src"], page) for tag in content("img")} - files
    bare, shown = (sum(map(transferred, some)) / 1000 for some in (files, pictures))
    return {
        "without pictures": round(bare, 1),
        "with pictures": round(bare + shown, 1),
        "requests": len(files | pictures),
    }


def file_of(url: str, page: Path) -> Path:
    """Return the file that a page, or a style sheet, means by an address."""
    path = unquote(urlsplit(url).path)
    if path.startswith("/"):  # as on 404.html
        return SITE / path.removeprefix(f"/{site_name()}/")
    return (page.parent / path).resolve()


def transferred(file: Path) -> int:
    """Return how many bytes of a file go through the network."""
    content = file.read_bytes()
    return len(gzip.compress(content)) if file.suffix in TEXT else len(content)


class Compressing(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, text among them compressed, to be kept for ten minutes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Send a file."""
        path = Path(self.translate_path(self.path.removeprefix(f"/{site_name()}")))
        if not path.is_file():
            return self.send_error(404)
        content = path.read_bytes()
        self.send_response(200)
        if path.suffix in TEXT:
            content = gzip.compress(content)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(path.name))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(content)
        return None


def site_name() -> str:
    """Return the folder in which GitHub Pages serves the site."""
    start = (SITE / "index.html").read_text(encoding="utf-8")
    found = re.search(r'href="https://[^/]+/([^/]+)/.*" rel="canonical"', start)
    assert found, "index.html names no address"
    return found[1]


def judge(url: str) -> dict[str, Any]:
    """Run Lighthouse on a page, and return its scores and what they are made of."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    flags = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run"
    command = [LIGHTHOUSE, url, "--output=json", "--quiet", f"--chrome-flags={flags}"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [*command, f"--output-path={report}", f"--only-categories={','.join(CATEGORIES)}"],
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder, "CHROME_PATH": chromium},
            check=True, timeout=180,
        )  # fmt: skip
        found = json.loads(report.read_text(encoding="utf-8"))
    audits = found["audits"]
    scores = {name: round(100 * found["categories"][name]["score"]) for name in CATEGORIES}
    failed = sorted(name for name, audit in audits.items() if audit["score"] == 0)
    return scores | {
        "LCP": round(audits["largest-contentful-paint"]["numericValue"] / 1000, 1),
        "CLS": round(audits["cumulative-layout-shift"]["numericValue"], 3),
        "TBT": round(audits["total-blocking-time"]["numericValue"]),
        "failed": failed,
    }


def main(names: list[str]) -> None:
    """Measure all pages, or those that are named, and store the table."""
    if not LIGHTHOUSE.exists():
        raise SystemExit("Lighthouse is missing: run npm ci in the folder benchmarks")
    table = json.loads((HERE / "pages.json").read_text()) if names else {}
    handler = functools.partial(Compressing, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for page in pages():
            name = page.relative_to(SITE).with_suffix("").as_posix()
            if names and name not in names:
                continue
            url = f"http://127.0.0.1:{server.server_port}/{site_name()}/{name}.html"
            table[name] = weigh(page) | judge(url)
            print(name, table[name], flush=True)
        server.shutdown()
    (HERE / "pages.json").write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    lines = [
        "| page | KB | with pictures | requests | performance | accessibility | best practices "
        "| SEO | LCP, s | CLS |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    shown = ["without pictures", "with pictures", "requests", *CATEGORIES, "LCP", "CLS"]
    for name, row in sorted(table.items()):
        lines.append(f"| {name} | " + " | ".join(f"{row[key]:g}" for key in shown) + " |")
    median = {key: statistics.median(row[key] for row in table.values()) for key in shown}
    lines.append("| median | " + " | ".join(f"{median[key]:g}" for key in shown) + " |")
    readme = HERE / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END, 1)[1]
    text = "\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"])
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
