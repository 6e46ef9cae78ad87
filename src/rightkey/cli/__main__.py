"""`python -m rightkey.cli`: the command line."""

from rightkey.cli import main

if __name__ == "__main__":
    main()
