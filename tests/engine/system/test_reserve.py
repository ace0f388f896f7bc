from engine.system.reserve import BYTES, Reserve


def test_room_is_taken_and_given_up(tmp_path):
    place = tmp_path / "reserve"
    reserve = Reserve(place, plenty=0)

    reserve.keep()
    reserve.keep()
    assert place.stat().st_blocks * 512 >= BYTES

    reserve.give_up()
    reserve.give_up()
    assert not place.exists()


def test_room_that_was_given_up_is_taken_again(tmp_path):
    place = tmp_path / "reserve"
    reserve = Reserve(place, plenty=0)

    reserve.keep_again()
    assert not place.exists()

    reserve.give_up()
    reserve.keep_again()
    assert place.exists()


def test_a_disk_without_plenty_keeps_its_room(tmp_path):
    Reserve(tmp_path / "reserve", plenty=1 << 62).keep()

    assert not list(tmp_path.iterdir())


def test_a_place_that_is_gone_is_no_error(tmp_path):
    reserve = Reserve(tmp_path / "gone" / "reserve")

    reserve.keep()
    reserve.give_up()
