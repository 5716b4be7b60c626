"""An agent-based simulation of the illegal online ivory trade in China.

It simulates effects of enforcement from published aggregates. It holds no personal data and
gives no advice on evading law.
"""

__version__ = "0.1.0"
