"""Parameters of the supply chain, retail, buyers, payment, delivery and the legal market."""

from dataclasses import dataclass

from marketsim.parameters.declaration import TUNED, Prior, from_fact, from_prior, parameter


@dataclass
class Supply:
    """Suppliers: importers of raw ivory, which they sell raw."""

    suppliers: float = parameter(
        2.0, "suppliers per 1,000 retailers", 0.0, 1000.0, "number of suppliers"
    )
    shipments: float = parameter(
        0.4, "1/day", 0.0, 10.0, "shipments offered to a supplier per day at the reference price"
    )
    tusks: float = parameter(
        0.4, "share", 0.0, 1.0, "shipments that are whole tusks; the others are segments"
    )
    tusk_mass: float = parameter(
        12_000.0, "g", 100.0, 1e6, "mean mass of a shipment of whole tusks"
    )
    segment_mass: float = parameter(6_000.0, "g", 100.0, 1e6, "mean mass of a shipment of segments")
    seized: float = parameter(
        0.1, "share", 0.0, 1.0, "shipments seized at the border", prior=Prior("uniform", 0.02, 0.3)
    )
    cost: float = parameter(
        5.5, "CNY/g", 0.1, 50.0, "price that a supplier pays for imported raw ivory", TUNED,
        Prior("loguniform", 2.0, 12.0),
    )  # fmt: skip
    margin: float = parameter(
        0.2, "share", 0.0, 2.0, "supplier's margin on cost", prior=Prior("uniform", 0.1, 0.3)
    )
    elasticity: float = from_prior(
        "prior_poaching_elasticity", 0.42, "1", "elasticity of shipments offered to the raw price"
    )
    pass_through: float = from_fact(
        "prior_poaching_pass_through", "share of a price change passed on to poachers", 0.0, 1.0
    )
    cover: float = parameter(
        60.0, "days", 1.0, 1000.0, "days of sales covered by a full stock of raw ivory"
    )


@dataclass
class Workshop:
    """Processors: grading, cutting, and working of raw ivory by hand or by machine."""

    processors: float = parameter(
        5.0, "processors per 1,000 retailers", 0.0, 1000.0, "number of processors"
    )
    top_grade_share: float = parameter(
        0.45, "share", 0.01, 0.99, "raw ivory of the top grade, made into uncarved pieces", TUNED,
        Prior("uniform", 0.25, 0.65),
    )  # fmt: skip
    grade_value: float = parameter(
        2.5, "ratio", 1.0, 10.0, "value of the top grade relative to the rest; allocates cost",
        TUNED, Prior("loguniform", 1.0, 5.0),
    )  # fmt: skip
    semi_share: float = parameter(
        0.12, "share", 0.0, 1.0, "share of other ivory sold semi-worked; the rest is carved",
        TUNED, Prior("uniform", 0.02, 0.4),
    )  # fmt: skip
    waste_hand: float = from_prior(
        "prior_waste_hand", 0.3, "share", "material lost in working by hand (uncarved pieces)"
    )
    waste_machine: float = from_prior(
        "prior_waste_machine", 0.38, "share", "material lost in machine engraving (carved pieces)"
    )
    waste_cutting: float = parameter(
        0.08, "share", 0.0, 0.5, "material lost in cutting (semi-worked pieces)"
    )
    wage_uncarved: float = parameter(
        6.7, "CNY/g", 0.0, 100.0, "labour for uncarved pieces", TUNED, Prior("uniform", 0.0, 20.0)
    )
    wage_carved: float = parameter(
        12.0, "CNY/g", 0.0, 100.0, "labour for carved pieces", TUNED, Prior("uniform", 0.0, 25.0)
    )
    wage_semi: float = parameter(0.3, "CNY/g", 0.0, 100.0, "labour for semi-worked pieces")
    margin: float = parameter(
        0.15, "share", 0.0, 2.0, "processor's margin on cost", prior=Prior("uniform", 0.1, 0.3)
    )
    hand: float = parameter(
        400.0, "g/day", 0.0, 1e6, "capacity of a processor to work top-grade ivory by hand"
    )
    machine: float = parameter(
        500.0, "g/day", 0.0, 1e6, "capacity of a processor to engrave other ivory by machine"
    )
    cover: float = parameter(45.0, "days", 1.0, 1000.0, "days of sales covered by full stocks")


