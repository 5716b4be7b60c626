"""What enforcement costs, in hours of work: by this scenarios of equal effort are compared."""

from dataclasses import dataclass

from marketsim.parameters.declaration import from_prior, parameter


@dataclass
class Hours:
    """Hours of moderators and police; nobody publishes them, so all are assumed."""

    review: float = parameter(
        0.25, "hours/case", 0.0, 100.0, "a moderator decides one case", "assumed"
    )
    account: float = parameter(
        1.0, "hours/account", 0.0, 1000.0, "a sweep finds and takes one account", "assumed"
    )
    post: float = parameter(
        0.25, "hours/post", 0.0, 100.0, "a sweep finds and removes one post", "assumed"
    )
    case: float = parameter(
        60.0, "hours/case", 0.0, 10_000.0, "police work off one case", "assumed"
    )
    inspection: float = parameter(
        4.0, "hours/stall", 0.0, 1000.0, "police inspect one stall", "assumed"
    )
    raid: float = parameter(
        300.0, "hours/raid", 0.0, 100_000.0, "one supplier raided or workshop searched", "assumed"
    )
    border: float = parameter(
        40.0, "hours a week per 1,000 traders", 0.0, 10_000.0,
        "work at the border as it was in 2015", "assumed",
    )  # fmt: skip
    couriers: float = parameter(
        20.0, "hours a week per 1,000 traders", 0.0, 10_000.0,
        "checks of parcels as they were in 2015", "assumed",
    )  # fmt: skip
    traces: float = parameter(
        10.0, "hours a week per 1,000 traders", 0.0, 10_000.0,
        "work on payment and courier records as it was in 2015", "assumed",
    )  # fmt: skip


@dataclass
class Police:
    """Police: a queue of cases, arrests, seizures, one step up and down the chain."""

    capacity: float = parameter(
        0.02, "cases a day per 1,000 traders", 0.0, 1000.0, "cases that police can work off"
    )
    referred: float = parameter(
        0.02, "share", 0.0, 1.0, "accounts sanctioned by moderators that are referred to police"
    )
    escrow_trace: float = parameter(
        0.0005, "share", 0.0, 1.0, "escrow payments that lead to a case"
    )
    inspected: float = parameter(
        0.00002, "1/day", 0.0, 1.0, "hazard of a stall to be inspected and become a case"
    )
    arrest: float = parameter(0.3, "share", 0.0, 1.0, "cases that end in an arrest")
    upstream: float = parameter(
        0.2, "share", 0.0, 1.0, "arrests after which the processor is raided"
    )
    supplier: float = parameter(0.2, "share", 0.0, 1.0, "raids after which the supplier is raided")
    downstream: float = parameter(
        0.2, "share", 0.0, 1.0, "arrests after which an agent is taken too"
    )
    closed_days: float = parameter(
        60.0, "days", 1.0, 2000.0, "time after a raid in which a processor or supplier does nothing"
    )
    raid_risk: float = parameter(
        0.3, "risk", 0.0, 1.0, "step of suppliers' and processors' perceived risk at a raid on one"
    )


@dataclass
class Moderation:
    """What the platform sees, and what it does about it."""

    filter_recall: float = from_prior(
        "prior_filter_recall", 0.05, "share", "unconcealed Moments posts that filters find"
    )
    concealed: float = parameter(
        0.997, "share", 0.0, 1.0, "posts whose words and pictures defeat filters (slang, emoji)"
    )
    outsiders: float = parameter(
        0.5, "views a post", 0.0, 100.0, "people not complicit who see a post at full audience"
    )
    report_rate: float = from_prior(
        "prior_report_rate",
        1e-4,
        "1/view",
        "chance that such a person reports the post",
        form="loguniform",
    )
    memory_days: float = parameter(
        7.0, "days", 1.0, 90.0, "mean time for which a visible post counts as recent in a sweep"
    )
    capacity: float = parameter(
        1.0, "cases a day per 1,000 traders", 0.0, 1000.0, "cases moderators can decide"
    )
    upheld: float = parameter(0.8, "share", 0.0, 1.0, "reviewed cases that end in a sanction")
    mute_days: float = parameter(2.0, "days", 0.0, 30.0, "Moments muted at the first sanctions")
    limit_days: float = parameter(7.0, "days", 0.0, 60.0, "Moments muted at the third sanction")
    suspend_days: float = parameter(30.0, "days", 0.0, 180.0, "account suspended at the fourth")
