"""Named choices without Hydra, and the command line that gives settings again."""

from dataclasses import asdict

import pytest
from conftest import settings

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
        assert store.key(plain) == store.key(composed([f"{group}={name}"]))


def test_unknown_choices_are_refused():
    """A wrong name or group is answered with what there is."""
    with pytest.raises(InputError, match="unknown scenario 'nope'; known: baseline_2015"):
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
        ("dose multipliers: [0.5, 1]", "did you mean 'scenario.dose_multipliers'?"),
        ("nothing_alike: 1", "unknown parameter 'scenario.nothing_alike'"),
        ("dose_multipliers: [much]", "cannot read"),
        ("name: [a", "cannot read"),
        ("- a list", "cannot read"),
        ("name: \xe9\xff", "cannot read"),
        ("defaults: [moon]", "unknown scenario 'moon'"),
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