@dataclass
class Retail:
    """Retailers: stock, asking prices, and the effect of sales on posting."""

    expected: float = parameter(
        1.4, "g/day", 0.0, 1e5, "online sales expected by a trader of mean posting rate"
    )
    expected_stall: float = parameter(
        5.0, "g/day", 0.0, 1e5, "sales expected at a stall of the physical market"
    )
    cover: float = parameter(240.0, "days", 1.0, 2000.0, "days of sales covered by a full stock")
    restock_days: float = parameter(10.0, "days", 1.0, 365.0, "mean time between orders")
    raw_share: float = parameter(
        0.25, "share", 0.0, 1.0, "mass share of an order that is raw ivory from a supplier", TUNED,
        Prior("uniform", 0.02, 0.6),
    )  # fmt: skip
    margin: float = parameter(
        0.35, "share", 0.0, 5.0, "retailer's margin on cost", prior=Prior("uniform", 0.2, 0.5)
    )
    margin_spread: float = parameter(
        0.25, "1", 0.0, 1.5, "standard deviation of log asking prices over traders",
        prior=Prior("uniform", 0.15, 0.4),
    )  # fmt: skip
    risk_premium: float = parameter(
        0.1, "share", -0.9, 4.0,
        "price increase at a perceived risk of one; negative values mean selling off",
        prior=Prior("uniform", -0.4, 0.4),
    )  # fmt: skip
    quality_raw: float = parameter(
        0.0, "1", 0.0, 1.0, "standard deviation of log quality of raw ivory over traders"
    )
    quality_semi: float = parameter(
        0.36, "1", 0.0, 1.0, "standard deviation of log quality of semi-worked ivory", TUNED
    )
    quality_uncarved: float = parameter(
        0.17, "1", 0.0, 1.0, "standard deviation of log quality of uncarved ivory", TUNED
    )
    quality_carved: float = parameter(
        0.09, "1", 0.0, 1.0, "standard deviation of log quality of carved ivory", TUNED
    )
    scarcity_pricing: float = parameter(
        0.15,
        "share",
        0.0,
        0.9,
        "price increase at empty stock, and reduction at excess stock",
    )
    stall: float = parameter(0.3, "share", 0.0, 1.0, "retailers who also sell at a physical market")
    physical_premium: float = parameter(
        0.33, "share", -0.5, 3.0, "price premium at the physical market", TUNED,
        Prior("uniform", 0.0, 0.8),
    )  # fmt: skip
    ivory_a: float = parameter(
        1.0, "ratio", 0.0, 5.0, "relative stock of type A, who sells only ivory"
    )
    ivory_b: float = parameter(0.9, "ratio", 0.0, 5.0, "relative stock of type B")
    ivory_c: float = parameter(0.7, "ratio", 0.0, 5.0, "relative stock of type C: collectables")
    ivory_d: float = parameter(0.4, "ratio", 0.0, 5.0, "relative stock of type D: occasional ivory")
    stock_effect_on_posting: float = parameter(
        0.1, "share", 0.0, 0.9, "increase of posting at excess stock, and reduction at empty stock"
    )


