"""What enforcement costs, in hours of work: by this scenarios of equal effort are compared."""

from dataclasses import dataclass

from marketsim.declaring import parameter


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
