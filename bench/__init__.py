"""How fast it is, each figure beside what bounds it, measured in the same run. `make bench`, `make bench QUICK=1`."""
