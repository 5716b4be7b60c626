"""Errors of invalid input: one shape per kind, the nearest name, one line."""

import copy
import doctest
import pickle

import pytest

from marketsim import errors
from marketsim.commands.options import RunCommand
from marketsim.parameters.settings import dotted_keys


def test_the_examples_run():
    """The examples of the docstrings print what they say."""
    found = doctest.testmod(errors)
    assert found.attempted >= 6
    assert found.failed == 0


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("supply.csot", "supply.cost"),
        ("retailers", "population.retailers"),
        ("populaton", "population"),
        ("posting.base_post", "posting.base_posts"),
        ("demand.weekend", "posting.weekend"),
        ("seeed", "seed"),
    ],
)
def test_the_nearest_of_all_keys_is_offered(given, near):
    """Whole keys and their last parts are compared, over all groups."""
    error = errors.unknown_parameter(given, 1, dotted_keys(RunCommand))
    assert str(error) == f"unknown parameter '{given}'; did you mean '{near}'?"


def test_where_nothing_is_near_it_says_where_to_look():
    """No name is offered that is not like the one given."""
    message = str(errors.unknown_parameter("nope", 1, dotted_keys(RunCommand)))
    assert message == "unknown parameter 'nope'; marketsim --cfg job lists all parameters"


KINDS = [errors.InputError, *errors.InputError.__subclasses__()]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_another_process(kind):
    """Workers hand errors back: kind, key, value and message are kept."""
    error = kind("key", 3, "something else").at("job 2 of 3").below("group")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert str(again) == str(error)
        assert (again.key, again.value, again.allowed) == ("group.key", 3, "something else")
    assert str(error).startswith("job 2 of 3: ")
    assert len({one.shape for one in KINDS}) == len(KINDS) >= 9


def test_a_message_is_one_printable_line():
    """Line breaks become spaces, control characters are escaped."""
    message = str(errors.InputError("a\nb", "\x1b[31m", "c\td"))
    assert message == r"a b=\x1b[31m is invalid: expected c d"
