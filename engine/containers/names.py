"""Names for containers whose owner gave none: an adjective and the surname of a seafarer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_ADJECTIVES = """
    able agile amber bold brave breezy bright brisk buoyant calm candid careful cheerful clever
    coastal cosy crisp curious daring deft distant eager earnest early easy faithful fair fearless
    fluent fond free fresh gallant gentle glad golden graceful grand happy hardy hearty honest
    hopeful jolly keen kind lively loyal lucid lucky mellow merry mighty modest nimble noble
    patient placid plucky polite proud quick quiet rapid ready restful robust rosy salty seaworthy
    serene sharp silent silver sincere smooth snug spry stable steady stout sturdy sunny swift tidy
    tidal tranquil trim true trusty upbeat upright valiant vivid warm watchful wise witty zesty
"""
_SURNAMES = """
    adams amundsen anson banks baret barents bass baudin beaufort bering bligh bougainville bowditch
    bowen cabot cartier caroline champlain clerke cochrane columbus cook cousteau crozier dampier
    davis dias drake duperrey earle elcano fitzroy flinders franklin freycinet frobisher fuchs gama
    gilbert grace hawkins henson hudson hurley inglefield jansz jewitt kane kidd kotzebue
    lander laperouse lisle loti mackenzie magellan malaspina maury mawson mcclure moitessier nansen
    nares nelson nobile ommanney palmer parry peary piccard pigafetta polo pytheas quiros rae
    rickmers ross rozier sacagawea scoresby scott shackleton slocum stefansson sturt sverdrup
    tasman torres tupaia vancouver vespucci wallis weddell wilkes worsley zheng
"""
ADJECTIVES = tuple(_ADJECTIVES.split())
SURNAMES = tuple(_SURNAMES.split())
TRIES = 8


def iter_names(chooser: random.Random) -> Iterator[str]:
    """Yield names to try, each at random; after a few they get a number, and so never run out."""
    for attempt in range(10_000):
        name = f"{chooser.choice(ADJECTIVES)}_{chooser.choice(SURNAMES)}"
        yield name if attempt < TRIES else f"{name}{chooser.randrange(10, 1_000_000)}"
