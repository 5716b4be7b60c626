"""A deal in its five steps: who asks, who likes it, what is paid, and where goods and money go."""

import math

import numpy as np
import pytest
from conftest import Standstill, levers
from scipy import stats

from marketsim.model.kernels.delivery import deliver_parcels
from marketsim.model.kernels.friend_turnover import (
    count_changes,
    replace_friends,
    update_friend_lists,
)
from marketsim.model.kernels.sales import draw_inquiries, open_market, sell
from marketsim.model.ledger import Account, Item
from marketsim.model.state import (
    FILED,
    Channel,
    Enforcement,
    Outlet,
    Parcel,
    Stage,
    State,
    TradeCounter,
    workspace,
)
from marketsim.numerics import rng
from marketsim.numerics.elementary import normal_quantile_each
from marketsim.numerics.rng import Purpose

FALSE_ALARM = 1e-6
PLENTY = 10**16
ONE_TASTE = {f"taste_{name}": 0.0 for name in ("raw", "semi", "uncarved")} | {"taste_carved": 1.0}
# everybody trusts, likes what is shown, is willing, and pays at once
EAGER = {
    "strangers": 0.0,
    "trust": 1.0,
    "trust_gain": 0.0,
    "second_choice_prob": 1.0,
    "willingness": 100.0,
    "spread": 0.05,
    "max_inquiries_per_day": 500.0,
    "friends": 500.0,
    "buyers": 2000.0,
    "room": 0.0,
} | ONE_TASTE
CALM = {
    "payment__escrow": 0.0,
    "delivery__intercepted": 0.0001,
    "delivery__lost": 0.0,
    "retail__margin": 0.0,
}


class Counter(Standstill):
    """Retailers with carved pieces beyond number at cost 10, whom a test lets post."""

    def __init__(self, retailers=1, days=400, agents=0.0, cost=10.0, **changes):
        eager = {f"demand__{name}": value for name, value in EAGER.items()}
        super().__init__(
            retailers, days=days, **eager | CALM | {"resale__agents": agents} | changes
        )
        for i in range(retailers):
            for item in (Item.RAW, Item.SEMI_WORKED, Item.UNCARVED, Item.MONEY):
                self.set(Account.RETAILERS, item, 0, i)
            self.set(Account.RETAILERS, Item.CARVED, PLENTY, i)
        first = self.books.start[Account.RETAILERS]
        self.trade.unit_cost[first:, Item.CARVED] = cost
        self.row = 0

    def posts(self, **posts):
        for name, number in posts.items():
            getattr(self.counters, name)[:] = number
        return self

    def bought_before(self, share):
        """Let a share of the friends of each seller have bought before."""
        friends = self.trade.friends
        friends.customers[:] = np.floor(friends.count * share)
        return self

    def days(self, number, level=1.0, carried=True, **doses):
        """Live days of friends and trade, and of delivery where parcels are carried."""
        of_day, traders = levers(demand=level, **doses), (self.params, self.retailers)
        for _ in range(number):
            assert self.row < len(self.counts)  # kernels write a row for each day
            day = (self.seed, self.day + self.row, self.row, of_day)
            update_friend_lists(*day, *traders, self.motives, self.trade)
            self.sell(of_day)
            if carried:
                day = (*day[:3], levers(), self.params)
                deliver_parcels(*day, self.counters, self.motives, self.trade)
            self.row += 1
        return self

    def sell(self, of_day):
        """Replace friends, and draw and answer the inquiries of the day."""
        sellers = len(self.trade.friends.count)
        work = workspace(len(self.retailers.state), sellers)
        day, of = (self.seed, self.day + self.row, self.row), (self.params, self.retailers)
        everybody = (work.conditions, work.asked, work.inquiries, 0, sellers)
        replace_friends(*day, *of, self.trade, work.friends[0], 0, sellers)
        count_changes(self.row, work.friends, self.counts)
        open_market(self.row, of_day, *of, self.counters, self.trade, work.conditions)
        draw_inquiries(*day, *of, self.counters, self.trade, *everybody)
        sell(*day, *of, self.motives, self.trade, *everybody)

    def count(self, tally: int) -> np.ndarray:
        return self.counts[: self.row, tally]

    def sold(self, channel=Channel.MOMENTS) -> int:
        return int(self.counts[: self.row, TradeCounter.AGREED + channel].sum())

    def price(self, stage, channel, product=Item.CARVED) -> float:
        """Return the mean price counted, CNY a gram."""
        total, _, number = self.trade.records.prices[:, product, stage, channel].sum(axis=0)
        return total / number / 100.0

    def fen(self, account, number=0) -> int:
        return self.held(account, Item.MONEY, number)


def dispersion_p(counts: np.ndarray, mean: float) -> tuple[float, float]:
    """Return p-values of the mean and of the variance of counts, were they Poisson."""
    total = stats.poisson(mean * counts.size)
    of_mean = 2 * min(total.cdf(counts.sum()), total.sf(counts.sum() - 1))
    index = ((counts - mean) ** 2).sum() / mean
    # variance of the index: 2 degrees of freedom each, and 1 / mean more
    z = (index - counts.size) / np.sqrt(counts.size * (2.0 + 1.0 / mean))
    return float(of_mean), float(2 * stats.norm.sf(abs(z)))


# ---------------------------------------------------------------- how many


@pytest.mark.parametrize(("posts", "asked"), [(1, 0.002), (4, 0.002), (10, 0.004)])
def test_sales_are_poisson(posts, asked):
    """Where everybody is willing, sales a day are Poisson: friends x posts x inquiries of each."""
    of = Counter(days=1500, demand__inquiries_per_post=asked).posts(moments=posts).days(1500)
    mean = asked * of.trade.friends.count[0] * posts
    deals = of.count(TradeCounter.DEALS)
    assert min(dispersion_p(deals, mean)) > FALSE_ALARM
    assert dispersion_p(deals, 1.2 * mean)[0] < FALSE_ALARM
    assert (deals == of.count(TradeCounter.INQUIRIES)).all()
    again = np.repeat(deals[::2], 2)  # negative control: the same mean, twice the variance
    assert dispersion_p(np.where(np.arange(1500) % 2, 2 * again, 0)[:1500], mean)[1] < FALSE_ALARM


def test_grams_have_their_mean_and_variance():
    """Grams sold a day are a Poisson number of lognormal pieces."""
    of = Counter(days=2000, demand__inquiries_per_post=0.004).posts(moments=5).days(2000)
    mean, spread = 0.004 * of.trade.friends.count[0] * 5, of.params.demand.piece_spread
    piece = of.params.demand.piece_carved
    grams = of.count(TradeCounter.AGREED + Channel.MOMENTS) / 1000.0
    variance = mean * piece**2 * math.exp(spread**2)
    assert abs(grams.mean() - mean * piece) < 5 * np.sqrt(variance / 2000)
    assert grams.var() == pytest.approx(variance, rel=0.25)


