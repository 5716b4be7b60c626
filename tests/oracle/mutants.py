"""``python -m oracle.mutants`` in tests/: one mistake at a time in the kernels, and who notices.

Each mutant is one change of the source: a comparison turned, a sign, a day off by one, a constant,
two arguments swapped, a call dropped. It lives the random markets of `cases` without the compiler
(which gives the same bits); it is killed where any picture of any day differs from that of the
engine as it is, to which the oracle is equal. Prints a table; with ``--survivors FILE`` writes the
mutants that nothing noticed.

The other way round, `MISREAD` are passages of the text that could be read wrongly: an oracle that
misreads one must part from the engine.
"""

import argparse
import ast
import copy
import hashlib
import json
import os
import random
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import spec_from_loader
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "marketsim" / "model"
ORACLE = Path(__file__).parent
FILES = (
    *sorted(f"kernels/{path.name}" for path in (PACKAGE / "kernels").glob("[a-z]*.py")),
    *("buyers.py", "dealers.py", "ledger.py", "market.py", "pricing.py"),
)
TURNED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq}
TURNED |= {ast.NotEq: ast.Eq}
SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
TIMEOUT = 600  # seconds; a mutant that takes so long is stuck, and noticed


def _replace(before: str, after: str) -> Callable[[str], str]:
    """Return an edit of one passage of a source."""

    def edit(source: str) -> str:
        assert source.count(before) == 1, before
        return source.replace(before, after)

    return edit


def _fade_last(source: str) -> str:
    """Let what traders remember of their own fade after the day's decisions, not before."""
    decides = "            _reconsider(i, loss, params.motive, ties, motives)\n"
    late = """
    remaining = _remaining(params.motive)
    for i in range(start, stop):
        for outlet in range(OWN_OUTLETS):
            motives.gain[i, outlet] *= remaining
            motives.posted[i, outlet] *= remaining
        motives.jail[i] *= remaining
        retailers.recruits[i] *= remaining
"""
    for edit in (
        _replace("    remaining = _remaining(params.motive)\n", "    remaining = 1.0\n"),
        _replace("    if row < REFERENCE_ROWS:\n        return\n", ""),
        _replace("if (row + i) % WEEK", "if row >= REFERENCE_ROWS and (row + i) % WEEK"),
        _replace(decides, decides + late),
    ):
        source = edit(source)
    return source


# errors that somebody could make: file and edit; each is noticed in market `cases.LEARNING`
NAMED: dict[str, tuple[str, Callable[[str], str]]] = {
    "experience of ties does not count": (
        "kernels/expected_returns.py",
        _replace("if motive.heed > 0.0 and norm > 0.0:", "if False:"),
    ),
    "blocked posts do not count as posted": (
        "kernels/expected_returns.py",
        _replace("made += counters.blocked[i] + counters.backup[i]", "made += counters.backup[i]"),
    ),
    "memory fades after decisions": ("kernels/expected_returns.py", _fade_last),
    "refunds do not come from the trader": (
        "kernels/delivery.py",
        _replace(
            "move(books, Item.MONEY, holder, books.start[Account.INCOME], fen)",
            "move(books, Item.MONEY, books.start[Account.OWNERS], "
            "books.start[Account.INCOME], fen)",
        ),
    ),
}

