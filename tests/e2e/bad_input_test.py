"""Bad input ends in exit code 1 or 2 and one clear line that names file and cause; nothing half-written is
left under its final name, and nothing crashes. OMR_FULL=1 (scripts/test --full) tries many more cuts."""

import concurrent.futures
import json
import os
import pathlib
import random
import resource
import struct
import tempfile
import unittest

import numpy
from safetensors.numpy import load_file, save_file

from support import EXACT, PACK, REFERENCE, EndToEndTest, copy_of_pack, omr, replace, rounds

FULL = bool(os.environ.get("OMR_FULL"))
UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT_ENCODER = "text_encoder/model.safetensors"
REWARD = "reward/model.safetensors"
ADAPTER = "reward/adapter/adapter_model.safetensors"
REFINER = "refiner/model.safetensors"
LORA = "lora/outline.safetensors"
WEIGHTS = (UNET, VAE, TEXT_ENCODER, REWARD, ADAPTER, REFINER, LORA)


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class BadInputTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out.png"

    def use(self, pack, part):
        """Runs the cheapest command that reads `part` of `pack`."""
        if part.startswith("reward/"):
            return omr("score", REFERENCE / "euler.png", "--prompt", "a star", "--model", pack, *EXACT)
        if part.startswith("refiner/"):
            return omr("rewrite", "a star", "--feedback", "make it bigger", "--model", pack, *EXACT)
        lora = ("--lora", pack / part) if part.startswith("lora/") else ()
        return omr("generate", "a star", "--steps", 1, "--model", pack, "-o", pack.parent / "out.png", *lora, *EXACT)

    def try_contents(self, part, contents):
        """Each content in place of `part`; yields (name, run, was a picture left)."""

        def attempt(item):
            name, content = item
            folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
            pack = copy_of_pack(folder)
            replace(pack / part, content)
            return name, self.use(pack, part), [p.name for p in folder.iterdir() if p.name != "pack"]

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(attempt, contents)

    def assert_each_refused(self, part, contents, *words):
        for name, run, left in self.try_contents(part, contents):
            with self.subTest(part=part, content=name):
                self.assert_refused(run, part.rsplit("/", 1)[-1], *words)
                self.assertEqual(left, [])


