"""What `aiomonitor run` has a fresh interpreter execute, by its path: it makes way for the program.

Imports nothing before the folder of this file is off the path: what is in it is nobody's business.
"""

import sys

if not getattr(sys.flags, "safe_path", False):  # from 3.11 on
    del sys.path[0]
try:
    from aiomonitor.launch.program import main
except ImportError:  # it was started where it can be imported from
    sys.path.append(__file__.rpartition("aiomonitor")[0])
    from aiomonitor.launch.program import main

main()
