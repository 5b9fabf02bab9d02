"""Every command that README.md and docs/training.md show in a ```sh block works.

The blocks run in order, in one folder that holds the repository's files as links, `scripts/omr` and `omr` being
the program under test and `scripts/test` doing nothing (this test is part of it). ```console blocks are
transcripts and are not run.
"""

import os
import re
import subprocess
import unittest

from support import BINARY, ROOT, EndToEndTest


class Readme(EndToEndTest):
    def test_the_commands_of_the_readme_work(self):
        self.run_commands(ROOT / "README.md")

    def test_the_commands_of_the_training_guide_work(self):
        self.run_commands(ROOT / "docs/training.md")

    def run_commands(self, page):
        blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), flags=re.M | re.S)
        self.assertTrue(blocks, f"{page.name} shows no ```sh block")
        copy = self.folder / "omr"
        copy.mkdir()
        for entry in ROOT.iterdir():
            if entry.name not in (".git", "scripts", "build"):
                (copy / entry.name).symlink_to(entry)
        (copy / "scripts").mkdir()
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        for path, text in ((copy / "scripts/omr", f'exec "{BINARY}" "$@"'), (bin_folder / "omr", f'exec "{BINARY}" "$@"'),
                           (copy / "scripts/test", "exit 0"), (copy / "scripts/setup", "exit 0")):
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        for entry in (ROOT / "scripts").iterdir():
            if not (copy / "scripts" / entry.name).exists():
                (copy / "scripts" / entry.name).symlink_to(entry)
        environment = os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
        del environment["OMR_MODELS"]
        for number, block in enumerate(blocks, 1):
            with self.subTest(f"block {number}", block=block):
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=copy, env=environment, timeout=900,
                                      stdin=subprocess.DEVNULL, capture_output=True)
                self.assertEqual(done.returncode, 0, done.stderr.decode("utf-8", "replace")[-2000:])


if __name__ == "__main__":
    unittest.main()
