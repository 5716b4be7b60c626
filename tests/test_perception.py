"""Perceived risk: every step and its decay against closed forms, and spells of lying low."""

import numpy as np
import pytest
from conftest import draw_words, levers, plain
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from marketsim.model.kernels.perception import notice_events, update_perceived_risk
from marketsim.model.market import no_experience
from marketsim.model.population import empty_counters, synthesize_traders
from marketsim.model.state import State, Ties, notice_nothing
from marketsim.parameters.settings import kernel_params

FALSE_ALARM = 1e-6
DAY = 735_720
RESIDUAL = 0.05
PLAIN = {
    "turnover__entry": 0.0,
    "perception__residual": RESIDUAL,
    "perception__half_life": 20.0,
    "perception__own_sanction": 0.3,
    "perception__warning": 0.4,
    "perception__news": 0.2,
    "perception__learning": 0.01,
    "perception__lie_low": 0.5,
    "perception__low_days": 10.0,
}


def ties_of(*rows) -> Ties:
    """Return ties written as one list of ids a trader."""
    start = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    other = np.array([j for row in rows for j in row], np.int32)
    return Ties(start=start, other=other)


def star(n) -> Ties:
    """Tie trader 0 to all others."""
    return ties_of(list(range(1, n)), *[[0]] * (n - 1))


class Minds:
    """Traders with a fear and a day behind them; nothing but the perception kernel."""

    def __init__(self, n=5, ties=None, fear=0.0, seed=3, recovery="none", **changes):
        of = plain(n, recovery=recovery, **PLAIN | changes)
        self.seed, self.params = seed, kernel_params(of)
        self.retailers, _ = synthesize_traders(of, seed, DAY, 1)
        self.counters = empty_counters(n)
        self.ties = ties or ties_of(*[[]] * n)
        self.retailers.risk[:] = RESIDUAL + fear
        self.motives = no_experience(n)

    def perceive(self, day=DAY, news=0.0, habituation=1.0, arrest_news=0.0) -> np.ndarray:
        """Let a day sink in, and return what is feared above the residual."""
        of_day = levers(news=news, habituation=habituation, arrest_news=arrest_news)
        noticed, ids = notice_nothing(len(self.retailers.state)), len(self.retailers.state)
        of = (self.params, self.retailers, self.counters, self.ties, self.motives)
        draw_words(self.seed, day, self.counters)
        notice_events(self.counters, noticed)
        update_perceived_risk(self.seed, day, of_day, *of, noticed, 0, ids)
        return self.retailers.risk - RESIDUAL


def stepped(fear: float, *shocks: float) -> float:
    """Return the fear after shocks: what is left to be feared shrinks by each."""
    return fear + (1.0 - RESIDUAL - fear) * (1.0 - np.prod([1.0 - shock for shock in shocks]))


# ---------------------------------------------------------------- forgetting


@pytest.mark.parametrize(("weight", "half_life"), [(1.0, 20.0), (0.5, 20.0), (1.0, 7.0)])
def test_fear_halves_in_its_half_life(weight, half_life):
    """On quiet days the fear above the residual halves every half-life over the weight."""
    minds = Minds(fear=0.8, recovery__forgetting=weight, perception__half_life=half_life)
    span = int(half_life / weight)
    for halvings in (1, 2, 3):
        for day in range(span):
            fear = minds.perceive(DAY + day)
        assert_allclose(fear, 0.8 * 0.5**halvings, rtol=1e-11)


def test_fear_never_falls_below_the_residual():
    """After years of quiet the residual is left, and no less; who is below comes up to it."""
    minds = Minds(fear=0.9, recovery__forgetting=1.0)
    minds.retailers.risk[1] = 0.0
    for day in range(3000):
        minds.perceive(DAY + day)
    assert_allclose(minds.retailers.risk, RESIDUAL, rtol=1e-12)
    assert (minds.retailers.risk >= RESIDUAL).all()


def test_without_forgetting_fear_stays():
    """Where the structure does not forget, a quiet day changes nothing."""
    minds = Minds(fear=0.5)
    for day in range(50):
        minds.perceive(DAY + day)
    assert_allclose(minds.retailers.risk, RESIDUAL + 0.5, rtol=1e-13)


# ---------------------------------------------------------------- shocks


