"""State variables and daily counters of the market.

The first part describes the posting side (docs/model.md 2), the second the supply chain and trade
behind it (docs/market.md 2). Kernels read and write named tuples of arrays. `ids` is the number of
traders, newcomers included; `sellers` are the traders and after them the resale agents; `dealers`
are the suppliers and after them the processors, numbered like their holders in the ledger; `days`
are the days of the run. A date is an ordinal (`datetime.date.toordinal`), a row counts the days of
the run from 0. Goods are in milligrams (mg), money in fen, prices in CNY a gram.
"""

from collections import namedtuple
from enum import IntEnum

import numpy as np

from marketsim.numerics.elementary import exp, log
from marketsim.numerics.jit import part

NOBODY = -1  # in place of an id
HEAD, WAITING = 0, 1  # of the ends of a queue: place of its head, and the number waiting
# sanctions on an account that lead to these rungs of the ladder; the first two mute (model.md 7.5)
LIMIT, SUSPENSION, BAN = 3, 4, 5
GUARDED_DAYS = 28  # of a guarded style after a removal (model.md 7.4)

# ------------------------------------------------------------------------------ posting side


class State(IntEnum):
    """State of a trader; the last two are final."""

    ABSENT = 0
    ACTIVE = 1
    LYING_LOW = 2
    BANNED = 3
    LEFT = 4
    ARRESTED = 5


class Backup(IntEnum):
    """State of a trader's backup account."""

    NONE = 0
    PREPARED = 1
    ANNOUNCED = 2


class Case(IntEnum):
    """State of a trader's place in the moderators' queue; a ban voids an open case."""

    NONE = 0
    OPEN = 1
    VOID = 2


class Flow(IntEnum):
    """Daily totals, in posts; BANS and MENTIONS in traders."""

    OFFERS = 0
    VISIBLE = 1
    DELETED = 2
    REMOVED = 3
    BACKUP = 4
    GROUPS = 5
    ELSEWHERE = 6
    WITHHELD = 7
    PICTURES = 8
    VIDEOS = 9
    FLAGGED = 10
    BANS = 11
    MENTIONS = 12
    PREBLOCKED = 13


class Stock(IntEnum):
    """Counts at the end of a day, in traders; CASES_WAITING in places of the queue."""

    ACTIVE = 0
    LYING_LOW = 1
    BLOCKED = 2
    BANNED = 3
    LEFT = 4
    WITH_BACKUP = 5
    WITH_ANNOUNCED_BACKUP = 6
    CASES_WAITING = 7
    ARRESTED = 8


class LogColumn(IntEnum):
    """Columns of the survey log: what the observer notes of a contact on a day."""

    ADS = 0
    PICTURES = 1
    VIDEOS = 2
    DELETED = 3
    MENTION = 4
    BLOCKED = 5


# Traders, arrays of shape (ids,)
Retailers = namedtuple(
    "Retailers",
    # drawn once: type 0 to 3 (int8); posts a day (float64); k of exp(-k risk) (float64); limit of
    # perceived risk (float64); date of arrival, 0 for founders (int64); share of posts with a
    # video, and of the others with nine pictures (float64)
    "kind base_rate sensitivity threshold arrival video_share full_grid "
    # State (int8); 0 or 1: in a spell of posting (int8); perceived risk, 0 to 1 (float64); number
    # of the account, 0 is the first (int64); sanctions on it (int64)
    "state talking risk account offences "
    # first date free of a block (int64); 0 or 1: the block covers the account (int8); date of
    # return after a ban, 0 while not drawn (int64)
    "blocked_until suspended return_day "
    # Backup (int8); share of the friends who follow the backup (float64); share of the first
    # audience kept (float64); fading sum of recruits (float64)
    "backup follow audience recruits "
    # first date free of a guarded style (int64); fading sum of visible posts (float64); Case (int8)
    "guarded_until recent case_open",
)

# Counters of one day, arrays of shape (ids,): int64, but float64 for `sanction` and `loss`, and
# uint64 of shape (ids, 4) for `words`
DayCounters = namedtuple(
    "DayCounters",
    # posts that a trader intends, and where they end
    "intended moments deleted removed blocked backup groups elsewhere withheld "
    # pictures and videos of the visible posts, and of the latest one; visible posts flagged
    "pictures videos latest_pictures latest_videos flagged "
    # visible posts that the platform removes in the evening, their pictures and videos
    "known known_pictures known_videos "
    # 0 or 1: a backup is advertised, the account is banned, the trader is arrested; weights
    # against a ban of the sanction, and of a loss without one (float64)
    "mention banned arrested sanction loss "
    # random words of the traders present (model.md 7.1)
    "words",
)

