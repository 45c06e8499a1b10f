"""Load an organization with its articles from a path, or list everything that is wrong with it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from bot.core.connector import ChannelKind
from bot.core.errors import InvalidOrganization
from orgs.articles import (
    MAX_ARTICLES,
    Article,
    BadFrontMatter,
    FrontMatter,
    NoTitle,
    read_article,
)
from orgs.checking import check
from orgs.defaults import complete
from orgs.problems import Problem, Severity, problem_at, quote
from orgs.schema import schema_problems
from orgs.specification.organization import Organization
from orgs.tree import MAX_BYTES, Mark, Tree, Unreadable, read_tree, write_path
from orgs.tree import Path as Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    organization: Organization  # complete: what the file left out has been supplied
    articles: tuple[Article, ...]  # by knowledge folder, then by file name
    warnings: tuple[Problem, ...]
    digest: str  # SHA-256 of the file and its articles, in hexadecimal


NO_CHANNELS: Mapping[str, ChannelKind] = MappingProxyType({})


def load(path: Path, channels: Mapping[str, ChannelKind] = NO_CHANNELS) -> Loaded:
    """Load the organization at `path`, a file or a folder with an organization.yaml.

    `channels` are those with a connector; the accounts are checked against what these need. Raise
    InvalidOrganization with every problem of the file, warnings included.
    """
    reading = _read(path, channels)
    errors = any(problem.severity is Severity.ERROR for problem in reading.problems)
    if reading.organization is None or errors:
        raise InvalidOrganization([str(problem) for problem in reading.problems])
    return Loaded(
        organization=complete(reading.organization),
        articles=tuple(reading.articles),
        warnings=tuple(reading.problems),
        digest=reading.digest.hexdigest(),
    )


def lint(path: Path, channels: Mapping[str, ChannelKind] = NO_CHANNELS) -> list[Problem]:
    """Return everything that is wrong with the file at `path`, in the order of reading. Never raise
    for it.
    """
    return _read(path, channels).problems


@dataclass(slots=True)
class _Reading:
    organization: Organization | None = None
    articles: list[Article] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(
        self,
        file: str,
        code: str,
        *,
        found: str,
        expected: str,
        path: Place = (),
        mark: Mark = (1, 1),
        severity: Severity = Severity.ERROR,
    ) -> None:
        problem = problem_at(file, path, mark, code=code, found=found, expected=expected, severity=severity)
        self.problems.append(problem)


def _read(path: Path, channels: Mapping[str, ChannelKind]) -> _Reading:
    reading = _Reading()
    if path.is_dir():
        path = path / "organization.yaml"
    file = str(path)
    data = _bytes_of(path, file, reading)
    if data is None:
        return reading
    try:
        tree = read_tree(data)
    except Unreadable as error:
        _unreadable(reading, file, error)
        return reading
    if not isinstance(tree.root, dict):
        expected = "a mapping of keys to values"
        reading.add(file, "file.shape", found=quote(tree.root), expected=expected, mark=tree.mark(()))
        return reading
    for place, comment in tree.comments.items():
        reading.add(
            file,
            "yaml.comment",
            found=comment.found,
            expected=comment.expected,
            path=place,
            mark=comment.mark,
            severity=Severity.ERROR if comment.lost else Severity.WARNING,
        )
    try:
        reading.organization = Organization.model_validate_json(json.dumps(tree.root))
    except ValidationError as error:
        # Problems of a value that a comment swallowed were reported above.
        told = {write_path(place[:depth]) for place in tree.comments for depth in range(1, len(place) + 1)}
        problems = schema_problems(Organization, error, tree, file)
        reading.problems.extend(problem for problem in problems if problem.path not in told)
        return reading
    reading.problems.extend(check(reading.organization, tree, file, channels))
    _read_knowledge(reading, path, reading.organization, tree)
    return reading


def _unreadable(reading: _Reading, file: str, error: Unreadable) -> None:
    reading.add(
        file, error.code, found=error.found, expected=error.expected, path=error.path, mark=error.mark
    )


def _bytes_of(path: Path, file: str, reading: _Reading) -> bytes | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "an impossible name"
        reading.add(file, "file.unreadable", found=reason.lower(), expected="a file that can be read")
        return None
    reading.digest.update(f"{path.name}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
    reading.digest.update(data)
    return data


def _read_knowledge(reading: _Reading, path: Path, organization: Organization, tree: Tree) -> None:
    taken: dict[str, str] = {}
    for i, folder in enumerate(organization.knowledge):
        place: Place = ("knowledge", i, "path")
        try:
            files = _articles_in(path.parent, folder.path)
        except Unreadable as error:
            error.path, error.mark = place, tree.mark(place)
            _unreadable(reading, str(path), error)
            continue
        for entry in files:
            article = _read_article(reading, entry, folder.id)
            if article is None:
                continue
            if article.slug in taken:
                expected = f"an id that the folder {taken[article.slug]} does not have"
                found = f"the id {quote(article.slug)} again"
                reading.add(str(entry), "article.duplicate", found=found, expected=expected)
                continue
            taken[article.slug] = folder.id
            reading.articles.append(article)


def _articles_in(root: Path, name: str) -> list[Path]:
    """Return the Markdown files of a knowledge folder, in an order that is the same on every machine."""
    folder, nowhere = root / name, (1, 1)
    try:
        if not folder.resolve().is_relative_to(root.resolve()):
            raise Unreadable("knowledge.outside", nowhere, quote(name), "a folder beside the file")
        if not folder.is_dir():
            raise Unreadable("knowledge.missing", nowhere, quote(name), "a folder that exists")
        files = sorted(folder.rglob("*.md"), key=lambda entry: entry.relative_to(folder).as_posix())
    except (OSError, ValueError, RuntimeError):  # no permission; a NUL in the name; a loop of links
        raise Unreadable("knowledge.missing", nowhere, quote(name), "a folder that can be read") from None
    if not files:
        raise Unreadable("knowledge.empty", nowhere, f"no article in {quote(name)}", "a Markdown file")
    if len(files) > MAX_ARTICLES:
        raise Unreadable("knowledge.size", nowhere, f"{len(files)} articles", f"at most {MAX_ARTICLES}")
    return files


def _read_article(reading: _Reading, path: Path, folder: str) -> Article | None:
    file = str(path)
    data = _bytes_of(path, file, reading)
    if data is None:
        return None
    try:
        article = read_article(data, name=path.stem, folder=folder)
    except Unreadable as error:
        _unreadable(reading, file, error)
    except BadFrontMatter as bad:
        reading.problems.extend(schema_problems(FrontMatter, bad.cause, bad.tree, file))
    except NoTitle:
        expected = "`title:` in its front matter, or a first line `# Title`"
        reading.add(file, "article.no-title", found="an article without a title", expected=expected)
    else:
        if article.sections:
            return article
        reading.add(file, "article.empty", found="an article without text", expected="something to read")
    return None
