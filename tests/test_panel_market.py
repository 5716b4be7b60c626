"""The panel market: equal to the whole market where others play no part, and close where they do.

Both are simulated with the same seeds. A statistic agrees if the mean of the differences between
the two markets is within four standard errors of zero: common random numbers make that a narrow
bound, in which a wrong mean field does not stay.
"""

import numpy as np
import pandas as pd
import pytest
from conftest import settings
from scipy.stats import ks_2samp

from marketsim.analysis.inference import panel_surveys, reference_table
from marketsim.errors import InputError
from marketsim.model import market, panel_market
from marketsim.model.scenario import timeline
from marketsim.model.state import WAITING, LogColumn, State
from marketsim.parameters import presets
from marketsim.parameters.evidence import number
from marketsim.parameters.settings import POSTING_ONLY
from marketsim.simulation import run, tables
from marketsim.survey import statistics

STRUCTURES = ("none", "forgetting", "thresholds", "lying_low", "backup_confidence", "combined")
FEW = 40  # draws of the default suite
NEAR = 4.0  # standard errors
# counts of a panel that are often 0: compared as they are, the others by their logarithms
COUNTS = ("panel_unblocked", "backup_accounts", "heavy_posters_count", "medium_posters_count")


def of_contacts(recovery: str = "combined", scenario: str = "baseline_2015", **changes):
    """Return settings of a market of 1,000 traders that only post."""
    return settings(1000, scenario, recovery, market=POSTING_ONLY, **changes)


