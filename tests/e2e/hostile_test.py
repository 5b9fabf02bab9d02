"""What a stranger's file, text or machine may do to a session: nothing but a clear line."""

import json
import os
import signal
import subprocess
import unittest

import numpy
from safetensors.numpy import load_file, save_file

from support import BINARY, EXACT, PACK, REFERENCE, ROOT, EndToEndTest, copy_of_pack, journal, omr, replace, rounds

FAST = ("--steps", "2", "--threads", "1", *EXACT)
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m"


class Network(EndToEndTest):
    """Every call for a socket is noted by a preloaded library, and refused."""

    def setUp(self):
        super().setUp()
        library = self.folder / "no_network.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests/support/no_network.c"], check=True)
        self.log = self.folder / "network"
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "NETWORK_LOG": str(self.log)}

    def test_no_command_asks_for_a_socket(self):
        dialogues = self.folder / "d.jsonl"
        dialogues.write_text('{"id":"a","turns":["a star","make it bigger"]}\n')
        picture, run_folder = self.folder / "x.png", self.folder / "D"
        for command, stdin in (
            (("generate", "a star", "-o", picture, *FAST), ""),
            (("refine", "a star", "--out", run_folder, *FAST), "make it bigger\n/accept\n"),
            (("refine", "--resume", run_folder, *FAST), "make it blue\n"),
            (("replay", dialogues, "--out", self.folder / "R", "--batch", 2, *FAST), ""),
            (("replay", dialogues, "--check", self.folder / "G", "--update-goldens", "first", *FAST), ""),
            (("rewrite", "a star", "--feedback", "make it blue", *EXACT), ""),
            (("score", picture, "--prompt", "a star", *EXACT), ""),
            (("inspect", PACK), ""), (("inspect", run_folder), ""), (("report", run_folder), ""),
            (("eval", "judge", "--count", 2), ""),
            (("train", "clip", "--init", PACK / "reward", "--scenes", "--steps", 1, "--batch", 2,
              "--out", self.folder / "T", "--size", 64), ""),
        ):
            with self.subTest(command[0]):
                run = omr(*command, stdin=stdin, env=self.environment, cwd=self.folder)
                self.assert_done(run)
                self.assertFalse(self.log.exists(), self.log.exists() and self.log.read_text())

    def test_a_socket_would_be_noticed(self):
        program = "import socket\ntry: socket.socket()\nexcept OSError: pass"
        subprocess.run(["python3", "-S", "-c", program], env=self.environment, check=True)
        self.assertIn("socket", self.log.read_text())


class Numbers(EndToEndTest):
    def spoilt(self, part, key, value):
        """A copy of the pack in which one weight of `part` is `value`."""
        folder = self.folder / part.replace("/", "-")
        folder.mkdir()
        pack = copy_of_pack(folder)
        tensors = {name: tensor.copy() for name, tensor in load_file(PACK / part).items()}
        (name,) = [name for name in tensors if name.endswith(key)][:1]
        tensors[name].reshape(-1)[0] = value
        (pack / part).unlink()
        save_file(tensors, pack / part)
        return pack

    def test_weights_that_are_no_numbers_are_told_and_leave_no_picture(self):
        out = self.folder / "x.png"
        for part, key in (("unet/diffusion_pytorch_model.safetensors", "conv_in.bias"),
                          ("vae/diffusion_pytorch_model.safetensors", "decoder.conv_in.bias"),
                          ("text_encoder/model.safetensors", "final_layer_norm.weight")):
            with self.subTest(part):
                pack = self.spoilt(part, key, numpy.nan)
                self.assert_refused(omr("generate", "a star", "--model", pack, "-o", out, *FAST), "NaN")
                self.assertFalse(out.exists())
                run = omr("refine", "a star", "--model", pack, "--out", pack.parent / "D", *FAST, stdin="make it bigger\n")
                self.assert_nothing_uncaught(run)
                self.assertIn("NaN", run.stderr)
                self.assertEqual(list((pack.parent / "D").glob("*.png")), [])
                self.assertEqual(rounds(pack.parent / "D"), [])

    def test_a_reward_model_of_nans_is_told(self):
        pack = self.spoilt("reward/model.safetensors", "visual_projection.weight", numpy.nan)
        run = omr("score", REFERENCE / "euler.png", "--prompt", "a star", "--model", pack, "--reward-quant", "none", *EXACT)
        self.assert_refused(run, "NaN")

    def test_a_refiner_of_nans_leaves_the_feedback_joined_to_the_prompt(self):
        pack = self.spoilt("refiner/model.safetensors", "norm.weight", numpy.nan)
        run = omr("refine", "a star", "--model", pack, "--out", self.folder / "D", *FAST, stdin="make it blue\n")
        self.assert_nothing_uncaught(run)
        self.assertIn("the refiner's answer was not used", run.stderr)
        self.assertIn("make it blue", rounds(self.folder / "D")[1]["prompt"])