# passages of docs/market.md 4, 5, 7, 10 and 17 and of docs/model.md 6 that somebody could misread:
# file of the oracle and edit; each is noticed in market `cases.LOOKING_AHEAD`
MISREAD: dict[str, tuple[str, Callable[[str], str]]] = {
    "index is not divided out of average costs": (
        "dealers.py",
        _replace("price / self.model.prices.index[product]", "price"),
    ),
    "average cost of raw ivory moves by what is paid": (
        "dealers.py",
        _replace("self.reckon_cost(Item.RAW, mass, reference)",
                 "self.reckon_cost(Item.RAW, mass, paid)"),
    ),
    "all of a worked product's price moves with raw ivory": (
        "prices.py",
        _replace("(costs[product] - wage) / costs[product]", "1.0"),
    ),
    "the cost of a deal is the average cost": (
        "trade.py",
        _replace("fen(trader.replacement_cost(self.product), mass)",
                 "fen(trader.own_cost(self.product), mass)"),
    ),
    "bids are held against the average cost": (
        "trade.py",
        _replace("max(self.trader.replacement_cost(self.product), second)",
                 "max(self.trader.own_cost(self.product), second)"),
    ),
    "the trend is read before it is updated": (
        "prices.py",
        _replace("        self._follow_trend()\n        self._expect()\n",
                 "        self._expect()\n        self._follow_trend()\n"),
    ),
    "offers of today count, not those of the eve": (
        "market.py",
        _replace("        self.prices.update()\n        self.supply()\n",
                 "        self.supply()\n        self.prices.update()\n"),
    ),
    "offers are what comes, not what is to be expected": (
        "dealers.py",
        _replace("hear_of_offers(mean, seized)", "hear_of_offers(float(events("
                 "model.draw(Purpose.SHIPMENTS, self.number), mean)), seized)"),
    ),
    "what is seized at the border is offered as well": (
        "prices.py",
        _replace(" * (1.0 - seized)", ""),
    ),
    "suppliers that are closed are offered ivory": (
        "market.py",
        _replace("            if not supplier.closed:\n                supplier.ship",
                 "            if supplier.closed:\n"
                 "                self.prices.hear_of_offers(self.rules.supply.shipments, seized)\n"
                 "            else:\n                supplier.ship"),
    ),
    "sales are what is delivered": ("prices.py", _replace("Tally.AGREED", "Tally.DELIVERED")),
    "legal sales count as well": (
        "prices.py",
        _replace("for channel in Channel)", "for channel in Channel)\n"
                 "        sold += self.model.yesterday.trade[Tally.LEGAL_SOLD]"),
    ),
    "the gap knows nothing of what holders expect": (
        "prices.py",
        _replace("self.holding * self.sold", "self.sold"),
    ),
    "rest is taken from all rows on": (
        "prices.py",
        _replace("range(28, 56)", "range(28, 400)"),
    ),
    "the level moves every day": ("prices.py", _replace("self.model.row % 7 == 0", "True")),
    "stocks wanted by traders who order do not follow what they expect": (
        "shops.py",
        _replace("min(self.full_stock * worth_it", "min(self.model.rules.retail.cover"
                 " * self.pace * worth_it"),
    ),
    "posts follow the stock that is wanted now": (
        "shops.py",
        _replace("self.stock, retail.cover * self.pace", "self.stock, self.full_stock"),
    ),
    "processors buy raw ivory whatever they expect": (
        "dealers.py",
        _replace("wanted = cover * total", "wanted = workshop.cover * total"),
    ),
    "suppliers have room for the stock of always": (
        "dealers.py",
        _replace("room = (supply.cover * model.prices.holding) *", "room = supply.cover *"),
    ),
    "a piece that is laundered leaves its card": (
        "legal.py",
        _replace("if leaves >= legal.reuse:", "if leaves >= legal.reuse and processor is None:"),
    ),
    "a piece is laundered without a spare card": (
        "legal.py",
        _replace("if not processors or not self.has_spare_card:", "if not processors:"),
    ),
    "who finds less than a piece leaves with nothing": (
        "legal.py",
        _replace("if mass == 0:", "if mass < int(model.pieces[product] * 1000.0):"),
    ),
    "shops without stock are open": (
        "trade.py",
        _replace("levers.legal if model.legal.stock > 0 else 0.0", "levers.legal"),
    ),
    "processors that are closed launder what has leaked to them": (
        "legal.py",
        _replace("None if one.closed or one.held", "None if one.held"),
    ),
    "a processor opens for laundering on the eve": (
        "legal.py",
        _replace("one.closed or", "one.closed_until > self.model.today + 1 or"),
    ),
    "stock leaks before it is bought out": (
        "legal.py",
        _replace("        self._be_bought_out()\n        self._leak()\n",
                 "        self._leak()\n        self._be_bought_out()\n"),
    ),
    "what cannot be shared by workshops leaks as well": (
        "legal.py",
        _replace("        for processor in processors:\n            for product",
                 "        self.stock -= sum(one % len(processors) for one in leaked.values())\n"
                 "        for processor in processors:\n            for product"),
    ),
    "outlooks of two announcements are added like shares": (
        "scenario.py",
        _replace('day.outlook += self.dose("credibility", 0.0) * self.number("outlook", -0.5)',
                 'day.add("outlook", self.dose("credibility", 0.0) '
                 '* self.number("outlook", -0.5))'),
    ),
    "an announcement is believed in full": (
        "scenario.py",
        _replace('self.dose("credibility", 0.0) * self.number("outlook", -0.5)',
                 'self.number("outlook", -0.5)'),
    ),
}  # fmt: skip


def _both(*edits: Callable[[str], str]) -> Callable[[str], str]:
    """Return several edits as one."""

    def edit(source: str) -> str:
        for one in edits:
            source = one(source)
        return source

    return edit


