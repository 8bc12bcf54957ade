"""Settings of every suite: property tests are not timed, since a busy machine is no failure; and
monitors of tests are not listed among those of the user who runs them."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

os.environ["AIOMONITOR_RUN_DIR"] = ""
