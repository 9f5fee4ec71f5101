"""Blank characters."""

import sys

from freshet.data.whitespace import BLANK_CHARACTERS, trim


def test_blanks_are_unicode_white_space_and_two_invisible_characters():
    white = {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}
    assert set(BLANK_CHARACTERS) == white | {"\u200b", "\ufeff"}
    assert trim("\ufeff\t a\u00a0b \u3000\r\n") == "a\u00a0b"
