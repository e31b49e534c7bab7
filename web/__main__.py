"""`python -m web`, as `./wangge` calls it."""

from web.cli import main

main()
