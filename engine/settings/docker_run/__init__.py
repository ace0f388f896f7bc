"""
`docker run …` lines, read into settings. Pure.

Passes, one way: a line becomes *words* as a shell would make them, words become the *flags* that
were given, flags become settings by theme. Every flag that docker has is known: the ones that mean
nothing to this engine are refused by their names.
"""

from __future__ import annotations

from engine.settings.docker_run.line import RunLine, parse_docker_run

__all__ = ["RunLine", "parse_docker_run"]
