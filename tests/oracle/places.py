"""Places beside Moments, and the operators who moderate them (docs/market.md 20)."""

from collections import deque

from marketsim.numerics.distributions import choose
from marketsim.numerics.elementary import log
from marketsim.numerics.rng import Purpose

from .accounts import DAYS_ON_GUARD
from .codes import Channel, Measure, Operator, Place, Site
from .fear import whole_power

PLATFORMS = (Site.PUBLIC, Site.SOCIAL, Site.WEBSITES)
STRIKES_THAT_CLOSE = 5
DESKS_OF = {Operator.PORTALS: 3, Operator.WEBSITES: 4}
RACES = {
    Site.PUBLIC: Purpose.SWEPT_PUBLIC,
    Site.SOCIAL: Purpose.SWEPT_SOCIAL,
    Site.WEBSITES: Purpose.SWEPT_WEBSITES,
}


class Moderated:
    """The side of a trader that has accounts in other places."""

    def open_accounts(self) -> None:
        """Begin without an account anywhere; who operates other social media is drawn."""
        u = self.model.draw_once(Purpose.SOCIAL_ACCOUNT, self.number)
        self.portal = int(u >= self.model.rules.institutions.qq)
        self.has = [0] * len(Site)
        self.strikes = [0] * len(Site)
        self.barred_until = [0] * len(Site)
        self.waits = [0] * len(Site)  # has a case at the desk

    def is_barred(self, site: Site) -> bool:
        return self.barred_until[site] > self.model.today

    def operator_of(self, site: Site) -> Operator:
        if site == Site.WEBSITES:
            return Operator.WEBSITES
        return Operator.PORTALS if site == Site.SOCIAL and self.portal else Operator.TENCENT

    def desk_of(self, site: Site) -> int:
        """Return the number of the desk that decides on the account."""
        return DESKS_OF.get(self.operator_of(site), int(site))

    def platform_weights(self) -> tuple[float, ...]:
        """Return how the platforms elsewhere attract posts; none go where the trader is barred."""
        demand = self.model.rules.demand
        weights = (demand.to_public, demand.to_social, demand.to_websites)
        return tuple(
            0.0 if self.is_barred(site) else weight
            for site, weight in zip(PLATFORMS, weights, strict=True)
        )

    def platform_today(self) -> Site:
        """Return where the trader's posts elsewhere stand today."""
        weights = self.platform_weights()
        if not any(weights):
            return Site.SOCIAL
        draws = self.model.draws(Purpose.PLATFORM, self.number)
        return PLATFORMS[choose(draws, (*weights, 0.0))]

    def open_share(self) -> float:
        """Return the share of places elsewhere, by their weights, that are open to the trader."""
        demand, still_open = self.model.rules.demand, 0.0
        total = 0.0 + demand.to_public + demand.to_social + demand.to_websites
        if total <= 0.0 or not any(self.is_barred(site) for site in PLATFORMS):
            return 1.0
        for weight in self.platform_weights():
            still_open += weight
        return still_open / total

    # sanctions

    def be_sanctioned(self, site: Site) -> None:
        """Take a strike at a place, or lose the account there."""
        rules = self.model.rules
        moderation = rules.moderation
        self.strikes[site] += 1
        if self.strikes[site] >= STRIKES_THAT_CLOSE:
            self.lose_account(site)
            return
        length = moderation.mute_days
        if self.strikes[site] == 3:
            length = moderation.limit_days
        elif self.strikes[site] == 4:
            length = moderation.suspend_days
        self._be_barred(site, length)

    def lose_account(self, site: Site) -> None:
        """Have the account closed, as with a fifth strike."""
        self.has[site] = self.strikes[site] = 0
        self._be_barred(site, 7.0 * self.model.rules.institutions.reopen)
        self.model.counts.count_measure(Measure.ELSEWHERE_CLOSED, site.channel)

    def _be_barred(self, site: Site, length: float) -> None:
        """Feel a sanction, and be kept out for some time."""
        model = self.model
        self.loss = max(self.loss, model.rules.perception.deletion)
        self.guarded_until = model.today + 1 + DAYS_ON_GUARD
        until = model.today + 1 + int(length)
        self.barred_until[site] = max(self.barred_until[site], until)
        model.counts.count_measure(Measure.ELSEWHERE_SANCTIONED, site.channel)
        model.operators.sanctioned[self.operator_of(site)].add(self)


