"""Random markets on which both models must agree, each a function of its number alone."""

import datetime as dt
import random

from marketsim.model.scenario.interventions import KINDS
from marketsim.model.scenario.timeline import compile_levers
from marketsim.parameters import presets
from marketsim.parameters.priors import STRUCTURES
from marketsim.parameters.settings import (
    FULL,
    POSTING_ONLY,
    WITHOUT_TRADE,
    Settings,
    check,
    declared,
)

FIRST = dt.date(2015, 3, 6)
DAYS = 148
SIZES = (1, 4, 12, 25, 40, 60)
# so that a small market has some of everything, and plain Python an end in sight
USUAL = {
    "supply.suppliers": 80.0,
    "workshop.processors": 120.0,
    "resale.agents": 400.0,
    "demand.buyers": 20.0,
    "demand.friends": 30.0,
    "demand.inquiries_per_post": 0.002,
    "police.capacity": 2.0,
    "police.referred": 0.3,
    "police.inspected": 0.01,
    "police.upstream": 0.5,
    "police.supplier": 0.5,
    "police.downstream": 0.5,
    "turnover.entry": 0.004,
    "moderation.outsiders": 0.6,
    "moderation.capacity": 60.0,
    "moderation.report_rate": 0.001,
    "moderation.suspend_days": 3.0,
    "delivery.intercepted": 0.02,
    "delivery.lost": 0.05,
    "legal.stock": 0.5,
    "institutions.staff": 20.0,
}
LARGEST = {
    "population.ties": 20.0,
    "posting.base_posts": 6.0,
    "supply.suppliers": 200.0,
    "workshop.processors": 200.0,
    "resale.agents": 800.0,
    "demand.buyers": 60.0,
    "demand.friends": 60.0,
    "demand.inquiries_per_post": 0.02,
    "demand.max_inquiries_per_day": 30.0,
    "demand.visits": 5.0,
    "demand.groups": 10.0,
    "legal.customers": 500.0,
    "legal.stock": 50.0,
    "turnover.entry": 0.02,
    "supply.shipments": 3.0,
}
KEPT = ("population.retailers", "population.platform_traders", "scenario.dose_multiplier")
SOME_OPERATORS = ("all", "tencent+portals", "websites", "portals+websites+portals")
SOME_SEGMENTS = ("all", "gift", "collector+investor", "all", "investor", "traveller+gift")
# rare corners, which take turns: each is reached by every so many of the markets
CORNERS: tuple[dict[str, float], ...] = (
    {},
    {"moderation.capacity": 2.0, "population.platform_traders": 2000.0},  # cases that turn void
    {"demand.room": 0.0, "demand.strangers": 0.8},  # lists of friends that are full
    {"demand.to_public": 0.0, "demand.to_social": 0.0, "demand.to_websites": 0.0},
    {"resale.second_tier": 0.4, "resale.third_tier": 0.4, "police.downstream": 1.0},
    {"delivery.intercepted": 0.05, "delivery.traced": 0.7, "demand.caution": 1.0},
    {"payment.escrow": 1.0, "payment.accepted": 0.6, "payment.insist": 0.5},
    {"accounts.prepare_always": 0.05, "accounts.mention": 0.8, "accounts.quit": 0.5},
    {"demand.buyers": 0.0},
    {"workshop.processors": 0.0},
    {"supply.suppliers": 0.0},
)


NO_MOTIVE = {f"motive.{key}": value for key, value in WITHOUT_TRADE["motive"].items()}
NO_PRICES = {f"prices.{key}": value for key, value in WITHOUT_TRADE["prices"].items()}
NO_UPSTREAM = {f"upstream.{key}": value for key, value in WITHOUT_TRADE["upstream"].items()}
NO_INSTITUTIONS = {
    f"institutions.{key}": value for key, value in WITHOUT_TRADE["institutions"].items()
}
ALIKE = {f"buyers.{key}": value for key, value in WITHOUT_TRADE["buyers"].items()}
# all interventions that came with motives, after a time in which traders learn
ALL_AT_ONCE: dict[str, dict] = {
    "block": {"kind": "moderation_effort", "start": "2015-03-20", "images": 0.3, "preblock": 0.3,
              "auto": 0.3},
    "limit": {"kind": "friend_limit", "start": "2015-06-01", "friends": 8},
    "list": {"kind": "account_list", "date": "2015-05-10", "accounts": 300, "precision": 0.6},
    "list_of_police": {"kind": "account_list", "date": "2015-05-10", "accounts": 200,
                       "to": "police"},
    "pay": {"kind": "payment_block", "start": "2015-05-10", "share": 0.4, "freeze": 0.5},
    "refuse": {"kind": "parcel_refusal", "start": "2015-05-20", "share": 0.1, "ramp": 10},
    "sentence": {"kind": "sentencing", "start": "2015-05-01", "ratio": 3.0, "publicity": 0.5,
                 "ramp": 5},
    "teach": {"kind": "teaching", "date": "2015-06-10", "share": 0.3, "types": "bcd"},
}  # fmt: skip