# Social network: the ties of trader i are other[start[i]:start[i + 1]], ascending.
# start: (ids + 1,), int64; other: (ties,), int32
Ties = namedtuple("Ties", "start other")

# First-in-first-out queue of the moderators. ring: trader ids, (ids,), int64; ends: place of the
# head and number waiting, (2,), int64
Queue = namedtuple("Queue", "ring ends")

# Daily series. flows: (days, len(Flow)), int64; stocks: (days, len(Stock)), int64; risk: mean
# perceived risk of the traders present, (days,), float64
Series = namedtuple("Series", "flows stocks risk")

# What a run writes down of posting: contacts (trader ids or -1), survey log and daily series
Outputs = namedtuple("Outputs", "contacts survey_log series")

# One market. seed, first_day (a date) and founders (traders at the start) are int; params: Params;
# levers: Levers; contacts: trader ids or -1, (contacts,), int64; survey_log: (days, contacts,
# len(LogColumn)), int32; the others are named tuples of this module.
MarketState = namedtuple(
    "MarketState",
    "seed first_day params levers retailers counters ties queue contacts "
    "survey_log series trade founders motives",
)

# ------------------------------------------------------------------------- supply chain and trade

TRUST_STEPS = 65535.0  # trust is stored in steps of 1/65535
FILED, IN_QUEUE = 1, 2  # states of a case at the police; 0 is none
CHANNEL_STRIDE = 1 << 20  # between the keys of inquiries on one channel and on the next
FIRST_AGENT_KEY = 1 << 40  # keys of resale agents in draws begin here, those of traders at 0


class Channel(IntEnum):
    """Where a product is offered and a deal is made."""

    MOMENTS = 0
    GROUPS = 1
    PUBLIC = 2
    SOCIAL = 3
    WEBSITES = 4
    PHYSICAL = 5


class Stage(IntEnum):
    """Stage of the supply chain at which a price is recorded."""

    SUPPLIER = 0
    PROCESSOR = 1
    ADVERTISED = 2
    SOLD = 3
    LICENSED = 4


class TradeCounter(IntEnum):
    """Daily totals of trade; four blocks have one column a channel."""

    INQUIRIES = 0
    DEALS = 1
    REPEAT_DEALS = 2
    RESALE_DEALS = 3
    AUCTIONS = 4
    ESCROW_DEALS = 5
    UNMET = 6
    FORWARDED = 7
    PARCELS = 8
    FRIENDS_ADDED = 9
    FRIENDS_LOST = 10
    RAW_SHIPPED = 11
    RAW_LANDED = 12
    LEGAL_DEALS = 13
    LEGAL_SOLD = 14
    LAUNDERED = 15
    STOCK = 16
    AGREED = 17  # and the five after it: mg of deals by channel
    REVENUE = 23  # and the five after it: fen of deals by channel
    DELIVERED = 29  # and the five after it: mg handed over by channel
    EARNED = 35  # and the five after it: fen that traders keep by channel
    TURNED_AWAY = 41  # mg of shipments for which no supplier had room
    LEGAL_UNMET = 42
    BOUGHT_OUT = 43
    LEAKED = 44
    LEGAL_STOCK = 45  # mg, in the evening
    STALLS_STOCKED = 46
    STALL_PIECES = 47
    PASSED_ON = 48  # inquiries
    BOUGHT_ABROAD = 49  # inquiries
    SUBSTITUTED = 50  # inquiries
    BUYERS_12_MONTHS = 51
    DEALER_POSTS = 52
    AGENTS_ACTIVE = 53  # resale agents, in the evening
    STRANGERS_REFUSED = 54  # inquiries


