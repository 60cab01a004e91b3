"""Records behave as the frozen dataclasses of the standard library do."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import msgspec
import pytest

from penstock.base.record import record


@record
class Ours:
    """Some fields."""

    a: int
    b: str = "x"
    c: list[int] = field(default_factory=list)

    @property
    def double(self) -> int:
        """Twice."""
        return 2 * self.a


@dataclass(frozen=True, slots=True)
class Theirs:
    """Some fields."""

    a: int
    b: str = "x"
    c: list[int] = field(default_factory=list)


@record
class Key:
    """One field."""

    a: int


@record
class Named:
    """With words of its own."""

    a: int

    def __repr__(self) -> str:
        """Only this."""
        return "named"


@pytest.mark.parametrize("given", [(1,), (1, "y"), (1, "y", [2])])
def test_a_record_says_what_a_dataclass_says(given):
    assert repr(Ours(*given)) == repr(Theirs(*given)).replace("Theirs", "Ours")
    assert [(f.name, f.default) for f in fields(Ours)] == [(f.name, f.default) for f in fields(Theirs)]
    assert Ours.__match_args__ == Theirs.__match_args__


def test_records_are_equal_by_their_fields_and_within_their_class():
    assert Ours(1) == Ours(1)
    assert Ours(1) != Ours(2)
    assert Ours(1) != Theirs(1)
    assert hash(Key(1)) == hash(Key(1))
    assert {Key(1): "found"}[Key(1)] == "found"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours(1))


def test_each_record_has_a_default_of_its_own():
    assert Ours(1).c is not Ours(1).c


@pytest.mark.parametrize("name", ["a", "unknown"])
def test_a_record_cannot_be_changed(name):
    one = Ours(1)
    with pytest.raises(FrozenInstanceError, match=name):
        setattr(one, name, 2)
    with pytest.raises(FrozenInstanceError, match=name):
        delattr(one, name)
    assert not hasattr(one, "__dict__")


def test_a_record_is_replaced_copied_pickled_and_stored():
    one = Ours(1, c=[3])
    assert replace(one, a=2) == Ours(2, c=[3])
    assert copy.deepcopy(one) == copy.copy(one) == one
    assert pickle.loads(pickle.dumps(one)) == one
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Ours) == one
    assert one.double == 2


@pytest.mark.parametrize(
    ("given", "named", "said"), [((), {}, "missing"), ((1, "y", [], 4), {}, "takes"), ((1,), {"d": 1}, "unexpected")]
)
def test_a_wrong_call_is_refused_by_the_first_instance_and_by_later_ones(given, named, said):
    @record
    class New:
        """Nobody made one yet."""

        a: int
        b: str = "x"
        c: tuple[int, ...] = ()

    for _ in range(2):
        with pytest.raises(TypeError, match=said):
            New(*given, **named)


def test_what_a_class_says_itself_is_kept():
    assert repr(Named(1)) == "named"