@pytest.mark.parametrize(
    ("where", "follow", "factor"),
    [("groups", 0.0, 2.0), ("backup", 1.0, 1.0), ("backup", 0.4, 0.4), ("backup", 0.0, 0.0)],
)
def test_groups_and_backups_bring_their_inquiries(where, follow, factor):
    """A post in groups brings `groups` times as many inquiries, one on a backup of followers."""
    of = Counter(days=600, demand__inquiries_per_post=0.002, demand__groups=2.0)
    of.retailers.follow[:] = follow
    of.posts(**{where: 3}).days(600)
    mean = 0.002 * of.trade.friends.count[0] * 3 * factor
    channel = Channel.GROUPS if where == "groups" else Channel.MOMENTS
    shown = of.trade.records.prices[:, Item.CARVED, Stage.ADVERTISED, channel, 2].sum()
    if factor == 0.0:
        assert not of.count(TradeCounter.INQUIRIES).any() and shown == 0
    else:
        assert dispersion_p(of.count(TradeCounter.INQUIRIES), mean)[0] > FALSE_ALARM
        assert shown > 0


@pytest.mark.parametrize(("crowding", "obscure"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.4), (0.1, 0.4)])
def test_attention_falls_with_posts_and_a_guarded_style(crowding, obscure):
    """Friends answer a post less, the more there are of the day and while it is guarded."""
    of = Counter(days=600, demand__inquiries_per_post=0.002, demand__groups=1.0,
                 motive__crowding=crowding, motive__obscure=obscure)  # fmt: skip
    of.retailers.guarded_until[:] = of.day + 300
    of.retailers.follow[:] = 0.5
    of.posts(moments=4, backup=2, groups=5).days(600)
    mean = 0.002 * of.trade.friends.count[0] * 10 / (1.0 + 10 * crowding)
    asked = of.count(TradeCounter.INQUIRIES)
    assert dispersion_p(asked[:300], mean * (1.0 - obscure))[0] > FALSE_ALARM
    assert dispersion_p(asked[300:], mean)[0] > FALSE_ALARM
    if crowding + obscure > 0.0:
        assert dispersion_p(asked[:300], 0.002 * of.trade.friends.count[0] * 10)[0] < FALSE_ALARM


def test_attention_is_of_friends():
    """Neither crowds nor a guarded style cost inquiries elsewhere or at a stall."""
    of = Counter(days=600, demand__inquiries_per_post=0.002, motive__crowding=1.0,
                 motive__obscure=0.5, retail__stall=1.0, demand__visits=3.0)  # fmt: skip
    of.retailers.guarded_until[:] = of.day + 1000
    of.posts(elsewhere=5).days(600)
    weights = [getattr(of.params.demand, name) for name in ("public", "social", "websites")]
    ways = [getattr(of.params.demand, f"to_{name}") for name in ("public", "social", "websites")]
    weight = np.dot(weights, ways) / sum(ways)
    mean = 0.002 * of.params.demand.friends * 5 * weight + 3.0
    total = of.count(TradeCounter.INQUIRIES).sum()
    assert abs(total - 600 * mean) < 6 * np.sqrt(600 * (mean + 9.0))


@pytest.mark.parametrize("platform", ["public", "social", "websites"])
def test_each_platform_elsewhere_brings_its_own(platform):
    """Posts elsewhere reach the mean number of friends, times what the platform brings."""
    only = {f"demand__to_{name}": float(name == platform) for name in ("public", "social")}
    only["demand__to_websites"] = float(platform == "websites")
    of = Counter(days=600, demand__inquiries_per_post=0.002, **only).posts(elsewhere=5).days(600)
    mean = 0.002 * of.params.demand.friends * 5 * getattr(of.params.demand, platform)
    assert dispersion_p(of.count(TradeCounter.INQUIRIES), mean)[0] > FALSE_ALARM
    channel = Channel[platform.upper()]
    assert of.sold(channel) > 0 == sum(of.sold(other) for other in Channel if other != channel)


def test_a_stall_has_its_visitors():
    """A stall is asked so many times a day by people who trust it, whoever they are."""
    of = Counter(days=600, retail__stall=1.0, demand__visits=7.0, demand__trust=0.0).days(600)
    assert min(dispersion_p(of.count(TradeCounter.INQUIRIES), 7.0)) > FALSE_ALARM
    premium = 1.0 + of.params.retail.physical_premium
    assert of.price(Stage.SOLD, Channel.PHYSICAL) == pytest.approx(10.0 * premium, abs=0.01)
    assert of.count(TradeCounter.PARCELS).sum() == 0 < of.sold(Channel.PHYSICAL)


def test_nobody_asks_more_than_can_be_answered():
    """A seller answers so many inquiries a day."""
    of = (
        Counter(days=30, demand__inquiries_per_post=1.0, demand__max_inquiries_per_day=13.0)
        .posts(moments=9)
        .days(30)
    )
    assert (of.count(TradeCounter.INQUIRIES) == 13).all()


def test_without_posts_or_people_nobody_asks():
    """No posts, no friends who ask, or no buyers at all: no inquiry and no deal."""
    for of in (
        Counter(demand__inquiries_per_post=1.0),
        Counter(demand__inquiries_per_post=0.0).posts(moments=50, groups=50, elsewhere=50),
        Counter(demand__inquiries_per_post=1.0, demand__buyers=0.0).posts(
            moments=9, groups=9, elsewhere=9
        ),
    ):
        of.days(20)
        assert not of.counts[:20].any()


@pytest.mark.parametrize("state", list(State))
def test_a_stall_is_empty_without_its_owner(state):
    """Who is not in the trade stands at no stall; a ban online closes none."""
    of = Counter(days=30, retail__stall=1.0, demand__visits=9.0)
    of.retailers.state[:] = state
    there = state in (State.ACTIVE, State.LYING_LOW, State.BANNED)
    assert of.days(30).count(TradeCounter.INQUIRIES).any() == there


# ---------------------------------------------------------------- who buys


@pytest.mark.parametrize(("trust", "liked"), [(0.2, 1.0), (1.0, 0.4), (0.5, 0.5)])
def test_interest_is_trust_times_liking(trust, liked):
    """Of those who ask, trust x liking buy; the favourite is always liked."""
    for taste, likes in (("carved", 1.0), ("uncarved", liked)):
        tastes = {f"demand__taste_{k}": float(k == taste) for k in ("carved", "uncarved")}
        of = Counter(days=300, demand__trust=trust, demand__inquiries_per_post=0.01,
                     demand__second_choice_prob=liked,
                     demand__regulars=0.0, **tastes)  # fmt: skip
        of.posts(moments=5).days(300)
        deals, asked = of.count(TradeCounter.DEALS).sum(), of.count(TradeCounter.INQUIRIES).sum()
        assert stats.binomtest(int(deals), int(asked), trust * likes).pvalue > FALSE_ALARM
        assert stats.binomtest(int(deals), int(asked), 0.8 * trust * likes).pvalue < FALSE_ALARM