@dataclass
class Resale:
    """Resale agents: they hold no stock, buy after payment, and add a markup at each tier."""

    agents: float = parameter(
        100.0, "agents per 1,000 retailers", 0.0, 5000.0, "number of resale agents"
    )
    second_tier: float = parameter(
        0.25, "share", 0.0, 1.0, "agents who forward posts of a first-tier agent"
    )
    third_tier: float = parameter(
        0.05, "share", 0.0, 1.0, "agents who forward posts of a second-tier agent"
    )
    forwarded: float = parameter(0.3, "share", 0.0, 1.0, "retailer's posts that are forwarded")
    extra: float = from_prior(
        "prior_resale_extra", 0.2, "share", "markup added to the price at each tier"
    )


@dataclass
class Demand:
    """Buyers: exposure to posts, inquiries, willingness to pay, trust and perceived risk."""

    buyers: float = parameter(50.0, "buyers per retailer", 0.0, 10_000.0, "number of buyers")
    friends: float = parameter(
        200.0, "friends", 0.0, 5000.0, "mean number of buyers among a seller's friends at the start"
    )
    room: float = parameter(
        1.0, "share", 0.0, 2.0, "further friends that a seller can take on, relative to these"
    )
    friends_leave: float = parameter(
        0.001, "1/day", 0.0, 0.05, "hazard that a friend leaves and is replaced by another"
    )
    inquiries_per_post: float = parameter(
        0.00016, "1/(post friend)", 0.0, 1.0, "inquiries per post and friend"
    )
    groups: float = parameter(
        2.0, "ratio", 0.0, 100.0, "inquiries per post in groups, relative to Moments"
    )
    public: float = parameter(1.0, "ratio", 0.0, 100.0, "inquiries per post on public accounts")
    social: float = parameter(0.5, "ratio", 0.0, 100.0, "inquiries per post on other social media")
    websites: float = parameter(0.5, "ratio", 0.0, 100.0, "inquiries per post on websites")
    to_public: float = parameter(0.3, "weight", 0.0, 1.0, "posts elsewhere on public accounts")
    to_social: float = parameter(0.5, "weight", 0.0, 1.0, "posts elsewhere on other social media")
    to_websites: float = parameter(0.2, "weight", 0.0, 1.0, "posts elsewhere on websites")
    visits: float = parameter(
        0.4, "1/day", 0.0, 1000.0, "inquiries per day at a stall of the physical market",
        prior=Prior("loguniform", 0.25, 1.0),
    )  # fmt: skip
    max_inquiries_per_day: float = parameter(
        20.0, "inquiries a day", 1.0, 1000.0, "inquiries that a seller can answer; Moments first"
    )
    strangers: float = parameter(
        0.15, "share", 0.0, 1.0, "inquiries from people who are not friends"
    )
    regulars: float = parameter(
        0.5, "share", 0.0, 1.0, "friends' inquiries that come from previous customers",
        prior=Prior("uniform", 0.2, 0.8),
    )  # fmt: skip
    second_choice_prob: float = parameter(
        0.5,
        "share",
        0.0,
        1.0,
        "probability of interest in a product other than the favourite",
    )
    willingness: float = parameter(
        1.0, "ratio", 0.01, 100.0, "median willingness to pay relative to the product's value",
        prior=Prior("loguniform", 0.7, 1.4),
    )  # fmt: skip
    spread: float = parameter(
        1.0, "1", 0.05, 3.0, "standard deviation of log willingness to pay over buyers; "
        "near the median the price elasticity is -0.8 divided by it",
        "assumed within evidence prior_demand_elasticity", Prior("uniform", 0.67, 2.5),
    )  # fmt: skip
    taste_raw: float = parameter(0.05, "weight", 0.0, 1.0, "buyers whose favourite is raw ivory")
    taste_semi: float = parameter(
        0.05, "weight", 0.0, 1.0, "buyers whose favourite is semi-worked ivory"
    )
    taste_uncarved: float = parameter(
        0.45, "weight", 0.0, 1.0, "buyers whose favourite is uncarved pieces"
    )
    taste_carved: float = parameter(
        0.45, "weight", 0.0, 1.0, "buyers whose favourite is carved pieces"
    )
    worth_raw: float = parameter(10.0, "CNY/g", 0.1, 1000.0, "value of raw ivory to buyers", TUNED)
    worth_semi: float = parameter(8.0, "CNY/g", 0.1, 1000.0, "value of semi-worked ivory", TUNED)
    worth_uncarved: float = parameter(33.0, "CNY/g", 0.1, 1000.0, "value of uncarved ivory", TUNED)
    worth_carved: float = parameter(30.0, "CNY/g", 0.1, 1000.0, "value of carved ivory", TUNED)
    piece_raw: float = parameter(200.0, "g", 1.0, 1e5, "mean mass of a piece of raw ivory")
    piece_semi: float = parameter(45.0, "g", 1.0, 1e5, "mean mass of a semi-worked piece")
    piece_uncarved: float = parameter(30.0, "g", 1.0, 1e5, "mean mass of an uncarved piece")
    piece_carved: float = parameter(30.0, "g", 1.0, 1e5, "mean mass of a carved piece")
    piece_spread: float = parameter(
        0.5, "1", 0.0, 2.0, "standard deviation of the log mass of a piece"
    )
    trust: float = parameter(0.3, "share", 0.0, 1.0, "initial trust in a seller")
    trust_gain: float = parameter(
        0.5, "share", 0.0, 1.0, "share of missing trust gained by a delivery",
        prior=Prior("uniform", 0.2, 0.9),
    )  # fmt: skip
    trust_loss: float = parameter(
        0.7, "share", 0.0, 1.0, "share of trust lost by a failed delivery"
    )
    risk_step: float = parameter(
        0.3, "risk", 0.0, 1.0, "rise of a buyer's perceived risk when a parcel is seized"
    )
    half_life: float = parameter(4.0, "weeks", 0.5, 52.0, "half-life of a buyer's perceived risk")
    caution: float = parameter(
        1.0, "1", 0.0, 1.0, "share of purchases not made at a perceived risk of one"
    )


