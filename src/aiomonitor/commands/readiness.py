"""Loads what the first command or page needs, while its client is being recognised; nothing else.

A count of the tasks that had to load something first would be taken for a dear one, which is not
repeated soon.
"""

from aiomonitor import render as render
from aiomonitor.listings import paging as paging
from aiomonitor.listings import survey as survey
from aiomonitor.model import TaskInfo as TaskInfo

from . import arguments as arguments
