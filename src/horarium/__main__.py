"""`python -m horarium`: the command line, where no `horarium` is on the path (cron, Windows)."""

from horarium.cli.main import main

if __name__ == "__main__":
    main()