class Enforcement(IntEnum):
    """Enforcement actions; counted with the mg seized."""

    POSTS_REMOVED = 0
    ACCOUNTS_BANNED = 1
    BORDER_SEIZURES = 2
    PARCELS_SEIZED = 3
    PARCELS_TRACED = 4
    REFERRALS = 5
    ESCROW_TRACES = 6
    COMPLAINTS = 7
    INSPECTIONS = 8
    ARRESTS = 9
    AGENTS_TAKEN = 10
    PROCESSORS_RAIDED = 11
    SUPPLIERS_RAIDED = 12
    MACHINES_SEIZED = 13
    PAYMENTS_STOPPED = 14
    PAYMENTS_FROZEN = 15
    PARCELS_REFUSED = 16
    ELSEWHERE_SANCTIONED = 17
    ELSEWHERE_CLOSED = 18
    CASES_SHARED = 19
    AGENTS_BANNED = 20
    DEALERS_BANNED = 21
    STINGS = 22


class Place(IntEnum):
    """Place beside Moments where a trader has an account (docs/market.md 20)."""

    GROUPS = 0
    PUBLIC = 1
    SOCIAL = 2
    WEBSITES = 3


class Operator(IntEnum):
    """Operator of platforms (docs/market.md 20)."""

    TENCENT = 0
    PORTALS = 1
    WEBSITES = 2


class Desk(IntEnum):
    """Desk of moderators of an operator (docs/market.md 20)."""

    GROUPS = 0
    PUBLIC = 1
    SOCIAL = 2  # that Tencent operates
    PORTALS = 3  # other social media
    WEBSITES = 4


SOCIAL_PLACE = int(Place.SOCIAL)
PORTALS_DESK, WEBSITES_DESK = int(Desk.PORTALS), int(Desk.WEBSITES)


class Unit(IntEnum):
    """Unit of police (docs/market.md 21)."""

    ONLINE = 0
    PARCELS = 1
    MARKETS = 2
    BORDER = 3


class Outlet(IntEnum):
    """Where a trader earns; places elsewhere are judged by what all traders earn there."""

    FEED = 0  # Moments and the backup account
    PRIVATE = 1  # groups and private messages
    STALL = 2
    PUBLIC = 3
    SOCIAL = 4
    WEBSITES = 5


OWN_OUTLETS = 3  # that each trader judges by own experience


class Learned(IntEnum):
    """What all traders know of the market."""

    PRIOR = 0  # fen; weight of the return expected before experience
    DEALS = 1  # settled in the first rows
    ELSEWHERE = 2  # factor on the odds of other platforms
    VALUE = 3  # of the trade to a newcomer


class PriceMemory(IntEnum):
    """What is remembered of the price of raw ivory (docs/market.md 17)."""

    LOG_LEVEL = 0
    FAST = 1
    SLOW = 2
    EXPECTED = 3  # change of the log price
    SOLD = 4  # mg a day of deals, smoothed
    OFFERED = 5  # mg a day that shippers offer on average, smoothed
    OFFERED_TODAY = 6
    REST = 7  # sum of the gaps of the first weeks
    SAMPLES = 8


class Segment(IntEnum):
    """Segment of a buyer (docs/market.md 18.1)."""

    GIFT = 0
    COLLECTOR = 1
    INVESTOR = 2
    TRAVELLER = 3


class AtRest(IntEnum):
    """Purchases in a market at rest, of each product (docs/market.md 3)."""

    LIMIT = 0  # willingness to pay for it, standard deviations of its logarithm
    BOUGHT = 1  # purchases a day of a buyer who likes it, can pay for it, and is no customer
    SPENT = 2  # CNY a purchase


class Heard(IntEnum):
    """Sums of parcels that all buyers know (docs/market.md 18.3)."""

    ARRIVED = 0  # fading
    SETTLED = 1  # fading
    FIRST_ARRIVED = 2
    FIRST_SETTLED = 3


class Parcel(IntEnum):
    """Columns of a parcel."""

    RETAILER = 0
    SELLER = 1
    BUYER = 2
    FRIEND = 3  # row in `Friends`; -1 for a stranger
    PRODUCT = 4
    MASS = 5  # mg
    ESCROWED = 6  # fen
    PAID = 7  # fen that the trader has received
    COST = 8  # fen, of the goods to the trader
    KEY = 9  # of the inquiry, for draws
    ASKED = 10  # seller who was asked, as a key of draws