def test_fear_keeps_buyers_away():
    """A perceived risk keeps its share x caution away, and halves in its half-life."""
    for caution in (0.0, 0.5, 1.0):
        of = Counter(
            days=9, demand__caution=caution, demand__inquiries_per_post=0.1, demand__half_life=1.0
        )
        of.trade.buyers.risk[:] = 0.8
        of.row = 7
        of.posts(moments=10).days(1)
        deals, asked = of.counts[7, TradeCounter.DEALS], of.counts[7, TradeCounter.INQUIRIES]
        # those who asked a second time are reckoned with the same fear
        chance = 1.0 - caution * 0.4
        assert stats.binomtest(int(deals), int(asked), chance).pvalue > FALSE_ALARM


def bought(factor: float, **changes) -> tuple[int, int, float]:
    """Return deals and inquiries at a price against the median worth, and the willing share."""
    people = {"demand__strangers": 1.0, "demand__willingness": 1.0, "demand__spread": 0.8}
    worth = {
        "demand__worth_carved": 20.0,
        "demand__inquiries_per_post": 0.1,
        "demand__buyers": 10_000.0,
    }
    of = Counter(days=100, cost=20.0 * factor, **people | worth | changes)
    of.posts(moments=20).days(100)
    u = rng.uniform_array(of.seed, Purpose.WILLINGNESS, 0, np.arange(10_000))
    willing = float((20.0 * np.exp(0.8 * normal_quantile_each(u)) >= 20.0 * factor).mean())
    return (
        int(of.count(TradeCounter.DEALS).sum()),
        int(of.count(TradeCounter.INQUIRIES).sum()),
        willing,
    )


@pytest.mark.parametrize("factor", [0.25, 0.9, 1.0, 1.1, 4.0])
def test_who_is_willing_buys(factor):
    """The share that buys is that of the lognormal willingness above the price."""
    deals, asked, willing = bought(factor)
    assert asked > 10_000
    assert stats.binomtest(deals, asked, willing).pvalue > FALSE_ALARM
    exact = stats.norm.sf(math.log(factor) / 0.8)
    assert stats.binomtest(round(willing * 10_000), 10_000, exact).pvalue > FALSE_ALARM


def test_the_elasticity_near_the_median_is_that_of_the_evidence():
    """Near the median demand falls by phi(0) / (0.5 x spread) = 0.8 / spread of the price."""
    (low, n_low, _), (high, n_high, _) = bought(0.9), bought(1.1)
    slope = math.log(high / n_high / (low / n_low)) / math.log(1.1 / 0.9)
    error = math.sqrt(1 / low + 1 / high) / math.log(1.1 / 0.9)
    assert abs(slope + 0.7979 / 0.8) < 4 * error + 0.03
    assert abs(slope + 2 * 0.7979 / 0.8) > 4 * error  # negative control


def test_a_campaign_takes_from_what_everybody_would_pay():
    """Half the willingness is twice the price."""
    of = Counter(
        days=60, demand__inquiries_per_post=0.05, demand__willingness=1.0, demand__worth_carved=10.0
    )
    of.posts(moments=10).days(30, level=1.5)
    before = of.count(TradeCounter.DEALS).sum()
    of.days(30, level=0.66)
    assert before > 0 == of.count(TradeCounter.DEALS)[30:].sum()


def test_the_closed_legal_market_leaves_stigma_and_customers():
    """Once the legal market is closed willingness falls, and some customers ask at stalls."""
    of = Counter(days=900, retail__stall=1.0, demand__visits=2.0, legal__switch_to_illegal=0.5,
                 legal__customers=4000.0, legal__stigma=0.9)  # fmt: skip
    of.days(300)
    of.days(300, legal=0.0)
    of.days(300, legal=0.5)
    asked = of.count(TradeCounter.INQUIRIES).reshape(3, 300)
    for counts, mean in zip(asked, (2.0, 4.0, 3.0), strict=True):
        assert min(dispersion_p(counts, mean)) > FALSE_ALARM
    assert (of.count(TradeCounter.DEALS).reshape(3, 300).sum(axis=1) > 0).all()
    poor = Counter(days=40, retail__stall=1.0, demand__visits=20.0, legal__stigma=0.9,
                   demand__willingness=1.0, demand__worth_carved=40.0)  # fmt: skip
    assert poor.days(20).count(TradeCounter.DEALS).sum() > 0
    assert poor.days(20, legal=0.0).count(TradeCounter.DEALS)[20:].sum() == 0


def sent(of: Counter, days: int) -> np.ndarray:
    """Return the parcels sent on some days, none of which is delivered."""
    out = []
    for _ in range(days):
        of.days(1, carried=False)
        for rows, count in zip(of.trade.parcels.rows, of.trade.parcels.count, strict=True):
            out.append(rows[:count].copy())
        of.trade.parcels.count[:] = 0
    return np.concatenate(out)


@pytest.mark.parametrize("quality", [0.5, 1.7])
def test_quality_changes_sums_and_not_who_buys(quality):
    """Worth, cost and price scale alike: the same buyers buy the same pieces at scaled prices."""
    plain, better = (
        Counter(days=60, demand__spread=0.7, demand__willingness=1.0, demand__worth_carved=10.0,
                demand__inquiries_per_post=0.01, retail__margin=0.2)
        for _ in range(2)
    )  # fmt: skip
    better.trade.shops.quality[:, Item.CARVED] = quality
    first, second = (sent(of.posts(moments=3, groups=2, elsewhere=2), 60) for of in (plain, better))
    names = (TradeCounter.INQUIRIES, TradeCounter.DEALS, TradeCounter.PARCELS)
    assert all((plain.count(name) == better.count(name)).all() for name in names)
    assert (first[:, : Parcel.ESCROWED] == second[:, : Parcel.ESCROWED]).all() and len(first) > 100
    for column in (Parcel.PAID, Parcel.COST):
        assert second[:, column] == pytest.approx(quality * first[:, column], abs=2)
    for channel in (Channel.MOMENTS, Channel.GROUPS):
        one, two = (of.price(Stage.SOLD, channel) for of in (plain, better))
        assert two == pytest.approx(quality * one, abs=0.006)


def test_quality_is_of_a_product():
    """Negative control: the price alone, without the worth, loses buyers."""
    plain, dearer = (
        Counter(days=60, demand__spread=0.7, demand__willingness=1.0, demand__worth_carved=10.0,
                demand__inquiries_per_post=0.01)
        for _ in range(2)
    )  # fmt: skip
    dearer.trade.unit_cost[:] *= 1.7
    deals = [of.posts(moments=5).days(60).count(TradeCounter.DEALS).sum() for of in (plain, dearer)]
    assert deals[1] < 0.8 * deals[0]
    other = Counter(days=60, demand__inquiries_per_post=0.01)
    other.trade.shops.quality[:, [Item.RAW, Item.UNCARVED]] = 3.0
    other.posts(moments=5).days(60)
    assert other.price(Stage.SOLD, Channel.MOMENTS) == pytest.approx(10.0)


# ---------------------------------------------------------------- deals that are stopped


def stopped(number=300, **doses) -> tuple[Counter, dict[str, int], int]:
    """Return a market of deals that would all be made, what was stopped, and how many asked."""
    of = Counter(days=number, demand__inquiries_per_post=0.01, retail__stall=1.0,
                 demand__visits=2.0)  # fmt: skip
    of.posts(moments=5, groups=0, elsewhere=5).days(number, **doses)
    kinds = ("PAYMENTS_STOPPED", "PAYMENTS_FROZEN", "PARCELS_REFUSED")
    done = of.trade.records.enforcement[..., 0].sum(axis=(0, 2))
    return (
        of,
        {k: int(done[Enforcement[k]]) for k in kinds},
        int(of.count(TradeCounter.INQUIRIES).sum() - at_stalls(of)),
    )


