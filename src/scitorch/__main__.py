"""``python -m scitorch`` is the command ``scitorch``."""

import sys

from scitorch.cli import main

sys.exit(main())