# the same of docs/market.md 18 and of what refers to it in sections 3, 9, 10 and 11; each is
# noticed in market `cases.WANTING`, or else in `cases.LONG`
MISREAD_OF_BUYERS: dict[str, tuple[str, Callable[[str], str]]] = {
    "satiety is read after the purchase, not before": (
        "buyers.py",
        _replace("        if self.tires:\n",
                 "        self.bought = self.model.row\n        if self.tires:\n"),
    ),
    "investors tire": ("buyers.py", _replace(" and self.segment != Segment.INVESTOR", "")),
    "investors who do not tire are not noted as having bought": (
        "buyers.py",
        _replace("        self.bought = self.model.row\n",
                 "            self.bought = self.model.row\n"),
    ),
    "collectors tire for as long as others": (
        "buyers.py",
        _replace("7.0 * (weeks / 4.0) if", "7.0 * weeks if"),
    ),
    "the half-life of satiety is in days": (
        "buyers.py",
        _replace("else 7.0 * weeks", "else weeks"),
    ),
    "nobody is sated before the run": (
        "buyers.py",
        _replace("before, days = self._at_rest(), self.model.row", "before, days = 0.0, 0"),
    ),
    "satiety of before the run does not fade": (
        "buyers.py",
        _replace("before, days = self._at_rest(), self.model.row",
                 "before, days = self._at_rest(), 0"),
    ),
    "all have the same budget": (
        "buyers.py",
        _replace("self.model.rules.buyers.budget * self._character()[0]",
                 "self.model.rules.buyers.budget"),
    ),
    "a purchase at rest may sate more than wholly": (
        "buyers.py",
        _replace("min(usual.spent[product] / self._budget, 1.0)",
                 "usual.spent[product] / self._budget"),
    ),
    "all products sate at rest, whatever they cost": (
        "buyers.py",
        _replace("if self.standing >= usual.limit[product]:", "if True:"),
    ),
    "satiety is kept as a double": (
        "buyers.py",
        _replace("self.sated = single(min(self.satiety() + more, 1.0))",
                 "self.sated = min(self.satiety() + more, 1.0)"),
    ),
    "satiety knows no end": (
        "buyers.py",
        _replace("single(min(self.satiety() + more, 1.0))", "single(self.satiety() + more)"),
    ),
    "travellers are drawn before investors": (
        "buyers.py",
        _replace("if u < shares.collector + shares.investor:\n            return Segment.INVESTOR",
                 "if u < shares.collector + shares.traveller:\n"
                 "            return Segment.TRAVELLER"),
    ),
    "stalls do not count among deals at rest": (
        "start.py",
        _replace("deals += seller.stall * visits * rest.at_stall()", "pass"),
    ),
    "newcomers count among sellers at rest": (
        "start.py",
        _replace("self.model.traders[: self.model.founders]", "self.model.traders"),
    ),
    "agents do not count among sellers at rest": (
        "start.py",
        _replace("founders + self.model.resale_agents", "founders"),
    ),
    "collectors feel the stigma": (
        "trade.py",
        _replace("Segment.COLLECTOR: level *", "Segment.COLLECTOR: shamed *"),
    ),
    "investors feel the stigma": (
        "trade.py",
        _replace("Segment.INVESTOR: level *", "Segment.INVESTOR: shamed *"),
    ),
    "travellers feel no stigma": (
        "trade.py",
        _replace("Segment.TRAVELLER: shamed *", "Segment.TRAVELLER: level *"),
    ),
    "collectors hope as investors do": (
        "trade.py",
        _replace("levers.demand_collector,", "levers.demand_collector * hoped,"),
    ),
    "investors hope for no more than holders of stocks": (
        "trade.py",
        _replace("hoped = exp(rules.prices.speculation * model.prices.expected)",
                 "hoped = model.prices.holding"),
    ),
    "a substitute lowers what ivory is worth by the surplus": (
        "trade.py",
        _replace("max(one, 0.0) / worth", "max(one, 0.0) * (2.0 - worth)"),
    ),
    "all who find ivory too dear have a substitute": (
        "trade.py",
        _replace("if self.worth * (1.0 + self.model.levers.substitutes) >= self.price:",
                 "if self.model.levers.substitutes > 0.0:"),
    ),
    "substitutes of two programmes are added like shares": (
        "scenario.py",
        _replace('day.substitutes += self.dose("surplus", 0.0) * force',
                 'day.add("substitutes", self.dose("surplus", 0.0), force)'),
    ),
    "a campaign on some segments reaches all": (
        "scenario.py",
        _replace('if segments == "all":', "if True:"),
    ),
    "a campaign on some segments does not reach legal shops": (
        "legal.py",
        _replace("levers.demand * mean_of_segments(model)", "levers.demand"),
    ),
    "a campaign on some segments does not reach those whom shops lose": (
        "trade.py",
        _replace("(mean_of_segments(model) - gone)", "(1.0 - gone)"),
    ),
    "travellers abroad ask at stalls as well": (
        "trade.py",
        _replace("(mean_of_segments(model) - gone)", "mean_of_segments(model)"),
    ),
    "all travellers have gone abroad, not the share of them": (
        "trade.py",
        _replace("gone = away * (rules", "gone = (away > 0.0) * (rules"),
    ),
    "travellers buy abroad only once all shops are closed": (
        "trade.py",
        _replace("levers.abroad if open_share < 1.0", "levers.abroad if open_share <= 0.0"),
    ),
    "travellers buy abroad as soon as some shops are closed": (
        "trade.py",
        _replace("self.abroad = away * (1.0 - open_share)", "self.abroad = away"),
    ),
    "all buy abroad": (
        "trade.py",
        _replace("self.buyer.segment == Segment.TRAVELLER and ", ""),
    ),
    "who is not interested buys abroad": (
        "trade.py",
        _replace("not self._interested() or self._goes_elsewhere()",
                 "self._goes_elsewhere() or not self._interested()"),
    ),
    "what is bought abroad sates": (
        "trade.py",
        _replace("            self.model.counts.count(Tally.BOUGHT_ABROAD)\n",
                 "            self.model.counts.count(Tally.BOUGHT_ABROAD)\n"
                 "            self.buyer.have_bought(100000)\n"),
    ),
    "nobody in groups buys abroad": (
        "trade.py",
        _replace("abroad < self.conditions.abroad:",
                 "abroad < self.conditions.abroad and self.channel != Channel.GROUPS:"),
    ),
    "who asked is sated, not who leads": (
        "trade.py",
        _both(
            _replace("        self.worth = self._worth_to(self.buyer)\n",
                     "        self.worth, self.asker = self._worth_to(self.buyer), self.buyer\n"),
            _replace("self.buyer.have_bought(paid)", "self.asker.have_bought(paid)"),
        ),
    ),
    "bidders who are sated bid less": (
        "trade.py",
        _replace("bid = self._worth_to(buyer)",
                 "bid = self._worth_to(buyer) * (1.0 - buyer.satiety())"),
    ),
    "buyers compare in groups": (
        "trade.py",
        _replace("self.channel != Channel.GROUPS and compares", "compares"),
    ),
    "buyers compare labels whatever the quality": (
        "trade.py",
        _replace("if label * mine[self.product] < self.price * its[self.product]:",
                 "if label < self.price:"),
    ),
    "buyers multiply labels by their own quality": (
        "trade.py",
        _replace("if label * mine[self.product] < self.price * its[self.product]:",
                 "if label * its[self.product] < self.price * mine[self.product]:"),
    ),
    "an agent's label is compared without the agent's part": (
        "trade.py",
        _replace("< self.price * its", "< self._asked_by(self.trader) * its"),
    ),
    "labels at stalls are compared without the premium": (
        "trade.py",
        _replace("label, mine, its = self._asked_by(other),",
                 "label, mine, its = other.asked(self.product),"),
    ),
    "another trader is certainly looked at": (
        "trade.py",
        _replace("if self._offered_by(trader)]",
                 "if trader is not self.trader and self._offered_by(trader)]"),
    ),
    "traders who have backup posts alone do not offer": (
        "trade.py",
        _replace("            return moments > 0\n", "            return trader.moments > 0\n"),
    ),
    "buyers compare with traders of the same platform": (
        "trade.py",
        _replace("elsewhere > 0\n",
                 "(elsewhere > 0 and platform_of(trader)[0] == self.channel)\n"),
    ),
    "an inquiry is passed on to a trader without the product": (
        "trade.py",
        _replace("if other is self.trader or other.held[self.product] == 0:",
                 "if other is self.trader:"),
    ),
    "who buys from another becomes a friend of the seller who was asked": (
        "delivery.py",
        _replace("self.trader, self.seller = deal.trader, deal.seller",
                 "self.trader, self.seller = deal.trader, deal.asked"),
    ),
    "an agent's deal that was passed on is a resale": (
        "trade.py",
        _replace("        if self.seller is not self.trader:\n            counts",
                 "        if self.asked is not self.trader:\n            counts"),
    ),
    "the friend of the seller who was asked is a friend of the other": (
        "trade.py",
        _replace("self.price, self.place = label, None", "self.price = label"),
    ),
    "the label of the other is recorded": (
        "trade.py",
        _replace("            self.model.counts.count(Tally.PASSED_ON)\n",
                 "            self.model.counts.count(Tally.PASSED_ON)\n"
                 "            self.model.counts.count_price(self.product, Stage.ADVERTISED, "
                 "self.channel, label)\n"),
    ),
    "draws know an inquiry by the seller to whom it was passed on": (
        "trade.py",
        _replace("self.seller = self.trader = other",
                 "self.seller = self.trader = self.asked = other"),
    ),
    "draws know a parcel by the seller who sent it": (
        "delivery.py",
        _replace("self.asked = deal.asked", "self.asked = deal.seller"),
    ),
    "what is heard of parcels keeps buyers from stalls": (
        "trade.py",
        _replace("        if not self.at_stall:\n            chance *= ",
                 "        if True:\n            chance *= "),
    ),
    "parcels are heard of a day late": (
        "hearsay.py",
        _both(
            _replace("        fading = ",
                     "        self.eve = self.arrived / max(self.settled, 1e-300)\n"
                     "        fading = "),
            _replace("now = self.arrived / self.settled", "now = self.eve"),
        ),
    ),
    "parcels of today are heard of before the day's inquiries": (
        "market.py",
        _replace("        self.trade()\n        self.legal.live()\n        deliver(self)\n",
                 "        deliver(self)\n        self.trade()\n        self.legal.live()\n"),
    ),
    "buyers remember what they hear of the first weeks fading": (
        "hearsay.py",
        _replace("self.first_arrived += arrived",
                 "self.first_arrived = self.first_arrived * fading + arrived"),
    ),
    "more parcels than in the first weeks draw buyers": (
        "hearsay.py",
        _replace("return min(now / (self.first_arrived / self.first_settled), 1.0)",
                 "return now / (self.first_arrived / self.first_settled)"),
    ),
    "what is heard is the share that arrives, not how it compares": (
        "hearsay.py",
        _replace("now / (self.first_arrived / self.first_settled)", "now"),
    ),
    "hearsay counts from the first day": (
        "hearsay.py",
        _replace("        if self.model.row < FIRST_ROWS:\n            return 1.0\n", ""),
    ),
    "buyers of the whole run count as those of twelve months": (
        "market.py",
        _replace("one.bought >= 0 and one.bought > self.row - 365", "one.bought >= 0"),
    ),
    "buyers of twelve months are those of 366 days": (
        "market.py",
        _replace("one.bought > self.row - 365", "one.bought >= self.row - 365"),
    ),
}  # fmt: skip
# the same of docs/market.md 20 and 21 and of what refers to them; each is noticed in one of the
# first two markets from `cases.INSTITUTIONS` on
MISREAD_OF_INSTITUTIONS: dict[str, tuple[str, Callable[[str], str]]] = {
    "noise does not dilute": (
        "levers.py",
        _replace("(1.0 + noise) / (1.0 + noise * day.reports)", "1.0"),
    ),
    "groups are detected, too": (
        "places.py",
        _replace("        if not in_groups:\n", "        if True:\n"),
    ),
    "who has a case that waits is flagged again": (
        "places.py",
        _replace(" or trader.waits[site]:\n            return", ":\n            return"),
    ),
    "a guarded trader is as well known elsewhere": (
        "places.py",
        _replace("rules.motive.evade if trader.guarded else 0.0", "0.0"),
    ),
    "many posts are flagged no sooner than one": (
        "places.py",
        _replace("whole_power(missed, posts)", "whole_power(missed, 1)"),
    ),
    "all other social media are those of Tencent": (
        "places.py",
        _replace("site == Site.SOCIAL and self.portal", "False"),
    ),
    "desks of Tencent share their capacity": (
        "places.py",
        _replace("capacities = tencent, tencent, tencent,", "capacities = tencent, 0, 0,"),
    ),
    "who has no account any more is sanctioned": (
        "places.py",
        _replace("if trader.in_trade and trader.has[site]:\n            u =",
                 "if trader.in_trade:\n            u ="),
    ),
    "strikes remain where an account is closed": (
        "places.py",
        _replace("self.has[site] = self.strikes[site] = 0", "self.has[site] = 0"),
    ),
    "the fifth strike bars for good": (
        "places.py",
        _replace("7.0 * self.model.rules.institutions.reopen", "3650.0"),
    ),
    "whoever is swept feels nothing": (
        "places.py",
        _replace("            trader.lose_account(site)\n",
                 "            loss = trader.loss\n            trader.lose_account(site)\n"
                 "            trader.loss = loss\n"),
    ),
    "sanctions of a desk make nobody guarded": (
        "places.py",
        _replace("        self.guarded_until = model.today + 1 + DAYS_ON_GUARD\n", ""),
    ),
    "posts that are barred elsewhere go to other places there": (
        "posting.py",
        _replace(" * self.open_share()", ""),
    ),
    "who is barred from groups posts there": (
        "posting.py",
        _replace("        to_groups = to_groups and not self.is_barred(Site.GROUPS)\n", ""),
    ),
    "posts go to platforms that bar the trader": (
        "places.py",
        _replace("0.0 if self.is_barred(site) else weight", "weight"),
    ),
    "removed posts in Moments are nothing to share": (
        "places.py",
        _replace("if trader.sanction > 0.0:", "if trader.sanction == 1.0:"),
    ),
    "operators outside the agreement tell and are told": (
        "places.py",
        _replace("[one for one in Operator if one.name.lower() in levers.pooled]",
                 "list(Operator)"),
    ),
    "what is shared comes in the order of ids": (
        "places.py",
        _replace("in sorted(told[operator], key=lambda one: one[:2]):", "in told[operator]:"),
    ),
    "sweeps are nothing to share": (
        "places.py",
        _replace("            trader.lose_account(site)\n",
                 "            acted = self.sanctioned[trader.operator_of(site)]\n"
                 "            before = trader in acted\n            trader.lose_account(site)\n"
                 "            if not before:\n                acted.discard(trader)\n"),
    ),
    "the unit that filed last has the case": (
        "police.py",
        _replace("            self.filed.append(trader)\n            self.unit_of[trader] = unit\n",
                 "            self.filed.append(trader)\n        self.unit_of[trader] = unit\n"),
    ),
    "raids after an arrest count for nobody": (
        "police.py",
        _replace("        if unit is not None:\n", "        if False:\n"),
    ),
    "hours are moved from those of the start each time": (
        "units.py",
        _replace("[share * effort for share, effort in", "[share for share, effort in"),
    ),
    "finds are kept from month to month": (
        "units.py",
        _replace("        self.found = [0.0] * len(Unit)\n\n    def _move_hours",
                 "\n    def _move_hours"),
    ),
    "a unit may lose all its hours": ("units.py", _replace("max(part, LEAST_PART)", "part")),
    "the surcharge does not follow effort at the border": (
        "market.py",
        _replace("        seized = self.units.at_effort(seized, Unit.BORDER)\n"
                 "        extra = max(1.0 - supply.seized, 0.01) / max(1.0 - seized, 0.01)\n",
                 "        extra = max(1.0 - supply.seized, 0.01) / max(1.0 - seized, 0.01)\n"
                 "        seized = self.units.at_effort(seized, Unit.BORDER)\n"),
    ),
    "parcels are opened at the same effort": (
        "delivery.py",
        _replace("model.units.at_effort(delivery.intercepted, Unit.PARCELS)",
                 "delivery.intercepted"),
    ),
    "inspections are the same at any effort": (
        "police.py",
        _replace(" * effort[Unit.MARKETS]", ""),
    ),
    "referrals are the same at any effort": (
        "police.py",
        _replace(" * effort[Unit.ONLINE]", ""),
    ),
    "police know of parcels that are not traced": (
        "delivery.py",
        _replace("            self.trader.moved += self.mass\n", "            pass\n"
                 "        self.trader.moved += self.mass\n        if traced:\n"),
    ),
    "an arrest says nothing of sources": (
        "police.py",
        _replace("            trader.processor.moved += worked\n", "            pass\n"),
    ),
    "police choose by what is known of all, not by the mean": (
        "police.py",
        _replace("hub * trader.moved * number / total", "hub * trader.moved / total"),
    ),
    "the source raided is the one known for most": (
        "police.py",
        _replace("running > lanes[lane] * total:",
                 "total > 0.0 and dealer.moved == max(one.moved for one in dealers "
                 "if not one.closed):"),
    ),
    "supplier and processor are raided by one draw": (
        "police.py",
        _replace("trader.supplier, model.suppliers, 3)", "trader.supplier, model.suppliers, 2)"),
    ),
    "undercover purchases come after the day's other cases": (
        "police.py",
        _replace("        for n in range(self.model.levers.purchases):\n"
                 "            self._sting(n)\n        self._open_cases()\n",
                 "        self._open_cases()\n"
                 "        for n in range(self.model.levers.purchases):\n"
                 "            self._sting(n)\n"),
    ),
    "a case that waits gets no evidence": (
        "police.py",
        _replace("        self.file_case(trader, Unit.ONLINE)\n        self.evidence.add(trader)\n",
                 "        if not self.knows(trader):\n            self.evidence.add(trader)\n"
                 "        self.file_case(trader, Unit.ONLINE)\n"),
    ),
    "traders who are afraid sell to police": (
        "police.py",
        _replace(" or served < rules.institutions.vetting * fear:", ":"),
    ),
    "a stranger is vetted by all that a trader fears": (
        "trade.py",
        _replace("self.trader.risk - rules.perception.residual", "self.trader.risk"),
    ),
    "strangers at stalls are vetted": (
        "trade.py",
        _replace("if self.place is not None or self.at_stall:", "if self.place is not None:"),
    ),
    "arrests are as public as the more public of two": (
        "fear.py",
        _replace("1.0 - (1.0 - model.levers.arrest_news) * "
                 "(1.0 - model.rules.institutions.publicity)",
                 "max(model.levers.arrest_news, model.rules.institutions.publicity)"),
    ),
}  # fmt: skip