def at_stalls(of: Counter) -> int:
    return int(of.trade.records.prices[:, :, Stage.ADVERTISED, Channel.PHYSICAL, 2].sum())


@pytest.mark.parametrize(
    ("payments", "freeze", "refused"),
    [(0.3, 0.0, 0.0), (1.0, 0.5, 0.0), (0.0, 1.0, 0.4), (0.3, 0.5, 0.4), (0.0, 0.0, 1.0)],
)
def test_payments_and_parcels_are_stopped_for_their_shares(payments, freeze, refused):
    """Of online deals `payments` are stopped, of the others `refused`; stalls sell as ever."""
    of, done, asked = stopped(payments=payments, freeze=freeze, refused=refused)
    assert stats.binomtest(done["PAYMENTS_STOPPED"], asked, payments).pvalue > FALSE_ALARM
    if done["PAYMENTS_STOPPED"]:
        frozen = stats.binomtest(done["PAYMENTS_FROZEN"], done["PAYMENTS_STOPPED"], freeze)
        assert frozen.pvalue > FALSE_ALARM
    else:
        assert done["PAYMENTS_FROZEN"] == 0
    left = asked - done["PAYMENTS_STOPPED"]
    assert (
        stats.binomtest(done["PARCELS_REFUSED"], max(left, 1), refused * (left > 0)).pvalue > 1e-6
    )
    parcels = int(of.count(TradeCounter.PARCELS).sum())
    assert parcels == left - done["PARCELS_REFUSED"]
    assert of.count(TradeCounter.DEALS).sum() - parcels == at_stalls(of) > 0


def test_a_frozen_account_loses_its_money_and_nothing_else():
    """The trader's money goes to the state, the goods stay, and the buyer pays nothing."""
    of = Counter(demand__inquiries_per_post=0.01)
    of.set(Account.RETAILERS, Item.MONEY, 70_000)
    of.posts(moments=5).days(30, payments=1.0, freeze=1.0)
    assert of.fen(Account.SEIZED) == 70_000 and of.fen(Account.RETAILERS) == 0
    assert of.fen(Account.INCOME) == 0 == of.sold()
    assert of.held(Account.RETAILERS, Item.CARVED) == PLENTY
    assert not of.motives.today.any() and (of.books.balance.sum(axis=0) == 0).all()
    kept = Counter(demand__inquiries_per_post=0.01)
    kept.set(Account.RETAILERS, Item.MONEY, 70_000)
    kept.posts(moments=5).days(30, payments=1.0)
    assert kept.fen(Account.RETAILERS) == 70_000


def test_stopping_more_only_stops_more():
    """Deals made under stricter rules are among those made under milder ones."""
    of = {"demand__inquiries_per_post": 0.01}
    markets = [Counter(**of).posts(moments=5) for _ in range(2)]
    kept = []
    for market, share in zip(markets, (0.2, 0.6), strict=True):
        market.days(1, carried=False, payments=share)
        rows = market.trade.parcels.rows.reshape(-1, len(Parcel))
        kept.append(set(rows[rows[:, Parcel.MASS] > 0, Parcel.KEY].tolist()))
    assert kept[1] < kept[0]


# ---------------------------------------------------------------- margins


def test_a_stall_settles_its_margin_at_once():
    """The sum less the cost of the goods, of each sale, is what a day at a stall brought."""
    of = Counter(days=20, retail__stall=1.0, demand__visits=5.0, retail__margin=0.5)
    of.trade.shops.quality[:, Item.CARVED] = 1.2
    of.days(20)
    sums = of.count(TradeCounter.REVENUE + Channel.PHYSICAL).sum()
    grams = of.sold(Channel.PHYSICAL) / 1000.0
    margin = of.motives.gain[0, Outlet.STALL]
    assert margin == pytest.approx(sums - 100 * 12.0 * grams, abs=20 * 10)
    assert margin > 0 and of.motives.today[Outlet.STALL] == margin
    assert not of.motives.gain[0, :2].any()
    assert of.counts[:20, TradeCounter.EARNED + Channel.PHYSICAL].sum() == sums
    assert of.counts[:20, TradeCounter.DELIVERED + Channel.PHYSICAL].sum() == of.sold(
        Channel.PHYSICAL
    )


@pytest.mark.parametrize("way", ["direct", "agent", "escrow"])
def test_parcels_carry_what_was_paid_and_cost(way):
    """Direct: the sum; through an agent: what is left of it; in escrow: nothing yet."""
    escrow = {"payment__escrow": 1.0, "payment__accepted": 1.0} if way == "escrow" else {}
    of = Counter(agents=1000.0 * (way == "agent"), resale__extra=0.25, resale__forwarded=1.0,
                 demand__inquiries_per_post=0.01, retail__margin=0.5, **escrow)  # fmt: skip
    if way == "agent":
        of.trade.friends.count[0] = 0
        of.trade.agents.tier[:] = 1
        of.trade.agents.upstream[:] = -1
    of.posts(moments=30).days(1, carried=False)
    rows = of.trade.parcels.rows.reshape(-1, len(Parcel))
    rows = rows[rows[:, Parcel.MASS] > 0]
    assert len(rows) > 20
    assert rows[:, Parcel.COST] == pytest.approx(rows[:, Parcel.MASS], abs=1)  # 10 CNY a gram
    assert rows[:, Parcel.PAID].sum() == of.fen(Account.RETAILERS)
    paid, in_escrow = rows[:, Parcel.PAID], rows[:, Parcel.ESCROWED]
    if way == "escrow":
        assert not paid.any() and in_escrow.sum() == of.fen(Account.ESCROW) > 0
    else:
        assert not in_escrow.any()
        assert paid == pytest.approx(1.5 * rows[:, Parcel.MASS], abs=2)


def test_posts_elsewhere_are_reckoned_at_once():
    """Relative return x weight of the platform x posts, from the day of the first deliveries."""
    only = {"demand__to_public": 0.0, "demand__to_social": 0.0, "demand__to_websites": 1.0}
    of = Counter(
        2, demand__inquiries_per_post=0.0, demand__websites=0.3, delivery__days=3.0, **only
    )
    of.trade.shops.relative[:, 2] = [5.0, 7.0]
    of.posts(elsewhere=4).days(3)
    assert not of.motives.all_posted.any()
    of.days(2)
    reckoned = 2 * 4 * 0.3 * 12.0
    assert of.motives.all_posted[Outlet.WEBSITES] == pytest.approx(reckoned)
    assert of.motives.first_posted[Outlet.WEBSITES] == pytest.approx(reckoned)
    of.row = 56
    of.days(1)
    assert of.motives.all_posted[Outlet.WEBSITES] == pytest.approx(1.5 * reckoned)
    assert of.motives.first_posted[Outlet.WEBSITES] == pytest.approx(reckoned)
    assert np.count_nonzero(of.motives.all_posted) == 1