# Suppliers and processors. risk: perceived risk, 0 to 1, (dealers,), float64; closed_until: first
# date open after a raid, (dealers,), int64; machines: 1, or 0 once seized, (dealers,), float64;
# working_capital: fen, (dealers,), int64; sold: smoothed sales, and least_sales: the least that a
# dealer expects, both mg a day, (dealers, PRODUCTS), float64; size relative to the mean of the
# kind, (dealers,), float64; banned_until: first date with the account back, (dealers,), int64
Dealers = namedtuple(
    "Dealers",
    "risk closed_until machines working_capital sold least_sales size banned_until",
)

# Goods and sources of traders, arrays of shape (ids,)
Shops = namedtuple(
    "Shops",
    # drawn once: usual processor and supplier, dealer or -1 (int64); factor on prices (float64);
    # 0 or 1: has a stall (int8); sales expected by habit, mg a day (float64); fen (int64)
    "processor supplier markup stall expected working_capital "
    # sales smoothed over `retail.cover` days, mg a day (float64); mg sold since the last smoothing
    # (int64); factor on intended posts (float64)
    "sold sold_today stock_effect "
    # share of the audience kept when friends were last removed (float64); quality of the pieces
    # relative to the mean, (ids, PRODUCTS), float64; returns relative to those of others of a post
    # in Moments, a day at a stall, and a post elsewhere, (ids, 3), float64
    "audience quality relative",
)

# Resale agents, arrays of shape (agents,): trader whose goods they sell (int64); agent whose posts
# they forward, -1 for the trader's own (int64); tier from 1 (int8); 0 once taken by police, or gone
# (int8); row of the last deal (int64); first date on which the account is back after a ban (int64)
Agents = namedtuple("Agents", "retailer upstream tier active last_deal banned_until")

# Friends of seller s are rows start[s] to start[s] + count[s], customers (who have bought) first;
# there is room up to start[s + 1]. start: (sellers + 1,), count, customers and wanted, the number
# at the start that a seller recruits for: (sellers,), int64; by row, buyer: id, int32; trust: steps
# of 1/TRUST_STEPS, uint16
Friends = namedtuple("Friends", "start count customers wanted buyer trust")

# Buyers who look for another seller: ids, (places,), int32; ends: their number, and the place that
# the next one overwrites once all are taken, (2,), int64
Seekers = namedtuple("Seekers", "buyer ends")

# What traders have learned of the trade (docs/market.md 16). Of traders, by outlet: settled
# margins, fen, and reckoned posts, fading, (ids, 3), float64; drive, the factor on posts, value of
# the trade and perceived chance of arrest, 1/year, (ids,), float64; place, the factor on the odds
# of Moments and of groups, (ids, 2), float64. Of the market, by outlet and then place elsewhere:
# the same sums, those of the first rows, today's margins, and fen a reckoned post, (6,), float64;
# `market` by `Learned`, float64.
Motives = namedtuple(
    "Motives",
    "gain posted drive value jail place all_gain all_posted first_gain first_posted today norm "
    "market",
)

# Prices that look ahead (docs/market.md 17). index: price level by product, (PRODUCTS,), float64;
# holding: factor on the stocks wanted, (1,), float64; memory: by `PriceMemory`, float64
Prices = namedtuple("Prices", "index holding memory")

# Buyers, arrays of shape (buyers,): perceived risk (float32) as of a row (int16); satiety (float32)
# as of the row of the last purchase in the run, -1 if none (int16); purchases a day of a customer
# at the start (float32). Of all buyers: their number by the row of their last purchase, (days,),
# int64; purchases at rest by `AtRest` and product, float64; what all hear of deliveries, by
# `Heard`, float64 (docs/market.md 18)
Buyers = namedtuple("Buyers", "risk touched sated bought regular by_row at_rest heard")

# Traders who offer today in Moments, elsewhere and at a stall, ascending: ids, (3, ids), int32,
# and their number, (3,), int64
Offers = namedtuple("Offers", "trader count")

# Parcels on their way, by day of arrival. rows[row % buckets, place]: (buckets, places,
# len(Parcel)), int64; count: (buckets,), int64
Parcels = namedtuple("Parcels", "rows count")

# First-in-first-out queue of the police, like `Queue`; waiting: 0, FILED or IN_QUEUE, (ids,), int8;
# of the case: `Unit` that filed it, and 1 with the evidence of an undercover purchase, (ids,), int8
Cases = namedtuple("Cases", "ring ends waiting unit evidence")

