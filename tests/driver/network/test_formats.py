import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import QFormat, code_range, quantize

formats = st.builds(QFormat, int_bits=st.integers(1, 16), frac_bits=st.integers(0, 16))
values = st.floats(-1e6, 1e6)


@given(formats, values)
@settings(max_examples=100, deadline=None)
def test_quantize_is_idempotent(fmt, value):
    code = fmt.quantize(value)
    assert fmt.quantize(fmt.dequantize(code)) == code


@given(formats, values, values)
@settings(max_examples=100, deadline=None)
def test_quantize_is_monotonic(fmt, a, b):
    low, high = sorted((a, b))
    assert fmt.quantize(low) <= fmt.quantize(high)


@given(formats, st.floats(allow_nan=False))
@settings(max_examples=100, deadline=None)
def test_quantize_stays_within_the_format(fmt, value):
    with np.errstate(over="ignore"):  # a quotient beyond float64 is infinite, and saturates
        assert fmt.min_code <= fmt.quantize(value) <= fmt.max_code


@given(formats, values)
@settings(max_examples=100, deadline=None)
def test_quantize_is_off_by_at_most_half_a_step_where_it_does_not_saturate(fmt, value):
    code = fmt.quantize(value)
    if fmt.min_code < code < fmt.max_code:
        assert abs(fmt.dequantize(code) - value) <= fmt.step / 2


@pytest.mark.parametrize("value, code", [(0.5, 1), (-0.5, 0), (1.5, 2), (2.5, 3), (-1.5, -1), (-2.5, -2)])
def test_ties_round_up(value, code):
    assert QFormat(8, 0).quantize(value) == code


@pytest.mark.parametrize(
    "value, code", [(1e300, 127), (-1e300, -128), (np.inf, 127), (-np.inf, -128), (127.4, 127), (127.5, 127)]
)
def test_quantize_saturates(value, code):
    assert QFormat(8, 0).quantize(value) == code


def test_one_bit_holds_minus_one_and_zero():
    np.testing.assert_array_equal(
        QFormat(1, 0).quantize([-3.0, -0.6, -0.5, 0.4, 0.5, 3.0]), [-1, -1, 0, 0, 0, 0]
    )


def test_unsigned_codes_start_at_zero():
    assert code_range(1, signed=False) == (0, 1)
    assert code_range(8, signed=False) == (0, 255)


def test_quantize_refuses_nan_and_counts_it():
    with pytest.raises(ValueError, match="values must not be NaN; 2 of 3 are"):
        QFormat(6, 7).quantize([np.nan, 1.0, np.nan])


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf])
def test_quantize_refuses_a_step_that_is_not_positive_and_finite(step):
    with pytest.raises(ValueError, match="step must be a positive finite number"):
        quantize([1.0], step, -1, 1)


def test_quantize_accepts_a_step_that_is_no_power_of_two():
    np.testing.assert_array_equal(quantize([-1.0, 0.0, 1.0, 0.5], 1 / 7, -7, 7), [-7, 0, 7, 4])


@given(formats)
@settings(max_examples=50, deadline=None)
def test_a_format_reads_what_it_writes(fmt):
    assert QFormat.parse(str(fmt)) == fmt


@pytest.mark.parametrize("text", ["", "Q6", "6.7", "Q-1.7", "Q6.7x", "Q6,7"])
def test_parse_refuses_what_is_not_a_format(text):
    with pytest.raises(ValueError, match="a number format reads Qm.n"):
        QFormat.parse(text)


@pytest.mark.parametrize(
    "int_bits, frac_bits, message",
    [
        (0, 7, "int_bits must be at least 1"),
        (1, -1, "frac_bits must be at least 0"),
        (17, 16, "width must be at most 32 bits, not 33"),
    ],
)
def test_impossible_formats_are_refused(int_bits, frac_bits, message):
    with pytest.raises(ValueError, match=message):
        QFormat(int_bits, frac_bits)


def test_q6_7_is_the_published_13_bits():
    fmt = QFormat.parse("Q6.7")
    assert (fmt.width, fmt.step, fmt.min_code, fmt.max_code) == (13, 1 / 128, -4096, 4095)
