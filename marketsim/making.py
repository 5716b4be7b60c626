"""What becomes of raw ivory: the mass and the cost of what is made of it."""

from marketsim.compiled import part


@part
def yields(workshop):
    """Return the mass of semi-worked, uncarved and carved pieces made of a unit of raw ivory."""
    rest = 1.0 - workshop.best
    semi = rest * workshop.semi_share * (1.0 - workshop.waste_cutting)
    carved = rest * (1.0 - workshop.semi_share) * (1.0 - workshop.waste_machine)
    return semi, workshop.best * (1.0 - workshop.waste_hand), carved


@part
def all_yields(workshop):
    """Return the mass of all products made of a unit of raw ivory."""
    semi, uncarved, carved = yields(workshop)
    return semi + uncarved + carved


@part
def costs(raw, workshop):
    """Return what semi-worked, uncarved and carved pieces cost to make, CNY a gram.

    Cutting grades the material: uncarved pieces take the best, the others the rest, and the cost
    `raw` of a gram is allocated by the value of the grades.
    """
    low = raw / (workshop.grade_value * workshop.best + 1.0 - workshop.best)
    high = low * workshop.grade_value
    semi = low / (1.0 - workshop.waste_cutting) + workshop.wage_semi
    uncarved = high / (1.0 - workshop.waste_hand) + workshop.wage_uncarved
    return semi, uncarved, low / (1.0 - workshop.waste_machine) + workshop.wage_carved