# ---------------------------------------------------------------- money


def test_a_plain_deal_pays_the_retailer():
    """What buyers pay is what the retailer has more: whole fen of price x mass."""
    of = Counter(demand__inquiries_per_post=0.01).posts(moments=5).days(50)
    paid = of.count(TradeCounter.REVENUE).sum()
    assert of.fen(Account.RETAILERS) == paid == -of.fen(Account.INCOME)
    assert paid == pytest.approx(
        of.sold() * 10.0 / 10.0, abs=int(of.count(TradeCounter.DEALS).sum())
    )
    assert of.price(Stage.SOLD, Channel.MOMENTS) == 10.0


@pytest.mark.parametrize("extra", [0.1, 0.2, 0.3])
def test_each_tier_adds_its_extra(extra):
    """Tier t shows the label x (1 + extra)^t, and each agent on the way keeps an extra."""
    of = Counter(agents=3000.0, resale__extra=extra, resale__forwarded=1.0,
                 demand__inquiries_per_post=0.002, demand__strangers=0.0)  # fmt: skip
    agents = of.trade.agents
    assert agents.tier.size == 3
    agents.tier[:], agents.upstream[:] = (1, 2, 3), (-1, 0, 1)
    friends = of.trade.friends.count.copy()
    for tier in (1, 2, 3):
        of.posts(moments=0).days(8)  # parcels of the tier before arrive
        alone = np.arange(4) == tier  # nobody asks the retailer and the other agents
        of.trade.friends.count[:] = friends * alone
        before = [of.fen(Account.RESALE_AGENTS, k) for k in range(3)], of.fen(Account.RETAILERS)
        of.posts(moments=40)
        direct_before = of.count(TradeCounter.REVENUE).sum()
        prices = of.trade.records.prices
        prices[:] = 0
        of.days(20)
        shown = of.price(Stage.ADVERTISED, Channel.MOMENTS)
        assert shown == pytest.approx(10.0 * (1 + extra) ** tier, abs=0.006)
        paid = of.count(TradeCounter.REVENUE).sum() - direct_before
        assert paid > 10_000
        earned = [of.fen(Account.RESALE_AGENTS, k) - before[0][k] for k in range(3)]
        assert sum(earned) + of.fen(Account.RETAILERS) - before[1] == paid
        share = [extra * (1 + extra) ** k if k < tier else 0.0 for k in range(3)]
        expected = np.array(share) * paid / (1 + extra) ** tier
        assert (
            np.abs(np.array(earned) - expected).max() <= 3 * of.count(TradeCounter.DEALS).sum() + 3
        )
        assert of.count(TradeCounter.RESALE_DEALS)[of.row - 20 :].sum() > 0


def test_who_forwards_a_taken_agent_stops():
    """An agent whose upstream was taken forwards no more; those upstream go on."""
    of = Counter(agents=3000.0, resale__forwarded=1.0, demand__inquiries_per_post=0.0)
    agents = of.trade.agents
    agents.tier[:], agents.upstream[:] = (1, 2, 3), (-1, 0, 1)
    of.posts(moments=40).days(10)
    whole = of.count(TradeCounter.FORWARDED).sum()
    agents.active[1] = 0
    of.days(10)
    left = of.count(TradeCounter.FORWARDED).sum() - whole
    assert stats.binomtest(int(left), int(left + whole), 0.25).pvalue > FALSE_ALARM


def test_an_agent_forwards_his_share():
    """An agent forwards posts x `forwarded` on average, and none once he is taken."""
    of = Counter(agents=1000.0, days=600, resale__forwarded=0.4, demand__inquiries_per_post=0.0)
    of.posts(moments=6).days(500)
    assert min(dispersion_p(of.count(TradeCounter.FORWARDED), 2.4)) > FALSE_ALARM
    of.trade.agents.active[:] = 0
    assert of.days(100).count(TradeCounter.FORWARDED)[500:].sum() == 0


def test_escrow_is_dearer_and_waits():
    """A deal through escrow costs the premium more, and the money waits for the parcel."""
    of = Counter(payment__escrow=1.0, payment__accepted=1.0, payment__premium=0.2,
                 demand__inquiries_per_post=0.01)  # fmt: skip
    of.posts(moments=5).days(20, carried=False)
    paid = of.count(TradeCounter.REVENUE).sum()
    assert of.count(TradeCounter.ESCROW_DEALS).sum() == of.count(TradeCounter.DEALS).sum() > 0
    assert (of.fen(Account.ESCROW), of.fen(Account.RETAILERS)) == (paid, 0)
    assert of.price(Stage.SOLD, Channel.MOMENTS) == pytest.approx(12.0, abs=1e-9)


@pytest.mark.parametrize(("accepted", "insist"), [(0.0, 0.0), (0.0, 0.4), (0.5, 0.4), (1.0, 1.0)])
def test_escrow_refused_loses_those_who_insist(accepted, insist):
    """Of those who want escrow `accepted` get it, and of the others `insist` go away."""
    of = Counter(days=200, payment__escrow=1.0, payment__accepted=accepted, payment__insist=insist,
                 demand__inquiries_per_post=0.01)  # fmt: skip
    of.posts(moments=5).days(200)
    asked, deals = of.count(TradeCounter.INQUIRIES).sum(), of.count(TradeCounter.DEALS).sum()
    escrowed = of.count(TradeCounter.ESCROW_DEALS).sum()
    assert stats.binomtest(int(escrowed), int(asked), accepted).pvalue > FALSE_ALARM
    kept = accepted + (1.0 - accepted) * (1.0 - insist)
    assert stats.binomtest(int(deals), int(asked), kept).pvalue > FALSE_ALARM


def test_escrow_payments_may_lead_to_a_case():
    """A share of the payments through escrow is traced, one case at most waits for a retailer."""
    of = Counter(days=300, payment__escrow=1.0, payment__accepted=1.0, police__escrow_trace=0.1,
                 demand__inquiries_per_post=0.01)  # fmt: skip
    of.posts(moments=5).days(300)
    traced = of.trade.records.enforcement[:, Enforcement.ESCROW_TRACES, :, 0].sum()
    deals = of.count(TradeCounter.ESCROW_DEALS).sum()
    assert stats.binomtest(int(traced), int(deals), 0.1).pvalue > FALSE_ALARM
    assert of.trade.cases.waiting[0] == FILED


# ---------------------------------------------------------------- auctions


def auction(friends: int, worths: float = 20.0, cost: float = 10.0, **changes) -> Counter:
    """Let a retailer offer in groups before so many friends of spread willingness."""
    changes = {"retail__margin": 5.0} | changes  # labels are above all bids
    of = Counter(days=300, cost=cost, demand__spread=0.7, demand__willingness=1.0,
                 demand__worth_carved=worths, **changes)  # fmt: skip
    of.trade.friends.count[0] = friends
    of.trade.friends.customers[0] = 0
    of.trade.friends.buyer[:friends] = np.arange(friends)
    return of.posts(groups=60)


