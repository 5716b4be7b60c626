"""Named choices without Hydra, and the command line that gives settings again."""

import shutil
from dataclasses import asdict

import pytest
from conftest import settings
from hypothesis import assume, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from marketsim.commands import compose, options
from marketsim.errors import InputError
from marketsim.parameters import overrides, presets
from marketsim.parameters.settings import Settings, check
from marketsim.simulation import store


def composed(words) -> Settings:
    """Return the settings that the command composes of some words."""
    given = compose.flags(words, options.RunCommand)
    return compose.composed(given.overrides, "run", options.RunCommand).settings()


@pytest.mark.parametrize("group", list(presets.DEFAULTS))
def test_named_choices_are_those_of_the_command(group):
    """Every choice read from its file has the key of the one that Hydra composes."""
    for name in presets.names(group):
        plain = presets.named(**{group: name})
        check(plain)
        assert store.key(plain) == store.key(composed([f"{group}={name}", "panel=new"]))


def test_unknown_choices_are_refused():
    """A wrong name or group is answered with what there is."""
    with pytest.raises(InputError, match="unknown scenario 'nope'; known: accounts_listed"):
        presets.named(scenario="nope")
    with pytest.raises(InputError, match="unknown group 'weather'; known: population"):
        presets.named(weather="fine")


def changed(name: str) -> Settings:
    """Return settings that depart from the named choices in some way."""
    out = settings(500, "no_crackdown" if name == "another scenario" else "baseline_2015")
    entries = out.scenario.interventions
    if name == "numbers":
        out.posting.base_posts, out.recovery.smooth, out.seed = 2.5, 0.25, 9
    elif name == "moved":
        entries["sweep_may"]["date"] = "2015-07-01"
        entries["sweep_may"]["accounts"] = 100
    elif name == "left out":
        del entries["sweep_may"], entries["arrest_may"]
    elif name == "added":
        entries["mine"] = {
            "kind": "moderation_effort",
            "start": "2015-05-04",
            "end": None,
            "recall": 2.5,
        }
    elif name == "new name":
        out.scenario.name, out.scenario.about = "my-own", "It's \\'mine' \\ , {a: b} = [c], 100 %"
    return out


@pytest.mark.parametrize(
    "name", ["nothing", "numbers", "moved", "left out", "added", "new name", "another scenario"]
)
def test_overrides_give_the_settings_again(name):
    """The words written for some settings compose to the same key, and only to that one."""
    of = changed(name)
    again = composed(overrides.overrides(asdict(of)))
    assert store.key(again) == store.key(of)
    if name != "nothing":
        assert store.key(of) != store.key(changed("nothing"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: odd\ndose multipliers: [0.5, 1]", "did you mean 'scenario.dose_multipliers'?"),
        ("name: odd\nnothing_alike: 1", "unknown parameter 'scenario.nothing_alike'"),
        ("dose_multipliers: [much]", "cannot read"),
        ("name: [a", "cannot read"),
        ("- a list", "cannot read"),
        ("name: \xe9\xff", "cannot read"),
        ("name: odd\ndefaults: [moon]", "unknown scenario 'moon'"),
    ],
)
def test_a_broken_choice_is_one_line(monkeypatch, tmp_path, content, message):
    """A file among the choices that cannot be used is refused in one line, whoever reads it."""
    (tmp_path / "scenario").mkdir()
    (tmp_path / "scenario" / "odd.yaml").write_bytes(content.encode("latin-1"))
    monkeypatch.setattr(presets, "folder", lambda: tmp_path)
    with pytest.raises(InputError) as refusal:
        presets.choice.__wrapped__("scenario", "odd")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_correct_choice_is_read(monkeypatch, tmp_path):
    """Negative control: the same folder with a file that can be used."""
    (tmp_path / "scenario").mkdir()
    (tmp_path / "scenario" / "odd.yaml").write_text("name: odd\ndose_multipliers: [0.5, 1]\n")
    monkeypatch.setattr(presets, "folder", lambda: tmp_path)
    found = presets.choice.__wrapped__("scenario", "odd")
    assert found == {"name": "odd", "dose_multipliers": [0.5, 1.0]}


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30)
TEXTS |= st.text("\\${}'\"a, ?", max_size=12)  # what the grammars of Hydra and OmegaConf read
NUMBERLIKE = st.sampled_from(
    ["2015.10", "1e3", "007", "-0", ".5", "1_000", "+3", "inf", "-NaN", "true", "False", "null", "",
     "${seed}", "\\${seed}", "a\\\\${", "$${x}", "'a' and 'b'", "'it''s'", "'a\\'",
     " a", "a ", "a'b", 'a"b', "a\\", "a,b", "[a]", "{a}", "a=b", "a b", "$a", "glob(*)", "it's"]
)  # fmt: skip