@pytest.mark.parametrize("fear", [0.0, 0.4, 0.95])
@pytest.mark.parametrize("sanction", [0.0, 0.5, 1.0])
def test_ones_own_sanction_is_a_step(fear, sanction):
    """A sanction takes the share `own_sanction` x weight of what is left to be feared."""
    minds = Minds(fear=fear)
    minds.counters.sanction[2] = sanction
    after = minds.perceive()
    assert_allclose(after[2], stepped(fear, 0.3 * sanction), atol=1e-15)
    assert_allclose(np.delete(after, 2), fear, atol=1e-15)


@pytest.mark.parametrize("struck", [0, 1, 3, 8])
def test_warnings_multiply_over_ties(struck):
    """What is left to be feared shrinks once for each tie struck, by his sanction's weight."""
    weights = np.array([1.0, 0.5, 1.0, 0.5, 0.5, 1.0, 1.0, 0.5])[:struck]
    minds = Minds(9, star(9), fear=0.1)
    minds.counters.sanction[1 : 1 + struck] = weights
    after = minds.perceive()
    assert_allclose(after[0], stepped(0.1, *(0.4 * weights)), atol=1e-15)
    assert_allclose(after[1 : 1 + struck], stepped(0.1, 0.3) * (weights == 1)
                    + stepped(0.1, 0.15) * (weights != 1), atol=1e-15)  # fmt: skip


def test_only_ties_warn():
    """A ban is heard of by the ties of the banned and by nobody else."""
    minds = Minds(4, ties_of([1], [0, 2], [1], []))
    minds.counters.sanction[2] = 1.0
    assert_allclose(minds.perceive(), [0.0, stepped(0.0, 0.4), stepped(0.0, 0.3), 0.0], atol=1e-15)


@pytest.mark.parametrize("publicity", [0.0, 0.25, 1.0])
def test_news_reaches_everybody(publicity):
    """News takes `news` x `warning` x publicity of what is left to be feared, from everybody."""
    minds = Minds(fear=0.2)
    assert_allclose(minds.perceive(news=publicity), stepped(0.2, 0.08 * publicity), atol=1e-15)


def test_all_shocks_of_a_day_multiply():
    """Forgetting comes first, then news, own sanction and warnings act on what is left."""
    minds = Minds(3, star(3), fear=0.3, recovery__forgetting=1.0)
    minds.counters.sanction[:] = [0.5, 1.0, 1.0]
    faded = 0.3 * 0.5 ** (1 / 20)
    after = minds.perceive(news=0.5)
    assert_allclose(after[0], stepped(faded, 0.04, 0.15, 0.4, 0.4), rtol=1e-13)
    assert_allclose(after[1], stepped(faded, 0.04, 0.3, 0.2), rtol=1e-13)


@pytest.mark.parametrize("habituation", [1.0, 0.5, 0.04])
def test_habituation_weakens_what_is_heard(habituation):
    """In a later wave warnings and news count less; one's own sanction counts in full."""
    minds = Minds(2, star(2))
    minds.counters.sanction[1] = 1.0
    after = minds.perceive(news=1.0, habituation=habituation)
    heard = 0.08 * habituation
    assert_allclose(after[0], stepped(0.0, heard, 0.4 * habituation), rtol=1e-13)
    assert_allclose(after[1], stepped(0.0, heard, 0.3), rtol=1e-13)


def test_a_loss_frightens_like_a_sanction_of_its_weight():
    """A loss is a shock to the trader and ties; of a loss and a sanction the larger counts."""
    minds = Minds(4, ties_of([1], [0], [3], [2]))
    minds.counters.loss[:] = [0.0, 0.5, 0.0, 0.5]
    minds.counters.sanction[:] = [0.0, 0.0, 0.0, 1.0]
    after = minds.perceive(habituation=0.5)
    own, heard = stepped(0.0, 0.3 * 0.5), stepped(0.0, 0.4 * 0.5 * 0.5)
    assert_allclose(after, [heard, own, stepped(0.0, 0.4 * 0.5), stepped(0.0, 0.3)], atol=1e-15)


def test_a_trader_with_a_loss_still_teaches():
    """Posts are unpunished where there is no sanction: a loss of goods is none."""
    minds = Minds(2, star(2), fear=0.6, recovery__social_learning=1.0)
    minds.counters.moments[:] = [0, 7]
    minds.counters.loss[1] = 0.5
    assert_allclose(minds.perceive()[0], stepped(0.6 * 0.99**7, 0.4 * 0.5), rtol=1e-12)


