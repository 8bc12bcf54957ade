"""For who tests applications: tasks that are left behind, and timeouts that expire.

Imports asyncio, so it is nothing for who only starts a monitor.
"""

from ._asyncio.expiries import notice as notice_expiries
from ._asyncio.leaving import Leaving, Left, left
from ._asyncio.present import PassingBackend

__all__ = ["Leaving", "Left", "PassingBackend", "left", "notice_expiries"]
