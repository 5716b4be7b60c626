"""Every command and block of the documentation runs, and prints what the page shows."""

import documents
import pytest
import reduced

from marketsim.parameters import evidence


@pytest.mark.parametrize("page", documents.PAGES)
def test_every_block_runs(page, tmp_path):
    """Blocks run in the order of reading; `reduced.py` lists what is run in a smaller form."""
    text = (documents.ROOT / page).read_text(encoding="utf-8")
    documents.run(documents.Page(text, page), tmp_path)


BROKEN = {
    "a command that fails": ("```sh\nmarketsim population=moon\n```", "population 'moon'"),
    "an unknown command": ("```sh\nmarketsin\n```", "marketsin"),
    "a failure before the last": ("```sh\nfalse | cat\n```", "exit code 1"),
    "an unknown setting": ("```sh\nmarketsim calibrate postng.base_posts=1\n```", "postng"),
    "a value out of its range": ("```sh\nmarketsim validate replicates=0\n```", "replicates=0"),
    "a command in a sentence with a wrong value": ("`marketsim validate seed=-1`", "seed=-1"),
    "a launcher's command": (
        "```sh\nmarketsim -m seed=1,2 scenari=x hydra/launcher=submitit_slurm\n```",
        "scenari",
    ),
    "a scenario in a long list": (
        "```sh\nmarketsim compare scenarios=[no_crackdown,import_ban,nowhere]\n```",
        "nowhere",
    ),
    "an unknown extra": ("```sh\npip install 'marketsim-ivory[clusters]'\n```", "clusters"),
    "a missing file": ("```sh\npip install -r requirement.txt\n```", "requirement.txt"),
    "a study that does not exist": ("```sh\nmarketsim verify experiments/no\n```", "no published"),
    "Python that fails": ("```python\nimport marketsim\nmarketsim.rum()\n```", "rum"),
    "another output": ("```python\nprint(1)\n```\n```text\n2\n```", "printed was\n1"),
    "another output of a command": ("```sh\necho 1\n```\n```text\n1\n2\n```", "printed was\n1"),
    "output of nothing": ("```text\n1\n```", "output of nothing"),
    "a block of an unknown kind": ("```toml\na = 1\n```", "a block of toml"),
    "a block without a kind": ("```\nmarketsim\n```", "a block of no kind"),
    "an indented block": ("text\n\n    marketsim\n", "a block of indented"),
    "a file without a name": ("```yaml\na: 1\n```", "without a name"),
    "a command in a sentence": ("Try `marketsim run seeed=3`.", "seeed"),
    "a module in a sentence": ("Try `python -m marketsim.nothing > x.md`.", "nothing"),
    "an extra in a sentence": ("Try `pip install '.[tests]'`.", "tests"),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_page_fails(name, tmp_path):
    """Negative control: an error on a page is reported with the page's name."""
    text, message = BROKEN[name]
    with pytest.raises(AssertionError) as error:
        documents.run(documents.Page(text, "docs/page.md"), tmp_path)
    assert message in str(error.value)
    assert "docs/page.md" in str(error.value)


def test_a_good_page_runs(tmp_path):
    """Blocks share a namespace and a folder; an output may be shown in part."""
    text = (
        "```python\n# one/two.py\nx = 3\n```\n```python\nprint(x)\nprint(x + 1)\n```\n"
        "```text\n...\n4\n```\n```sh\ncat one/two.py\n```\n```text\n# one/two.py\nx = 3\n```\n"
    )
    page = documents.Page(text, "docs/page.md")
    documents.run(page, tmp_path)
    assert page.printed == ["", "3\n4\n", "# one/two.py\nx = 3\n"]


def test_regeneration_writes_the_output(tmp_path, monkeypatch):
    """A stale output is replaced in the page, a shortened one stays short."""
    (tmp_path / "conf").mkdir()
    page = tmp_path / "page.md"
    text = "A\n\n```python\nprint('a 1')\nprint('b 2')\n```\n\n```text\n{}\n```\n\nB\n"
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    for shown, new in (("stale", "a 1\nb 2"), ("...\nb 0", "...\nb 2")):
        page.write_text(text.format(shown))
        documents.write("page.md")
        assert page.read_text() == text.format(new)


def unknown_numbers(text):
    """Return the numbers of a page's sentences that neither its blocks nor the evidence give."""
    page = documents.Page(text, "page")
    known = documents.NUMBER.findall("\n".join(example.parsed for example in page))
    values = [float(word.replace(",", "")) for word in known]
    values += [fact.value for fact in evidence.inputs().values() if fact.value is not None]
    out = []
    for word in documents.numbers(text):
        value, digits = float(word.replace(",", "")), len(word.partition(".")[2])
        if not any(round(abs(one), digits) == value for one in values):
            out.append(word)
    return out


def test_the_tutorial_has_no_number_of_its_own():
    """Every number of its sentences is printed by a block or is evidence, except for dates."""
    text = (documents.ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    allowed = set(map(str, range(1, 32))) | {"2015"}
    assert [word for word in unknown_numbers(text) if word not in allowed] == []
    assert unknown_numbers(text + "\nIt is 17.6 %, of 1,234.")[-2:] == ["17.6", "1,234"]


def missing_files(text):
    """Return the files and folders that a page names in its code spans and that do not exist."""
    words = [word for span in documents.inline(text, "code_inline") for word in span.split()]
    paths = [word for word in words if "/" in word and "=" not in word]
    return [path for path in paths if not (documents.ROOT / path).exists()]


def test_the_record_of_tests_names_files_that_exist():
    """docs/trace.md has the eight elements of TRACE, and every file and folder is there."""
    text = (documents.ROOT / "docs/trace.md").read_text(encoding="utf-8")
    elements = [line[3] for line in text.splitlines() if line.startswith("## ")]
    assert elements == list("12345678")
    assert missing_files(text) == []
    assert text.count("\nNot done: ") == 8
    absent = "`python -m pytest tests/test_absent.py` of `results/published/absent`"
    assert missing_files(absent) == ["tests/test_absent.py", "results/published/absent"]


def test_reductions_change_runs_ranges_and_launchers_only(monkeypatch):
    """Other settings of a page stay; a block with shown output is not reduced."""
    given = ["scenario=no_crackdown", "replicates=200", "seed=range(1,101)", "hydra.launcher.x=3"]
    assert reduced.reduce(given) == [
        "scenario=no_crackdown", "seed=range(1,3)", "replicates=2", "population=survey",
        "panel=new", "figures=false",
    ]  # fmt: skip
    assert "panel=new" not in reduced.reduce([*given, "population=survey"])
    monkeypatch.setenv(reduced.EXACT, "1")
    assert reduced.reduce(given) == given
