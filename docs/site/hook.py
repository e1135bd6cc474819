"""What the site needs beyond docs/: pages that stand elsewhere in the repository, and links between the two.

A page links to files as they lie in the repository, so that it reads well there too. Pages of elsewhere become pages of
the site, other files that are linked to are copied beside them, and links are written anew to fit.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]

ELSEWHERE = {
    "README.md": "index.md",
    "deploy/README.md": "deploy.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages of the site by where they stand in the repository."""

LINK = re.compile(r"(\]\()(?!\w+:|#)([^)\s#]+)")

UNLISTED = "Operate"
"""The section that gets the pages which the navigation does not name."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add what the navigation does not name, so that a new page needs no line there."""
    nav = config.nav or []
    named = {name for section in nav for pages in section.values() for name in pages}
    more = sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name not in named)
    for section in nav:
        if UNLISTED in section:
            section[UNLISTED] += more
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of elsewhere, and every file that a page links to."""
    for place, name in ELSEWHERE.items():
        files.append(File.generated(config, name, content=_fitting((ROOT / place).read_text(), place)))
    pages = [*ELSEWHERE, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
    for place in pages:
        for _, target in LINK.findall((ROOT / place).read_text()):
            found = _placed(target, place)
            name = _named(found)
            if name not in files.src_uris and (ROOT / found).is_file():
                files.append(File.generated(config, name, abs_src_path=str(ROOT / found)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write links of a page in docs/ anew; those of elsewhere were when they were read."""
    inside = page.file.src_uri not in ELSEWHERE.values()
    return _fitting(markdown, f"docs/{page.file.src_uri}") if inside else markdown


def _fitting(text: str, place: str) -> str:
    """A page's text with its links as the site has them: every page of it lies at the top."""
    return LINK.sub(lambda match: f"{match[1]}{_named(_placed(match[2], place))}", text)


def _placed(target: str, place: str) -> str:
    """Where a link leads, from the repository's top."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), target))


def _named(place: str) -> str:
    """What a file of the repository is called in the site."""
    return ELSEWHERE.get(place, place.removeprefix("docs/"))