# Accounts of traders beside Moments, by `Place` (docs/market.md 20). barred_until: first date free
# of a bar, (4, ids), int64; strikes, account (0 or 1) and case (0 or 1), (4, ids), int8; portal: 1
# if the account on other social media is not with Tencent, (ids,), int8; platform: `Channel` of
# today's posts elsewhere, and sanctioned: bits of the operators who sanctioned today, (ids,), int8;
# queues of desks: ring, (5, ids), int32, and ends, (5, 2), int64
Places = namedtuple(
    "Places", "barred_until strikes account case portal platform sanctioned ring ends"
)

# Units of police (docs/market.md 21), by `Unit`: share of hours at the start, effort against it,
# and what they found since hours were moved, (4,), float64; known: mg that police know to have
# been moved through a dealer or trader, (dealers + ids,), float64
Units = namedtuple("Units", "share effort found known")

# Daily records, int64 but for `outlook`. counts: (days, columns of TradeCounter); prices: sum, sum
# of squares and number in fen a gram, (days, PRODUCTS, len(Stage), len(Channel), 3); enforcement:
# number and mg, (days, len(Enforcement), len(Channel), 2); ledger: balances, (days, len(Account),
# len(Item)); outlook: log of the price level, and change expected, (days, 2), float64
TradeRecords = namedtuple("TradeRecords", "counts prices enforcement ledger outlook")

# What the accounts of contacts show in the evening, (days, contacts, PRODUCTS), int32:
# advertisements; pictures and videos; price in fen a gram, 0 if none
ObservedPrices = namedtuple("ObservedPrices", "ads items price")

# The supply chain and trade. books: Books; unit_cost: average cost, CNY a gram, (dealers + ids,
# PRODUCTS), float64; product_mix: shares of an order, (PRODUCTS,), float64, empty without trade;
# risk_decay: share of a buyer's risk left after 0, 1, ... days, (days + 1,), float64; legal_stock:
# mg that licensed shops can still sell, (1,), int64; the others are named tuples of this module.
TradeState = namedtuple(
    "TradeState",
    "books unit_cost dealers shops agents friends seekers buyers parcels cases "
    "product_mix risk_decay records observed_prices prices legal_stock offers places units",
)


# ------------------------------------------------------------------ within a day, between steps

PARTS = 256  # the most parts that a step is divided into
ROOM = 2  # inquiries of a day for which there is room, for each seller

# What is known of the inquiries of a day before any of them is answered, arrays of shape (places,):
# exponential waiting times of the race for the product shown, (places, PRODUCTS), float64; row in
# `Friends` of the friend who inquires, -1 for a stranger (int64); buyer, -1 if there is none
# (int64); trust, uniforms of interest and of the piece, factor on willingness to pay, satiety of a
# buyer who has not bought in the run, and uniform of habit (float64); favourite product and
# `Segment` (int8)
Inquiries = namedtuple(
    "Inquiries",
    "waits friend buyer trust interest piece worth at_rest habit favourite segment",
)


class Condition(IntEnum):
    """The market of a day for all sellers, after the factors on willingness to pay by `Segment`."""

    VISITORS = 4  # mean number at an open stall
    TRACED = 5  # probability that an escrow payment is traced
    PAYMENTS = 6  # share of payments stopped
    FREEZE = 7  # share of stopped payments after which money is seized
    REFUSED = 8  # share of parcels refused at pick-up
    SUBSTITUTES = 9  # surplus that ivory must be worth
    ABROAD = 10  # chance that a traveller buys abroad
    WORD_OF_MOUTH = 11  # factor on the interest of online inquiries


# What each seller is asked today, arrays of shape (sellers,): posts, and inquiries, in Moments,
# groups, elsewhere and at a stall, (sellers, 4), int32; `Channel` of posts elsewhere (int8), and
# what they are reckoned as (float64); place of the first inquiry in `Inquiries`, -1 without room
# (int64)
Asked = namedtuple("Asked", "posts inquiries platform reckoned first")

# What ties notice of traders today: visible posts of those without a sanction, (ids,), int32;
# weight of a sanction or loss, (ids,), float64; marks: bits of who was arrested, and of who has
# such a shock, (ids,), int8, small since ties are read at random; number of shocks, and of arrests,
# (2,), int64
Noticed = namedtuple("Noticed", "unpunished shock marks number")