# what holders of ivory are told, what becomes of the legal stock, and shocks to supply and demand
AHEAD: dict[str, dict] = {
    "a_ban": {"kind": "announcement", "start": "2015-04-20", "end": "2015-05-24",
              "credibility": 0.8, "outlook": -3.0},
    "a_rise": {"kind": "announcement", "start": "2015-05-18", "end": "2015-06-19",
               "credibility": 0.5, "outlook": 2.5},
    "a_rumour": {"kind": "announcement", "start": "2015-05-20", "credibility": 0.3},
    "buy_out": {"kind": "legal_stock", "date": "2015-05-11", "bought": 0.3},
    "buy_out_more": {"kind": "legal_stock", "date": "2015-06-02", "bought": 0.2, "leaked": 0.3},
    "close": {"kind": "closure", "start": "2015-07-10", "share": 0.7, "ramp": 5},
    "leak": {"kind": "legal_stock", "date": "2015-05-25", "leaked": 0.4},
    "raid": {"kind": "raids", "date": "2015-05-12", "share": 0.5},
    "want_less": {"kind": "campaign", "start": "2015-06-25", "willingness": 0.3},
}  # fmt: skip
FAST = {"prices.adjust": 0.6, "prices.speculation": 1.5, "prices.extrapolate": 1.0}
BUSY_SHOPS = {"legal.customers": 300.0, "legal.reuse": 0.9, "legal.rush": 2.0, "legal.stock": 1.0}

# all that moves one segment of buyers or another, once parcels are seized and shops close
WANTED: dict[str, dict] = {
    "announce": {"kind": "announcement", "start": "2015-04-20", "end": "2015-06-20",
                 "credibility": 0.6, "outlook": -1.5},
    "be_abroad": {"kind": "buying_abroad", "start": "2015-05-25", "share": 0.7, "ramp": 20},
    "be_abroad_too": {"kind": "buying_abroad", "start": "2015-06-20", "share": 0.3},
    "close": {"kind": "closure", "start": "2015-05-20", "share": 1.0, "ramp": 30},
    "grow": {"kind": "legal_supply", "start": "2015-03-20", "end": "2015-04-10", "growth": 1.5},
    "praise": {"kind": "campaign", "start": "2015-03-25", "end": "2015-06-30",
               "segments": "traveller+collector", "willingness": 1.6, "ramp": 10},
    "seize": {"kind": "police_effort", "start": "2015-04-25", "end": "2015-06-25",
              "couriers": 0.7, "ramp": 4},
    "shame": {"kind": "campaign", "start": "2015-04-05", "segments": "gift", "willingness": 0.6},
    "shame_all": {"kind": "campaign", "start": "2015-07-05", "willingness": 0.7},
    "swap": {"kind": "substitutes", "start": "2015-05-01", "end": "2015-07-10", "surplus": 0.4,
             "ramp": 15},
    "swap_more": {"kind": "substitutes", "start": "2015-06-15", "surplus": 0.3},
    "warn": {"kind": "campaign", "start": "2015-06-05", "segments": "investor+gift+investor",
             "willingness": 0.8},
}  # fmt: skip
MANY_OFFERS = {"population.platform_traders": 2000.0, "demand.inquiries_per_post": 0.03,
               "retail.stall": 0.5, "demand.visits": 2.0, "demand.public": 9.0,
               "demand.social": 9.0, "demand.websites": 9.0, "legal.customers": 300.0,
               "legal.stock": 20.0,
               "legal.stigma": 0.6, "legal.switch_to_illegal": 0.05, "delivery.complaint": 0.2,
               "payment.escrow": 0.6, "payment.accepted": 0.5}  # fmt: skip
