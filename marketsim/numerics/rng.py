"""Counter-based random numbers.

Every draw is a pure function of (seed, purpose, day, agent, item): no draw depends on how many
draws other agents make, so that scenarios use common random numbers except where the policy acts.
The generator is Philox4x64-10 (Salmon et al. 2011), as in numpy, against which it is tested.

One block of the generator holds four uniforms. Purposes that are used together share a block:
purpose p is lane ``p % 4`` of block ``p // 4``. Where a few bits decide nearly always, one lane
holds several short draws (docs/model.md 7.1).
"""

from collections import namedtuple
from enum import IntEnum, unique

import numpy as np

from marketsim.numerics.jit import array_kernel, kernel, part

LANES = 4


@unique
class Purpose(IntEnum):
    """Purpose of a draw; a number is never reused (docs/model.md 7.1)."""

    # one run
    REPLICATE = 0
    # synthetic population of traders
    BASE_RATE = 4
    TRADER_TYPE = 5
    SENSITIVITY = 6
    THRESHOLD = 7
    FIRST_SPELL = 8
    ARRIVALS = 9
    TIE = 12
    # accounts of a trader on a day
    MENTION = 21
    REPLACEMENT = 22
    QUIT = 23
    # where a post kept out of Moments goes: one lane an option
    DISPLACEMENT = 28
    # the platform
    QUEUE_ORDER = 32
    REVIEW = 33
    SWEEP = 34
    # the observer
    CONTACT = 36
    CONTACT_AGE = 37
    CONTACT_LEFT = 38
    PANEL = 39
    RANDOM_DAY = 40
    # parameters of a run
    STRUCTURE = 44
    DRAW = 45
    TRADE_DRAW = 46
    PRIOR = 48
    PARTICLE = 52
    # initial supply chain
    UPSTREAM = 56
    UPSTREAM_RAW = 57
    MARKUP = 58
    STALL = 59
    TIER = 60
    FORWARDS = 61
    FRIENDS = 64
    AGE = 65
    CUSTOMERS_AT_START = 66
    # four friends of a seller
    FRIEND = 68
    # shipments
    SHIPMENTS = 72
    SHIPMENT_KIND = 76
    SHIPMENT_MASS = 77
    SHIPMENT_SEIZED = 78
    # processors
    WORK_ORDER = 80
    MACHINES = 81
    SUPPLIER_RACE = 84
    # restocking, and newcomers who are deterred
    RESTOCK = 88
    RESTOCK_TURN = 89
    SOURCE = 90
    STAYS_AWAY = 91
    # inquiries in Moments, in groups, elsewhere, at a stall: one lane each
    INQUIRIES = 92
    FORWARDED = 96
    KEPT = 100
    # one lane a platform
    PLATFORM = 104
    # the product of a post: one lane a product
    PRODUCT = 108
    # an inquiry
    STRANGER = 112
    WHO = 113
    INTEREST = 114
    PIECE = 115
    ESCROW = 116
    ESCROW_REFUSED = 117
    ESCROW_TRACED = 118
    # one lane a bidder
    BIDDER = 120
    # fixed traits of a buyer
    WILLINGNESS = 124
    TASTE = 125
    HABIT = 126
    SEGMENT = 127
    # a parcel
    COURIER = 128
    TRACED = 129
    PARCEL_LOST = 130
    COMPLAINT = 131
    # police
    REFERRAL = 132
    INSPECTION = 133
    ARREST = 136
    TRACED_UP = 137
    TRACED_DOWN = 138
    TRACED_FURTHER = 139
    AGENT_TAKEN = 140
    CASE_TURN = 141
    # the legal market
    CUSTOMERS = 144
    LEGAL_SALE = 148
    # friends lost, and those who replace them
    FRIENDS_GO = 152
    FRIEND_GOES = 156
    FRIEND_COMES = 157
    # interventions
    LINKED = 160
    RAIDED = 161
    SWEEP_DAY = 164
    # customers at the start
    CUSTOMER = 168
    # presentation of a trader, and of a day
    VIDEO_STYLE = 172
    GRID_STYLE = 173
    # quality of a trader's pieces: one lane a product
    QUALITY = 176
    # posts known to the platform, blocked before they appear, removed in the evening
    KNOWN = 180
    BLOCKED_AT_ONCE = 181
    REMOVED_AT_ONCE = 182
    # friends recruited: their number, then each
    RECRUITS = 184
    RECRUITED = 188
    FROM_SEEKERS = 189
    SEEKS = 192
    # payments and parcels
    REFUNDED = 196
    PAYMENT_STOPPED = 200
    FROZEN = 201
    REFUSED = 202
    # traders taught, and accounts on a list
    TAUGHT = 204
    LISTED = 208
    # an interested buyer compares offers, or buys abroad
    COMPARES = 212
    OTHER_OFFER = 213
    ABROAD = 214
    # dealers, and agents who are recruited; where a trader has an account on other social media
    DEALER_SIZE = 216
    DEALER_POSTS = 217
    AGENT_RECRUITED = 218
    SOCIAL_ACCOUNT = 219
    # whether a trader keeps the usual source: one lane for the supplier, one for the processor
    LOYAL = 220
    # an agent chooses a trader: one lane for the race, one for the candidate; friends of an agent
    AGENT_CHOICE = 224
    AGENT_FRIEND = 228
    # moderation of groups and of places elsewhere: one lane a place
    FLAGGED_ELSEWHERE = 232
    ELSEWHERE_TURN = 236
    ELSEWHERE_REVIEW = 240
    # sweeps of accounts elsewhere, of agents and of dealers, and when these two are back
    SWEPT_PUBLIC = 244
    SWEPT_SOCIAL = 245
    SWEPT_WEBSITES = 246
    SWEPT_AGENTS = 247
    SWEPT_DEALERS = 248
    SWEPT_BACK = 252
    # what operators share: one lane an operator
    POOLED = 256
    # the next case, and raids on hubs
    TARGET = 260
    # undercover purchases, and strangers who are served
    STING = 264
    SERVED = 268
    # a trader on a day: how many posts; words of short draws
    POSTS = 272
    HAZARDS = 273
    FIRST_POST = 274
    SECOND_POST = 275
    # four words of short draws, one a post
    MORE_POSTS = 276
    # what refines a short draw of a trader's day, or of a post
    FINER_HAZARD = 280
    FINER_POST = 284
    # the panel market: flags of the others, whose, and when these leave (docs/panel_market.md)
    OTHERS_FLAGGED = 320
    OTHER_FLAGGED = 321
    OTHER_LEAVES = 322