@example_settings(deadline=None, max_examples=200)
@given(TEXTS | NUMBERLIKE)
def test_any_text_composes_to_itself(text):
    """A text as a word of the command line is the same text again."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    assume(text != "???")  # OmegaConf's sign of a missing value
    words = [f"x={overrides.word(text)}", f"y={overrides.word([text, 'a'])}"]
    parsed = OverridesParser.create().parse_overrides(words)
    config = OmegaConf.create({one.key_or_group: one.value() for one in parsed})
    assert OmegaConf.to_container(config, resolve=True) == {"x": text, "y": [text, "a"]}


@example_settings(deadline=None, max_examples=60)
@given(TEXTS | NUMBERLIKE)
def test_a_text_is_taken_as_it_is_typed(text):
    """The study and the folder of a command line are those that were written, unless quoted."""
    assume(text != "???" and not compose.QUOTED.fullmatch(text))
    assume("${" not in text and "_target_" not in text)
    given_words = compose.flags(["population=survey", f"study={text}"], options.RunCommand)
    if text:
        command = compose.composed(given_words.overrides, "run", options.RunCommand)
        assert command.study == text


SCALARS = st.sampled_from(
    ["0500", "500", "5e2", "1:30", "yes", "on", "0x10", "1_000", "null", "true", "2016", "'0500'",
     "2015-08-01", "a text", "~", "{}", "[1]", "05", "0.5", ".5", "1e3", "0o17", "No", "2015.10",
     "", "''", "???", "${seed}", "it's", ".inf", "# nothing", "TRUE", "+3", "a\n  b", '"1e3"']
)  # fmt: skip
BASES = st.sampled_from(
    ["[baseline_2015, _self_]", "[baseline_2015]", "[_self_, baseline_2015]", "[_self_]", "[own]",
     "[no_crackdown, baseline_2015, _self_]", "baseline_2015", "", "[nope]", "[{optional x: y}]",
     "[/scenario/baseline_2015]", "[baseline_2015@_here_]", "[domestic_ban_enforced]", "[loop]"]
)  # fmt: skip


# files that are taken, with one thing or two that may not be
USUAL = {"defaults": "[baseline_2015, _self_]", "name": "own", "accounts": "500", "entry": "null"}
CHANGES = st.sampled_from(["about", "source", "until", "name", "accounts", "entry"])
CHANGES = st.dictionaries(CHANGES, SCALARS, min_size=1, max_size=2)
CHANGES |= st.builds(dict, defaults=BASES)


@example_settings(deadline=None, max_examples=100)
@given(CHANGES)
def test_a_file_means_the_same_to_all_readers(tmp_path_factory, changes):
    """Composed by Hydra or read as a choice, a scenario file gives the same, or both refuse it."""
    folder = tmp_path_factory.mktemp("conf")
    shutil.copytree(presets.folder(), folder, dirs_exist_ok=True)
    content = USUAL | changes
    accounts, entry = content.pop("accounts"), content.pop("entry")
    lines = [f"{key}: {value}" for key, value in content.items()]
    lines += ["interventions:", f"  sweep_may: {{accounts: {accounts}}}", f"  arrest_may: {entry}"]
    (folder / "scenario" / "own.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "scenario" / "loop.yaml").write_text("defaults: [own]\nname: loop\n")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presets, "folder", lambda: folder)
        presets.choice.cache_clear()
        for read in (
            lambda: composed(["population=survey", "scenario=own"]),
            lambda: presets.named(population="survey", scenario="own"),
        ):
            try:
                out = read()
                check(out)
                found.append(asdict(out)["scenario"])
            except InputError as refusal:
                assert "\n" not in str(refusal)
                found.append(None)
    presets.choice.cache_clear()
    assert found[0] == found[1]
    for key in content.keys() - {"defaults"} if found[0] is not None else ():
        value = content[key]
        written = value.strip("'\"") if value[0] in "'\"" else value.replace("\n ", "")
        assert found[0][key] == written