@dataclass
class Buyers:
    """Segments of buyers, and how they tire, compare and hear of deliveries."""

    name: str = "unnamed"
    about: str = ""
    collector: float = parameter(0.25, "share", 0.0, 1.0, "buyers who collect")
    investor: float = parameter(0.1, "share", 0.0, 1.0, "buyers who invest; the others give away")
    traveller: float = parameter(0.1, "share", 0.0, 1.0, "buyers who travel, and could buy abroad")
    tires: float = parameter(
        26.0, "weeks", 0.0, 520.0,
        "half-life of the satiety after a purchase, of collectors a quarter; 0: nobody tires",
    )  # fmt: skip
    budget: float = parameter(
        3000.0, "CNY", 1.0, 1e9, "purchase that sates a buyer of median willingness to pay"
    )
    compare: float = parameter(
        0.3, "share", 0.0, 1.0, "interested buyers who compare with the offer of another seller",
        prior=Prior("uniform", 0.0, 1.0),
    )  # fmt: skip
    mouth: float = parameter(
        0.5, "share", 0.0, 1.0, "online inquiries not made once no parcel arrives any more",
        prior=Prior("uniform", 0.0, 1.0),
    )  # fmt: skip


@dataclass
class Upstream:
    """Size and accounts of dealers, how traders choose them, and how agents come and go."""

    name: str = "unnamed"
    about: str = ""
    spread: float = parameter(
        1.0, "1", 0.0, 2.0, "standard deviation of the log size of suppliers and of processors"
    )
    loyalty: float = parameter(
        0.8, "share", 0.0, 1.0, "orders for which a trader keeps the usual source",
        prior=Prior("uniform", 0.0, 1.0),
    )  # fmt: skip
    price_sense: float = parameter(
        2.0, "1", 0.0, 5.0, "how the choice of a dealer falls with the log price asked"
    )
    posts: float = parameter(
        0.1, "1/month", 0.0, 10.0, "a dealer's posts for each piece in stock",
    )  # fmt: skip
    recruit: float = parameter(
        0.01, "1/week", 0.0, 0.1,
        "hazard that a trader whose posts pay recruits an agent; 0: agents stay as they are",
    )  # fmt: skip


