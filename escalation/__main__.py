"""`python -m escalation` is the command line."""

from escalation.cli import main

if __name__ == "__main__":
    main()
