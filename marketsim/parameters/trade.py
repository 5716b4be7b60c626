"""The parameters of the chain behind the posts, declared like those of parameters.py."""

from dataclasses import dataclass

from marketsim.parameters.declaration import TUNED, Prior, from_fact, from_prior, parameter


@dataclass
class Supply:
    """Suppliers: shipments of raw ivory from abroad, sold raw."""

    suppliers: float = parameter(2.0, "suppliers per 1,000 retailers", 0.0, 1000.0, "how many")
    shipments: float = parameter(
        0.4, "1/day", 0.0, 10.0, "shipments offered to a supplier a day at the reference price"
    )
    tusks: float = parameter(
        0.4, "share", 0.0, 1.0, "shipments of whole tusks; the others are segments"
    )
    tusk_mass: float = parameter(
        12_000.0, "g", 100.0, 1e6, "mean mass of a shipment of whole tusks"
    )
    segment_mass: float = parameter(6_000.0, "g", 100.0, 1e6, "mean mass of a shipment of segments")
    seized: float = parameter(
        0.1, "share", 0.0, 1.0, "shipments seized at the border", prior=Prior("uniform", 0.02, 0.3)
    )
    cost: float = parameter(
        5.5, "CNY/g", 0.1, 50.0, "what a supplier pays for raw ivory that has landed", TUNED,
        Prior("loguniform", 2.0, 12.0),
    )  # fmt: skip
    margin: float = parameter(
        0.2, "share", 0.0, 2.0, "a supplier's margin on cost", prior=Prior("uniform", 0.1, 0.3)
    )
    elasticity: float = from_prior(
        "prior_poaching_elasticity", 0.42, "1", "response of shipments offered to the raw price"
    )
    pass_through: float = from_fact(
        "prior_poaching_pass_through", "share of a change in price that reaches poachers", 0.0, 1.0
    )
    cover: float = parameter(60.0, "days", 1.0, 1000.0, "sales that a full stock of raw lasts")


@dataclass
class Workshop:
    """Processors: raw ivory is graded, cut, and worked by hand or by machine."""

    processors: float = parameter(5.0, "processors per 1,000 retailers", 0.0, 1000.0, "how many")
    best: float = parameter(
        0.45, "share", 0.01, 0.99, "raw ivory of the best grade: it becomes uncarved pieces", TUNED,
        Prior("uniform", 0.25, 0.65),
    )  # fmt: skip
    grade_value: float = parameter(
        2.5, "ratio", 1.0, 10.0, "value of the best grade over the rest: cost is allocated by it",
        TUNED, Prior("loguniform", 1.0, 5.0),
    )  # fmt: skip
    semi_share: float = parameter(
        0.12, "share", 0.0, 1.0, "of the rest, what is sold semi-worked; the others are carved",
        TUNED, Prior("uniform", 0.02, 0.4),
    )  # fmt: skip
    waste_hand: float = from_prior(
        "prior_waste_hand", 0.3, "share", "material lost when working by hand (uncarved pieces)"
    )
    waste_machine: float = from_prior(
        "prior_waste_machine", 0.38, "share", "material lost when engraving by machine (carved)"
    )
    waste_cutting: float = parameter(0.08, "share", 0.0, 0.5, "material lost when cutting only")
    wage_uncarved: float = parameter(
        6.7, "CNY/g", 0.0, 100.0, "work on an uncarved piece", TUNED, Prior("uniform", 0.0, 20.0)
    )
    wage_carved: float = parameter(
        12.0, "CNY/g", 0.0, 100.0, "work on a carved piece", TUNED, Prior("uniform", 0.0, 25.0)
    )
    wage_semi: float = parameter(0.3, "CNY/g", 0.0, 100.0, "work on a semi-worked piece")
    margin: float = parameter(
        0.15, "share", 0.0, 2.0, "a processor's margin on cost", prior=Prior("uniform", 0.1, 0.3)
    )
    hand: float = parameter(
        400.0, "g/day", 0.0, 1e6, "best material that one processor works by hand"
    )
    machine: float = parameter(
        500.0, "g/day", 0.0, 1e6, "lower material that one processor's machines engrave"
    )
    cover: float = parameter(45.0, "days", 1.0, 1000.0, "sales that full stocks last")


