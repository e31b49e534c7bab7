"""`python -m web`, as `./wangge` calls it."""

from web.cli import main

if __name__ == "__main__":  # not in the processes that it spawns, which import it
    main()
