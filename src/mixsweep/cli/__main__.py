"""``python -m mixsweep.cli``."""

from mixsweep.cli import main

main(prog_name="mixsweep")