# the same for docs/market.md 19 and 20.4; each is noticed in one of the markets `cases.OF_DEALERS`
MISREAD_OF_SHORT_DRAWS: dict[str, tuple[str, Callable[[str], str]]] = {
    "bits are counted from the lowest": (
        "shorts.py",
        _replace('f"{int(word):064b}"', 'f"{int(word):064b}"[::-1]'),
    ),
    "the words of the first two posts are the other way round": (
        "shorts.py",
        _replace("[2 + j]", "[3 - j]"),
    ),
    "later posts are counted from the first": (
        "shorts.py",
        _replace("(j - 2) // 4)[(j - 2) % 4]", "j // 4)[j % 4]"),
    ),
    "all short draws have 12 bits": ("shorts.py", _replace('"PLACE": 16', '"PLACE": 12')),
    "flags come before deletions": (
        "shorts.py",
        _replace('"DELETION": 12, "FLAG": 12', '"FLAG": 12, "DELETION": 12'),
    ),
    "pictures are those of the other draw": (
        "posting.py",
        _replace('one_of("PICTURES"', 'one_of("LOOK"'),
    ),
}

MISREAD_OF_DEALERS: dict[str, tuple[str, Callable[[str], str]]] = {
    "sizes are not relative to their mean": (
        "dealers.py",
        _replace("        dealer.size /= total / float(len(dealers))\n", "        pass\n"),
    ),
    "large suppliers are not offered more": (
        "dealers.py",
        _replace("            mean *= self.size\n", ""),
    ),
    "large suppliers expect no more sales": (
        "making.py",
        _replace("float(len(model.suppliers)) * supplier.size", "float(len(model.suppliers))"),
    ),
    "large processors have no more hands": (
        "dealers.py",
        _replace("workshop.top_grade_share * self.size,", "workshop.top_grade_share,"),
    ),
    "large processors have no more machines": (
        "dealers.py",
        _replace("self.machines * self.size)", "self.machines)"),
    ),
    "usual sources are drawn evenly": (
        "dealers.py",
        _replace("        running += dealer.size\n", "        running += total / len(dealers)\n"),
    ),
    "processors do not look at prices": (
        "dealers.py",
        _replace("            runners(model, [one for one in self._known() if not one.closed]),\n",
                 "            [(one, float(one.goods)) for one in self._known() if not one.closed],"
                 "\n"),
    ),
    "the price of a processor is that of carved ivory": (
        "dealers.py",
        _replace("            total += self.price(product)\n        return total\n",
                 "            total = self.price(product)\n        return total\n"),
    ),
    "who looks around does not look at the usual source": (
        "shops.py",
        _replace("for one in named if not one.closed",
                 "for one in named if one is not usual and not one.closed"),
    ),
    "who is found by looking around does not stay the source": (
        "shops.py",
        _replace("runners(self.model, seen)), True", "runners(self.model, seen)), loyal"),
    ),
    "who is found in place of a closed source does not stay the source": (
        "shops.py",
        _replace("runners(self.model, seen)), True", "runners(self.model, seen)), not loyal"),
    ),
    "one draw decides on both sources": (
        "shops.py",
        _replace("return raw < loyalty, worked < loyalty", "return raw < loyalty, raw < loyalty"),
    ),
    "traders without other sources remember them": (
        "shops.py",
        _replace("return self.model.rules.upstream.loyalty < 1.0", "return True"),
    ),
    "dealers are found as soon as their account is back": (
        "dealers.py",
        _replace("self.banned_until + UNKNOWN_DAYS <= self.model.today", "not self.banned"),
    ),
    "dealers are found a day later": (
        "dealers.py",
        _replace("self.banned_until + UNKNOWN_DAYS <= self.model.today",
                 "self.banned_until + UNKNOWN_DAYS < self.model.today"),
    ),
    "a usual source that cannot be found does not serve": (
        "shops.py",
        _replace("if loyal and not usual.closed",
                 "if loyal and usual.can_be_found and not usual.closed"),
    ),
    "the usual source is found though its account is banned": (
        "shops.py",
        _replace("if not one.closed and one.can_be_found]",
                 "if not one.closed and (one.can_be_found or one is usual)]"),
    ),
    "processors do not find suppliers whose account is banned": (
        "dealers.py",
        _replace("for one in self._known() if not one.closed]",
                 "for one in self._known() if not one.closed and one.can_be_found]"),
    ),
    "dealers post though their account is banned": (
        "dealers.py",
        _replace("if not self.closed and not self.banned and", "if not self.closed and"),
    ),
    "dealers post what they held in the morning": (
        "market.py",
        _both(
            _replace("        update_upstream(self)\n", ""),
            _replace("        self.supply()\n        self.work()\n",
                     "        update_upstream(self)\n        self.supply()\n"
                     "        self.work()\n"),
        ),
    ),
    "agents are judged by deals of those below as well": (
        "trade.py",
        _replace("            books.move(Item.MONEY, paid, agent, above)\n",
                 "            books.move(Item.MONEY, paid, agent, above)\n"
                 "            agent.last_deal = self.model.row\n"),
    ),
    "agents leave on the 91st day without a deal": (
        "upstream.py",
        _replace("agent.last_deal > MOST_DAYS_IDLE", "agent.last_deal >= MOST_DAYS_IDLE"),
    ),
    "an agent whose agent is gone keeps the tier": (
        "upstream.py",
        _replace("        agent.upstream = None\n        agent.tier = 1\n",
                 "        agent.upstream = None\n"),
    ),
    "an agent whose agent is gone does not choose before the next time": (
        "upstream.py",
        _replace("        agent.tier = 1\n    if agent.upstream is None:\n",
                 "        agent.tier = 1\n    elif agent.upstream is None:\n"),
    ),
    "an agent counts among the agents of the present trader": (
        "upstream.py",
        _replace(" and one is not agent for", " for"),
    ),
    "agents who are gone count": (
        "upstream.py",
        _replace("one.active and one.retailer is trader", "one.retailer is trader"),
    ),
    "agents of agents do not count": (
        "upstream.py",
        _replace("one.active and one.retailer is trader",
                 "one.active and one.tier == 1 and one.retailer is trader"),
    ),
    "agents of an agent stay with the trader": (
        "upstream.py",
        _replace("        if agent in one.chain():\n", "        if one is agent:\n"),
    ),
    "agents of an agent who are gone stay with the trader": (
        "upstream.py",
        _replace("        if agent in one.chain():\n",
                 "        if one.active and agent in one.chain():\n"),
    ),
    "agents choose by the posts of today": (
        "upstream.py",
        _replace("trader.recent * trader.drive", "trader.moments * trader.drive"),
    ),
    "agents do not see what posts pay": (
        "upstream.py",
        _replace("trader.recent * trader.drive", "trader.recent"),
    ),
    "agents choose among seven": ("upstream.py", _replace("CANDIDATES = 8", "CANDIDATES = 7")),
    "agents choose among founders": (
        "upstream.py",
        _replace("int(which * len(model.traders))", "int(which * model.founders)"),
    ),
    "friends of agents who are gone stay": (
        "sellers.py",
        _replace("            self.lose_all_friends()\n        if self.retailer",
                 "            pass\n        if self.retailer"),
    ),
    "friends of agents who are gone do not seek": (
        "sellers.py",
        _replace("            self.lose_all_friends()\n        if self.retailer",
                 "            while self.friends:\n"
                 "                self.strike_off(len(self.friends) - 1)\n"
                 "        if self.retailer"),
    ),
    "a trader recruits somebody at any drive": (
        "upstream.py",
        _replace("    if trader.drive <= 1.0:\n        return\n", ""),
    ),
    "recruits keep the tier that they had": (
        "upstream.py",
        _replace("agent.active, agent.tier = True, 1", "agent.active = True"),
    ),
    "recruits have sold when they last did": (
        "upstream.py",
        _replace("    agent.last_deal = model.row\n", ""),
    ),
    "agents below somebody whose account is banned forward": (
        "sellers.py",
        _replace("all(one.active and not one.banned for one in self.chain())",
                 "not self.banned and all(one.active for one in self.chain())"),
    ),
    "an agent whose account is banned keeps all friends": (
        "upstream.py",
        _replace("        agent.lose_friends(accounts.kept_cold)\n", ""),
    ),
    "dealers are back after as long as an agent": (
        "upstream.py",
        _replace("_ban(model, dealer, 1)", "_ban(model, dealer, 0)"),
    ),
    "draws know the friends of an agent by its plain number": (
        "seekers.py",
        _replace("model.draw(Purpose.SEEKS, seller.key,",
                 "model.draw(Purpose.SEEKS, seller.number,"),
    ),
}  # fmt: skip