# Short draws of a word: number among those of the word, its first bit (0 is the highest), bits
Short = namedtuple("Short", "number start bits")

# those of HAZARDS
LEAVE = Short(0, 0, 16)
SPELL = Short(1, 16, 12)
LIE_LOW = Short(2, 28, 12)
BACKUP = Short(3, 40, 12)
VIDEO_DAY = Short(4, 52, 12)
# those of a post
PLACE = Short(0, 0, 16)
LOOK = Short(1, 16, 12)
PICTURES = Short(2, 28, 12)
DELETION = Short(3, 40, 12)
FLAG = Short(4, 52, 12)
SHORTS_OF_A_POST = 8  # numbers kept for the short draws of one post

# Places of the words of a trader's day, as `day_words` returns them
POSTS_WORD, HAZARDS_WORD, FIRST_POST_WORD, SECOND_POST_WORD = range(LANES)


_MULTIPLIER_0 = np.uint64(0xD2E7470EE14C6C93)
_MULTIPLIER_1 = np.uint64(0xCA5A826395121157)
_WEYL_0 = np.uint64(0x9E3779B97F4A7C15)
_WEYL_1 = np.uint64(0xBB67AE8584CAA73B)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_TO_52_BITS = np.uint64(12)
_SPACING = 2.0**-52


@kernel
def _high_product(a, b):
    """Return the upper 64 bits of a product of two 64-bit words."""
    a_low, a_high = a & _LOW_HALF, a >> _HALF
    b_low, b_high = b & _LOW_HALF, b >> _HALF
    low, cross_1, cross_2 = a_low * b_low, a_low * b_high, a_high * b_low
    middle = (low >> _HALF) + (cross_1 & _LOW_HALF) + (cross_2 & _LOW_HALF)
    return a_high * b_high + (cross_1 >> _HALF) + (cross_2 >> _HALF) + (middle >> _HALF)


@kernel
def words(seed, block, day, agent, item):
    """Return the four 64-bit words of one Philox4x64-10 block.

    Parameters
    ----------
    seed, block, day, agent, item : int
        Not negative. The key of the generator is (seed, block), its counter (agent, item, day, 0).

    Returns
    -------
    tuple of four uint64
        Equal to ``numpy.random.Philox`` with that key and counter.
    """
    key_0, key_1 = np.uint64(seed), np.uint64(block)
    c0, c1, c2, c3 = np.uint64(agent), np.uint64(item), np.uint64(day), np.uint64(0)
    for _ in range(10):
        high_0, low_0 = _high_product(_MULTIPLIER_0, c0), _MULTIPLIER_0 * c0
        high_1, low_1 = _high_product(_MULTIPLIER_1, c2), _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = high_1 ^ c1 ^ key_0, low_1, high_0 ^ c3 ^ key_1, low_0
        key_0, key_1 = key_0 + _WEYL_0, key_1 + _WEYL_1
    return c0, c1, c2, c3


