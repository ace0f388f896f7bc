"""The commands behind `./shipshape`, which has made the environment that we run in."""

import sys

from workers.host.commands import main

sys.exit(main(sys.argv[1:]))