def both_logs(of, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return the survey logs of the whole market and of the panel market."""
    whole, panel = market.initialize(of, seed), panel_market.initialize(of, seed)
    market.advance(whole, 0, whole.series.risk.size)
    panel_market.advance(panel, 0, whole.series.risk.size)
    return whole.survey_log, panel.survey_log


def prior_jobs(draws: int) -> list:
    """Return settings and seeds of surveys with parameters from the prior."""
    names = dict.fromkeys(("motive", "prices", "buyers", "upstream", "institutions"), "none")
    of = presets.named(population="survey", recovery="mixture", scenario="baseline_2015", **names)
    of.market, of.posterior = POSTING_ONLY, "prior"
    return [reference_table.sample_row(of, draw) for draw in range(draws)]


def z_scores(panel: pd.DataFrame, whole: pd.DataFrame) -> pd.Series:
    """Return the mean difference of each statistic in standard errors."""
    out = {}
    for name in statistics.STATISTICS:
        one, other = panel[name].to_numpy(float), whole[name].to_numpy(float)
        if name in COUNTS:
            apart = (one - other)[np.isfinite(one) & np.isfinite(other)]
        else:
            positive = (one > 0.0) & (other > 0.0)  # neither 0 nor missing
            apart = np.log(one[positive] / other[positive])
        error = apart.std() / np.sqrt(apart.size)
        out[name] = 0.0 if error == 0.0 else apart.mean() / error
    return pd.Series(out)


@pytest.fixture(scope="module")
def whole():
    """Statistics of the whole market for a few draws of the prior."""
    return run.statistics(prior_jobs(FEW))


# ---------------------------------------------------------------- equal to the bit


@pytest.mark.parametrize("recovery", STRUCTURES[:-1])
def test_contacts_are_those_of_the_market_without_sanctions(recovery):
    """News alone reaches all alike: no trader learns anything from another."""
    whole, panel = both_logs(of_contacts(recovery, "no_crackdown", moderation__capacity=0.0))
    assert whole.any() and np.array_equal(whole, panel)


@pytest.mark.parametrize("recovery", STRUCTURES)
def test_contacts_are_those_of_the_market_where_all_cases_are_decided(recovery):
    """Nobody waits and nobody has ties: moderators sanction a contact whatever others do.

    Reports are so many that contacts are muted, suspended, banned, and return or leave.
    """
    changes = {"population__ties": 0.0, "moderation__capacity": 1000.0}
    of = of_contacts(recovery, "no_crackdown", moderation__report_rate=0.05, **changes)
    whole, panel = both_logs(of)
    assert whole[:, :, LogColumn.BLOCKED].any() and np.array_equal(whole, panel)


def test_contacts_are_those_of_the_market_in_a_sweep_of_all():
    """A sweep that takes every account leaves nothing to odds."""
    of = of_contacts("forgetting", population__ties=0.0, moderation__capacity=0.0)
    of.scenario.interventions["sweep_may"]["accounts"] = 1e6
    whole, panel = both_logs(of)
    assert np.array_equal(whole, panel)


def test_social_learning_needs_the_posts_of_ties():
    """Negative control: where ties teach each other, the panel market is not equal to the bit."""
    of = of_contacts("social_learning", "no_crackdown", moderation__capacity=0.0)
    whole, panel = both_logs(of)
    assert not np.array_equal(whole, panel)
    assert panel.sum() == pytest.approx(whole.sum(), rel=0.02)


def test_a_panel_market_is_a_function_of_settings_and_seed():
    """The same seed gives the same survey, and another seed another."""
    of = of_contacts()
    one, again, other = (panel_market.simulate(of, seed) for seed in (5, 5, 6))
    assert np.array_equal(one.seen, again.seen) and not np.array_equal(one.seen, other.seen)
    shared = panel_market.simulate(of, 5, timeline.compile_table(of))
    assert np.array_equal(one.seen, shared.seen)


# ---------------------------------------------------------------- extremes


def test_without_capacity_nobody_is_sanctioned():
    """Cases only wait."""
    of = of_contacts(scenario="no_crackdown", moderation__capacity=0.0)
    state = panel_market.initialize(of, 5)
    panel_market.advance(state, 0, state.survey_log.shape[0])
    assert state.queue.ends[WAITING] > 0
    assert not state.retailers.offences.any() and not state.retailers.blocked_until.any()


def test_a_sweep_of_all_takes_all():
    """On its day every contact and every other in the trade loses the account."""
    of = of_contacts(accounts__quit=0.0)
    of.scenario.interventions["sweep_may"]["accounts"] = 1e6
    state = panel_market.initialize(of, 5)
    swept = int(np.flatnonzero(state.levers.sweep_accounts)[0])
    panel_market.advance(state, 0, swept + 1)
    assert set(state.retailers.state) <= {State.BANNED, State.LEFT, State.ABSENT}
    assert state.survey_log[swept, state.contacts >= 0, LogColumn.ADS].sum() == 0


def test_without_posts_statistics_are_missing():
    """Where nobody posts there is no panel, and statistics are missing, as in tables."""
    state = panel_market.initialize(of_contacts(), 5)
    state.retailers.base_rate[:] = 0.0
    panel_market.advance(state, 0, state.survey_log.shape[0])
    found = statistics.of_rows(panel_market.survey(state))
    assert np.isnan(found[:-1]).all() and found[-1] == 0.0


# ---------------------------------------------------------------- agreement


def test_the_panel_market_agrees_with_the_whole_market(whole):
    """Over draws of the prior all statistics agree, and follow those of the same seed."""
    panel = panel_surveys.statistics(prior_jobs(FEW))
    assert z_scores(panel, whole).abs().max() < NEAR
    for name in ("ads_total", "fall_week_5", "return_week_13", "backup_accounts"):
        ranks = panel[name].corr(whole[name], method="spearman")
        assert ranks > 0.9, name


def test_a_wrong_mean_field_would_be_seen(whole):
    """Negative control: if others had no recent posts, the sweep would take the contacts."""
    rows = []
    for of, seed in prior_jobs(FEW):
        state = panel_market.initialize(of, seed)
        state.retailers.base_rate[~state.others.is_contact] = 0.0
        panel_market.advance(state, 0, state.survey_log.shape[0])
        rows.append(statistics.of_rows(panel_market.survey(state)))
    wrong = z_scores(pd.DataFrame(rows, columns=statistics.STATISTICS), whole)
    assert wrong["ads_total"] < -NEAR and wrong["fall_week_5"] < -NEAR


def test_cases_wait_as_in_the_whole_market():
    """Others fill the queue as in the market: about as many cases wait at the end.

    Negative control: with half as many flags again the difference is outside the bound.
    """
    waiting = []
    for of, seed in prior_jobs(FEW):
        states = [market.initialize(of, seed)]
        states += [panel_market.initialize(of, seed) for _ in range(2)]
        days = states[0].survey_log.shape[0]
        states[2].others.cumulated[:] *= 1.5
        market.advance(states[0], 0, days)
        for state in states[1:]:
            panel_market.advance(state, 0, days)
        waiting.append([state.queue.ends[WAITING] for state in states])
    whole, panel, more = np.sqrt(np.array(waiting)).T  # of counts: large ones do not decide alone
    for found, agrees in ((panel, True), (more, False)):
        apart = found - whole
        assert (abs(apart.mean()) < NEAR * apart.std() / np.sqrt(FEW)) == agrees
    assert np.corrcoef(whole, panel)[0, 1] > 0.9


@pytest.mark.campaign
def test_quantiles_agree_on_a_thousand_draws():
    """Distributions over the prior agree, P(none blocked) and P(backups in range) included."""
    jobs = prior_jobs(1000)
    whole, panel = run.statistics(jobs), panel_surveys.statistics(jobs)
    for name in statistics.STATISTICS:
        one, other = (table[name].dropna() for table in (panel, whole))
        assert ks_2samp(one, other, method="asymp").pvalue > 0.05, name
    assert abs(panel["panel_unblocked"].mean() - whole["panel_unblocked"].mean()) < 0.02
    usual = [table["backup_accounts"].between(1, 20).mean() for table in (panel, whole)]
    assert abs(usual[0] - usual[1]) < 0.02


# ---------------------------------------------------------------- statistics of one survey


def test_statistics_of_rows_are_those_of_tables():
    """One survey at a time gives the same bits as the tables of all."""
    rows = [panel_market.simulate(*job) for job in prior_jobs(16)]
    contacts = pd.DataFrame({"active": [of.active_contacts for of in rows],
                             "contacts": [of.contacts for of in rows]})  # fmt: skip
    table = pd.concat([tables.survey_table(k, of) for k, of in enumerate(rows)], ignore_index=True)
    expected = statistics.statistics(table, contacts).to_numpy(float)
    found = np.array([statistics.of_rows(of) for of in rows])
    assert np.array_equal(found, expected, equal_nan=True)
    assert found[:, statistics.STATISTICS.index("ads_total")].min() > number("survey_days")


def test_threads_and_neighbours_change_no_survey():
    """A survey does not depend on what else is simulated; scenarios may differ between jobs."""
    calm = of_contacts(scenario="no_crackdown")
    jobs = [*prior_jobs(3), (calm, 5), (of_contacts(), 5)]
    all_at_once = panel_surveys.statistics(jobs, threads=2)
    alone = pd.concat([panel_surveys.statistics([job]) for job in jobs], ignore_index=True)
    pd.testing.assert_frame_equal(all_at_once, alone)


def test_a_market_with_trade_is_refused():
    """Decisions of sellers move posts: the panel market has none."""
    with pytest.raises(InputError, match="market"):
        panel_surveys.statistics([(settings(), 5)])
