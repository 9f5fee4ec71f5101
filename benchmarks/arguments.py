"""Parsers of comma-separated command line options, for argparse's `type`."""


def parse_ints(text: str) -> list[int]:
    """`1,2,3` as numbers."""
    return [int(part) for part in text.split(",") if part]


def parse_floats(text: str) -> list[float]:
    """`0.1,0.2` as numbers."""
    return [float(part) for part in text.split(",") if part]
