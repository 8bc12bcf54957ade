"""`python -m aiomonitor.cli`: the same as the script `aiomonitor`."""

from aiomonitor.cli import main

if __name__ == "__main__":
    main()
