"""How fast the real bot cuts, beside a floor and beside the program that everybody would write first."""
