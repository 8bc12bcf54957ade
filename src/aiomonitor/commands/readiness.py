"""Loads what the first command needs, while its client is being recognised; nothing else."""

from aiomonitor import render as render
from aiomonitor.listings import paging as paging
from aiomonitor.model import TaskInfo as TaskInfo

from . import arguments as arguments
