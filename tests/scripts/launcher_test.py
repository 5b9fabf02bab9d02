"""scripts/omr starts the program at once when nothing has to be built, and stays out of its way."""

import os
import pathlib
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = """#!/bin/sh
printf '%s\\n' "$@"
cat
echo noise >&2
exit 42
"""


class Launcher(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="omr-launcher-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.build, self.env = self.folder / "build", self.folder / "env"
        self.build.mkdir()
        (self.env / "lib").mkdir(parents=True)
        (self.build / "omr").write_text(PROGRAM)
        (self.build / "omr").chmod(0o755)
        (self.build / ".omr-built").touch()

    def launch(self, *arguments, command=ROOT / "scripts/omr", stdin=b""):
        environment = os.environ | {"OMR_BUILD_DIR": str(self.build), "OMR_ENV": str(self.env)}
        return subprocess.run([str(command), *arguments], input=stdin, capture_output=True, cwd=self.folder,
                              env=environment, timeout=60)

    def test_arguments_streams_and_exit_code_pass_through(self):
        stdin = bytes(range(256)) * 100
        done = self.launch("refine", "a red star", "--seed", "7", "", "*", stdin=stdin)
        self.assertEqual(done.returncode, 42)
        self.assertEqual(done.stdout, b"refine\na red star\n--seed\n7\n\n*\n" + stdin)
        self.assertEqual(done.stderr, b"noise\n")

    def test_it_works_through_a_link_from_any_folder(self):
        link = self.folder / "omr-link"
        link.symlink_to(ROOT / "scripts/omr")
        self.assertEqual(self.launch("x", command=link).returncode, 42)

    def test_it_starts_in_well_under_a_second(self):
        best = min(self.seconds() for _ in range(5))
        self.assertLess(best, 0.5)

    def seconds(self):
        start = time.monotonic()
        self.launch()
        return time.monotonic() - start


class Scripts(unittest.TestCase):
    NAMES = ("setup", "build", "omr", "test", "format.sh")

    def test_they_are_valid_bash_and_executable(self):
        for name in self.NAMES:
            with self.subTest(name):
                path = ROOT / "scripts" / name
                self.assertTrue(os.access(path, os.X_OK))
                self.assertEqual(subprocess.run(["bash", "-n", str(path)]).returncode, 0)

    def test_unknown_options_are_wrong_usage(self):
        for name in ("setup", "build"):
            with self.subTest(name):
                done = subprocess.run([str(ROOT / "scripts" / name), "--no-such-option"], capture_output=True)
                self.assertEqual((done.returncode, done.stdout), (2, b""))

    def test_setup_says_nothing_when_all_is_there(self):
        env = pathlib.Path(os.environ.get("OMR_ENV", ROOT / ".venv"))
        if not (env / ".omr-python-tests").exists():
            self.skipTest(f"{env} was not made by scripts/setup --with-tests")
        start = time.monotonic()
        done = subprocess.run([str(ROOT / "scripts/setup"), "--with-tests"], capture_output=True, timeout=600)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        self.assertLess(time.monotonic() - start, 5)


if __name__ == "__main__":
    unittest.main()
