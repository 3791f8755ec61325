"""Views of the register and the timeline that somebody keeps for themselves: a name for filters."""