TORN = {"buyers.collector": 0.3, "buyers.investor": 0.2, "buyers.traveller": 0.3,
        "buyers.tires": 2.0, "buyers.budget": 500.0, "buyers.compare": 0.9,
        "buyers.mouth": 1.0}  # fmt: skip


# markets made for rules that chance hardly reaches: size, parameters, interventions, multiplier
Pointed = tuple[int, dict[str, float | str], dict[str, dict], float]
POINTED: tuple[Pointed, ...] = (
    # backups that fall with their account, on the ladder and in sweeps
    (40, {"accounts.prepare_always": 0.05, "accounts.mention": 0.5, "moderation.capacity": 200.0,
          "population.platform_traders": 2000.0},
     {"link": {"kind": "moderation_effort", "start": "2015-04-01", "linking": 0.5, "reports": 20.0},
      "take": {"kind": "sweep", "date": "2015-05-05", "accounts": 300}}, 1.0),
    # two sweeps on one day with leans apart, which take some of the traders
    (60, {"population.platform_traders": 2000.0, "posting.base_posts": 3.0},
     {"a": {"kind": "sweep", "date": "2015-04-20", "accounts": 150, "lean": 0.0},
      "b": {"kind": "sweep", "date": "2015-04-20", "accounts": 250, "lean": 1.0},
      "c": {"kind": "sweep", "date": "2015-06-20", "posts": 300, "lean": 0.9, "types": "bd"}}, 1.0),
    # what is traced of parcels and payments, with many of both
    (40, {"delivery.intercepted": 0.05, "delivery.traced": 0.1, "delivery.false_names": 0.2,
          "payment.escrow": 1.0, "payment.accepted": 0.9, "police.escrow_trace": 0.02,
          "demand.inquiries_per_post": 0.01, "delivery.complaint": 0.3},
     {"seek": {"kind": "police_effort", "start": "2015-04-01", "traces": 0.3, "couriers": 0.2,
               "names": 0.5, "police": 3.0}}, 1.0),
    # more dealers than a buyer knows
    (90, {"supply.suppliers": 1000.0, "workshop.processors": 1000.0, "retail.restock_days": 2.0,
          "supply.shipments": 0.2, "police.capacity": 20.0, "police.arrest": 1.0,
          "police.upstream": 1.0, "police.supplier": 1.0},
     {"lose": {"kind": "machines", "date": "2015-05-20", "share": 0.5}}, 1.0),
    # a dose multiplier, a longer run, raids on days with cases, and no demand at all
    (30, {"police.capacity": 30.0, "police.arrest": 1.0, "police.supplier": 1.0,
          "police.upstream": 1.0, "supply.suppliers": 200.0, "legal.stock": 20.0},
     {"z": {"kind": "moderation_effort", "start": "2015-04-01", "reports": 5.0, "images": 0.2,
            "ramp": 9.0},
      "y": {"kind": "raids", "date": "2015-05-12", "share": 0.6},
      "x": {"kind": "campaign", "start": "2015-06-01", "willingness": 1.4},
      "w": {"kind": "legal_supply", "start": "2015-05-01", "growth": 4.0},
      "v": {"kind": "announcement", "start": "2015-05-01", "end": "2015-06-14",
            "credibility": 0.6, "outlook": 1.0},
      "u": {"kind": "legal_stock", "date": "2015-06-01", "bought": 0.4, "leaked": 0.5}}, 0.7),
    # tiers of agents who are taken, and friends who go on coming and going
    (25, {"resale.agents": 900.0, "resale.second_tier": 0.5, "resale.third_tier": 0.4,
          "police.capacity": 40.0, "police.arrest": 1.0, "police.downstream": 1.0,
          "demand.friends_leave": 0.02, "resale.forwarded": 1.0, "demand.inquiries_per_post": 0.01},
     {"look": {"kind": "police_effort", "start": "2015-03-20", "police": 10.0}}, 1.0),
    # what traders learn of the trade, of losses and of arrests
    (24, {"population.platform_traders": 2000.0, "delivery.lost": 0.2, "police.capacity": 3.0,
          "police.arrest": 1.0, "demand.inquiries_per_post": 0.03}, ALL_AT_ONCE, 1.0),
    # the same among traders who learn nothing
    (24, {"population.platform_traders": 2000.0, "delivery.lost": 0.2, "police.capacity": 3.0,
          "police.arrest": 1.0, "demand.inquiries_per_post": 0.03} | NO_MOTIVE, ALL_AT_ONCE, 1.0),
    # prices that look ahead, and shops whose stock is bought out, leaks and ends
    (30, {"population.platform_traders": 2000.0, "supply.suppliers": 200.0,
          "demand.inquiries_per_post": 0.02, "retail.stall": 0.5, "workshop.processors": 230.0,
          "police.capacity": 20.0, "police.arrest": 1.0, "police.upstream": 1.0,
          "police.closed_days": 10.0, "turnover.entry": 0.02}
     | BUSY_SHOPS | FAST | {"legal.stock": 2.5}, AHEAD, 1.0),
    # the same where holders expect nothing
    (30, {"population.platform_traders": 2000.0, "supply.suppliers": 200.0,
          "demand.inquiries_per_post": 0.02} | BUSY_SHOPS | NO_PRICES, AHEAD, 1.0),
    # demand falls to almost nothing, and the level to its lowest
    (25, {"population.platform_traders": 2000.0, "supply.suppliers": 300.0,
          "supply.shipments": 0.4, "supply.elasticity": 0.2, "demand.inquiries_per_post": 0.02,
          "prices.adjust": 1.0, "prices.speculation": 3.0, "prices.extrapolate": 1.5} | ALIKE,
     {"a_fall": {"kind": "announcement", "start": "2015-07-01", "end": "2015-07-19",
                 "credibility": 1.0, "outlook": -2.0},
      "a_rise": {"kind": "announcement", "start": "2015-03-10", "end": "2015-04-30",
                 "credibility": 0.4, "outlook": 3.0},
      "want_nothing": {"kind": "campaign", "start": "2015-05-05", "willingness": 0.1}}, 1.0),
    # without workshops nothing leaks, and cards that are left behind serve nobody; suppliers are
    # closed for so long that the level rises to its highest
    (25, {"population.platform_traders": 2000.0, "workshop.processors": 0.0,
          "supply.suppliers": 300.0, "supply.shipments": 0.05, "prices.adjust": 1.0,
          "police.closed_days": 80.0}
     | BUSY_SHOPS | {"legal.stock": 4.0},
     {"a_rise": {"kind": "announcement", "start": "2015-05-06", "end": "2015-07-30",
                 "credibility": 1.0, "outlook": 3.0},
      "leak": {"kind": "legal_stock", "date": "2015-05-25", "bought": 0.5, "leaked": 0.8},
      "raid": {"kind": "raids", "date": "2015-05-06", "share": 1.0}}, 1.0),
)  # fmt: skip
# the same for what buyers do
OF_BUYERS: tuple[Pointed, ...] = (
    # all that moves segments, among buyers who tire soon, compare and hear of parcels
    (24, MANY_OFFERS | TORN | FAST, WANTED, 1.0),
    # the same among buyers who are all alike
    (24, MANY_OFFERS | ALIKE, WANTED, 1.0),
    # the same with travellers alone, at other doses
    (16, MANY_OFFERS | TORN | {"buyers.collector": 0.0, "buyers.investor": 0.0,
                               "buyers.traveller": 1.0}, WANTED, 0.6),
    # collectors alone who never tire and always compare; agents whose buyers leave them
    (30, MANY_OFFERS | TORN | {"buyers.collector": 1.0, "buyers.investor": 0.0,
                               "buyers.traveller": 0.0, "buyers.tires": 0.0,
                               "buyers.compare": 1.0, "resale.agents": 900.0,
                               "resale.forwarded": 1.0, "resale.second_tier": 0.4,
                               "resale.third_tier": 0.3, "police.downstream": 1.0},
     {"swap": WANTED["swap"], "pay": ALL_AT_ONCE["pay"], "refuse": ALL_AT_ONCE["refuse"]}, 1.0),
    # few buyers who are soon sated for long, and shops that end, not by order
    (20, MANY_OFFERS | TORN | {"buyers.tires": 400.0, "buyers.budget": 1.0, "demand.buyers": 3.0,
                               "legal.stock": 0.4, "demand.groups": 8.0},
     {"be_abroad": {"kind": "buying_abroad", "start": "2015-04-01", "share": 0.5},
      "grow": {"kind": "legal_supply", "start": "2015-03-20", "growth": 1.5}}, 1.0),
    # buyers who are hardly sated, for a day or so; no parcel arrives for some weeks
    (20, MANY_OFFERS | TORN | {"buyers.tires": 0.2, "buyers.budget": 1e6, "buyers.mouth": 0.9,
                               "motive.refund": 0.6},
     {"seize": {"kind": "police_effort", "start": "2015-05-05", "end": "2015-06-25",
                "couriers": 1.0}}, 1.0),
    # more than a year, after which who bought early on counts no more
    (8, MANY_OFFERS | TORN | {"buyers.tires": 30.0, "scenario.until": "2016-07-20"},
     {"shame": {"kind": "campaign", "start": "2015-12-01", "segments": "gift+collector",
                "willingness": 0.3}}, 1.0),
)  # fmt: skip
# sources that are raided and banned, agents who are taken and banned, posts that pay more
UPSET: dict[str, dict] = {
    "ban_agents": {"kind": "account_sweep", "date": "2015-05-02", "accounts": 400,
                   "target": "agents", "publicity": 0.1},
    "ban_agents_more": {"kind": "account_sweep", "date": "2015-06-24", "accounts": 500,
                        "target": "agents"},
    "ban_dealers": {"kind": "account_sweep", "date": "2015-04-15", "accounts": 250,
                    "target": "dealers"},
    "ban_dealers_more": {"kind": "account_sweep", "date": "2015-04-15", "accounts": 150,
                         "target": "dealers"},
    "ban_dealers_late": {"kind": "account_sweep", "date": "2015-06-20", "accounts": 500,
                         "target": "dealers"},
    "raid": {"kind": "raids", "date": "2015-04-08", "share": 0.4},
    "raid_late": {"kind": "raids", "date": "2015-06-20", "share": 0.4},
    "take": {"kind": "sweep", "date": "2015-04-20", "accounts": 200},
    "teach": {"kind": "teaching", "date": "2015-05-12", "share": 0.3, "types": "abcd"},
    "want_more": {"kind": "campaign", "start": "2015-05-05", "willingness": 2.0},
}  # fmt: skip
HUBS = {"upstream.spread": 1.5, "upstream.loyalty": 0.3, "upstream.price_sense": 3.0,
        "upstream.posts": 1.0, "upstream.recruit": 0.1}  # fmt: skip