class Weights(BadInputTest):
    def test_a_weight_file_cut_at_any_byte_is_refused(self):
        choose = random.Random(1)
        for part in WEIGHTS:
            whole = (PACK / part).read_bytes()
            end = 8 + struct.unpack("<Q", whole[:8])[0]
            cuts = {0, 1, 7, 8, 9, end // 2, end - 1, end, end + 1, (end + len(whole)) // 2, len(whole) - 1}
            cuts |= {choose.randrange(len(whole)) for _ in range(60 if FULL else 2)}
            self.assert_each_refused(part, [(f"{cut} bytes", whole[:cut]) for cut in sorted(cuts)])

    def test_headers_that_lie_are_refused(self):
        f32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        lies = {
            "header longer than the file": struct.pack("<Q", 10_000) + b"{}",
            "header of 2^63 bytes": struct.pack("<Q", 1 << 63) + b"{}",
            "header that wraps around": struct.pack("<Q", (1 << 64) - 8) + b"{}",
            "no JSON": safetensors(b"not json"),
            "a list": safetensors(b"[]"),
            "nested a million deep": safetensors(b'{"a":' + b"[" * 1_000_000),
            "invalid UTF-8": safetensors(b'{"\xff\xfe":1}'),
            "offsets past the end": safetensors({"a": f32 | {"data_offsets": [0, 80]}}, bytes(8)),
            "offsets backwards": safetensors({"a": f32 | {"data_offsets": [8, 0]}}, bytes(8)),
            "negative offset": safetensors({"a": f32 | {"data_offsets": [-8, 0]}}, bytes(8)),
            "a hole": safetensors({"a": f32, "b": f32 | {"data_offsets": [16, 24]}}, bytes(24)),
            "an overlap": safetensors({"a": f32, "b": f32 | {"data_offsets": [4, 12]}}, bytes(12)),
            "bytes left over": safetensors({"a": f32}, bytes(9)),
            "shape that overflows": safetensors({"a": f32 | {"shape": [1 << 62, 8]}}, bytes(8)),
            "negative shape": safetensors({"a": f32 | {"shape": [-2, -1]}}, bytes(8)),
            "unknown dtype": safetensors({"a": f32 | {"dtype": "Q9"}}, bytes(8)),
            "size against shape": safetensors({"a": f32 | {"shape": [3]}}, bytes(8)),
            "the same key twice": safetensors(b'{"a":%s,"a":%s}' % ((json.dumps(f32).encode(),) * 2), bytes(8)),
            "no tensors": safetensors({}),
        }
        for part in (VAE, LORA):
            self.assert_each_refused(part, lies.items())

    def test_flipped_header_bytes_never_crash(self):
        choose = random.Random(2)
        for part in (VAE, ADAPTER, LORA):
            whole = bytearray((PACK / part).read_bytes())
            end = 8 + struct.unpack("<Q", whole[:8])[0]
            contents = []
            for _ in range(200 if FULL else 8):
                place = choose.randrange(end)
                flipped = whole.copy()
                flipped[place] ^= 1 << choose.randrange(8)
                contents.append((f"byte {place}", bytes(flipped)))
            for name, run, _ in self.try_contents(part, contents):
                with self.subTest(part=part, content=name):
                    self.assert_nothing_uncaught(run)
                    if run.code != 0:
                        self.assert_refused(run, part.rsplit("/", 1)[-1])

    def test_missing_and_extra_tensors_are_listed_together(self):
        tensors = load_file(PACK / VAE)
        gone = sorted(tensors)[0]
        tensors["decoder.surplus.weight"] = numpy.zeros((2, 2), numpy.float16)
        del tensors[gone]
        pack = copy_of_pack(self.folder)
        (pack / VAE).unlink()
        save_file(tensors, pack / VAE)
        self.assert_refused(self.use(pack, VAE), gone, "decoder.surplus.weight")

    def test_a_missing_file_is_named(self):
        for part in (*WEIGHTS, "unet/config.json", "tokenizer/vocab.json", "refiner/tokenizer.model",
                     "reward/config.json", "scheduler/scheduler_config.json"):
            if part in (ADAPTER, LORA):
                continue
            with self.subTest(part):
                folder = self.folder / part.replace("/", "-")
                folder.mkdir()
                pack = copy_of_pack(folder)
                (pack / part).unlink()
                self.assert_refused(self.use(pack, part), part.split("/")[0])

    def test_pickle_is_refused_by_content_with_a_hint(self):
        for name, content in (("zip", b"PK\x03\x04" + bytes(200)), ("pickle", b"\x80\x02}q\x00." + bytes(200))):
            for suffix in ("safetensors", "ckpt", "bin"):
                with self.subTest(name, suffix=suffix):
                    lora = self.folder / f"{name}.{suffix}"
                    lora.write_bytes(content)
                    run = omr("generate", "a star", "--lora", lora, "-o", self.out, *EXACT)
                    self.assert_refused(run, lora.name, "pickle", "safetensors")


class Configs(BadInputTest):
    def changed(self, part, **changes):
        config = json.loads((PACK / part).read_text())
        return json.dumps({k: v for k, v in (config | changes).items() if v is not None})

    def test_another_architecture_is_refused(self):
        for part, changes in (
            ("unet/config.json", {"_class_name": "UNetMotionModel"}),
            ("unet/config.json", {"down_block_types": ["DownBlock2D", "KDownBlock2D", "DownBlock2D"]}),
            ("vae/config.json", {"_class_name": "AutoencoderKLTemporalDecoder"}),
            ("text_encoder/config.json", {"model_type": "t5", "architectures": ["T5EncoderModel"]}),
            ("refiner/config.json", {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}),
            ("reward/config.json", {"model_type": "siglip", "architectures": ["SiglipModel"]}),
        ):
            self.assert_each_refused(part, [(str(changes), self.changed(part, **changes))])

    def test_widths_that_disagree_with_the_weights_are_refused(self):
        for part, changes in (
            ("unet/config.json", {"block_out_channels": [48, 96, 160]}),
            ("unet/config.json", {"cross_attention_dim": 256}),
            ("vae/config.json", {"latent_channels": 8}),
            ("text_encoder/config.json", {"hidden_size": 192}),
            ("refiner/config.json", {"num_hidden_layers": 5}),
            ("reward/config.json", {"projection_dim": 64}),
        ):
            for name, run, left in self.try_contents(part, [(str(changes), self.changed(part, **changes))]):
                with self.subTest(name):
                    self.assert_refused(run, part.split("/")[0])
                    self.assertEqual(left, [])

    def test_absurd_numbers_are_refused(self):
        for part, changes in (
            ("unet/config.json", {"block_out_channels": [0, 0, 0]}),
            ("unet/config.json", {"attention_head_dim": [-1, -1, -1]}),
            ("unet/config.json", {"block_out_channels": [48]}),
            ("unet/config.json", {"norm_num_groups": 7}),
            ("unet/config.json", {"layers_per_block": 1 << 40}),
            ("text_encoder/config.json", {"num_attention_heads": 0}),
            ("text_encoder/config.json", {"num_attention_heads": 7}),
            ("text_encoder/config.json", {"vocab_size": -5}),
            ("vae/config.json", {"scaling_factor": 0}),
            ("refiner/config.json", {"num_key_value_heads": 4}),
            ("refiner/config.json", {"num_hidden_layers": "four"}),
            ("reward/config.json", {"vision_config": {}}),
        ):
            for name, run, left in self.try_contents(part, [(str(changes), self.changed(part, **changes))]):
                with self.subTest(f"{part}: {name}"):
                    self.assert_refused(run, part.split("/")[0])
                    self.assertEqual(left, [])

    def test_cut_configs_are_refused(self):
        for part in ("unet/config.json", "vae/config.json", "text_encoder/config.json", "refiner/config.json",
                     "refiner/refiner.json", "reward/config.json", "reward/preprocessor_config.json",
                     "scheduler/scheduler_config.json", "omr.json", "tokenizer/vocab.json"):
            whole = (PACK / part).read_bytes().rstrip()
            cuts = (0, 1, len(whole) // 2, len(whole) - 1)
            self.assert_each_refused(part, [(f"{cut} bytes", whole[:cut]) for cut in cuts])

    def test_cut_tokenizers_never_crash(self):
        for part in ("tokenizer/merges.txt", "refiner/tokenizer.model"):
            whole = (PACK / part).read_bytes()
            cuts = [0, 1, 10, len(whole) // 3, len(whole) // 2, len(whole) - 1]
            for name, run, _ in self.try_contents(part, [(f"{cut} bytes", whole[:cut]) for cut in cuts]):
                with self.subTest(part=part, content=name):
                    self.assert_nothing_uncaught(run)
                    if run.code != 0:
                        self.assert_refused(run, part.split("/")[0])


class Adapters(BadInputTest):
    def lora(self, change):
        tensors = {k: v.copy() for k, v in load_file(PACK / LORA).items()}
        path = self.folder / "changed.safetensors"
        save_file(change(tensors), path)
        return omr("generate", "a star", "--steps", 1, "--lora", path, "-o", self.out, *EXACT)

    def test_a_lora_for_another_width_is_refused(self):
        def widen(tensors):
            return {k: numpy.concatenate([v, v], axis=1) if ".down." in k or "lora_A" in k else v
                    for k, v in tensors.items()}

        self.assert_refused(self.lora(widen), "changed.safetensors")
        self.assertFalse(self.out.exists())

    def test_a_lora_that_fits_nowhere_is_refused(self):
        self.assert_refused(self.lora(lambda tensors: {"elsewhere." + k: v for k, v in tensors.items()}),
                            "changed.safetensors")
        self.assertFalse(self.out.exists())

    def test_a_lora_that_lacks_a_half_is_refused(self):
        def drop(tensors):
            half = next(k for k in sorted(tensors) if ".up." in k or "lora_B" in k)
            return {k: v for k, v in tensors.items() if k != half}

        self.assert_refused(self.lora(drop), "changed.safetensors")

    def test_weights_that_are_no_numbers_are_refused(self):
        for weight in ("nan", "inf", "much", ""):
            with self.subTest(weight):
                run = omr("generate", "a star", "--lora", f"{PACK / LORA}:{weight}", "-o", self.out, *EXACT)
                self.assert_refused(run)


class CommandLine(BadInputTest):
    def test_unwritable_outputs_are_refused(self):
        file = self.folder / "file"
        file.write_text("kept")
        nowhere = pathlib.Path("/proc/omr")
        for out in (file / "x.png", nowhere / "x.png"):
            with self.subTest(str(out)):
                run = omr("generate", "a star", "--steps", 1, "-o", out, *EXACT)
                self.assert_refused(run, str(out.parent))
        for out in (file, file / "D", nowhere):
            with self.subTest(str(out)):
                self.assert_refused(omr("refine", "a star", "--steps", 1, "--out", out, *EXACT), str(out))
        self.assertEqual(file.read_text(), "kept")

    def test_a_full_disk_leaves_nothing_behind(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

        run = omr("generate", "a star", "--steps", 1, "-o", self.out, *EXACT, preexec_fn=limit, restore_signals=False)
        self.assert_refused(run, "out.png")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_an_existing_picture_survives_a_failure(self):
        self.out.write_bytes(b"old")
        self.assert_refused(omr("generate", "a star", "--model", self.folder / "none", "-o", self.out, *EXACT), "none")
        self.assertEqual(self.out.read_bytes(), b"old")

    def test_empty_prompts_are_refused(self):
        for prompt in ("", "   ", "\t\n"):
            with self.subTest(repr(prompt)):
                self.assert_refused(omr("generate", prompt, "-o", self.out, *EXACT), "empty")
                self.assert_refused(omr("rewrite", prompt, "--feedback", "bigger", *EXACT), "empty")
                self.assert_refused(omr("rewrite", "a star", "--feedback", prompt, *EXACT), "empty")
                self.assert_refused(omr("score", REFERENCE / "euler.png", "--prompt", prompt, *EXACT), "empty")
                self.assert_refused(omr("refine", prompt, "--out", self.folder / "D", *EXACT), "empty")

    def test_invalid_utf8_is_refused(self):
        for text in (b"a \xff\xfe star", b"a star \xc3", b"\xed\xa0\x80", b"\xc0\xaf"):
            with self.subTest(text):
                self.assert_refused(omr("generate", text, "-o", self.out, *EXACT), "utf-8")
                self.assert_refused(omr("rewrite", "a star", "--feedback", text, *EXACT), "utf-8")

    def test_feedback_of_100_kb_is_refused(self):
        self.assert_refused(omr("rewrite", "a star", "--feedback", "bigger " * 14_300, *EXACT))

    def test_no_model_there(self):
        for model in (self.folder, self.folder / "none", REFERENCE / "euler.png", PACK / "refiner"):
            with self.subTest(str(model)):
                self.assert_refused(omr("generate", "a star", "--model", model, "-o", self.out, *EXACT), model.name)

    def test_pictures_that_are_none(self):
        whole = (REFERENCE / "euler.png").read_bytes()
        for name, content in (("empty", b""), ("text", b"hello"), ("cut", whole[: len(whole) // 2]),
                              ("header", whole[:33]), ("broken", whole[:200] + b"\0" * 40 + whole[240:])):
            with self.subTest(name):
                path = self.folder / f"{name}.png"
                path.write_bytes(content)
                self.assert_refused(omr("score", path, "--prompt", "a star", *EXACT), path.name)
                run = omr("generate", "a star", "--steps", 2, "--init-image", path, "-o", self.out, *EXACT)
                self.assert_refused(run, path.name)
        self.assertFalse(self.out.exists())

    def test_wrong_usage_exits_with_2(self):
        for arguments in ([], ["no-such-command"], ["generate", "a star", "--no-such-option"],
                          ["generate", "a star", "--steps", "0"], ["generate", "a star", "--steps", "many"],
                          ["generate", "a star", "--scheduler", "none"], ["generate", "a star", "--size", "0x64"],
                          ["generate", "a star", "--size", "64"], ["generate", "a star", "--guidance-scale", "nan"],
                          ["generate", "a star", "--dtype", "fp8"], ["generate", "a star", "--device", "abacus"],
                          ["generate", "a star", "--seed", "seven"], ["generate"], ["score", "x.png"],
                          ["rewrite", "a star"], ["refine", "a star", "--candidates", "0"],
                          ["generate", "a star", "--strength", "1.5", "--init-image", str(REFERENCE / "euler.png")]):
            with self.subTest(" ".join(arguments)):
                run = omr(*arguments, cwd=self.folder)
                self.assert_nothing_uncaught(run)
                self.assertEqual(run.code, 2, run.stderr)
                self.assertEqual(run.out, b"")
                self.assertTrue(run.error_lines)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_sizes_that_fit_nothing_are_refused(self):
        for size in ("63x64", "1000000000x1000000000", "-64x64", "99999999999999999999x64"):
            with self.subTest(size):
                self.assert_refused(omr("generate", "a star", f"--size={size}", "-o", self.out, *EXACT), "size", lines=2)


class InsideASession(BadInputTest):
    def test_a_bad_line_gets_an_answer_and_a_fresh_prompt(self):
        lines = [b"make it \xff\xfe bigger", b"bigger " * 14_300, b"/nonsense", b"/pick 99", b"/goto 42", b"/redo",
                 b"/seed x", b"/strength 7", b"/strength nan", b"/lora /nowhere.safetensors", b"/prompt", b"", b"   "]
        run = omr("refine", "a red star", "--seed", 7, "--steps", 2, "--out", self.folder / "D", *EXACT,
                  stdin=b"\n".join(lines) + b"\nmake it bigger\n/accept\n")
        self.assert_done(run)
        self.assertEqual(len(rounds(self.folder / "D")), 2, run.stderr)
        for word in ("utf-8", "/nonsense", "99", "42", "nowhere.safetensors"):
            self.assertIn(word, run.stderr.lower())
        self.assertLess(len(run.err), 60_000, "the long line was echoed")


if __name__ == "__main__":
    unittest.main()