@dataclass
class Retail:
    """Retailers' stock, what they ask for it, and what trade does to their posting."""

    expected: float = parameter(
        1.4, "g/day", 0.0, 1e5, "sales online that a trader of the mean base rate reckons with"
    )
    expected_stall: float = parameter(
        5.0, "g/day", 0.0, 1e5, "sales at a stall that its holder reckons with"
    )
    cover: float = parameter(240.0, "days", 1.0, 2000.0, "sales that a full stock lasts")
    restock_days: float = parameter(10.0, "days", 1.0, 365.0, "mean time between two orders")
    raw_share: float = parameter(
        0.25, "share", 0.0, 1.0, "mass of an order that is raw ivory, from a supplier", TUNED,
        Prior("uniform", 0.02, 0.6),
    )  # fmt: skip
    margin: float = parameter(
        0.35, "share", 0.0, 5.0, "a retailer's margin on cost", prior=Prior("uniform", 0.2, 0.5)
    )
    margin_spread: float = parameter(
        0.25, "1", 0.0, 1.5, "standard deviation over traders of the logarithm of what they ask",
        prior=Prior("uniform", 0.15, 0.4),
    )  # fmt: skip
    risk_premium: float = parameter(
        0.1, "share", -0.9, 4.0,
        "added to a price at a perceived risk of one; below zero fear sells off",
        prior=Prior("uniform", -0.4, 0.4),
    )  # fmt: skip
    turnover: float = parameter(
        0.15,
        "share",
        0.0,
        0.9,
        "added to a price where nothing is left, taken off where it piles up",
    )
    stall: float = parameter(0.3, "share", 0.0, 1.0, "traders who also sell at a physical market")
    physical_premium: float = parameter(
        0.33, "share", -0.5, 3.0, "added to a price at the physical market", TUNED,
        Prior("uniform", 0.0, 0.8),
    )  # fmt: skip
    ivory_a: float = parameter(1.0, "ratio", 0.0, 5.0, "stock of type A, who sells nothing else")
    ivory_b: float = parameter(0.9, "ratio", 0.0, 5.0, "stock of type B against type A")
    ivory_c: float = parameter(0.7, "ratio", 0.0, 5.0, "stock of type C, who can drop ivory")
    ivory_d: float = parameter(0.4, "ratio", 0.0, 5.0, "stock of type D, who can drop ivory")
    drop: float = parameter(
        0.002, "1/day", 0.0, 1.0, "further hazard of types C and D to drop ivory once it is unsold"
    )
    patience: float = parameter(
        90.0, "days", 1.0, 2000.0, "time without a sale after which ivory is unsold"
    )
    push: float = parameter(
        0.1, "share", 0.0, 0.9, "posts added where stock piles up, left out where none is left"
    )
    deterred: float = parameter(
        0.5, "share", 0.0, 1.0, "newcomers who stay away where nothing at all is sold any more"
    )


@dataclass
class Resale:
    """Resale agents: no stock; paid first, they buy upstream; each tier adds an extra."""

    agents: float = parameter(100.0, "agents per 1,000 retailers", 0.0, 5000.0, "how many")
    second_tier: float = parameter(0.25, "share", 0.0, 1.0, "agents who forward a first-tier agent")
    third_tier: float = parameter(0.05, "share", 0.0, 1.0, "agents who forward a second-tier agent")
    forwarded: float = parameter(0.3, "share", 0.0, 1.0, "posts of the retailer that are forwarded")
    extra: float = from_prior("prior_resale_extra", 0.2, "share", "added to the price at each tier")


