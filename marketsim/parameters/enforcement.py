"""Parameters of enforcement: hours of work, police and moderation."""

from dataclasses import dataclass

from marketsim.parameters.declaration import from_prior, parameter


@dataclass
class Hours:
    """Working hours of moderators and police. None is published; all are assumed."""

    review: float = parameter(
        0.25, "hours/case", 0.0, 100.0, "moderation: review of one case", "assumed"
    )
    account: float = parameter(
        1.0, "hours/account", 0.0, 1000.0, "sweep: finding and banning one account", "assumed"
    )
    post: float = parameter(
        0.25, "hours/post", 0.0, 100.0, "sweep: finding and removing one post", "assumed"
    )
    case: float = parameter(
        60.0, "hours/case", 0.0, 10_000.0, "police: processing one case", "assumed"
    )
    inspection: float = parameter(
        4.0, "hours/stall", 0.0, 1000.0, "police: inspection of one stall", "assumed"
    )
    raid: float = parameter(
        300.0, "hours/raid", 0.0, 100_000.0, "police: raid on one supplier or workshop", "assumed"
    )
    border: float = parameter(
        40.0, "hours a week per 1,000 traders", 0.0, 10_000.0,
        "border controls at the level of 2015", "assumed",
    )  # fmt: skip
    couriers: float = parameter(
        20.0, "hours a week per 1,000 traders and percent", 0.0, 10_000.0,
        "parcel checks, for each percent of parcels intercepted beyond 2015", "assumed",
    )  # fmt: skip
    traces: float = parameter(
        5.0, "hours a week per 1,000 traders and percent", 0.0, 10_000.0,
        "analysis of payment and courier records, for each percent traced beyond 2015", "assumed",
    )  # fmt: skip


@dataclass
class Police:
    """Police: case queue, arrests, seizures, and raids up and down the supply chain."""

    capacity: float = parameter(
        0.02, "cases a day per 1,000 traders", 0.0, 1000.0, "cases that police can process"
    )
    referred: float = parameter(
        0.02, "share", 0.0, 1.0, "sanctioned accounts that moderators refer to police"
    )
    escrow_trace: float = parameter(
        0.0005, "share", 0.0, 1.0, "escrow payments that lead to a case"
    )
    inspected: float = parameter(
        0.00002, "1/day", 0.0, 1.0, "hazard that a stall is inspected and becomes a case"
    )
    arrest: float = parameter(0.3, "share", 0.0, 1.0, "cases that end in an arrest")
    upstream: float = parameter(
        0.2, "share", 0.0, 1.0, "arrests followed by a raid on the processor"
    )
    supplier: float = parameter(0.2, "share", 0.0, 1.0, "raids followed by a raid on the supplier")
    downstream: float = parameter(
        0.2, "share", 0.0, 1.0, "arrests followed by the arrest of a resale agent"
    )
    closed_days: float = parameter(
        60.0, "days", 1.0, 2000.0, "closure of a processor or supplier after a raid"
    )
    raid_risk: float = parameter(
        0.3, "risk", 0.0, 1.0, "rise of perceived risk of suppliers and processors at a raid on one"
    )


@dataclass
class Moderation:
    """Moderation: detection of posts by the platform, and sanctions."""

    filter_recall: float = from_prior(
        "prior_filter_recall", 0.05, "share", "unconcealed Moments posts detected by filters"
    )
    concealed: float = parameter(
        0.997, "share", 0.0, 1.0, "posts concealed from filters by wording and pictures"
    )
    outsiders: float = parameter(
        0.5, "views a post", 0.0, 100.0, "views of a post from outside the trade, at full audience"
    )
    report_rate: float = from_prior(
        "prior_report_rate",
        1e-4,
        "1/view",
        "probability that such a view leads to a report",
        form="loguniform",
    )
    memory_days: float = parameter(
        7.0, "days", 1.0, 90.0, "mean time for which a sweep counts a visible post as recent"
    )
    capacity: float = parameter(
        1.0, "cases a day per 1,000 traders", 0.0, 1000.0, "cases that moderators can decide"
    )
    upheld: float = parameter(0.8, "share", 0.0, 1.0, "reviewed cases that end in a sanction")
    mute_days: float = parameter(
        2.0, "days", 0.0, 30.0, "Moments muted at the first and second sanction"
    )
    limit_days: float = parameter(7.0, "days", 0.0, 60.0, "Moments muted at the third sanction")
    suspend_days: float = parameter(
        30.0, "days", 0.0, 180.0, "account suspended at the fourth sanction"
    )
