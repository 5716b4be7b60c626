"""Files are there whole or not at all, and a full disk is left as it was."""

import errno

import pytest

from marketsim.simulation import files


def test_a_file_takes_its_place_once_it_is_complete(tmp_path):
    """Until then the one of before stands there."""
    path = tmp_path / "page.html"
    path.write_text("before")
    with files.whole(path) as beside:
        beside.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_one_that_is_never_complete_leaves_nothing(fault, tmp_path):
    """Neither a full disk nor Ctrl-C leaves half a file, or harms the one of before."""
    path = tmp_path / "page.html"
    path.write_text("before")
    with pytest.raises(type(fault)), files.whole(path) as beside:
        beside.write_text("half")
        raise fault
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