def sites(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str]]:
    """Yield every place where a mistake can be made: node, kind of mistake, and where."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in (inner for line in function.body for inner in ast.walk(line)):
            for kind in _kinds(node):
                yield node, kind, f"{function.name}:{getattr(node, 'lineno', 0)}"


def _kinds(node: ast.AST) -> list[str]:
    """Return the mistakes that can be made at a node."""
    kinds = []
    if isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
        kinds.append("comparison turned")
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in SIGNS:
        kinds.append("sign")
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        kinds.append("constant")
    if isinstance(node, ast.BoolOp):
        kinds.append("and, or")
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        kinds.append("call dropped")
    if isinstance(node, ast.Call):
        names = [arg.id for arg in node.args if isinstance(arg, ast.Name)]
        if "day" in names:
            kinds.append("day off by one")
        if len(names) == len(node.args) >= 2 and names[-1] != names[-2]:
            kinds.append("arguments swapped")
        if isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
            kinds.append("min, max")
    return kinds


def mutate(node: ast.AST, kind: str) -> None:
    """Make a mistake at a node, in place."""
    if kind == "comparison turned":
        node.ops[0] = TURNED[type(node.ops[0])]()
    elif kind == "sign":
        node.op = SIGNS[type(node.op)]()
    elif kind == "constant":
        node.value = node.value + 1
    elif kind == "and, or":
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif kind == "call dropped":
        node.value = ast.Constant(None)
    elif kind == "day off by one":
        place = next(k for k, arg in enumerate(node.args) if getattr(arg, "id", "") == "day")
        node.args[place] = ast.BinOp(node.args[place], ast.Add(), ast.Constant(1))
    elif kind == "arguments swapped":
        node.args[-1], node.args[-2] = node.args[-2], node.args[-1]
    else:
        node.func.id = "max" if node.func.id == "min" else "min"


def chosen(number: int, seed: int) -> list[tuple[str, int]]:
    """Return so many mutants, evenly over files: file and place in the order of `sites`."""
    draw = random.Random(seed)
    trees = {name: ast.parse((PACKAGE / name).read_text(encoding="utf-8")) for name in FILES}
    left = {name: list(range(sum(1 for _ in sites(tree)))) for name, tree in trees.items()}
    out: list[tuple[str, int]] = []
    while len(out) < number and any(left.values()):
        for name in [name for name in FILES if left[name]][: number - len(out)]:
            out.append((name, left[name].pop(draw.randrange(len(left[name])))))
    return out


def mutant(name: str, place: int) -> tuple[str, str, str]:
    """Return the source of a mutant, the kind of its mistake and what was changed."""
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    node, kind, where = list(sites(tree))[place]
    before = ast.unparse(copy.deepcopy(node))
    mutate(node, kind)
    return ast.unparse(tree), kind, f"{where}  {before}  ->  {ast.unparse(node)}"


# ---------------------------------------------------------------- one mutant in its own process


def fingerprints(number: int) -> Iterator[str]:
    """Yield a hash of what a market is in the evening of each day, then of its survey."""
    from marketsim.model import market, observer
    from oracle import cases, pictures

    of = cases.settings_of(number)
    world = market.initialize(of, of.seed)
    for row in range(world.series.risk.size):
        market.advance(world, row, row + 1)
        yield _hash(pictures.of_engine(world, row))
    seen = (world.contacts, world.retailers.kind, world.survey_log, world.trade.observed_prices)
    yield _hash(pictures.of_survey(observer.observe(of.seed, world.first_day, *seen)))


def _hash(picture: dict) -> str:
    return hashlib.sha256(repr(sorted(picture.items())).encode()).hexdigest()[:16]


def named_mutant(error: str) -> tuple[str, str]:
    """Return the file and the source of a mutant by the name of its error."""
    name, edit = NAMED[error]
    return name, edit((PACKAGE / name).read_text(encoding="utf-8"))


def live_as_mutant(name: str, source: str, known: dict[str, list[str]]) -> str:
    """Return where this process, with one module changed, first differs from what is known."""
    full = "marketsim.model." + name.removesuffix(".py").replace("/", ".")
    with _another_source(full, PACKAGE / name, source):
        for number, wanted in known.items():
            try:
                rows = enumerate(zip(fingerprints(int(number)), wanted, strict=True))
                for row, (one, other) in rows:
                    if one != other:
                        return f"market {number}, row {row}"
            except Exception as fault:  # any: it is noticed
                return f"market {number}, {type(fault).__name__}"
    return ""


@contextmanager
def _another_source(full: str, path: Path, source: str) -> Iterator[None]:
    """Let a module that has not been imported be made of another source."""

    class Finder:
        @staticmethod
        def find_spec(wanted: str, *_: object) -> object:
            return spec_from_loader(wanted, Loader(), origin=str(path)) if wanted == full else None

    class Loader:
        @staticmethod
        def create_module(spec: object) -> None:
            return None

        @staticmethod
        def exec_module(module: types.ModuleType) -> None:
            module.__file__ = str(path)
            exec(compile(source, str(path), "exec"), vars(module))

    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def misread_market(error: str) -> type:
    """Return the market of an oracle, made anew, that misreads a passage of the text."""
    misread = MISREAD | MISREAD_OF_BUYERS | MISREAD_OF_DEALERS | MISREAD_OF_INSTITUTIONS
    misread |= MISREAD_OF_SHORT_DRAWS
    name, edit = misread[error]
    alias, path = "oracle_misread", ORACLE / name
    for module in [one for one in sys.modules if one.split(".")[0] == alias]:
        del sys.modules[module]
    package = types.ModuleType(alias)
    package.__path__ = [str(ORACLE)]
    sys.modules[alias] = package
    source = edit(path.read_text(encoding="utf-8"))
    with _another_source(f"{alias}.{path.stem}", path, source):
        return import_module(f"{alias}.market").Market


def main() -> None:
    """Make mutants and count who is noticed."""
    words = argparse.ArgumentParser(prog="python -m oracle.mutants", description=__doc__)
    words.add_argument("--number", type=int, default=200)
    words.add_argument("--seed", type=int, default=2015)
    words.add_argument("--markets", type=int, default=74)
    words.add_argument("--survivors", type=Path)
    words.add_argument("--live", nargs=2, help=argparse.SUPPRESS)
    asked = words.parse_args()
    order = sorted(range(asked.markets), key=lambda n: (n % 6 == 0, n % 6))  # small ones first
    if asked.live:
        known = json.loads(sys.stdin.read())
        if asked.live[0] == "as it is":
            print(json.dumps({n: list(fingerprints(n)) for n in order}))
        else:
            name, place = asked.live
            named = name in NAMED
            file, source = named_mutant(name) if named else (name, mutant(name, int(place))[0])
            print(live_as_mutant(file, source, known))
        return
    known = json.loads(run(asked.markets, "as it is", 0, "{}"))
    survivors, killed = [], 0
    for name, place in tqdm(chosen(asked.number, asked.seed)):
        _, kind, change = mutant(name, place)
        told = run(asked.markets, name, place, json.dumps(known))
        killed += bool(told)
        if not told:
            survivors.append(f"{name} {place} {kind}: {change}")
        tqdm.write(f"{name} | {kind} | {change} | {told or 'SURVIVES'}")
    print(f"{killed} of {asked.number} killed; surviving:", *survivors, sep="\n")
    if asked.survivors:
        asked.survivors.write_text("\n".join(survivors) + "\n", encoding="utf-8")


def run(markets: int, name: str, place: int, known: str) -> str:
    """Return what a process without the compiler says, or that it did not end."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    words = ["--markets", str(markets), "--live", name, str(place)]
    try:
        return subprocess.run(
            [sys.executable, "-m", "oracle.mutants", *words],
            env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path},
            input=known,
            capture_output=True,
            text=True,
            check=True,
            timeout=None if name == "as it is" else TIMEOUT,
        ).stdout.strip()
    except subprocess.TimeoutExpired:
        return "does not end"
    except subprocess.CalledProcessError as fault:
        if name == "as it is":
            raise RuntimeError(fault.stderr) from fault
        return "is not Python that runs"


if __name__ == "__main__":
    main()