MANY_AGENTS = {"population.platform_traders": 2000.0, "resale.agents": 900.0,
               "resale.second_tier": 0.4, "resale.third_tier": 0.3, "resale.forwarded": 0.6,
               "supply.suppliers": 250.0, "workshop.processors": 250.0, "police.capacity": 4.0,
               "police.arrest": 0.6, "police.upstream": 0.8, "police.supplier": 0.8,
               "police.downstream": 1.0, "police.closed_days": 12.0,
               "demand.inquiries_per_post": 0.006, "demand.visits": 1.0,
               "accounts.return_days": 14.0, "turnover.entry": 0.01,
               "retail.restock_days": 3.0}  # fmt: skip
# the same for dealers and agents (docs/market.md 19 and 20.4)
OF_DEALERS: tuple[Pointed, ...] = (
    # all that happens to them, among traders who look for other sources
    (28, MANY_AGENTS | HUBS | NO_INSTITUTIONS, UPSET, 1.0),
    # the same where dealers are alike, traders keep their sources and agents stay
    (28, MANY_AGENTS | NO_UPSTREAM | NO_INSTITUTIONS, UPSET, 1.0),
    # traders who always look around, whatever the price; no buyer looks for another seller
    (20, MANY_AGENTS | HUBS | {"upstream.loyalty": 0.0, "upstream.price_sense": 0.0,
                               "upstream.spread": 2.0, "motive.seek": 0.0,
                               "resale.agents": 1200.0}, UPSET, 0.6),
    # traders who keep the usual source, but for one that is raided; more dealers than they know
    (70, MANY_AGENTS | HUBS | {"upstream.loyalty": 0.95, "upstream.price_sense": 5.0,
                               "upstream.posts": 10.0, "supply.suppliers": 1000.0,
                               "workshop.processors": 1000.0, "supply.shipments": 0.2,
                               "resale.agents": 200.0, "demand.inquiries_per_post": 0.002,
                               "retail.restock_days": 7.0, "demand.visits": 0.4,
                               "demand.buyers": 10.0},
     UPSET | {"lose": {"kind": "machines", "date": "2015-05-20", "share": 0.5}}, 1.0),
    # agents who find nobody whose posts they could forward, and are replaced by others
    (6, MANY_AGENTS | HUBS | {"resale.agents": 3000.0, "turnover.entry": 0.02,
                              "posting.silent_share": 0.6, "posting.silent_days": 30.0},
     {"teach": {"kind": "teaching", "date": "2015-03-30", "share": 0.9, "types": "abcd"},
      "want_more": {"kind": "campaign", "start": "2015-05-05", "willingness": 2.0}}, 1.0),
)  # fmt: skip
# operators who sweep and share, and police who choose, buy undercover and move hours
MODERATED: dict[str, dict] = {
    "share_some": {"kind": "information_sharing", "start": "2015-03-25", "end": "2015-05-10",
                   "share": 0.7, "operators": "tencent+websites", "ramp": 3},
    "share_with_all": {"kind": "information_sharing", "start": "2015-05-11", "share": 0.8},
    "staff": {"kind": "place_effort", "start": "2015-04-20", "end": "2015-07-01", "staff": 2.0,
              "recall": 1.5, "operators": "portals+websites", "ramp": 10},
    "staff_of_tencent": {"kind": "place_effort", "start": "2015-06-01", "staff": 0.4,
                         "recall": 3.0, "operators": "tencent"},
    "sweep_public": {"kind": "account_sweep", "date": "2015-04-28", "accounts": 400,
                     "publicity": 0.2},
    "sweep_social": {"kind": "account_sweep", "date": "2015-05-20", "accounts": 500,
                     "target": "social"},
    "sweep_social_more": {"kind": "account_sweep", "date": "2015-05-20", "accounts": 200,
                          "target": "social"},
    "sweep_websites": {"kind": "account_sweep", "date": "2015-06-10", "accounts": 600,
                       "target": "websites"},
    "sweep_agents": {"kind": "account_sweep", "date": "2015-06-10", "accounts": 300,
                     "target": "agents"},
    "take": {"kind": "sweep", "date": "2015-06-05", "accounts": 200, "posts": 300},
    "watch": {"kind": "moderation_effort", "start": "2015-05-15", "reports": 2.5, "ramp": 5},
}  # fmt: skip
POLICED: dict[str, dict] = {
    "choose": {"kind": "targeting", "start": "2015-03-12", "hub": 0.7},
    "choose_better": {"kind": "targeting", "start": "2015-06-20", "hub": 1.0, "ramp": 6},
    "list": {"kind": "account_list", "date": "2015-04-18", "accounts": 500, "to": "police"},
    "move": {"kind": "reallocation", "start": "2015-03-06", "end": "2015-07-20", "shift": 2.0},
    "move_more": {"kind": "reallocation", "start": "2015-05-20", "end": "2015-07-05",
                  "shift": 1.5},
    "raid": {"kind": "raids", "date": "2015-05-12", "share": 0.3},
    "seize": {"kind": "police_effort", "start": "2015-05-01", "end": "2015-06-10",
              "couriers": 0.1, "border": 1.6, "ramp": 4},
    "sentence": {"kind": "sentencing", "start": "2015-05-01", "ratio": 2.0, "publicity": 0.3},
    "sting": {"kind": "stings", "start": "2015-03-20", "purchases": 20.0, "ramp": 9},
}  # fmt: skip
DISPLACED = {"population.platform_traders": 2000.0, "posting.base_posts": 2.0,
             "displacement.moved": 0.8, "displacement.groups": 0.4,
             "displacement.elsewhere": 0.5, "perception.sensitivity": 4.0,
             "perception.residual": 0.2, "moderation.report_rate": 0.001,
             "moderation.mute_days": 3.0, "moderation.limit_days": 5.0,
             "moderation.suspend_days": 8.0, "moderation.upheld": 0.9,
             "turnover.entry": 0.01}  # fmt: skip
