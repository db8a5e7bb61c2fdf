"""Values are what their fields are; keys are ordered by them, one after another."""

from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.domain.claims import Claim, Key
from card_fulfillment.domain.detail import Detail, Precision
from card_fulfillment.domain.registers import Register

_FIELDS = st.tuples(
    st.integers(1, 2),
    st.integers(-1, 1),
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from([b"\x00", b"\x01"]),
)


def _register(attempt: int = 1) -> Register:
    return Register(attempt, 5, b"\x01", "a")


def test_values_of_the_same_fields_are_equal_and_hashed_alike() -> None:
    assert _register() == _register()
    assert hash(_register()) == hash(_register())
    assert len({_register(), _register(), _register(2)}) == 2


def test_values_of_other_fields_or_of_another_kind_differ() -> None:
    assert _register() != _register(2)
    assert _register() != (1, 5, b"\x01", "a")
    assert Key(1, 0, 5, 0, b"\x01") != _register()


def test_a_value_shows_its_fields_those_of_its_values_too() -> None:
    told = Detail(5, Precision.DAY, 6, None, None, "alpha", None, None)

    shown = repr(Claim(Key(1, 0, 5, 0, b"\x01"), told))

    assert shown == (
        "Claim(key=Key(attempt=1, phase=0, time=5, rank=0, fact_id=b'\\x01'), "
        "detail=Detail(occurred_at=5, precision=<Precision.DAY: 'day'>, received_at=6, "
        "reason=None, evidence=None, vendor='alpha', code=None, text=None))"
    )


def test_a_value_is_taken_apart_by_a_pattern() -> None:
    match _register(2):
        case Register(attempt, _, _, value):
            assert (attempt, value) == (2, "a")


@given(_FIELDS, _FIELDS)
def test_keys_are_ordered_by_their_fields_one_after_another(
    one: tuple[int, int, int, int, bytes], other: tuple[int, int, int, int, bytes]
) -> None:
    assert (Key(*one) < Key(*other)) == (one < other)
    assert (Key(*one) > Key(*other)) == (one > other)
    assert (Key(*one) == Key(*other)) == (one == other)