class Operators:
    """Tencent, portals and websites: five desks, what they sweep and what they share."""

    def __init__(self, model):
        self.model = model
        self.desks: list[deque] = [deque() for _ in range(5)]
        self.sanctioned: dict[Operator, set] = {}

    @property
    def _closed_today(self) -> dict[Site, int]:
        levers = self.model.levers
        numbers = levers.closed_public, levers.closed_social, levers.closed_websites
        return dict(zip(PLATFORMS, numbers, strict=True))

    @property
    def _idle(self) -> bool:
        """Return whether nobody moderates, sweeps or shares anything today."""
        model = self.model
        works = model.rules.institutions.staff > 0.0 or model.levers.pooling > 0.0
        return not works and not any(self._closed_today.values())

    def moderate(self) -> None:
        """Flag posts, decide cases, and sweep (steps 1 to 3)."""
        self.sanctioned = {operator: set() for operator in Operator}
        if self._idle:
            return
        self._flag()
        self._decide()
        for site, number in self._closed_today.items():
            self._sweep(site, number)

    # flags (step 1)

    def _flag(self) -> None:
        flagged: dict[Site, list] = {site: [] for site in Site}
        for trader in self.model.traders:
            if trader.in_trade:
                for site, posts in self._posts(trader):
                    trader.has[site] = 1
                    if self._is_flagged(trader, site, posts):
                        flagged[site].append(trader)
        for site in Site:
            for trader in self._in_turn(site, flagged[site]):
                trader.waits[site] = 1
                self.desks[trader.desk_of(site)].append(trader)

    def _posts(self, trader):
        """Yield where the trader has posted today, beside Moments, and how much."""
        if trader.posted_groups > 0:
            yield Site.GROUPS, trader.posted_groups
        if trader.posted_elsewhere > 0:
            yield trader.platform_today(), trader.posted_elsewhere

    def _is_flagged(self, trader, site: Site, posts: int) -> bool:
        model, rules, levers = self.model, self.model.rules, self.model.levers
        institutions, moderation = rules.institutions, rules.moderation
        if institutions.staff <= 0.0 or trader.waits[site]:
            return False
        known, in_groups = 0.0, site == Site.GROUPS
        if not in_groups:
            recall = getattr(levers, f"recall_{trader.operator_of(site).name.lower()}")
            shown = 1.0 - (rules.motive.evade if trader.guarded else 0.0)
            known = min(1.0, institutions.recall * recall) * shown
        reports = moderation.report_rate * levers.reports * moderation.outsiders
        reported = min(1.0, reports * (institutions.reports_groups if in_groups else 1.0))
        missed = (1.0 - known) * (1.0 - reported)
        u = model.draws(Purpose.FLAGGED_ELSEWHERE, trader.number)[site]
        return u >= whole_power(missed, posts)

    def _in_turn(self, site: Site, traders: list) -> list:
        def turn(trader):
            lanes = self.model.draws(Purpose.ELSEWHERE_TURN, trader.number)
            return lanes[site], trader.number

        return sorted(traders, key=turn)

    # decisions (step 2)

    def _decide(self) -> None:
        levers = self.model.levers
        tencent = levers.decided_tencent
        capacities = tencent, tencent, tencent, levers.decided_portals, levers.decided_websites
        sites = Site.GROUPS, Site.PUBLIC, Site.SOCIAL, Site.SOCIAL, Site.WEBSITES
        for desk, site, capacity in zip(self.desks, sites, capacities, strict=True):
            for _ in range(min(capacity, len(desk))):
                self._review(desk.popleft(), site)

    def _review(self, trader, site: Site) -> None:
        model = self.model
        trader.waits[site] = 0
        if trader.in_trade and trader.has[site]:
            u = model.draws(Purpose.ELSEWHERE_REVIEW, trader.number)[site]
            if u < model.rules.moderation.upheld:
                trader.be_sanctioned(site)

    # sweeps (step 3)

    def _sweep(self, site: Site, number: int) -> None:
        model, times = self.model, []
        for trader in model.traders if number > 0 else ():
            if trader.in_trade and trader.has[site]:
                time = -log(model.draw(RACES[site], trader.number))
                times.append((time, trader.number, trader))
        times.sort(key=lambda one: one[:2])
        for _, _, trader in times[:number]:
            trader.lose_account(site)

    # what operators share (step 5)

    def pool(self) -> None:
        """Open cases with operators who hear of the sanctions of others."""
        model, levers = self.model, self.model.levers
        if levers.pooling <= 0.0:
            return
        for trader in model.traders:
            if trader.sanction > 0.0:
                self.sanctioned[Operator.TENCENT].add(trader)
        members = [one for one in Operator if one.name.lower() in levers.pooled]
        told: dict[Operator, list] = {operator: [] for operator in members}
        for trader in model.traders:
            if not trader.in_trade:
                continue
            lanes = model.draws(Purpose.POOLED, trader.number)
            acted = [one for one in members if trader in self.sanctioned[one]]
            for operator in members:
                hears = bool(acted) and operator not in acted
                if hears and lanes[operator] < levers.pooling and self._can_open(operator, trader):
                    told[operator].append((lanes[operator], trader.number, trader))
        for operator in members:
            for _, _, trader in sorted(told[operator], key=lambda one: one[:2]):
                self._open(operator, trader)

    def _can_open(self, operator: Operator, trader) -> bool:
        """Return whether there is an account about which a case can be opened."""
        if operator == Operator.TENCENT:
            return trader.has_account and trader.case_open == Place.NONE
        site = Site.SOCIAL if operator == Operator.PORTALS else Site.WEBSITES
        there = trader.operator_of(site) == operator
        return bool(there and trader.has[site] and not trader.waits[site])

    def _open(self, operator: Operator, trader) -> None:
        channel = Channel.MOMENTS
        if operator == Operator.TENCENT:
            trader.case_open = Place.OPEN
            self.model.moderators.queue.append(trader)
        else:
            site = Site.SOCIAL if operator == Operator.PORTALS else Site.WEBSITES
            trader.waits[site] = 1
            self.desks[trader.desk_of(site)].append(trader)
            channel = site.channel
        self.model.counts.count_measure(Measure.CASES_SHARED, channel)