@dataclass
class Demand:
    """Buyers: who sees, who asks, who pays how much."""

    buyers: float = parameter(50.0, "buyers per retailer", 0.0, 10_000.0, "how many")
    friends: float = parameter(
        200.0, "friends", 0.0, 5000.0, "mean number of a seller's friends at the start, in buyers"
    )
    room: float = parameter(0.25, "share", 0.0, 2.0, "friends that a seller can add to these")
    friends_leave: float = parameter(
        0.001, "1/day", 0.0, 0.05, "hazard of a friend to go, and another to come in his place"
    )
    asked: float = parameter(
        0.0002, "1/(post friend)", 0.0, 1.0, "inquiries that a post causes for each friend"
    )
    groups: float = parameter(2.0, "ratio", 0.0, 100.0, "inquiries a post in groups, to Moments")
    public: float = parameter(1.0, "ratio", 0.0, 100.0, "inquiries a post on public accounts")
    social: float = parameter(0.5, "ratio", 0.0, 100.0, "inquiries a post on other social media")
    websites: float = parameter(0.5, "ratio", 0.0, 100.0, "inquiries a post on websites")
    to_public: float = parameter(0.3, "weight", 0.0, 1.0, "of posts elsewhere, public accounts")
    to_social: float = parameter(0.5, "weight", 0.0, 1.0, "of posts elsewhere, other social media")
    to_websites: float = parameter(0.2, "weight", 0.0, 1.0, "of posts elsewhere, websites")
    visits: float = parameter(
        0.4, "1/day", 0.0, 1000.0, "people a day who ask at a stall of the physical market",
        prior=Prior("loguniform", 0.25, 1.0),
    )  # fmt: skip
    answers: float = parameter(
        20.0, "inquiries a day", 1.0, 1000.0, "inquiries that a seller can answer, Moments first"
    )
    strangers: float = parameter(0.15, "share", 0.0, 1.0, "inquiries by people who are no friends")
    regulars: float = parameter(
        0.5, "share", 0.0, 1.0, "friends' inquiries that come from those who have bought before",
        prior=Prior("uniform", 0.2, 0.8),
    )  # fmt: skip
    customers: float = parameter(
        0.07, "share", 0.0, 1.0, "friends at the start who have bought before"
    )
    liked: float = parameter(
        0.5,
        "share",
        0.0,
        1.0,
        "chance that a friend likes the product shown, other than the favourite",
    )
    willingness: float = parameter(
        1.0, "ratio", 0.01, 100.0, "median willingness to pay against the worth of a product",
        prior=Prior("loguniform", 0.7, 1.4),
    )  # fmt: skip
    spread: float = parameter(
        1.0, "1", 0.05, 3.0, "standard deviation of the logarithm of willingness over buyers: "
        "near the median the elasticity to price is -0.8 over it",
        "assumed within evidence prior_demand_elasticity", Prior("uniform", 0.67, 2.5),
    )  # fmt: skip
    taste_raw: float = parameter(0.05, "weight", 0.0, 1.0, "buyers whose favourite is raw ivory")
    taste_semi: float = parameter(0.05, "weight", 0.0, 1.0, "favourite: semi-worked ivory")
    taste_uncarved: float = parameter(0.45, "weight", 0.0, 1.0, "favourite: uncarved pieces")
    taste_carved: float = parameter(0.45, "weight", 0.0, 1.0, "favourite: carved pieces")
    worth_raw: float = parameter(10.0, "CNY/g", 0.1, 1000.0, "worth of raw ivory to buyers", TUNED)
    worth_semi: float = parameter(8.0, "CNY/g", 0.1, 1000.0, "worth of semi-worked ivory", TUNED)
    worth_uncarved: float = parameter(33.0, "CNY/g", 0.1, 1000.0, "worth of uncarved ivory", TUNED)
    worth_carved: float = parameter(30.0, "CNY/g", 0.1, 1000.0, "worth of carved ivory", TUNED)
    piece_raw: float = parameter(200.0, "g", 1.0, 1e5, "mean piece of raw ivory")
    piece_semi: float = parameter(45.0, "g", 1.0, 1e5, "mean piece of semi-worked ivory")
    piece_uncarved: float = parameter(30.0, "g", 1.0, 1e5, "mean uncarved piece")
    piece_carved: float = parameter(30.0, "g", 1.0, 1e5, "mean carved piece")
    piece_spread: float = parameter(
        0.5, "1", 0.0, 2.0, "standard deviation of the logarithm of a piece's mass"
    )
    trust: float = parameter(0.3, "share", 0.0, 1.0, "trust in a seller not bought from before")
    trust_gain: float = parameter(
        0.5, "share", 0.0, 1.0, "of the trust still missing, won by a delivery",
        prior=Prior("uniform", 0.2, 0.9),
    )  # fmt: skip
    trust_loss: float = parameter(0.7, "share", 0.0, 1.0, "of trust, lost by a parcel that is not")
    risk_step: float = parameter(
        0.3, "risk", 0.0, 1.0, "step of a buyer's perceived risk at a parcel that was seized"
    )
    half_life: float = parameter(4.0, "weeks", 0.5, 52.0, "half-life of a buyer's perceived risk")
    caution: float = parameter(
        1.0, "1", 0.0, 1.0, "share of purchases forgone at a perceived risk of one"
    )


