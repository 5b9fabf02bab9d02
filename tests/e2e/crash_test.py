"""What survives kill -9, a full disk, a folder that goes away. OMR_KILLS says how many kills to try (each at
another file operation, before it, after it, or in its middle); scripts/soak tries many."""

import hashlib
import itertools
import os
import random
import resource
import shutil
import signal
import subprocess
import unittest

from support import BINARY, EXACT, ROOT, EndToEndTest, journal, omr, rounds

KILLS = int(os.environ.get("OMR_KILLS", "12"))
FAST = ("--steps", "2", "--threads", "1", *EXACT)
SCRIPT = "make it bigger\n/pick 2\n/like\nmake it blue\n/undo\n/accept\n"


class CrashTest(EndToEndTest):
    def refine(self, folder, lines=SCRIPT, **options):
        return omr("refine", "a red star", "--seed", 7, "--candidates", 2, "--json", "--out", folder, *FAST,
                   stdin=lines, **options)

    def resume(self, folder, lines="/quit\n"):
        return omr("refine", "--resume", folder, *FAST, stdin=lines)

    def assert_whole(self, folder, announced):
        """Every announced round is in the journal, and every picture it speaks of is there and whole."""
        kept = {r["round"] for r in rounds(folder)}
        self.assertLessEqual({e["round"] for e in announced if e["event"] == "round"}, kept)
        self.assertEqual(list(folder.glob("*.part-*")), [], "leftovers")
        for entry in rounds(folder):
            stem = f"round-{entry['round']:03}"
            for k, candidate in enumerate(entry["candidates"], 1):
                files = [folder / f"{stem}.png", folder / f"{stem}-c{k}.png"]
                hashes = [hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.exists()]
                self.assertIn(candidate["sha256"], hashes, f"{stem}, candidate {k}")