def bids_of(of: Counter, friends: int, worths: float = 20.0) -> np.ndarray:
    u = rng.uniform_array(of.seed, Purpose.WILLINGNESS, 0, np.arange(friends))
    return worths * np.exp(0.7 * normal_quantile_each(u))


def test_a_lonely_bidder_pays_the_reserve():
    """Where nobody else bids, a piece goes at what it cost, if it is worth that much to him."""
    for cost in (0.5, 1.5):
        of = auction(1, cost=1.0, demand__inquiries_per_post=0.2)
        bid = bids_of(of, 1)[0]
        first = of.books.start[Account.RETAILERS]
        of.trade.unit_cost[first:, Item.CARVED] = cost * bid
        of.days(100)
        assert of.count(TradeCounter.AUCTIONS).sum() > 0
        if cost < 1.0:
            paid = of.price(Stage.SOLD, Channel.GROUPS)
            assert paid == pytest.approx(cost * bid, abs=0.006)
        else:
            assert of.count(TradeCounter.DEALS).sum() == 0


def test_the_winner_pays_the_second_bid():
    """Of two bidders the higher one gets the piece, at the lower bid or the reserve."""
    of = auction(2, demand__inquiries_per_post=0.004)
    bids = np.sort(bids_of(of, 2))
    reserve = 0.5 * bids[0]
    of.trade.unit_cost[of.books.start[Account.RETAILERS] :, Item.CARVED] = reserve
    paid = []
    for _ in range(150):
        before = of.trade.records.prices[:, Item.CARVED, Stage.SOLD, Channel.GROUPS].sum(axis=0)
        of.days(1)
        after = of.trade.records.prices[:, Item.CARVED, Stage.SOLD, Channel.GROUPS].sum(axis=0)
        if after[2] - before[2] == 1:
            paid.append((after[0] - before[0]) / 100.0)
    allowed = np.array([reserve, bids[0]])
    off = np.abs(np.array(paid)[:, None] - allowed).min(axis=1)
    assert len(paid) > 20 and off.max() < 0.006
    assert min(paid) < max(paid)  # both happen: the other friend bids on most days


def test_the_best_bidder_wins():
    """With many bidders the winner is at or above everybody asked: the price at or below him."""
    of = auction(40, demand__inquiries_per_post=0.02)
    of.days(100)
    bids = bids_of(of, 40)
    prices = of.trade.records.prices[:, Item.CARVED, Stage.SOLD, Channel.GROUPS].sum(axis=0)
    label = of.price(Stage.ADVERTISED, Channel.GROUPS)
    assert prices[2] > 50
    assert prices[0] / prices[2] / 100.0 > np.median(bids)  # the second of up to five
    assert prices[0] / prices[2] / 100.0 < bids.max()
    assert label == pytest.approx(60.0)


def test_nobody_bids_more_than_the_label():
    """Where the second bid is above what labels ask, the label is paid."""
    of = auction(40, demand__inquiries_per_post=0.02, retail__margin=0.0).days(100)
    prices = of.trade.records.prices[:, Item.CARVED, Stage.SOLD, Channel.GROUPS].sum(axis=0)
    assert prices[2] > 50 and prices[0] / prices[2] / 100.0 == pytest.approx(10.0)


# ---------------------------------------------------------------- goods


def test_nothing_is_sold_that_is_not_there():
    """A retailer sells his last piece in part and then nothing; who asks in vain is counted."""
    of = Counter(demand__inquiries_per_post=0.02)
    of.set(Account.RETAILERS, Item.CARVED, 100_000)
    of.posts(moments=5).days(60)
    assert of.sold() == 100_000
    assert of.held(Account.RETAILERS, Item.CARVED) == 0
    assert of.count(TradeCounter.UNMET).sum() > 0
    plenty = Counter(demand__inquiries_per_post=0.02).posts(moments=5).days(60)  # negative control
    assert plenty.count(TradeCounter.UNMET).sum() == 0 < plenty.sold() - 100_000


@pytest.mark.parametrize("days", [1, 3, 7])
def test_a_parcel_arrives_after_its_days(days):
    """What is sold on one day is with the courier for so many days, then consumed."""
    of = (
        Counter(delivery__days=float(days), demand__inquiries_per_post=0.01)
        .posts(moments=9)
        .days(1)
    )
    mass = of.sold()
    of.posts(moments=0)
    for _ in range(days - 1):
        of.days(1)
        assert of.held(Account.COURIERS, Item.CARVED) == mass > 0
    of.days(1)
    assert of.held(Account.COURIERS, Item.CARVED) == 0
    assert of.held(Account.CONSUMED, Item.CARVED) == mass


def test_a_parcel_says_whose_it_is():
    """Each parcel has seller, buyer, place of the friend, product, mass and sum."""
    of = Counter(3, demand__inquiries_per_post=0.02).posts(moments=5).days(1, carried=False)
    parcels, friends = of.trade.parcels, of.trade.friends
    rows = parcels.rows[int(of.params.delivery.days), : parcels.count[3]]
    assert len(rows) == of.counts[0, TradeCounter.PARCELS] > 3
    assert rows[:, Parcel.MASS].sum() == of.sold()
    assert set(rows[:, Parcel.PRODUCT].tolist()) == {Item.CARVED}
    assert (rows[:, Parcel.RETAILER] == rows[:, Parcel.SELLER]).all()
    place, seller = rows[:, Parcel.FRIEND], rows[:, Parcel.SELLER]
    assert (friends.buyer[place] == rows[:, Parcel.BUYER]).all()
    assert ((place >= friends.start[seller]) & (place < friends.start[seller + 1])).all()
    assert not rows[:, Parcel.ESCROWED].any()


# ---------------------------------------------------------------- friends


@pytest.mark.parametrize("kept", [0.0, 0.3, 1.0])
def test_a_lost_account_loses_friends(kept):
    """On a new account the share of the audience that follows is kept, regulars alike."""
    of = Counter(300, demand__inquiries_per_post=0.0, demand__friends=100.0)
    of.bought_before(0.4)
    before = of.trade.friends.count[:300].sum()
    regulars = of.trade.friends.customers[:300].sum()
    of.retailers.audience[:] = kept
    of.days(1)
    after = of.trade.friends.count[:300].sum()
    assert stats.binomtest(int(after), int(before), kept).pvalue > FALSE_ALARM
    stayed = of.trade.friends.customers[:300].sum()
    assert stats.binomtest(int(stayed), int(regulars), kept).pvalue > FALSE_ALARM
    assert of.count(TradeCounter.FRIENDS_LOST).sum() == before - after
    assert of.days(5).trade.friends.count[:300].sum() == after  # once, not every day


def test_regulars_ask_for_their_share():
    """`regulars` of the friends' inquiries come from those who have bought, beside their share."""
    of = Counter(days=300, demand__regulars=0.6, demand__inquiries_per_post=0.01)
    of.posts(moments=4).bought_before(0.2)
    friends = of.trade.friends
    customers, count = int(friends.customers[0]), int(friends.count[0])
    repeat = deals = 0
    for _ in range(300):
        friends.customers[0] = customers
        of.trade.parcels.count[:] = 0
        of.days(1, carried=False)
        repeat, deals = (
            of.count(TradeCounter.REPEAT_DEALS).sum(),
            of.count(TradeCounter.DEALS).sum(),
        )
    chance = 0.6 + 0.4 * customers / count
    assert stats.binomtest(int(repeat), int(deals), chance).pvalue > FALSE_ALARM


