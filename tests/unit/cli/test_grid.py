"""Tables of plain text: aligned, cut where there is no room, and never wider than the terminal."""

from hypothesis import given
from hypothesis import strategies as some

from penstock.cli.grid import columns, grid, is_number


def test_numbers_stand_right_and_texts_left():
    lines = list(grid([["n", "t"], ["integer", "varchar"]], [["1", "a"], ["12345678", "bb"]], [True, False]))
    assert lines == [
        "       n  t",
        " integer  varchar",
        "────────  ───────",
        "       1  a",
        "12345678  bb",
    ]


def test_a_file_gets_every_letter():
    assert "x" * 5000 in "\n".join(grid([["a"]], [["x" * 5000]], [False]))


def test_a_terminal_gets_what_fits_and_is_told_what_does_not():
    heads = [[f"column{n}" for n in range(40)]]
    lines = list(grid(heads, [["y" * 30] * 40], [False] * 40, width=60))
    assert all(columns(line) <= 60 for line in lines)
    assert lines[-1].startswith("not shown for want of room: column")


def test_letters_of_two_columns_are_counted_as_two():
    lines = list(grid([["a", "b"]], [["日本", "x"], ["abcd", "y"]], [False, False]))
    assert [columns(line) for line in lines] == [7, 7, 7, 7]


cells = some.text(some.characters(blacklist_categories=("Cc", "Cs", "Cf", "Mn", "Me", "Zl", "Zp")), max_size=40)


@given(some.data(), some.integers(1, 8), some.integers(20, 100))
def test_no_line_is_wider_than_the_room(data, count, width):
    row = some.lists(cells, min_size=count, max_size=count)
    lines = list(grid([data.draw(row)], [data.draw(row), data.draw(row)], [False] * count, width=width))
    assert all(columns(line) <= width for line in lines)


def test_only_numbers_are_numbers():
    assert [
        is_number(t) for t in ("double", "uhugeint", "decimal(3,1)", "varchar", "double[]", "struct(a double)")
    ] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