STRICT = {"institutions.staff": 20.0, "institutions.recall": 0.5,
          "institutions.reports_groups": 40.0, "institutions.noise": 2.0,
          "institutions.reopen": 2.0, "institutions.vetting": 0.9,
          "institutions.publicity": 0.5}  # fmt: skip
BUSY_POLICE = {"police.capacity": 30.0, "police.arrest": 0.3, "police.referred": 0.4,
               "police.inspected": 0.03, "police.upstream": 0.7, "police.supplier": 0.7,
               "police.closed_days": 12.0, "retail.stall": 0.5, "delivery.intercepted": 0.05,
               "delivery.traced": 0.5, "delivery.complaint": 0.3, "payment.escrow": 0.6,
               "police.escrow_trace": 0.05, "supply.suppliers": 160.0,
               "workshop.processors": 160.0, "demand.inquiries_per_post": 0.02,
               "turnover.entry": 0.02}  # fmt: skip
# the same for places and operators, and for units of police (docs/market.md 20 and 21)
OF_INSTITUTIONS: tuple[Pointed, ...] = (
    # operators who decide much, sweep and share what they know
    (30, DISPLACED | STRICT, MODERATED, 1.0),
    # police who choose, buy undercover and move their hours
    (40, DISPLACED | STRICT | BUSY_POLICE, POLICED, 1.0),
    # both at other doses, with desks that never are through, and other hours
    (25, DISPLACED | STRICT | BUSY_POLICE
     | {"institutions.staff": 4.0, "institutions.qq": 0.8, "institutions.evidence": 0.3,
        "institutions.hours_online": 1.0, "institutions.hours_border": 3.0,
        "moderation.outsiders": 0.2, "police.capacity": 12.0,
        "resale.forwarded": 1.0}, MODERATED | POLICED, 0.6),
    # sweeps and sharing without moderators of other places
    (25, DISPLACED | STRICT | {"institutions.staff": 0.0}, MODERATED, 1.0),
    # sweeps alone: without moderators, and nobody shares
    (20, DISPLACED | STRICT | {"institutions.staff": 0.0, "demand.to_public": 0.0},
     {name: one for name, one in MODERATED.items() if one["kind"] == "account_sweep"}, 1.0),
    # the same with nothing of institutions but what is done by order
    (25, DISPLACED | BUSY_POLICE | NO_INSTITUTIONS, MODERATED | POLICED, 1.0),
    # hours follow finds alone: nobody is chosen, and all parcels and shipments are seized at times
    (25, DISPLACED | STRICT | BUSY_POLICE | {"supply.seized": 0.4},
     {"move": {"kind": "reallocation", "start": "2015-03-06", "shift": 8.0},
      "seize": {"kind": "police_effort", "start": "2015-06-15", "end": "2015-07-05",
                "couriers": 1.0, "border": 5.0}}, 1.0),
    # more than a year of all of it, in which accounts are closed again and again
    (8, DISPLACED | STRICT | BUSY_POLICE
     | {"institutions.staff": 200.0, "institutions.recall": 1.0, "scenario.until": "2016-04-20",
        "turnover.entry": 0.02}, MODERATED | POLICED, 1.0),
)  # fmt: skip
RANDOM = 55
MADE = POINTED + OF_BUYERS + OF_DEALERS + OF_INSTITUTIONS
MARKETS = RANDOM + len(MADE)
WANTING = RANDOM + len(POINTED)  # the market with all that moves segments of buyers
LONG = WANTING + len(OF_BUYERS) - 1  # that of more than a year
UPSTREAM = WANTING + len(OF_BUYERS)  # that with all that happens to dealers and agents
INSTITUTIONS = UPSTREAM + len(OF_DEALERS)  # the first of those of places and of police units
LEARNING = RANDOM + 6  # the market with all that traders learn
LOOKING_AHEAD = RANDOM + 8  # that with prices that look ahead and a legal stock that ends


