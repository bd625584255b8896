"""Sizes and limits as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from tidegate._memory_limits import allowed_memory
from tidegate._memory_sizes import format_seconds, format_size, parse_limit, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512MB", 512_000_000),
        ("64MiB", 67_108_864),
        ("2 gib", 2 << 30),
        ("1.5GB", 1_500_000_000),
        (".5kB", 500),
        ("1000", 1000),
        (1000, 1000),
        ("0", 0),
        (" 7 B ", 7),
    ],
)
def test_sizes_are_read_as_people_write_them(text: Any, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1e9", "12 monkeys", "5%", "nan", "inf", "1.2.3MB", "1 ib", "1iB"])
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize("value", [1.5, None, True, b"1MB", [1]])
def test_a_wrong_type_names_the_argument(value: Any) -> None:
    with pytest.raises(TypeError, match="`budget` must be a size"):
        parse_size(value, name="budget")


def test_a_number_of_numpy_is_a_size() -> None:
    numpy = pytest.importorskip("numpy")
    assert parse_size(numpy.int64(7)) == 7


def test_a_negative_number_is_no_size() -> None:
    with pytest.raises(ValueError, match="not negative"):
        parse_size(-1)


def test_shares_are_of_what_the_machine_allows() -> None:
    assert parse_limit("50%") == allowed_memory() // 2
    assert parse_limit("none") is None
    assert parse_limit(None) is None


@pytest.mark.parametrize("text", ["0%", "101%", "x%", "1.5%", "0", 0, "much"])
def test_what_is_no_limit_is_an_error(text: Any) -> None:
    with pytest.raises(ValueError):
        parse_limit(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (67_108_864, "67.1 MB"),
        (999_999_999, "1.00 GB"),
        (123_456_789_012, "123 GB"),
    ],
)
def test_sizes_are_shown_with_three_digits(size: int, text: str) -> None:
    assert format_size(size) == text
    assert parse_size(text.replace(" ", "")) == pytest.approx(size, rel=0.01)


def test_durations_are_shown_with_three_digits() -> None:
    assert [format_seconds(seconds) for seconds in (0.0001, 0.25, 1, 59.96, 3600)] == [
        "0.10 ms",
        "250 ms",
        "1.00 s",
        "60.0 s",
        "60.0 min",
    ]
