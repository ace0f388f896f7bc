"""Memory that goes back: garbage in circles, and what loaded code keeps is not looked through."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

from engine.system.memory import give_memory_back, trim


class Circle:
    def __init__(self) -> None:
        self.myself = self


def test_garbage_in_circles_goes():
    circle = weakref.ref(Circle())
    give_memory_back()
    assert circle() is None


def test_giving_back_nothing_is_fine():
    trim()
    trim()


def test_what_is_there_at_the_start_is_looked_through_no_more():
    # In a process of its own: it would stay frozen in this one.
    line = "import gc; from engine.system.memory import settle_in; settle_in()"
    asked = "print(gc.get_freeze_count() > 1000, gc.isenabled())"
    told = subprocess.run([sys.executable, "-c", f"{line}; {asked}"], capture_output=True)
    assert told.stdout.split() == [b"True", b"True"]
    assert gc.get_freeze_count() == 0