@dataclass
class Payment:
    """Payment and escrow."""

    escrow: float = parameter(0.3, "share", 0.0, 1.0, "buyers who ask for escrow")
    accepted: float = parameter(0.2, "share", 0.0, 1.0, "probability that a seller accepts escrow")
    insist: float = parameter(0.3, "share", 0.0, 1.0, "deals lost when escrow is refused")
    premium: float = from_fact("escrow_premium", "price premium for escrow", 0.05, 0.2)
    fee: float = parameter(
        0.01, "share", 0.0, 0.1, "fee of the escrow service, as a share of the payment"
    )


@dataclass
class Delivery:
    """Couriers: delivery, inspection and tracing of parcels."""

    days: float = parameter(3.0, "days", 1.0, 7.0, "whole days from deal to delivery")
    intercepted: float = from_prior(
        "prior_courier_interception", 0.002, "share", "parcels intercepted by couriers",
        form="loguniform",
    )  # fmt: skip
    traced: float = from_prior(
        "prior_courier_traced", 0.3, "share", "intercepted parcels traced to their sender"
    )
    false_names: float = parameter(
        0.6, "share", 0.0, 1.0, "senders under a false name, who cannot be traced"
    )
    lost: float = parameter(0.002, "share", 0.0, 1.0, "parcels lost in transit")
    complaint: float = parameter(
        0.02, "share", 0.0, 1.0, "buyers without delivery who complain to the police"
    )


@dataclass
class Legal:
    """The legal market of licensed makers and shops."""

    customers: float = parameter(
        20.0,
        "1/day per 1,000 retailers",
        0.0,
        1e5,
        "buyers of legal ivory per day while the legal market is open",
    )
    premium: float = parameter(
        0.5, "share", 0.0, 5.0, "price premium of legal ivory over its value in the illegal market"
    )
    stock: float = parameter(
        27.0, "t", 0.0, 1e6, "worked ivory that licensed shops can still sell at the start",
        "assumed",
    )  # fmt: skip
    reuse: float = parameter(
        0.3, "share", 0.0, 1.0,
        "certificates that buyers leave in the shop, where they serve to launder another piece",
        prior=Prior("uniform", 0.0, 0.8),
    )  # fmt: skip
    rush: float = parameter(
        0.3, "share", 0.0, 10.0, "rise of legal customers who expect the market to close",
        prior=Prior("uniform", 0.0, 2.0),
    )  # fmt: skip
    switch_to_illegal: float = parameter(
        0.2, "share", 0.0, 1.0, "legal customers who turn to stalls when the legal market closes",
        prior=Prior("uniform", 0.0, 0.5),
    )  # fmt: skip
    stigma: float = parameter(
        0.1, "share", -0.5, 0.9,
        "loss of willingness to pay when the legal market closes; negative values mean a rise",
        prior=Prior("uniform", -0.1, 0.3),
    )  # fmt: skip


@dataclass
class Prices:
    """How the price of raw ivory integrates excess demand, and what holders expect of it."""

    name: str = "unnamed"
    about: str = ""
    adjust: float = parameter(
        0.05, "1/week", 0.0, 1.0, "rise of the log price at an excess demand of one",
        prior=Prior("uniform", 0.0, 0.2),
    )  # fmt: skip
    speculation: float = parameter(
        0.5, "1", 0.0, 3.0, "rise of the log of stocks wanted with the expected log price",
        prior=Prior("uniform", 0.0, 1.0),
    )  # fmt: skip
    extrapolate: float = parameter(
        0.5, "1", 0.0, 1.5, "expected change relative to that of about the last half year"
    )
