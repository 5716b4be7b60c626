"""Settings for tests: small markets of a named scenario and recovery structure."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from marketsim.settings import Settings

CONF = Path(__file__).parent.parent / "conf"


def read(group: str, name: str) -> dict:
    """Return the YAML of one choice of a group."""
    return OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))


def settings(
    retailers: int = 300,
    scenario: str = "baseline_2015",
    recovery: str = "combined",
    **changes: object,
) -> Settings:
    """Return settings; `changes` are written like posting__base_posts=2.0."""
    out = Settings()
    for group, name in (("scenario", scenario), ("recovery", recovery)):
        for key, value in read(group, name).items():
            setattr(getattr(out, group), key, value)
    out.population.retailers = retailers
    for path, value in changes.items():
        *groups, last = path.split("__")
        node = out
        for group in groups:
            node = getattr(node, group)
        assert hasattr(node, last), path
        setattr(node, last, value)
    return out


@pytest.fixture(autouse=True)
def _nothing_beside_the_test(tmp_path, monkeypatch):
    """Run each test in a folder of its own, so that nothing is written into the checkout."""
    monkeypatch.chdir(tmp_path)
