"""The web page and its API: loaded by the monitor's thread when the first browser connects."""