def settings_of(number: int) -> Settings:
    """Return the settings of market `number`: random up to `RANDOM`, then those of `MADE`."""
    return _random(number) if number < RANDOM else _pointed(number, MADE[number - RANDOM])


def _plain(number: int, retailers: int) -> Settings:
    """Return a small market of the calendar of 2015; structures take turns."""
    out = presets.named(scenario="baseline_2015", recovery=STRUCTURES[number % len(STRUCTURES)])
    out.posterior = "none"
    out.population.retailers = retailers
    for key, value in USUAL.items():
        _set(out, key, value)
    return out


def _pointed(number: int, about: Pointed) -> Settings:
    """Return a market made for a few rules."""
    retailers, changes, entries, dose_multiplier = about
    out = _plain(number, retailers)
    out.seed = number
    for key, value in changes.items():
        _set(out, key, value)
    out.scenario.interventions |= entries
    if dose_multiplier != 1.0:
        out.scenario.dose_multiplier, out.scenario.scaled_interventions = (
            dose_multiplier,
            sorted(entries),
        )
        out.scenario.until = "2015-10-15"
    check(out)
    return out


def _random(number: int) -> Settings:
    """Return random market `number`.

    All structures take turns; one market in eight is of posts alone, one in ten without motives,
    one in twelve without expectations of prices, one in thirteen with buyers who are all alike,
    one in fourteen with dealers who are, one in fifteen without institutions; a third of all
    parameters is moved from where it is, some to an end of its range; up to five interventions of
    any kind.
    """
    draw = random.Random(number)
    out = _plain(number, SIZES[number % len(SIZES)])
    out.seed = draw.getrandbits(62)
    out.market = POSTING_ONLY if number % 8 == 7 else FULL
    out.population.platform_traders = draw.choice([2000.0, 2000.0, 10000.0])
    keys = [
        f"{group}.{name}"
        for group in vars(out)
        if group not in ("horizon", "hours")
        and hasattr(getattr(out, group), "__dataclass_fields__")
        for name in declared(type(getattr(out, group)))
    ]
    for key in keys:
        if key not in KEPT and not key.startswith("recovery.") and draw.random() < 0.33:
            _set(out, key, _elsewhere(draw, key, out))
    if number % 9 == 4:
        out.scenario.until = "2015-09-30"
    for key, value in CORNERS[number % len(CORNERS)].items():
        _set(out, key, value)
    for key, value in NO_MOTIVE.items() if number % 10 == 6 else ():
        _set(out, key, value)
    for key, value in NO_PRICES.items() if number % 12 == 5 else ():
        _set(out, key, value)
    for key, value in ALIKE.items() if number % 13 == 8 else ():
        _set(out, key, value)
    for key, value in NO_UPSTREAM.items() if number % 14 == 3 else ():
        _set(out, key, value)
    for key, value in NO_INSTITUTIONS.items() if number % 15 == 2 else ():
        _set(out, key, value)
    out.scenario.interventions |= _interventions(draw)
    try:
        check(out)
        compile_levers(out)
    except ValueError:  # a few pairs of values exclude each other
        return _random(number + 1000 * len(STRUCTURES) * len(SIZES) * len(CORNERS))
    return out


