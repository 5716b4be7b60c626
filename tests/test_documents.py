"""Every command and block of the documents runs, and prints what the page shows."""

import documents
import pytest
import reduced

from marketsim.parameters import evidence


@pytest.mark.parametrize("page", documents.PAGES)
def test_every_block_runs(page, tmp_path):
    """In the order of reading; see `documents.py`, and `reduced.py` for what is made smaller."""
    documents.run(page, (documents.ROOT / page).read_text(encoding="utf-8"), tmp_path)


BROKEN = {
    "a command that fails": ("```sh\nmarketsim population=moon\n```", "population 'moon'"),
    "a command that is not there": ("```sh\nmarketsin\n```", "marketsin"),
    "a failure before the last": ("```sh\nfalse | cat\n```", "exit code 1"),
    "a word that is no longer": ("```sh\nmarketsim calibrate postng.base_posts=1\n```", "postng"),
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
    "an extra that is not there": ("```sh\npip install 'marketsim[clusters]'\n```", "clusters"),
    "a file that is not there": ("```sh\npip install -r requirement.txt\n```", "requirement.txt"),
    "a study that is not there": ("```sh\nmarketsim verify experiments/no\n```", "no published"),
    "Python that fails": ("```python\nimport marketsim\nmarketsim.rum()\n```", "rum"),
    "another output": ("```python\nprint(1)\n```\n```text\n2\n```", "printed was\n1"),
    "another output of a command": ("```sh\necho 1\n```\n```text\n1\n2\n```", "printed was\n1"),
    "output of nothing": ("```text\n1\n```", "output of nothing"),
    "a kind nobody runs": ("```toml\na = 1\n```", "a block of toml"),
    "a block without a kind": ("```\nmarketsim\n```", "a block of no kind"),
    "an indented block": ("text\n\n    marketsim\n", "a block of indented"),
    "a file without a name": ("```yaml\na: 1\n```", "without a name"),
    "a command in a sentence": ("Try `marketsim run seeed=3`.", "seeed"),
    "a module in a sentence": ("Try `python -m marketsim.nothing > x.md`.", "nothing"),
    "an extra in a sentence": ("Try `pip install '.[tests]'`.", "tests"),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_page_fails(name, tmp_path):
    """Negative control: what is wrong on a page is found, and said with its place."""
    text, said = BROKEN[name]
    with pytest.raises(AssertionError) as fault:
        documents.run("docs/page.md", text, tmp_path)
    assert said in str(fault.value)
    assert "docs/page.md" in str(fault.value)


def test_a_good_page_runs(tmp_path):
    """Blocks share a namespace and a folder, and the output may be shown in part."""
    text = (
        "```python\n# one/two.py\nx = 3\n```\n```python\nprint(x)\nprint(x + 1)\n```\n"
        "```text\n...\n4\n```\n```sh\ncat one/two.py\n```\n```text\n# one/two.py\nx = 3\n```\n"
    )
    assert documents.run("docs/page.md", text, tmp_path) == ["", "3\n4\n", "# one/two.py\nx = 3\n"]


def unknown_numbers(text):
    """Return the numbers of a page's sentences that neither its blocks nor the evidence give."""
    given = [block.text + (block.output or "") for block in documents.blocks("page", text)]
    known = [float(word.replace(",", "")) for word in documents.NUMBER.findall("\n".join(given))]
    known += [fact.value for fact in evidence.inputs().values() if fact.value is not None]
    out = []
    for word in documents.numbers(text):
        value, digits = float(word.replace(",", "")), len(word.partition(".")[2])
        if not any(round(abs(one), digits) == value for one in known):
            out.append(word)
    return out


def test_the_tutorial_has_no_number_of_its_own():
    """What its sentences say is printed by its blocks, or is evidence; dates of 2015 aside."""
    text = (documents.ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    allowed = set(map(str, range(1, 32))) | {"2015"}
    assert [word for word in unknown_numbers(text) if word not in allowed] == []
    assert unknown_numbers(text + "\nIt is 17.6 %, of 1,234.")[-2:] == ["17.6", "1,234"]


def test_the_reduced_form_is_smaller_only(monkeypatch):
    """What a page says stays, but for runs, ranges and launchers; shown output changes nothing."""
    said = ["scenario=no_crackdown", "replicates=200", "seed=range(1,101)", "hydra.launcher.x=3"]
    assert reduced.words(said) == [
        "scenario=no_crackdown", "seed=range(1,3)", "replicates=2", "population=survey",
        "figures=false",
    ]  # fmt: skip
    monkeypatch.setenv(reduced.EXACT, "1")
    assert reduced.words(said) == said
