"""Parsers and evaluators for the code blocks of the documentation, run by Sybil.

The blocks of a page are run in the order of reading, in a copy of the checkout. A block of ``sh``
is run by bash, one of ``python`` in the namespace of the page. A block of ``text`` is the output
of the block before it; a line ``...`` in it stands for any lines. A block that begins with
``# a/name.ext`` is written to that file for the blocks after it. `reduced.py` has the commands
that are run in a smaller form.

``python tests/documents.py PAGE ...`` writes the output of the blocks into the pages.
"""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import reduced
from markdown_it import MarkdownIt
from sybil import Document, Example, Region
from sybil.evaluators.python import PythonEvaluator
from sybil.example import NotEvaluated
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "experiments/*/README.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
COPIED = ("*.md", "requirements*.txt", "pyproject.toml", ".ci", "docs", "conf", "experiments",
          "tests", "benchmarks", "results/published/comparison_2015")  # fmt: skip
FORMULAS = ("docs/model.md", "docs/market.md")  # their indented blocks are formulas
FILE_NAME = re.compile(r"(?:#!.*\n)?# ([\w./-]+\.(?:py|yaml|sh))\n")
COMMAND = re.compile(r"(marketsim|python -m|pip install) \S")
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")
TIMEOUT = 300  # seconds for a block of sh
RUN_PYTHON = PythonEvaluator()


class Page(Document):
    """A page of the documentation, and what its blocks printed."""

    def __init__(self, text: str, path: str) -> None:
        super().__init__(text, path)
        self.namespace["__name__"] = "__main__"
        self.printed: list[str] = []
        for region in blocks(self):
            self.add(region)


def blocks(page: Document) -> Iterator[Region]:
    """Find every fenced block of a page; its kind names the evaluator."""
    before = None
    for region in FencedCodeBlockLexer(language=".*")(page):
        kind, region.parsed = region.lexemes["language"].strip(), region.lexemes["source"]
        region.evaluator = EVALUATORS.get(kind, _directive if kind.startswith("{") else _unknown)
        region.lexemes |= {"kind": kind, "before": before, "is_shown": False}
        if kind == "text" and before is not None:
            before.lexemes["is_shown"] = True
        before = region
        yield region


def file_name(source: str) -> str | None:
    """Return the name of the file that a block contains, if it is one."""
    found = FILE_NAME.match(source)
    return found[1] if found else None


def run(page: Page, folder: Path) -> None:
    """Run the blocks of a page in a copy of the checkout, then check its inline commands."""
    _check_no_block_is_missed(page)
    checkout = folder / "checkout"
    for pattern in COPIED:
        for path in ROOT.glob(pattern):
            _copy(path, checkout / path.relative_to(ROOT))
    with contextlib.chdir(checkout), reduced.in_place(folder):
        for example in page:
            example.evaluate()
        for span in inline(page.text, "code_inline"):
            line = re.split(r" [>|&]", " ".join(span.split()))[0]
            if COMMAND.match(line):
                try:
                    reduced.check(line)
                except Exception as error:
                    raise AssertionError(f"{page.path}: `{line}`: {error}") from error


def _check_no_block_is_missed(page: Page) -> None:
    """Compare the blocks that Sybil found with those of a CommonMark parser."""
    found = {example.line for example in page}
    for token in MarkdownIt("commonmark").parse(page.text):
        line = (token.map or [0])[0] + 1
        where = f"{page.path}:{line}"
        if token.type == "fence":
            assert line in found, f"{where}: a block that is not run"
        elif token.type == "code_block":
            assert page.path in FORMULAS, f"{where}: a block of indented text"


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__", "*.nb?"))
    else:
        shutil.copyfile(path, to)


# ---------------------------------------------------------------- evaluators


def _begin(example: Example) -> None:
    """Write the file that a block is, and say whether its output is shown."""
    name = file_name(example.parsed)
    if name:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(example.parsed, encoding="utf-8")
    os.environ[reduced.EXACT] = "1" if example.region.lexemes["is_shown"] else ""


def _run_python(example: Example) -> str | None:
    _begin(example)
    if not reduced.is_runnable(example.parsed):
        compile(example.parsed, example.path, "exec")
        return None
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            RUN_PYTHON(example)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    example.document.printed.append(out.getvalue())
    return None


def _run_shell(example: Example) -> str | None:
    _begin(example)
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", example.parsed],
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    example.document.printed.append(done.stdout)
    return f"exit code {done.returncode}\n{done.stderr[-3000:]}" if done.returncode else None


def _keep_file(example: Example) -> str | None:
    _begin(example)
    return None if file_name(example.parsed) else "a file without a name"


def _compare_output(example: Example) -> str | None:
    """Compare a block of text with the output of the block before it."""
    before = example.region.lexemes["before"]
    if before is None or before.lexemes["kind"] not in ("sh", "python"):
        return "output of nothing"
    shown, printed = plain(example.parsed), plain(example.document.printed[-1])
    parts = [r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in shown]
    if re.fullmatch("".join(parts), "\n".join(printed) + "\n"):
        return None
    return f"shown is\n{example.parsed}\nbut printed was\n{example.document.printed[-1]}"


def _directive(_: Example) -> None:
    """Leave a directive of the site to tests/test_site.py, which builds it."""


def _unknown(example: Example) -> str:
    return f"a block of {example.region.lexemes['kind'] or 'no kind'}"


EVALUATORS = {
    "sh": _run_shell,
    "python": _run_python,
    "yaml": _keep_file,
    "text": _compare_output,
}


def plain(text: str) -> list[str]:
    """Return the lines of an output, with the keys of result folders replaced."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "KEY", text.strip("\n"))
    return [line.rstrip() for line in text.split("\n")]


# ---------------------------------------------------------------- sentences


def inline(text: str, kind: str) -> list[str]:
    """Return the inline elements of a page of one kind: ``code_inline`` or ``text``."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return [part.content for token in tokens for part in token.children or [] if part.type == kind]


def numbers(text: str) -> list[str]:
    """Return the numbers in the sentences of a page, as they are written."""
    return NUMBER.findall("\n".join(inline(text, "text")))


# ---------------------------------------------------------------- regeneration


def write(name: str) -> None:
    """Write the output of a page's blocks where the page shows it."""
    page = Page((ROOT / name).read_text(encoding="utf-8"), name)
    new: list[tuple[Region, str]] = []

    def record(example: Example) -> None:
        if example.region.lexemes["kind"] != "text":
            raise NotEvaluated
        lines = _as_shown(plain(example.parsed), plain(page.printed[-1]))
        new.append((example.region, "\n".join([*lines, ""])))

    page.push_evaluator(record)
    with tempfile.TemporaryDirectory() as folder:
        run(page, Path(folder))
    text = page.text
    for region, output in reversed(new):
        block = text[region.start : region.end].replace(region.parsed, output)
        text = text[: region.start] + block + text[region.end :]
    (ROOT / name).write_text(text, encoding="utf-8")


def _as_shown(shown: list[str], printed: list[str]) -> list[str]:
    """Return the printed lines; of a shortened output, those that begin as the shown ones do."""
    if "..." not in shown:
        return printed
    begins = {line.partition(" ")[0]: line for line in printed}
    return [begins.get(line.partition(" ")[0], line) for line in shown]


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write(argument)