def test_buyers_share_their_luck_over_sellers():
    """A buyer's willingness is his own: the same whichever seller he asks, on whichever day."""
    of = Counter(2, days=60, demand__spread=1.0, demand__willingness=1.0,
                 demand__inquiries_per_post=0.01, demand__worth_carved=10.0)  # fmt: skip
    of.posts(moments=5)
    ever: set[int] = set()
    for _ in range(60):
        of.days(1, carried=False)
        bucket = (of.row - 1 + 3) % of.trade.parcels.count.size
        rows = of.trade.parcels.rows[bucket, : of.trade.parcels.count[bucket]]
        ever |= set(rows[:, Parcel.BUYER].tolist())
        of.trade.parcels.count[:] = 0
    u = rng.uniform_array(of.seed, Purpose.WILLINGNESS, 0, np.array(sorted(ever)))
    assert len(ever) > 50 and (normal_quantile_each(u) >= -1e-12).all()


@pytest.mark.parametrize("hazard", [0.0, 0.005, 0.05])
def test_friends_come_and_go(hazard):
    """Friends go with their hazard, and as many others come in their places, as strangers."""
    of = Counter(300, days=60, demand__friends_leave=hazard, demand__inquiries_per_post=0.0,
                 demand__friends=100.0, demand__trust=0.3)  # fmt: skip
    friends = of.bought_before(0.5).trade.friends
    count, regulars = friends.count.copy(), int(friends.customers.sum())
    of.days(50)
    assert (friends.count == count).all()
    gone = of.count(TradeCounter.FRIENDS_LOST).sum()
    assert gone == of.count(TradeCounter.FRIENDS_ADDED).sum()
    expected = hazard * count.sum() * 50
    assert abs(gone - expected) <= 5 * np.sqrt(expected) + 300 * 5 * (hazard > 0)
    stay = np.exp(-50.0 * hazard)
    assert friends.customers.sum() / regulars == pytest.approx(stay, abs=0.03)


# ---------------------------------------------------------------- seekers and recruits


class Searching(Counter):
    """Retailers who recruit, and buyers who seek, where nobody asks and nothing is sold."""

    def __init__(self, retailers=300, **changes):
        calm = {"demand__inquiries_per_post": 0.0, "demand__friends": 100.0, "demand__room": 1.0}
        super().__init__(retailers, days=600, **calm | changes)

    def friends(self) -> np.ndarray:
        return self.trade.friends.count[: self.retailers.state.size]

    def seekers(self) -> np.ndarray:
        return self.trade.seekers.buyer[: self.trade.seekers.ends[0]]

    def lose(self, kept=0.0):
        self.retailers.audience[:] = kept
        return self