# ---------------------------------------------------------------- arrests


@pytest.mark.parametrize("step", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("before", [0.0, 0.4])
def test_arrests_of_ties_raise_the_chance_of_arrest(step, before):
    """What is left to 1 shrinks by the step for each tie arrested; others learn nothing of it."""
    minds = Minds(5, ties_of([2, 3, 4], [2], [0, 1], [0], [0]), motive__jail_step=step)
    minds.motives.jail[:] = before
    minds.retailers.state[2:4] = State.ARRESTED
    minds.counters.arrested[2:4] = 1
    minds.perceive()
    left = (1.0 - before) * np.array([(1.0 - step) ** 2, 1.0 - step, 1.0, 1.0, 1.0])
    assert_allclose(minds.motives.jail, 1.0 - left, atol=1e-15)


@pytest.mark.parametrize("publicity", [0.0, 0.5, 1.0])
def test_public_arrests_are_heard_of_by_all(publicity):
    """Each arrest of the day counts step x news x publicity for everybody, ties besides."""
    minds = Minds(4, ties_of([3], [], [], [0]), motive__jail_step=0.5)
    minds.counters.arrested[2:4] = 1
    minds.retailers.state[2:4] = State.ARRESTED
    minds.perceive(arrest_news=publicity)
    safe = (1.0 - 0.5 * 0.2 * publicity) ** 2
    assert_allclose(minds.motives.jail, [1.0 - safe * 0.5, 1.0 - safe, 0.0, 0.0], atol=1e-15)


def test_without_arrests_publicity_says_nothing():
    """On a day without an arrest the perceived chance of arrest stays as it is."""
    minds = Minds(3, star(3), motive__jail_step=1.0)
    minds.motives.jail[:] = 0.25
    minds.counters.sanction[:] = 1.0
    minds.perceive(arrest_news=1.0)
    assert (minds.motives.jail == 0.25).all()


# ---------------------------------------------------------------- learning


@pytest.mark.parametrize("posts", [0, 1, 2, 3, 17, 1000])
def test_each_post_seen_takes_its_share_of_fear(posts):
    """Fear is multiplied by (1 - learning x weight) for each unpunished post of a tie."""
    minds = Minds(4, star(4), fear=0.6, recovery__social_learning=0.5)
    minds.counters.moments[:] = [50, posts, 0, 2 * posts]
    after = minds.perceive()
    assert_allclose(after[0], 0.6 * (1.0 - 0.005) ** (3 * posts), rtol=1e-10)
    assert_allclose(after[1], 0.6 * (1.0 - 0.005) ** 50, rtol=1e-10)


def test_posts_of_the_punished_teach_nothing():
    """Posts of a tie who is struck on that day are not counted, nor are one's own."""
    minds = Minds(3, star(3), fear=0.6, recovery__social_learning=1.0)
    minds.counters.moments[:] = [100, 40, 7]
    minds.counters.sanction[1] = 0.5
    assert_allclose(minds.perceive()[0], stepped(0.6 * 0.99**7, 0.2), rtol=1e-12)


def test_without_learning_posts_do_not_matter():
    """Where the structure has no social learning, posts seen leave fear as it is."""
    minds = Minds(3, star(3), fear=0.6)
    minds.counters.moments[:] = 100
    assert_allclose(minds.perceive(), 0.6, rtol=1e-14)


# ---------------------------------------------------------------- bounds


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    risks=st.lists(st.floats(RESIDUAL, 1.0), min_size=4, max_size=4),
    sanctions=st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=4, max_size=4),
    posts=st.lists(st.integers(0, 10_000), min_size=4, max_size=4),
    news=st.floats(0.0, 1.0),
    habituation=st.floats(0.0, 1.0),
    forgetting=st.sampled_from([0.0, 1.0]),
    own=st.sampled_from([0.1, 0.5]),
    warning=st.sampled_from([0.2, 0.5]),
)
def test_risk_stays_between_the_residual_and_one(
    risks, sanctions, posts, news, habituation, forgetting, own, warning
):
    """Whatever happens, no risk leaves the range from the residual to one."""
    minds = Minds(
        4,
        star(4),
        recovery__forgetting=forgetting,
        recovery__social_learning=1.0,
        perception__own_sanction=own,
        perception__warning=warning,
    )
    minds.retailers.risk[:] = risks
    minds.counters.sanction[:] = sanctions
    minds.counters.moments[:] = posts
    for day in range(5):
        minds.perceive(DAY + day, news, habituation)
        assert (minds.retailers.risk >= RESIDUAL).all()
        assert (minds.retailers.risk <= 1.0).all()


