"""How much the clocks of two machines may differ. What a row has written further ahead, a wrong clock has."""

from datetime import timedelta

CLOCKS_DIFFER = timedelta(seconds=30)