def _set(out: Settings, key: str, value: float | str) -> None:
    group, name = key.split(".")
    setattr(getattr(out, group), name, value)


def _elsewhere(draw: random.Random, key: str, out: Settings) -> float:
    group, name = key.split(".")
    about = declared(type(getattr(out, group)))[name]
    low, high = about["low"], min(about["high"], LARGEST.get(key, about["high"]))
    now = getattr(getattr(out, group), name)
    if draw.random() < 0.15:
        return float(draw.choice([low, high]))
    return float(min(max(now * draw.uniform(0.3, 3.0), low), high))


def _interventions(draw: random.Random) -> dict[str, dict]:
    entries = {}
    for name in draw.sample("abcdefgh", draw.randrange(6)):
        kind = draw.choice(sorted(KINDS))
        entry: dict = {"kind": kind}
        first = FIRST + dt.timedelta(draw.randrange(DAYS))
        known = KINDS[kind].__dataclass_fields__
        if "date" in known:
            entry["date"] = str(first)
        else:
            entry["start"] = str(first)
            if draw.random() < 0.5:
                last = FIRST + dt.timedelta(draw.randrange((first - FIRST).days, DAYS))
                entry["end"] = str(last)
        if "types" in known and draw.random() < 0.5:
            entry["types"] = draw.choice(
                ["a", "bd", "abc"] + ["a/bc", "d/ab/c"] * (kind == "sweeps")
            )
        if "channel" in known:
            entry["channel"] = draw.choice(["groups", "elsewhere"])
        if "segments" in known:
            entry["segments"] = SOME_SEGMENTS[first.toordinal() % len(SOME_SEGMENTS)]
        if "operators" in known:
            entry["operators"] = SOME_OPERATORS[first.toordinal() % len(SOME_OPERATORS)]
        if "target" in known:
            targets = ["public", "social", "websites", "agents", "dealers", "agents", "dealers"]
            entry["target"] = draw.choice(targets)
        if "to" in known and draw.random() < 0.7:
            entry["to"] = draw.choice(["platform", "police", "both"])
        for key, item in known.items():
            if "unit" in item.metadata and draw.random() < 0.7:
                low, high = item.metadata["low"], min(item.metadata["high"], 20_000.0)
                usual = draw.uniform(0.0, 1.0) if high <= 1.0 else 10.0 ** draw.uniform(-1.0, 1.5)
                if low < 0.0:
                    usual = draw.uniform(low, high)
                if key == "every":
                    low = 5.0
                if key in ("accounts", "posts"):
                    usual = float(draw.randrange(5000))
                entry[key] = float(min(max(usual, low), high))
        entries[name] = entry
    return entries
