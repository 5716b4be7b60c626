"""Entry point of the command: ``marketsim``, or ``python -m marketsim``."""

import sys


def main() -> None:
    """Run the command; what stops an import (Ctrl-C, the evidence table) is one line too."""
    try:
        from marketsim.commands import exit_status

        with exit_status.one_line():
            from marketsim.commands import cli
        cli.main()  # outside: only the outermost guard records Ctrl-C
    except KeyboardInterrupt:
        print("marketsim: interrupted before the start", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
