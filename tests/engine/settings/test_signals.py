import pytest

from engine.errors import InvalidSetting
from engine.settings.signals import parse_signal


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGTERM", 15),
        ("term", 15),
        ("9", 9),
        ("SIGKILL", 9),
        ("RTMIN+3", 37),
        ("SIGRTMAX-1", 63),
        ("64", 64),
    ],
)
def test_a_signal_may_be_written_in_many_ways(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "-9", "NOPE", "RTMIN+99", "9" * 5000, "٩"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        parse_signal(text, field="stop_signal")

    assert caught.value.field == "stop_signal"
