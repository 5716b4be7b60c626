"""Short draws: several questions answered by the bits of one word (docs/model.md 7.1)."""

from marketsim.numerics.rng import Purpose

HAZARDS = {"LEAVE": 16, "SPELL": 12, "LIE_LOW": 12, "BACKUP": 12, "VIDEO_DAY": 12}
POST = {"PLACE": 16, "LOOK": 12, "PICTURES": 12, "DELETION": 12, "FLAG": 12}
FINER = 53  # bits of the ordinary draw that refines a short one


class Shorts:
    """The short draws of one word, refined, as whole numbers: nothing is rounded."""

    def __init__(self, word: int, table: dict[str, int], finer):
        self.table = table
        self.finer = finer  # from the number of a short draw to the ordinary draw that refines it
        self.digits = f"{int(word):064b}"

    def refined(self, name: str) -> int:
        """Return a short draw with its refinement: the uniform times 2 to the power of all bits."""
        names = list(self.table)
        number = names.index(name)
        first = sum(self.table[before] for before in names[:number])
        whole = int(self.digits[first : first + self.table[name]], 2)
        return (whole << FINER) + int(float(self.finer(number)) * 2.0**FINER)

    def happens(self, name: str, chance: float) -> bool:
        """Return whether an event of some probability happens."""
        return self.refined(name) < min(float(chance), 1.0) * 2.0 ** (self.table[name] + FINER)

    def one_of(self, name: str, number: int) -> int:
        """Return one of the first whole numbers, equally probable."""
        return (self.refined(name) * number) >> (self.table[name] + FINER)


def of_the_day(model, who: int) -> Shorts:
    """Return the five short draws of a trader's day."""
    _, hazards, _, _ = model.words(Purpose.POSTS, who)
    return Shorts(hazards, HAZARDS, lambda number: model.draw(Purpose.FINER_HAZARD, who, number))


def of_a_post(model, who: int, j: int) -> Shorts:
    """Return the five short draws of post j of a trader's day."""
    if j < 2:
        word = model.words(Purpose.POSTS, who)[2 + j]
    else:
        word = model.words(Purpose.MORE_POSTS, who, (j - 2) // 4)[(j - 2) % 4]
    return Shorts(word, POST, lambda number: model.draw(Purpose.FINER_POST, who, 8 * j + number))
