"""Short draws: many questions in one word, as exact as ordinary draws (docs/model.md 7.1)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from test_posting import Posters

from marketsim.numerics import rng

FALSE_ALARM = 1e-6
HAZARDS = (rng.LEAVE, rng.SPELL, rng.LIE_LOW, rng.BACKUP, rng.VIDEO_DAY)
OF_A_POST = (rng.PLACE, rng.LOOK, rng.PICTURES, rng.DELETION, rng.FLAG)

exact_law = settings(max_examples=300, deadline=None, derandomize=True)


@pytest.mark.parametrize("table", [HAZARDS, OF_A_POST], ids=["hazards", "post"])
def test_the_short_draws_of_a_word_are_all_its_bits_once(table):
    """No two share a bit, and put together again they are the word."""
    for word in (0x0123456789ABCDEF, 0xFEDCBA9876543210, 2**64 - 1):
        again = 0
        for draw in table:
            again = (again << draw.bits) | int(rng.short(np.uint64(word), draw))
        assert again == word
    assert [draw.number for draw in table] == list(range(len(table)))


@exact_law
@given(
    word=st.integers(0, 2**64 - 1),
    chances=st.tuples(st.floats(0.0, 1.5), st.floats(0.0, 1.5)),
    draw=st.sampled_from(HAZARDS),
)
def test_a_higher_chance_only_adds_events(word, chances, draw):
    """What happens with a chance happens with every higher one; never with 0, always with 1."""
    low, high = sorted(chances)
    of = (np.uint64(word), draw, 3, 735_720, 9)
    assert rng.happens(low, *of) <= rng.happens(high, *of)
    assert not rng.happens(0.0, *of)
    assert rng.happens(1.0, *of)


@exact_law
@given(part=st.floats(0.0, 1.0), drawn=st.integers(0, 4095), post=st.integers(0, 500))
def test_a_draw_is_refined_where_its_bits_do_not_decide(part, drawn, post):
    """Within one of its 4,096 steps the ordinary draw decides, exactly."""
    word = np.uint64(drawn << 12)  # the place of DELETION
    refined = rng.uniform(3, rng.Purpose.FINER_POST, 735_720, 9, 8 * post + rng.DELETION.number)
    level = min((drawn + part) / 4096.0, 1.0) * 4096.0
    found = rng.happens_to_post((drawn + part) / 4096.0, word, rng.DELETION, 3, 735_720, 9, post)
    assert found == ((drawn + refined) < level if int(level) == drawn else drawn < level)


@pytest.mark.parametrize("chance", [2e-4, 0.9 / 4096, 0.37, 0.9999])
def test_small_chances_are_not_rounded_away(chance):
    """Far below one of 4,096, events are as frequent as they should be."""
    size, events = 120_000, 0
    for trader in range(size):
        word = np.uint64(rng.day_words(5, 735_720, trader)[1])
        events += int(rng.happens(chance, word, rng.SPELL, 5, 735_720, trader))
    assert stats.binomtest(events, size, chance).pvalue > FALSE_ALARM
    if chance < 1e-3:  # negative control: what the bits alone would give
        assert stats.binomtest(0, size, chance).pvalue < FALSE_ALARM


@pytest.mark.parametrize("number", [1, 2, 5, 8])
def test_one_of_some_numbers_is_exact(number):
    """The number is the whole part of the refined draw times their number, on edges, too."""
    edges = 0
    for drawn in range(4096):
        word = np.uint64(drawn << 24)  # the place of PICTURES
        item = 8 * drawn + rng.PICTURES.number
        refined = rng.uniform(3, rng.Purpose.FINER_POST, 735_720, 9, item)
        exact = (drawn * 2**53 + int(refined * 2.0**53)) * number >> 65
        assert rng.one_of(number, word, rng.PICTURES, 3, 735_720, 9, drawn) == exact
        edges += drawn * number >> 12 != exact
    assert (edges > 0) == (number == 5)  # the bits alone decide for powers of two


def test_more_posts_only_append():
    """Whoever posts more makes the same posts, and then others."""
    of = {"posting__delete_always": 0.2, "recovery": "forgetting"}
    some = Posters(rate=5.0, **of).set(risk=0.3).post()
    more = Posters(rate=5.0, **of).set(risk=0.3).post(activity=2.0)
    assert more.intended.sum() > 1.5 * some.intended.sum()
    for name in ("intended", "moments", "deleted", "groups", "elsewhere", "withheld", "pictures"):
        assert (getattr(more, name) >= getattr(some, name)).all(), name
    others = Posters(rate=5.0, seed=4, **of).set(risk=0.3).post(activity=2.0)  # negative control
    assert (others.moments < some.moments).any()


@pytest.mark.parametrize("grid", [2, 6, 9])
def test_all_numbers_of_pictures_are_equally_frequent(grid):
    """A post without all pictures has each smaller number as often, whatever their number."""
    found = np.zeros(grid, int)
    style = {"posting__video_share": 0.0, "posting__full_grid": 0.0, "style__grid_spread": 0.0}
    traders = Posters(rate=1.0, posting__grid=grid, posting__daily_shape=100.0, **style)
    for day in range(20):
        posts = traders.post(735_720 + day)
        found += np.bincount(posts.latest_pictures[posts.moments == 1], minlength=grid)[:grid]
    assert found[0] == 0 and found.sum() > 5_000
    assert grid == 2 or stats.chisquare(found[1:]).pvalue > FALSE_ALARM