# What one step of a day leaves for a later one of the same day, each trader or seller its own
# slot. turns: in the order of restocking, infinity for those who do not order, (ids,), float64;
# reckoned: posts of yesterday by own outlet, (ids, OWN_OUTLETS), float64; conditions of the
# illegal market, by `Segment` and `Condition`, float64; friends lost and added, by part of a
# step, (PARTS, 2), int64
Workspace = namedtuple("Workspace", "turns reckoned conditions friends asked inquiries noticed")


def workspace(retailers, sellers):
    """Return the workspace of a market of so many traders and sellers."""
    places = ROOM * sellers + 1  # the last for inquiries that find no room
    return Workspace(
        turns=np.empty(retailers),
        reckoned=np.empty((retailers, OWN_OUTLETS)),
        conditions=np.zeros(len(Segment) + len(Condition)),
        friends=np.zeros((PARTS, 2), np.int64),
        asked=Asked(
            posts=np.empty((sellers, 4), np.int32),
            inquiries=np.empty((sellers, 4), np.int32),
            platform=np.empty(sellers, np.int8),
            reckoned=np.empty(sellers),
            first=np.empty(sellers, np.int64),
        ),
        inquiries=Inquiries(
            waits=np.empty((places, 4)),
            friend=np.empty(places, np.int64),
            buyer=np.empty(places, np.int64),
            trust=np.empty(places),
            interest=np.empty(places),
            piece=np.empty(places),
            worth=np.empty(places),
            at_rest=np.empty(places),
            habit=np.empty(places),
            favourite=np.empty(places, np.int8),
            segment=np.empty(places, np.int8),
        ),
        noticed=notice_nothing(retailers),
    )


def notice_nothing(retailers):
    """Return room for what ties notice of so many traders."""
    return Noticed(
        unpunished=np.zeros(retailers, np.int32),
        shock=np.zeros(retailers),
        marks=np.zeros(retailers, np.int8),
        number=np.zeros(2, np.int64),
    )


@part
def ids_of_part(number, part, parts):
    """Return the first id and the end (exclusive) of one of several equal parts of all ids."""
    return number * part // parts, number * (part + 1) // parts


@part
def draw_key(seller, retailers):
    """Return the key of a seller in draws (market.md 2); it does not depend on newcomers."""
    return seller if seller < retailers else FIRST_AGENT_KEY + seller - retailers


@part
def is_in_trade(state):
    """Return whether a trader in a state is in the market: ACTIVE, LYING_LOW or BANNED."""
    return state == State.ACTIVE or state == State.LYING_LOW or state == State.BANNED


@part
def join_queue(ring, ends, i):
    """Put a trader at the end of a first-in-first-out queue (`Queue`)."""
    ring[(ends[HEAD] + ends[WAITING]) % ring.size] = i
    ends[WAITING] += 1


@part
def leave_queue(ring, ends):
    """Take the trader at the head of a queue, and return the id."""
    i = np.int64(ring[ends[HEAD]])
    ends[HEAD] = (ends[HEAD] + 1) % ring.size
    ends[WAITING] -= 1
    return i


@part
def file_case(cases, retailer, unit):
    """File a case at the police (market.md 2); a trader has at most one, of the first unit."""
    if cases.waiting[retailer] == 0:
        cases.waiting[retailer] = FILED
        cases.unit[retailer] = unit


@part
def desk_of(place, portal):
    """Return the number of the `Desk` of a trader's account at a `Place` (market.md 20)."""
    if place == SOCIAL_PLACE:
        return PORTALS_DESK if portal > 0 else SOCIAL_PLACE
    return WEBSITES_DESK if place > SOCIAL_PLACE else np.int64(place)


@part
def operator_of(desk):
    """Return the number of the `Operator` of a desk (market.md 20)."""
    return max(desk - SOCIAL_PLACE, 0)  # after those of Tencent portals and websites follow


@part
def strengthened(chance, effort):
    """Return the probability of an event at so many times the effort (market.md 21.1)."""
    if effort == 1.0 or chance >= 1.0:
        return chance
    return 1.0 - exp(effort * log(1.0 - chance))


@part
def count_enforcement(records, row, action, channel, milligrams):
    """Count one enforcement action and the mg seized (market.md 13)."""
    records.enforcement[row, action, channel, 0] += 1
    records.enforcement[row, action, channel, 1] += milligrams