@pytest.mark.parametrize("seek", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("way", ["account", "arrest", "exit"])
def test_some_of_the_friends_lost_seek_another_seller(way, seek):
    """With a lost account those who do not follow, with an exit all, seek with the same chance."""
    of = Searching(motive__seek=seek)
    before = int(of.friends().sum())
    if way == "account":
        of.lose(0.4).days(1)
    else:
        of.retailers.state[:] = State.ARRESTED if way == "arrest" else State.LEFT
        of.bought_before(0.3).days(1)
        assert not of.friends().any() or seek == 0.0
        assert (of.trade.friends.customers == 0).all() or seek == 0.0
    lost = before - int(of.friends().sum())
    assert lost == of.count(TradeCounter.FRIENDS_LOST).sum()
    assert (lost > 0) == (way == "account" or seek > 0.0)
    assert stats.binomtest(of.seekers().size, max(lost, 1), seek * (lost > 0)).pvalue > FALSE_ALARM
    again = of.seekers().size
    of.days(5)
    assert of.seekers().size == again  # once


def test_the_list_of_seekers_is_written_over_in_turn():
    """Where there is no room the oldest give way, round the list; the number stays."""
    of = Searching(20, motive__seek=1.0, demand__buyers=1.0)
    places = of.trade.seekers.buyer.size
    friends, released = of.trade.friends, []
    for i in range(20):
        released += friends.buyer[friends.start[i] : friends.start[i] + friends.count[i]].tolist()
    of.retailers.state[:] = State.LEFT
    of.days(1)
    expected = released[:places]
    for k, buyer in enumerate(released[places:]):
        expected[k % places] = buyer
    assert len(released) > places == 20
    assert of.seekers().tolist() == expected
    assert of.trade.seekers.ends.tolist() == [places, (len(released) - places) % places]


def test_seekers_are_conserved():
    """Those released join, wait or were written over: none is lost, and none is made."""
    of = Searching(100, motive__seek=1.0, motive__recruiting=0.5, demand__friends_leave=0.0)
    of.retailers.state[:30] = State.LEFT
    of.retailers.recent[:] = 5.0
    wanted = of.trade.friends.wanted[:100]
    places, released = of.trade.seekers.buyer.size, int(of.friends()[:30].sum())
    of.trade.friends.count[30:100] = wanted[30:] // 2
    pool: list[int] = []
    for i in range(30):
        start = of.trade.friends.start[i]
        pool += of.trade.friends.buyer[start : start + of.trade.friends.count[i]].tolist()
    before = of.friends()[30:].copy()
    # of those who join some are seekers, the others are recruited from among all buyers
    joined = 0
    for _ in range(28):
        of.days(1)
        joined = int((of.friends()[30:] - before).sum())
        came_from_elsewhere = joined - (released - of.seekers().size - written_over(of))
        assert came_from_elsewhere >= 0
    assert released < places and written_over(of) == 0
    assert set(of.seekers().tolist()) <= set(pool)
    assert of.seekers().size < released and joined > 0
    rest = sorted(pool)
    for buyer in of.seekers().tolist():
        rest.remove(buyer)  # each waits once for each seller lost
    inside = np.concatenate([
        of.trade.friends.buyer[of.trade.friends.start[i] + n : of.trade.friends.start[i] + m]
        for i, n, m in zip(range(30, 100), before, of.friends()[30:], strict=True)
    ]).tolist()  # fmt: skip
    for buyer in rest:
        inside.remove(buyer)  # who left the list has joined somebody


def written_over(of: Searching) -> int:
    return int(of.trade.seekers.ends[1])


def gained(of: Searching, days=7, **doses) -> np.ndarray:
    before = of.friends().copy()
    of.days(days, **doses)
    return of.friends() - before


@pytest.mark.parametrize("share_missing", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_recruits_grow_with_what_is_missing(rate, share_missing):
    """A week brings rate x drive of the friends missing, at most all of them."""
    of = Searching(motive__recruiting=rate)
    wanted = of.trade.friends.wanted[:300]
    of.trade.friends.count[:300] = np.floor(wanted * (1.0 - share_missing))
    missing = wanted - of.friends()
    new = gained(of)
    mean = rate * missing.sum()
    assert abs(new.sum() - mean) < 5 * np.sqrt(mean)
    assert (new <= missing).all()
    assert of.retailers.recruits.tolist() == new.tolist()
    assert (of.trade.friends.customers[:300] == 0).all()
    assert abs(gained(of).sum() - mean * (1.0 - rate)) < 6 * np.sqrt(mean)  # of what is left


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.0424, 0.2])
def test_a_lost_audience_heals_at_an_observable_rate(rate):
    """Friends against those wanted: 1 - (1 - kept) (1 - rate)^weeks; without recruiting for ever.

    The half-life is observable: at the reference rate 16 weeks.
    """
    of, kept = Searching(motive__recruiting=rate), 0.16
    wanted = of.trade.friends.wanted[:300]
    of.trade.friends.count[:300] = np.floor(wanted * kept)
    for weeks in (8, 16, 32):
        of.days(7 * (weeks - of.row // 7))
        missing = (1.0 - kept) * (1.0 - rate) ** weeks
        assert of.friends().sum() / wanted.sum() == pytest.approx(1.0 - missing, abs=0.03)


@pytest.mark.parametrize(("drive", "factor"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (2.0, 1.0)])
def test_the_discouraged_recruit_less(drive, factor):
    """Drive below 1 is a factor on recruits, above 1 it is not."""
    of = Searching(motive__recruiting=0.2)
    of.trade.friends.count[:300] = 0
    of.motives.drive[:] = drive
    mean = 0.2 * factor * of.trade.friends.wanted[:300].sum()
    assert abs(gained(of).sum() - mean) <= 5 * np.sqrt(mean)


def test_recruits_stop_at_the_wanted_and_at_the_limit():
    """Without seekers no list grows beyond those wanted, nor beyond the limit of friends."""
    for limit in (5000.0, 60.0, 0.0):
        of = Searching(motive__recruiting=1.0)
        wanted = of.trade.friends.wanted[:300]
        of.trade.friends.count[:150] = 0
        before = of.friends().copy()
        of.days(90, friend_limit=limit)
        ends = np.maximum(np.minimum(wanted, int(limit)), before)
        assert (of.friends() <= ends).all()
        assert of.friends().sum() > 0.99 * ends.sum()
    assert not Searching(motive__recruiting=0.0).lose().days(30).friends().any()


@pytest.mark.parametrize(("groups", "elsewhere"), [(1.0, 1.0), (0.0, 1.0), (0.0, 0.0)])
def test_closed_places_recruit_nobody(groups, elsewhere):
    """A third each of recruits is introduced, met in groups, and met elsewhere."""
    of = Searching(motive__recruiting=0.3)
    of.trade.friends.count[:300] = 0
    mean = 0.3 * (1.0 + groups + elsewhere) / 3.0 * of.trade.friends.wanted[:300].sum()
    assert abs(gained(of, groups=groups, elsewhere=elsewhere).sum() - mean) < 5 * np.sqrt(mean)


@pytest.mark.parametrize("state", list(State))
def test_only_those_with_an_account_recruit(state):
    """The banned, those who left and those who have not come recruit nobody."""
    of = Searching(motive__recruiting=0.5)
    of.trade.friends.count[:300] = 0
    of.retailers.state[:] = state
    assert gained(of).any() == (state in (State.ACTIVE, State.LYING_LOW))


def test_recruiting_restores_the_audience():
    """A week restores rate x drive of the audience missing, and no friend is removed for it."""
    of = Searching(motive__recruiting=0.2)
    of.lose(0.5).motives.drive[:] = 0.5
    first = of.days(1).friends().sum()
    audience = of.retailers.audience.copy()
    assert set(np.round(audience, 12).tolist()) == {0.5, 0.55}
    of.days(6)
    assert of.retailers.audience == pytest.approx(0.55)
    assert (of.trade.shops.audience == of.retailers.audience).all()
    assert of.friends().sum() >= first
    assert of.count(TradeCounter.FRIENDS_LOST)[1:].sum() == 0


def test_seekers_find_those_who_post_most():
    """Beyond recruits a week brings rate x recent posts x seekers a post of all, up to the room."""
    of = Searching(motive__recruiting=0.1, motive__seek=1.0, demand__buyers=100_000.0)
    traders = of.friends()[10:]
    of.retailers.state[:10] = State.LEFT
    of.retailers.recent[:150], of.retailers.recent[150:] = 9.0, 1.0
    number = int(of.friends()[:10].sum())
    share = 9.0 * 140 / (9.0 * 140 + 150)
    first = of.days(7).friends()[10:] - of.trade.friends.wanted[10:300]
    found = number - of.seekers().size
    # a seventh of traders a day takes a tenth of its part of those who still seek
    assert 0.05 * number < found < 0.12 * number and first.sum() == found
    assert stats.binomtest(int(first[:140].sum()), found, share).pvalue > FALSE_ALARM
    assert stats.binomtest(int(first[:140].sum()), found, 140 / 290).pvalue < FALSE_ALARM
    assert traders.size == 290


def test_half_of_the_recruits_are_seekers():
    """While there are seekers every second recruit is one, else all are any buyers."""
    of = Searching(motive__recruiting=0.2, motive__seek=1.0)
    of.retailers.state[:150] = State.LEFT
    of.trade.friends.count[150:300] = 0
    waiting = int(of.friends()[:150].sum())
    of.days(7)
    recruits, found = int(of.friends()[150:].sum()), waiting - of.seekers().size
    assert recruits == of.retailers.recruits.sum() and waiting > 5 * found
    assert stats.binomtest(found, recruits, 0.5).pvalue > FALSE_ALARM
    assert stats.binomtest(found, recruits, 0.6).pvalue < FALSE_ALARM


def test_without_posts_or_rate_seekers_find_nobody():
    """Where nobody posts, and where nobody recruits, seekers go on seeking."""
    for changes, recent in (({"motive__recruiting": 0.5}, 0.0), ({"motive__recruiting": 0.0}, 9.0)):
        of = Searching(motive__seek=1.0, **changes)
        of.retailers.state[:10] = State.LEFT
        of.retailers.recent[:] = recent
        of.days(1)
        waiting = of.seekers().size
        assert waiting == of.count(TradeCounter.FRIENDS_LOST).sum() > 0
        of.days(14)
        assert of.seekers().size == waiting


def test_friends_beyond_those_wanted_are_not_replaced():
    """A list that has grown beyond the wanted shrinks to it by those who go, and no further."""
    of = Searching(demand__friends_leave=0.05, demand__trust=0.3)
    friends = of.trade.friends
    friends.count[:300] = np.diff(friends.start)[:300]
    before = of.friends().copy()
    of.days(10)
    gone = of.count(TradeCounter.FRIENDS_LOST).sum()
    come = of.count(TradeCounter.FRIENDS_ADDED).sum()
    assert abs(gone - 0.5 * before.sum()) < 300
    assert (of.friends() >= friends.wanted[:300] * 0.9).all()
    assert come < 0.6 * gone and before.sum() - of.friends().sum() == gone - come
    of.days(80)
    assert of.friends().sum() == pytest.approx(friends.wanted[:300].sum(), rel=0.02)
