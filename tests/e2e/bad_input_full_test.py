# label: full
"""bad_input_test.py and the cuts of session_test.py with many more cuts and flips."""

import os
import unittest

os.environ["OMR_FULL"] = "1"

from bad_input_test import Weights  # noqa: E402,F401
from session_test import Resume  # noqa: E402,F401

if __name__ == "__main__":
    unittest.main()
