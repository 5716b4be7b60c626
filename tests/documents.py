"""Running a page: every command and block in the order of reading, in a copy of the checkout.

A block of ``sh`` is run by bash, one of ``python`` in a namespace that the page shares. A block of
``text`` is the output of the block before it, and compared; a line ``...`` in it stands for any
lines. A block that begins with ``# a/name.ext`` is the file of that name, and is kept for the
blocks after it. What stands for commands that take too long is said in `reduced.py`.

``python tests/documents.py PAGE ...`` writes what comes out into the pages.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import reduced
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "experiments/*/README.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
COPIED = ("*.md", "requirements*.txt", "pyproject.toml", ".ci", "docs", "conf", "experiments",
          "tests", "benchmarks", "results/published/comparison_2015")  # fmt: skip
FORMULAS = {  # indented blocks there are formulas; tests/oracle is written from them and run
    "docs/model.md",
    "docs/market.md",
}
NAMED = re.compile(r"(?:#!.*\n)?# ([\w./-]+\.(?:py|yaml|sh))\n")
COMMANDS = re.compile(r"(marketsim|python -m|pip install) \S")
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")
TIMEOUT = 300


@dataclass
class Block:
    """A block of code of a page, and the output shown after it."""

    kind: str
    text: str
    line: int
    output: str | None = None
    output_lines: tuple[int, int] = (0, 0)

    @property
    def file(self) -> str | None:
        """Name of the file that the block is."""
        found = NAMED.match(self.text)
        return found[1] if found else None


def blocks(page: str, text: str) -> list[Block]:
    """Return the blocks of a page in order; one of an unknown kind is a fault."""
    out: list[Block] = []
    for token in MarkdownIt("commonmark").parse(text):
        if token.type not in ("fence", "code_block"):
            continue
        first, last = token.map or (0, 0)
        kind = token.info.strip() if token.type == "fence" else "indented"
        where = f"{page}:{first + 1}"
        if kind == "text":
            assert out and out[-1].output is None, f"{where}: output of nothing"
            assert out[-1].kind in ("sh", "python"), f"{where}: output of {out[-1].kind}"
            out[-1].output, out[-1].output_lines = token.content, (first + 1, last - 1)
        elif kind in ("sh", "python"):
            out.append(Block(kind, token.content, first + 1))
        elif kind == "yaml":
            out.append(Block(kind, token.content, first + 1))
            assert out[-1].file, f"{where}: a file without a name"
        else:
            directive = kind.startswith("{")  # of the site, which tests/test_site.py builds
            formula = kind == "indented" and page in FORMULAS
            assert directive or formula, f"{where}: a block of {kind or 'no kind'}"
    return out


def sentences(text: str) -> list[str]:
    """Return the commands within the sentences of a page."""
    found = [
        " ".join(span.content.split())
        for token in MarkdownIt("commonmark").enable("table").parse(text)
        for span in token.children or []
        if span.type == "code_inline"
    ]
    return [re.split(r" [>|&]", span)[0] for span in found if COMMANDS.match(span)]


def numbers(text: str) -> list[str]:
    """Return the numbers within the sentences of a page, as they are written."""
    found = [
        span.content
        for token in MarkdownIt("commonmark").enable("table").parse(text)
        for span in token.children or []
        if span.type == "text"
    ]
    return NUMBER.findall("\n".join(found))


def run(page: str, text: str, place: Path, compared: bool = True) -> list[str]:
    """Run the blocks of a page in a folder; return what each of them printed."""
    checkout = place / "checkout"
    for pattern in COPIED:
        for path in ROOT.glob(pattern):
            _copy(path, checkout / path.relative_to(ROOT))
    reduced.commands_in(place / "bin")
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    with contextlib.chdir(checkout), _stand_ins(place):
        for block in blocks(page, text):
            if block.file:
                Path(block.file).parent.mkdir(parents=True, exist_ok=True)
                Path(block.file).write_text(block.text, encoding="utf-8")
            os.environ[reduced.EXACT] = "" if block.output is None else "1"
            printed.append(_run(f"{page}:{block.line}", block, names))
            if compared and block.output is not None:
                compare(f"{page}:{block.line}", block.output, printed[-1])
        for line in sentences(text):
            try:
                reduced.check(line)
            except Exception as fault:
                raise AssertionError(f"{page}: `{line}`: {fault}") from fault
    return printed


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__", "*.nb?"))
    else:
        shutil.copyfile(path, to)


@contextlib.contextmanager
def _stand_ins(place: Path) -> Iterator[None]:
    """Let blocks find the stand-ins, and Python's studies be reduced as the command's are."""
    from marketsim import api
    from marketsim.parameters import presets

    environment, folder, words_of = dict(os.environ), presets.folder, api.words_of
    os.environ |= {
        "PATH": f"{place / 'bin'}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(ROOT),
        reduced.PLACE: str(place),
    }
    reduced.here()
    api.words_of = lambda settings: reduced.words(words_of(settings))  # type: ignore[assignment]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        presets.folder, api.words_of = folder, words_of  # type: ignore[assignment]
        presets.choice.cache_clear()


def _run(where: str, block: Block, names: dict[str, Any]) -> str:
    if block.kind == "python":
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            try:
                exec(compile("\n" * (block.line) + block.text, where, "exec"), names)
            except Exception as fault:
                raise AssertionError(f"{where}: {type(fault).__name__}: {fault}") from fault
        return out.getvalue()
    if block.kind == "yaml":
        return ""
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", block.text],
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{where}: exit code {done.returncode}\n{done.stderr[-3000:]}"
    return done.stdout


def plain(text: str) -> list[str]:
    """Return the lines of an output without what differs from checkout to checkout: the keys."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "KEY", text.strip("\n"))
    return [line.rstrip() for line in text.split("\n")]


def compare(where: str, shown: str, printed: str) -> None:
    """Hold an output against what a page shows of it."""
    parts = [r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in plain(shown)]
    if not re.fullmatch("".join(parts), "\n".join(plain(printed)) + "\n"):
        raise AssertionError(f"{where}: shown is\n{shown}\nbut printed was\n{printed}")


def _as_shown(shown: list[str], printed: list[str]) -> list[str]:
    """Return what was printed; where a part is shown, the lines that begin with the same words."""
    if "..." not in shown:
        return printed
    begins = {line.partition(" ")[0]: line for line in printed}
    return [begins.get(line.partition(" ")[0], line) for line in shown]


def write(page: str) -> None:
    """Write what a page's blocks print where it shows their output."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = text.split("\n")
    with tempfile.TemporaryDirectory() as place:
        printed = run(page, text, Path(place), compared=False)
    for block, out in reversed(list(zip(blocks(page, text), printed, strict=True))):
        if block.output is not None:
            first, last = block.output_lines
            lines[first:last] = _as_shown(plain(block.output), plain(out))
    (ROOT / page).write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(name)