def test_the_absent_and_the_left_perceive_nothing():
    """Who has not come yet, or has left, keeps his risk; the banned go on hearing."""
    minds = Minds(4, star(4), fear=0.3, recovery__forgetting=1.0)
    minds.retailers.state[:] = [State.ABSENT, State.LEFT, State.BANNED, State.ACTIVE]
    minds.counters.sanction[3] = 1.0
    after = minds.perceive(news=1.0)
    faded = 0.3 * 0.5 ** (1 / 20)
    assert_allclose(after, [0.3, 0.3, stepped(faded, 0.08), stepped(faded, 0.08, 0.3)], rtol=1e-13)


# ---------------------------------------------------------------- lying low


def lying(minds: Minds) -> int:
    return int((minds.retailers.state == State.LYING_LOW).sum())


@pytest.mark.parametrize(("fear", "weight"), [(0.0, 1.0), (0.5, 1.0), (0.0, 0.4)])
def test_a_rise_of_fear_starts_spells(fear, weight):
    """The chance of lying low is weight x `lie_low` x the rise of risk on the day."""
    minds = Minds(2000, fear=fear, recovery__lying_low=weight)
    minds.counters.sanction[:] = 1.0
    rise = minds.perceive()[0] - fear
    assert rise == pytest.approx((1.0 - RESIDUAL - fear) * 0.3)
    chance = weight * 0.5 * rise
    assert stats.binomtest(lying(minds), 2000, chance).pvalue > FALSE_ALARM
    assert stats.binomtest(lying(minds), 2000, chance + 0.1).pvalue < FALSE_ALARM


def test_nobody_lies_low_without_a_rise():
    """On a quiet day, or where the structure has no lying low, everybody stays."""
    quiet = Minds(2000, fear=0.9, recovery__lying_low=1.0, recovery__forgetting=1.0)
    assert quiet.perceive()[0] < 0.9 and lying(quiet) == 0
    absent = Minds(2000)
    absent.counters.sanction[:] = 1.0
    absent.perceive(news=1.0)
    assert lying(absent) == 0


def test_a_stronger_shock_only_adds_spells():
    """Who lies low after a weak shock lies low after a strong one as well."""
    weak, strong = (Minds(2000, recovery__lying_low=1.0) for _ in range(2))
    weak.counters.sanction[:] = 0.5
    strong.counters.sanction[:] = 1.0
    for minds in (weak, strong):
        minds.perceive()
    assert lying(strong) > lying(weak) > 0
    assert (strong.retailers.state >= weak.retailers.state).all()


def test_spells_end_by_themselves():
    """Each day a spell ends with chance 1 / `low_days`, so that its length is geometric."""
    minds = Minds(2000, recovery__lying_low=1.0)
    minds.retailers.state[:] = State.LYING_LOW
    left = [2000]
    for day in range(60):
        minds.counters.sanction[:] = 1.0  # new shocks neither end nor lengthen a spell
        minds.retailers.state[minds.retailers.state == State.ACTIVE] = State.LEFT
        minds.perceive(DAY + day)
        left.append(lying(minds))
    assert stats.binomtest(2000 - left[1], 2000, 0.1).pvalue > FALSE_ALARM
    assert stats.binomtest(left[20], 2000, 0.9**20).pvalue > FALSE_ALARM
    assert stats.binomtest(left[20], 2000, 0.85**20).pvalue < FALSE_ALARM


@pytest.mark.parametrize("state", [State.ABSENT, State.BANNED, State.LEFT])
def test_only_the_active_begin_a_spell(state):
    """Neither the absent, nor the banned, nor the left lie low."""
    minds = Minds(500, recovery__lying_low=1.0, perception__lie_low=5.0)
    minds.retailers.state[:] = state
    minds.counters.sanction[:] = 1.0
    minds.perceive(news=1.0)
    assert (minds.retailers.state == state).all()