def new_seed(seed: int, purpose: Purpose, agent: int, item: int = 0) -> int:
    """Return a seed of 63 bits, the first word of a block used for nothing else."""
    return int(words(seed, int(purpose) // LANES, 0, agent, item)[0]) >> 1


@kernel
def _unit(word):
    """Map a word to the middle of one of 2^52 equal steps, strictly between 0 and 1."""
    return (np.int64(word >> _TO_52_BITS) + 0.5) * _SPACING


@kernel
def uniforms(seed, purpose, day, agent, item):
    """Return the four uniforms of a block, lane by lane.

    Parameters
    ----------
    seed, day, agent, item : int
        Keys, not negative.
    purpose : Purpose
        Any purpose of the block.

    Returns
    -------
    tuple of four float
        Each strictly between 0 and 1.
    """
    a, b, c, d = words(seed, purpose // LANES, day, agent, item)
    return _unit(a), _unit(b), _unit(c), _unit(d)


@kernel
def uniform(seed, purpose, day, agent, item):
    """Return the uniform of one purpose, strictly between 0 and 1 (see `uniforms`)."""
    a, b, c, d = words(seed, purpose // LANES, day, agent, item)
    lane = purpose % LANES
    if lane == 0:
        return _unit(a)
    if lane == 1:
        return _unit(b)
    if lane == 2:
        return _unit(c)
    return _unit(d)


@kernel
def day_words(seed, day, trader):
    """Return the four words of a trader's day: POSTS, HAZARDS, FIRST_POST and SECOND_POST."""
    return words(seed, Purpose.POSTS // LANES, day, trader, 0)


@kernel
def day_uniform(word):
    """Return the uniform of the word POSTS of `day_words`."""
    return _unit(word)


@kernel
def post_words(seed, day, trader, block):
    """Return the words of the short draws of four posts, the first of them post 2 + 4 block."""
    return words(seed, Purpose.MORE_POSTS // LANES, day, trader, block)


@part
def short(word, draw):
    """Return a short draw of a word as a whole number (model.md 7.1)."""
    return np.int64(
        (word >> np.uint64(64 - draw.start - draw.bits)) & np.uint64((1 << draw.bits) - 1)
    )


@part
def happens(chance, word, draw, seed, day, trader):
    """Return whether an event of a trader's day happens, by a short draw (model.md 7.1)."""
    return _decides(chance, word, draw, seed, Purpose.FINER_HAZARD, day, trader, draw.number)


@part
def happens_to_post(chance, word, draw, seed, day, trader, post):
    """Return whether an event of a post happens, by a short draw (model.md 7.1)."""
    item = _item(draw, post)
    return _decides(chance, word, draw, seed, Purpose.FINER_POST, day, trader, item)


@part
def _decides(chance, word, draw, seed, finer, day, trader, item):
    """Compare a short draw with a chance; an ordinary draw is made where its bits are equal."""
    level = min(chance, 1.0) * (1 << draw.bits)
    whole, drawn = np.int64(level), short(word, draw)
    if drawn != whole:
        return drawn < whole
    return uniform(seed, finer, day, trader, item) < level - whole


@part
def one_of(number, word, draw, seed, day, trader, post):
    """Return 0 to `number` - 1, equally probable, by a short draw of a post (model.md 7.3.6)."""
    drawn = short(word, draw)
    low = (drawn * number) >> draw.bits
    high = ((drawn + 1) * number - 1) >> draw.bits
    if low == high:
        return low
    # the draw is on the edge between two numbers
    refined = drawn + uniform(seed, Purpose.FINER_POST, day, trader, _item(draw, post))
    return min(int(refined * number / (1 << draw.bits)), number - 1)


@part
def _item(draw, post):
    """Return the item of what refines a short draw of a post."""
    return SHORTS_OF_A_POST * post + draw.number


def pair_array(
    seed: int, purpose: int, day: int, agent: np.ndarray, item: np.ndarray
) -> np.ndarray:
    """Return one uniform for each pair of ids, shape (n,) (see `uniform_array`)."""
    return _pair_array(seed, int(purpose), day, agent, item)


def uniform_array(seed: int, purpose: int, day: int, agent: np.ndarray) -> np.ndarray:
    """Return one uniform for each id.

    Parameters
    ----------
    seed, day : int
        Keys, not negative.
    purpose : Purpose
        Purpose of the draws.
    agent : ndarray of int64, shape (n,)
        Ids, not negative.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    return _uniform_array(seed, int(purpose), day, agent)  # typing a member of an enum takes 2 ms


@array_kernel
def _pair_array(seed, purpose, day, agent, item):
    """Return one uniform for each pair of ids."""
    out = np.empty(agent.size)
    for i in range(agent.size):
        out[i] = uniform(seed, purpose, day, agent[i], item[i])
    return out


@array_kernel
def _uniform_array(seed, purpose, day, agent):
    """Return one uniform for each id."""
    out = np.empty(agent.size)
    for i in range(agent.size):
        out[i] = uniform(seed, purpose, day, agent[i], 0)
    return out
