"""Print the schema of the config: ``python -m mixsweep.config``."""

import sys

from mixsweep.config.schema import schema_text

sys.stdout.write(schema_text())