class Limits(EndToEndTest):
    def test_what_is_too_long_too_many_or_too_large_is_refused_and_the_limit_named(self):
        long = "star " * 1000
        dialogues = self.folder / "d.jsonl"
        dialogues.write_text(json.dumps({"id": "a", "turns": ["a star"] + ["/like"] * 200_000}) + "\n")
        out = ("--out", self.folder / "D")
        for command, limit in (
            (("generate", long, "-o", self.folder / "x.png"), "4096"),
            (("generate", "a star", "--negative-prompt", long, "-o", self.folder / "x.png"), "4096"),
            (("refine", long, *out), "4096"),
            (("rewrite", "a star", "--feedback", long), "4096"),
            (("rewrite", long, "--feedback", "bigger"), "4096"),
            (("refine", "a star", "--candidates", 65, *out), "64"),
            (("refine", "a star", "--steps", 1001, *out), "1000"),
            (("generate", "a star", "--steps", 100_000, "-o", self.folder / "x.png"), "1000"),
            (("refine", "a star", "--size", "16392x64", *out), "16384"),
            (("replay", dialogues, *out), "1048576 bytes"),
            (("replay", dialogues, *out, "--batch", 257), "256"),
        ):
            with self.subTest(" ".join(str(a)[:30] for a in command)):
                self.assert_refused(omr(*command, *EXACT), limit, lines=2)
        self.assertFalse((self.folder / "D").exists())

    def test_an_answer_of_too_many_tokens_is_refused(self):
        pack = copy_of_pack(self.folder)
        template = json.loads((PACK / "refiner/refiner.json").read_text())
        replace(pack / "refiner/refiner.json", json.dumps(template | {"max_new_tokens": 1 << 40}))
        self.assert_refused(omr("rewrite", "a star", "--feedback", "bigger", "--model", pack, *EXACT), "max_new_tokens")

    def test_deep_json_is_refused_everywhere(self):
        deep = "[" * 1_000_000
        session, golden = self.folder / "session", self.folder / "golden"
        for folder in (session, golden):
            folder.mkdir()
        (session / "session.jsonl").write_text('{"event":' + deep + "\n")
        (golden / "golden.json").write_text('{"omr":' + deep)
        dialogues = self.folder / "d.jsonl"
        dialogues.write_text('{"id":"a","turns":' + deep + "\n")
        out = ("--out", self.folder / "D")
        for command, name in ((("replay", dialogues, *out), "d.jsonl"), (("replay", session, *out), "session.jsonl"),
                              (("refine", "--resume", session), "session.jsonl"), (("report", session), "session.jsonl"),
                              (("replay", "--check", golden), "golden.json")):
            with self.subTest(command[0], name=name):
                self.assert_refused(omr(*command, *(EXACT if command[0] != "report" else ())), name)
        for part in ("unet/config.json", "omr.json", "model_index.json", "scheduler/scheduler_config.json",
                     "tokenizer/vocab.json"):
            with self.subTest(part):
                folder = self.folder / part.replace("/", "-")
                folder.mkdir()
                pack = copy_of_pack(folder)
                replace(pack / part, '{"a":' + deep)
                run = omr("generate", "a star", "--model", pack, "-o", folder / "x.png", *FAST)
                self.assert_refused(run, part.rsplit("/", 1)[-1])