@dataclass
class Payment:
    """How a deal is paid."""

    escrow: float = parameter(0.3, "share", 0.0, 1.0, "buyers who ask for escrow")
    accepted: float = parameter(0.2, "share", 0.0, 1.0, "sellers' consent to escrow")
    insist: float = parameter(0.3, "share", 0.0, 1.0, "deals lost where escrow is refused")
    premium: float = from_fact("escrow_premium", "added to the price for escrow", 0.05, 0.2)
    fee: float = parameter(0.01, "share", 0.0, 0.1, "of the sum, kept by the escrow service")


@dataclass
class Delivery:
    """Couriers: parcels on their way, inspection, tracing."""

    days: float = parameter(3.0, "days", 1.0, 7.0, "whole days from deal to delivery")
    intercepted: float = from_prior(
        "prior_courier_interception", 0.002, "share", "parcels that the courier intercepts",
        form="loguniform",
    )  # fmt: skip
    traced: float = from_prior(
        "prior_courier_traced", 0.3, "share", "intercepted parcels traced to their sender"
    )
    false_names: float = parameter(
        0.6, "share", 0.0, 1.0, "senders under a false name: they cannot be traced"
    )
    lost: float = parameter(0.002, "share", 0.0, 1.0, "parcels lost on the way")
    complaint: float = parameter(
        0.02, "share", 0.0, 1.0, "buyers without their goods who complain to the police"
    )


@dataclass
class Legal:
    """The legal market: licensed makers and shops, until it closes."""

    customers: float = parameter(
        20.0,
        "1/day per 1,000 retailers",
        0.0,
        1e5,
        "people a day who buy legal ivory while they can",
    )
    premium: float = parameter(
        0.5, "share", 0.0, 5.0, "price of legal ivory above its worth at the illegal market"
    )
    laundered: float = parameter(
        0.1, "share", 0.0, 1.0, "of legal sales, made from illegal goods of processors",
        prior=Prior("uniform", 0.0, 0.4),
    )  # fmt: skip
    turn: float = parameter(
        0.2, "share", 0.0, 1.0, "legal customers who ask at stalls once the legal market is closed",
        prior=Prior("uniform", 0.0, 0.5),
    )  # fmt: skip
    stigma: float = parameter(
        0.1, "share", -0.5, 0.9,
        "willingness to pay lost when the legal market closes; below zero scarcity adds to it",
        prior=Prior("uniform", -0.1, 0.3),
    )  # fmt: skip
