"""Parameters of enforcement: hours of work, police and moderation."""

from dataclasses import dataclass

from marketsim.parameters.declaration import TUNED, Prior, from_prior, parameter


@dataclass
class Hours:
    """Working hours of moderators and police. None is published; all are assumed.

    Those of police units at the level of 2015 are in `Institutions`.
    """

    review: float = parameter(
        0.25, "hours/case", 0.0, 100.0, "moderation: review of one case", "assumed"
    )
    account: float = parameter(
        1.0, "hours/account", 0.0, 1000.0, "sweep: finding and banning one account", "assumed"
    )
    post: float = parameter(
        0.25, "hours/post", 0.0, 100.0, "sweep: finding and removing one post", "assumed"
    )
    raid: float = parameter(
        300.0, "hours/raid", 0.0, 100_000.0, "police: raid on one supplier or workshop", "assumed"
    )
    couriers: float = parameter(
        20.0, "hours a week per 1,000 traders and percent", 0.0, 10_000.0,
        "parcel checks, for each percent of parcels intercepted beyond 2015", "assumed",
    )  # fmt: skip
    traces: float = parameter(
        5.0, "hours a week per 1,000 traders and percent", 0.0, 10_000.0,
        "analysis of payment and courier records, for each percent traced beyond 2015", "assumed",
    )  # fmt: skip
    purchase: float = parameter(
        8.0, "hours/purchase", 0.0, 1000.0, "police: one undercover purchase", "assumed"
    )


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


@dataclass
class Institutions:
    """Places beside Moments, their operators, and the four units of police."""

    name: str = "unnamed"
    about: str = ""
    staff: float = parameter(
        0.05, "cases a day per 1,000 traders", 0.0, 1000.0,
        "cases that each desk of moderators beside that of Moments can decide", TUNED,
    )  # fmt: skip
    recall: float = parameter(
        0.3, "share", 0.0, 1.0, "posts on public accounts, other social media and websites detected"
    )
    reports_groups: float = parameter(
        0.2, "ratio", 0.0, 100.0, "reports of a post in groups, relative to Moments"
    )
    noise: float = parameter(
        1.0, "reports a report", 0.0, 100.0, "reports of other things for each report of ivory",
        prior=Prior("uniform", 0.0, 5.0),
    )  # fmt: skip
    qq: float = parameter(
        0.4, "share", 0.0, 1.0, "accounts on other social media that Tencent operates (QQ)"
    )
    reopen: float = parameter(
        8.0, "weeks", 0.0, 520.0, "until a trader has another account where one was closed"
    )
    hours_online: float = parameter(
        8.0, "hours a week per 1,000 traders", 0.01, 10_000.0, "police: cases of online accounts"
    )
    hours_parcels: float = parameter(
        4.0, "hours a week per 1,000 traders", 0.01, 10_000.0, "police: parcels and payments"
    )
    hours_markets: float = parameter(
        4.0, "hours a week per 1,000 traders", 0.01, 10_000.0, "police: stalls of physical markets"
    )
    hours_border: float = parameter(
        40.0, "hours a week per 1,000 traders", 0.01, 10_000.0, "police: smuggling at the border"
    )
    evidence: float = parameter(
        0.8, "share", 0.0, 1.0, "cases after an undercover purchase that end in an arrest"
    )
    vetting: float = parameter(
        0.5, "1", 0.0, 1.0, "strangers refused at a perceived risk of one above its floor",
        prior=Prior("uniform", 0.0, 1.0),
    )  # fmt: skip
    publicity: float = parameter(0.1, "share", 0.0, 1.0, "how far an arrest becomes public")