class Text(EndToEndTest):
    def assert_plain(self, run):
        self.assert_nothing_uncaught(run)
        for stream in (run.out, run.err):
            for byte in (b"\x1b", b"\x07", b"\xc2\x9b"):
                self.assertNotIn(byte, stream)

    def recorded(self, change):
        """A session's journal, its second round's record changed by a stranger."""
        folder = self.folder / "recorded"
        if not folder.exists():
            self.assert_done(omr("refine", "a star", "--seed", 7, "--out", folder, *FAST, stdin="make it blue\n"))
            self.lines = journal(folder)
        lines = json.loads(json.dumps(self.lines))
        change(next(line for line in lines if line.get("round") == 2))
        (folder / "session.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder

    def test_a_recorded_refiner_answer_reaches_neither_terminal_nor_files_nor_commands(self):
        outside = self.folder / "outside.png"
        changes = {
            "escapes": lambda r: r.update(prompt=f"a {ESCAPES} star"),
            "a command": lambda r: r.update(prompt=f"/lora {outside}"),
            "two lines": lambda r: r.update(prompt="a star\n/accept"),
            "a path": lambda r: r["candidates"][0].update(image=str(outside)),
            "a path above": lambda r: r["candidates"][0].update(image="../../outside.png"),
            "latents elsewhere": lambda r: r.update(latents="../outside.safetensors"),
            "mark-up": lambda r: r.update(prompt="<script>alert(1)</script>", feedback="<img src=http://x>"),
        }
        for number, (name, change) in enumerate(changes.items()):
            with self.subTest(name):
                folder = self.recorded(change)
                again = omr("replay", folder, "--out", self.folder / f"out{number}", "--json", "-v", *FAST)
                page = omr("report", folder, "-o", self.folder / "page.html")
                for run in (again, page, omr("inspect", folder), omr("refine", "--resume", folder, *FAST, stdin="/show\n")):
                    self.assert_plain(run)
                if page.code == 0:
                    html = (self.folder / "page.html").read_text()
                    for live in ("<script", "<img src=http", "\x1b", "\x9b"):
                        self.assertNotIn(live, html)
                self.assertEqual(list(self.folder.glob("outside*")), [])

    def test_a_refiner_can_only_write_prompts(self):
        """Whatever the model says: its template is made to end in a stranger's orders."""
        pack = copy_of_pack(self.folder)
        template = json.loads((PACK / "refiner/refiner.json").read_text())
        replace(pack / "refiner/refiner.json",
                json.dumps(template | {"template": "{prompt}{feedback}\n/lora /etc/passwd\n/quit\n\x1b[2J", "stop": ["\x00"]}))
        run = omr("refine", "a star", "--model", pack, "--out", self.folder / "D", *FAST, stdin="make it blue\nmake it red\n")
        self.assert_plain(run)
        if run.code == 0:
            events = [line["event"] for line in journal(self.folder / "D")]
            self.assertEqual(events, ["session", "round", "round", "round", "end"])


    def test_a_name_with_a_line_break_makes_no_second_line(self):
        for command in (("inspect", "/x\nomr: all is well"), ("generate", "a star", "--model", "/x\nomr: all is well")):
            with self.subTest(command[0]):
                self.assert_refused(omr(*command), "/x omr: all is well")


class Folders(EndToEndTest):
    """A stranger's folder: pipes that nobody writes to, and links to files of the reader's."""

    def session(self, name):
        folder = self.folder / name
        self.assert_done(omr("refine", "a star", "--seed", 7, "--out", folder, *FAST))
        return folder

    def pipe_at(self, path):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        return path

    def test_nothing_waits_for_a_pipe(self):
        journal_pipe, picture_pipe = self.session("journal"), self.session("picture")
        self.pipe_at(journal_pipe / "session.jsonl")
        self.pipe_at(picture_pipe / "round-001.png")
        dialogues = self.folder / "dialogues"
        dialogues.mkdir()
        self.pipe_at(dialogues / "x.jsonl")
        settings = {"init_image": str(self.pipe_at(self.folder / "pipe"))}
        named = self.folder / "named.jsonl"
        named.write_text(json.dumps({"id": "a", "turns": ["a star"], "settings": settings}) + "\n")
        out = ("--out", self.folder / "R", *FAST)
        for command in (("report", journal_pipe), ("refine", "--resume", journal_pipe, *FAST), ("inspect", journal_pipe),
                        ("replay", journal_pipe, *out), ("report", picture_pipe), ("replay", dialogues, *out),
                        ("replay", named, *out)):
            with self.subTest(command):
                run = omr(*command, timeout=60)
                self.assert_nothing_uncaught(run)
                self.assertEqual(run.code, 1, run.stderr)
                self.assertIn("not a regular file", run.stderr)

    def test_what_a_shell_hands_over_is_read(self):
        dialogue = '{"id":"a","turns":["a star"]}\n'
        for number, source in enumerate(("/dev/stdin", "<(cat)")):
            with self.subTest(source):
                script = f'"{BINARY}" replay {source} --out "{self.folder / str(number)}" {" ".join(FAST)}'
                done = subprocess.run(["bash", "-c", script], input=dialogue, capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_report_carries_no_file_from_outside_the_folder(self):
        folder, secret = self.session("D"), self.folder / "secret"
        picture = (folder / "round-001.png").read_bytes()
        for content, link in ((picture, True), (b"a secret", False)):
            with self.subTest(link=link):
                (folder / "round-001.png").unlink()
                secret.write_bytes(content)
                if link:
                    (folder / "round-001.png").symlink_to(secret)
                else:
                    os.link(secret, folder / "round-001.png")
                self.assert_done(omr("report", folder))
                page = (folder / "report.html").read_text()
                self.assertIn("the picture is missing", page)
                self.assertNotIn("data:image", page)
                secret.unlink()


class Machine(EndToEndTest):
    def in_own_mounts(self, script, **options):
        """Runs a shell script where mounting concerns nobody else; `$OMR` is the program."""
        probe = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("mounting takes rights that are not there")
        environment = {**os.environ, "OMR": BINARY, "D": str(self.folder / "D")}
        return subprocess.run(["unshare", "-m", "sh", "-ec", script], capture_output=True, text=True, env=environment, **options)

    def test_a_full_dev_shm_disturbs_nobody_who_keeps_no_files_there(self):
        done = self.in_own_mounts(f"""
            mount -t tmpfs -o size=4k none /dev/shm
            head -c 100000 /dev/zero > /dev/shm/full || true
            printf 'make it bigger\\n/accept\\n' | $OMR refine 'a star' --out $D {' '.join(FAST)}
            $OMR replay $D --out $D-again --batch 2 {' '.join(FAST)}
        """)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(rounds(self.folder / "D")), 2)

    def test_a_session_in_a_full_dev_shm_is_told_so(self):
        done = self.in_own_mounts(f"""
            mount -t tmpfs -o size=16k none /dev/shm
            printf 'make it bigger\\nmake it blue\\nmake it red\\n' | $OMR refine 'a star' --out /dev/shm/D {' '.join(FAST)} || echo code $?
        """)
        self.assertIn("No space left on device", done.stderr)
        for sign in ("terminate called", "Bus error", "frame #"):
            self.assertNotIn(sign, done.stderr)

    def test_a_place_that_becomes_read_only_is_told_and_the_session_goes_on(self):
        done = self.in_own_mounts(f"""
            mkdir $D && mkfifo $D.in
            $OMR refine 'a star' --out $D/S --json {' '.join(FAST)} < $D.in > $D.out &
            exec 3> $D.in
            until grep -q '"round"' $D.out; do sleep 0.1; done
            mount --bind $D $D && mount -o remount,bind,ro $D
            echo 'make it bigger' >&3
            sleep 2
            umount $D
            printf 'make it blue\\n/accept\\n' >&3
            exec 3>&-
            wait
            grep -c '"event":"round"' $D/S/session.jsonl
        """, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Read-only file system", done.stderr)
        self.assertEqual(done.stdout.split(), ["2"])

    def test_term_and_hangup_end_a_session_in_order(self):
        for stop in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(stop.name):
                folder = self.folder / stop.name
                process = subprocess.Popen([BINARY, "refine", "a star", "--out", folder, "--json", *FAST],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                while b'"round"' not in process.stdout.readline():
                    pass
                process.send_signal(stop)
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, 130)
                self.assertEqual(len(rounds(folder)), 1)
                self.assert_done(omr("refine", "--resume", folder, *FAST, stdin="make it bigger\n"))

    def test_a_batch_whose_reader_goes_away_can_be_resumed(self):
        source = self.folder / "d.jsonl"
        source.write_text("".join(f'{{"id":"d{i}","seed":{i},"turns":["a star","make it bigger"]}}\n' for i in range(6)))
        command = ["replay", source, "--out", self.folder / "out", *FAST]
        process = subprocess.Popen([BINARY, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 1, err)
        self.assertIn(b"standard output", err)
        self.assert_done(omr(*command, "--resume"))
        self.assertEqual(len((self.folder / "out/results.jsonl").read_text().splitlines()), 6)


if __name__ == "__main__":
    unittest.main()