class KillTest(CrashTest):
    def setUp(self):
        super().setUp()
        self.library = self.folder / "die_at_write.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library,
                        ROOT / "tests/support/die_at_write.c", "-ldl"], check=True)

    def killed_at(self, operation, how, folder, command=None):
        environment = {**os.environ, "LD_PRELOAD": str(self.library), "DIE_UNDER": str(folder),
                       "DIE_AT": str(operation), "DIE_HOW": how, "DIE_COUNT": str(self.folder / "count")}
        if command is not None:
            return omr(*command, env=environment)
        return self.refine(folder, env=environment)

    def test_kill_9_at_file_operations_loses_no_announced_round(self):
        self.assert_done(self.killed_at(0, "before", self.folder / "dry"))
        operations = int((self.folder / "count").read_text())
        self.assertGreater(operations, 60)
        every = list(itertools.product(range(1, operations + 1), ("before", "half", "after")))
        random.Random(1).shuffle(every)
        survived = 0
        for operation, how in itertools.islice(itertools.cycle(every), KILLS):
            with self.subTest(operation=operation, how=how):
                folder = self.folder / f"{operation}-{how}"
                run = self.killed_at(operation, how, folder)
                self.assertEqual(run.code, -signal.SIGKILL)
                announced = run.events
                resumed = self.resume(folder)
                if not announced and resumed.code != 0:  # nothing was said yet, and nothing is there to go on from
                    self.assert_refused(resumed, "session.jsonl")
                    self.assert_done(self.refine(folder))
                else:
                    self.assert_done(resumed)
                self.assert_whole(folder, announced)
                survived += 1
            shutil.rmtree(folder, ignore_errors=True)
        print(f"kills survived: {survived}")

    def test_a_batch_killed_at_file_operations_resumes_to_the_same_results(self):
        source = self.folder / "dialogues.jsonl"
        source.write_text('{"id":"a","seed":1,"turns":["a star","make it bigger"]}\n'
                          '{"id":"b","seed":2,"turns":["a circle","/accept"]}\n')

        def command(out, *options):
            return ("replay", source, "--out", out, *FAST, *options)

        dry = self.folder / "dry"
        self.assert_done(self.killed_at(0, "before", dry, command(dry)))
        expected = (dry / "results.jsonl").read_bytes()
        operations = int((self.folder / "count").read_text())
        choose = random.Random(2)
        survived = 0
        for _ in range(max(4, KILLS // 4)):
            operation, how = choose.randint(1, operations), choose.choice(("before", "half", "after"))
            with self.subTest(operation=operation, how=how):
                out = self.folder / "out"
                self.assertEqual(self.killed_at(operation, how, out, command(out)).code, -signal.SIGKILL)
                self.assert_done(omr(*command(out, "--resume")))
                self.assertEqual((out / "results.jsonl").read_bytes(), expected)
                self.assertEqual(list(out.rglob("*.part-*")), [])
                survived += 1
            shutil.rmtree(out, ignore_errors=True)
        print(f"batch kills survived: {survived}")


class DiskTest(CrashTest):
    def test_a_file_size_limit_is_told_and_the_journal_stays_whole(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))

        folder = self.folder / "D"
        run = self.refine(folder, preexec_fn=limited)
        self.assert_nothing_uncaught(run)
        self.assertIn("File too large", run.stderr)
        self.assert_done(self.resume(folder, "make it bigger\n/quit\n"))
        self.assert_whole(folder, run.events)

    def test_a_full_disk_is_told_and_the_session_goes_on_when_there_is_room(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("mounting a small disk takes rights that are not there")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], capture_output=True)
        run = self.refine(disk / "D", "make it bigger\n" * 8 + "/quit\n")
        self.assert_nothing_uncaught(run)
        self.assertIn("No space left on device", run.stderr)
        self.assert_whole(disk / "D", run.events)
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        before = len(rounds(disk / "D"))
        self.assert_done(self.resume(disk / "D", "make it blue\n/quit\n"))
        self.assertEqual(len(rounds(disk / "D")), before + 1)

    def test_a_read_only_place_is_refused_at_once(self):
        self.assert_refused(self.refine("/proc/omr-session"), "/proc/omr-session")

    def test_a_folder_that_goes_away_ends_in_a_clear_line(self):
        folder = self.folder / "D"
        process = subprocess.Popen([BINARY, "refine", "a red star", "--out", folder, "--json", *FAST],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while b'"round"' not in process.stdout.readline():
            pass
        shutil.rmtree(folder)
        _, err = process.communicate(b"make it bigger\n/quit\n", timeout=60)
        self.assertIn(process.returncode, (0, 1), err)
        self.assertIn(str(folder).encode(), err)
        self.assertIn(b"No such file", err)

    def test_a_reader_that_goes_away_leaves_a_whole_journal(self):
        folder = self.folder / "D"
        process = subprocess.Popen([BINARY, "refine", "a red star", "--out", folder, "--json", *FAST],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"make it bigger\nmake it blue\n")
        process.stdin.close()
        err = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 1, err)
        self.assertIn(b"standard output", err)
        self.assert_done(self.resume(folder))
        journal(folder)

    def test_two_sessions_cannot_share_a_folder(self):
        folder = self.folder / "D"
        process = subprocess.Popen([BINARY, "refine", "a red star", "--out", folder, "--json", *FAST],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while b'"round"' not in process.stdout.readline():
            pass
        self.assert_refused(self.resume(folder), "another omr session")
        process.communicate(b"/quit\n", timeout=60)
        self.assert_done(self.resume(folder))

    def test_links_do_not_lead_writes_out_of_the_folder(self):
        folder, outside = self.folder / "D", self.folder / "outside"
        self.assert_done(self.refine(folder, "/quit\n"))
        shutil.move(folder / "session.jsonl", outside)
        (folder / "session.jsonl").symlink_to(outside)
        before = outside.read_bytes()
        self.assert_refused(self.resume(folder), "is a link")
        self.assertEqual(outside.read_bytes(), before)


class TerminalTest(EndToEndTest):
    ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m"

    def assert_plain(self, run):
        for stream in (run.out, run.err):
            for byte in (b"\x1b", b"\x07", b"\xc2\x9b", b"\x7f"):
                self.assertNotIn(byte, stream)

    def test_escape_sequences_never_reach_the_terminal(self):
        odd = self.folder / f"x{self.ESCAPES}.safetensors"
        dialogue = self.folder / f"d{self.ESCAPES}.jsonl"
        dialogue.write_text('{"id":"a","turns":["a star","\\u001b[31mred","/lora %s"]}' % "\x7fq")
        for run in (omr("refine", f"a {self.ESCAPES} star", "--out", self.folder / "D", *FAST),
                    omr("refine", "a star", "--out", self.folder / "E", *FAST, "-v", stdin=f"make it {self.ESCAPES}\n"),
                    omr("generate", "a star", "--lora", odd, "-o", self.folder / "x.png", *EXACT),
                    omr("replay", dialogue, "--out", self.folder / "R", *FAST),
                    omr("replay", dialogue, "--out", self.folder / "S", *FAST, "--json", "-v"),
                    omr("inspect", odd), omr("report", odd), omr("inspect", "--json", odd)):
            self.assert_plain(run)
            self.assert_nothing_uncaught(run)

    def test_pictures_can_keep_their_recipe_to_themselves(self):
        from PIL import Image
        run = omr("refine", "a secret star", "--out", self.folder / "D", "--no-metadata", *FAST, stdin="/accept\n")
        self.assert_done(run)
        self.assertEqual(Image.open(self.folder / "D/round-001.png").text, {})
        self.assertNotIn(b"secret", (self.folder / "D/round-001.png").read_bytes())


if __name__ == "__main__":
    unittest.main()
