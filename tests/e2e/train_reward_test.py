"""omr train reward and refiner through adapters, from pairs, sessions and bad data."""

import json
import math
import os
import unittest

import torch
from PIL import Image

from support import PACK, EndToEndTest, journal, omr

SHORT = ["--steps", "2", "--batch", "2", "--out-dtype", "fp32"]


class TrainRewardTest(EndToEndTest):
    def train(self, what, *options, out="run"):
        return omr("train", what, "--out", self.folder / out, "--threads", "1", *options)

    def trained(self, what, *options, out="run"):
        run = self.train(what, *options, out=out)
        self.assert_done(run)
        return run

    def reward(self, *options, **more):
        return self.trained("reward", "--init", PACK / "reward", "--held-out-pairs", "16", *SHORT, *options, **more)

    def pictures(self):
        folder = self.folder / "data"
        folder.mkdir()
        for name, colour in (("red", (214, 39, 40)), ("blue", (31, 99, 214)), ("green", (44, 160, 44))):
            Image.new("RGB", (40, 30), colour).save(folder / f"{name}.png")
        return folder

    def pairs(self, folder, *lines):
        file = folder / "pairs.jsonl"
        file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
        return file

    def session(self):
        folder = self.folder / "sessions" / "one"
        lines = "/like 2\n/dislike 1\nmake the star bigger\n/pick 3\n/accept 2\n"
        self.assert_done(omr("refine", "a small red star on a navy background", "--seed", "7", "--out", folder, "--candidates", "3",
                             "--steps", "2", stdin=lines))
        return folder

    def test_an_adapter_over_nf4_is_read_by_peft_and_scores_as_omr_scores(self):
        self.reward("--scenes", "--size", "64", "--lr", "1e-2", "--rank", "3", "--target-modules", "q_proj,fc2")
        folder = self.folder / "run" / "reward"
        from peft import PeftModel
        from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer
        model = PeftModel.from_pretrained(CLIPModel.from_pretrained(folder, dtype=torch.float32), folder / "adapter").eval()
        adapted = [name for name, _ in model.named_modules() if name.endswith("lora_A.default")]
        self.assertEqual(len(adapted), 16)
        picture = self.pictures() / "red.png"
        prompt = "a red square"
        with torch.no_grad():
            pixels = CLIPImageProcessor.from_pretrained(folder)(Image.open(picture), return_tensors="pt").pixel_values
            tokens = CLIPTokenizer.from_pretrained(folder)([prompt], return_tensors="pt")
            theirs = model(**tokens, pixel_values=pixels).logits_per_text.item()
        run = omr("score", picture, "--prompt", prompt, "--reward", folder, "--reward-quant", "none", "--json")
        self.assert_done(run)
        self.assertAlmostEqual(run.events_of("score")[0]["score"], theirs, delta=1e-3)
        before = CLIPModel.from_pretrained(PACK / "reward").logit_scale.item()
        self.assertNotEqual(model.get_base_model().logit_scale.item(), before, "the scale is learnt too")

    def test_adapters_of_any_method_and_all_weights_learn(self):
        self.pictures()
        colours = ("red", "blue", "green")
        pairs = self.pairs(self.folder / "data", *({"prompt": f"a {one} background", "chosen": f"{one}.png", "rejected": f"{other}.png"}
                                                   for one in colours for other in colours if one != other))
        for options in (["--tune", "qlora", "--lr", "1e-3"], ["--tune", "lora", "--method", "dpo", "--lr", "1e-3"],
                        ["--tune", "full", "--lr", "1e-5"]):
            with self.subTest(options):
                out = "-".join(options).replace("--", "")
                # The same six pairs in every step: a loss that falls has learnt.
                run = self.trained("reward", "--init", PACK / "reward", "--data", pairs, "--validation", pairs, "--size", "64", "--steps",
                                   "12", "--batch", "6", "--log-every", "1", *options, out=out)
                self.assertIn("held_out_pair_accuracy", run.stderr)
                lines = [json.loads(line) for line in (self.folder / out / "train.jsonl").read_text().splitlines()]
                losses = [line["loss"] for line in lines if "loss" in line]
                self.assertEqual(len(losses), 12)
                if "dpo" not in options:  # DPO begins at log 2, and the reference holds it
                    self.assertLess(sum(losses[-4:]), sum(losses[:4]))
                self.assertEqual((self.folder / out / "reward" / "adapter").is_dir(), options[1] != "full")

    def test_bad_pairs_are_skipped_with_a_count(self):
        folder = self.pictures()
        (folder / "torn.png").write_bytes((folder / "red.png").read_bytes()[:60])
        good = {"prompt": "a red square", "chosen": "red.png", "rejected": "blue.png"}
        file = self.pairs(
            folder, good, {"prompt": "word " * 2000, "image_0": "red.png", "image_1": "green.png", "label": 1},
            {"prompt": "a green square", "image_0": "red.png", "image_1": "green.png", "label_0": 0.5}, "{broken",
            {"prompt": "no pictures"}, good | {"rejected": "gone.png"}, good | {"rejected": "torn.png"}, good | {"rejected": "red.png"})
        run = self.reward("--data", file, "--validation", file)
        self.assertIn("3 pairs; skipped 2 broken lines, 2 pairs with a missing or unreadable picture and 1 pair of one picture twice",
                      run.stderr)

    def test_pairs_from_which_nothing_can_be_learnt_are_refused(self):
        folder = self.pictures()
        tie = {"prompt": "a square", "image_0": "red.png", "image_1": "blue.png", "label": 0.5}
        init = ["--init", PACK / "reward"]
        self.assert_refused(self.train("reward", *init, "--data", self.pairs(folder, tie, tie)), "all 2 pairs are ties")
        (folder / "copy.png").write_bytes((folder / "red.png").read_bytes())
        copies = {"prompt": "a square", "chosen": "red.png", "rejected": "copy.png"}
        self.assert_refused(self.train("reward", *init, "--data", self.pairs(folder, copies, copies)), "compares a picture with itself")
        self.assert_refused(self.train("reward", *init, "--data", self.pairs(folder, "{broken")), "line 1")
        self.assert_refused(self.train("reward", *init, "--data", folder / "absent.jsonl"), "absent.jsonl")
        self.assert_refused(self.train("reward", *init), "--data")

    def test_a_picture_that_cannot_be_read_loses_no_step(self):
        folder = self.pictures()
        whole = bytearray((folder / "green.png").read_bytes())
        middle = whole.index(b"IDAT") + 8
        whole[middle:middle + 8] = b"\0" * 8
        (folder / "broken.png").write_bytes(whole)
        lines = [{"prompt": f"square {i}", "chosen": "red.png", "rejected": "blue.png"} for i in range(30)]
        file = self.pairs(folder, *lines, {"prompt": "square", "chosen": "red.png", "rejected": "broken.png"})
        validation = folder / "held-out.jsonl"
        validation.write_text(json.dumps(lines[0]) + "\n")
        run = self.train("reward", "--init", PACK / "reward", "--data", file, "--validation", validation, "--steps", "31", "--batch", "1",
                         "-q")
        self.assertEqual(run.code, 1)
        self.assertIn("broken.png", run.error_lines[-1])
        steps = len([line for line in (self.folder / "run" / "checkpoints").iterdir()])
        self.assertEqual(steps, 1)

    def test_sessions_become_pairs_and_records(self):
        folder = self.session()
        self.assertTrue(journal(folder))
        for given in (folder, folder.parent):
            run = self.reward("--from-sessions", given, out=f"reward-{given.name}")
            self.assertIn("1 session: 6 pairs", run.stderr)
        (folder.parent / "torn").mkdir()
        (folder.parent / "torn" / "session.jsonl").write_text("no journal\n")
        run = self.trained("refiner", "--init", PACK / "refiner", *SHORT, "--from-sessions", folder.parent, out="refiner")
        self.assertIn("1 session: 1 accepted refinement", run.stderr)
        self.assertIn("skipped 1 session", run.stderr)
        run = self.trained("lora", "--method", "dpo", "--model", PACK, "--from-sessions", folder, "--size", "32", "--steps", "2",
                           "--batch", "2", "--samples", "0", "--held-out-prompts", "1", "--rank", "2", out="liked")
        self.assertIn("6 pairs", run.stderr)
        self.assertTrue((self.folder / "liked" / "lora.safetensors").is_file())
        self.assert_refused(self.train("refiner", "--init", PACK / "refiner", "--from-sessions", self.folder / "none"),
                            "neither a session's folder")

    def test_a_refiner_adapter_over_nf4_is_read_by_peft_and_used_by_omr(self):
        records = self.folder / "records.jsonl"
        record = {"prompt": "a red star", "feedback": "make it blue", "refined": "a blue star"}
        records.write_text("\n".join(json.dumps(r) for r in (record, record | {"feedback": "word " * 2000})) + "\n{broken\n")
        run = self.trained("refiner", "--init", PACK / "refiner", "--tune", "qlora", "--data", records, "--steps", "30", "--batch", "1",
                           "--lr", "1e-2")
        self.assertIn("skipped 1 broken line", run.stderr)
        self.assertIn("1 record left out", run.stderr)
        folder = self.folder / "run" / "refiner"
        self.assertTrue(os.path.samefile(folder / "model.safetensors", PACK / "refiner" / "model.safetensors")
                        or (folder / "model.safetensors").read_bytes() == (PACK / "refiner" / "model.safetensors").read_bytes())
        from peft import PeftModel
        from transformers import LlamaForCausalLM
        model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32), folder / "adapter")
        self.assertTrue(all(math.isfinite(p.abs().max().item()) for n, p in model.named_parameters() if "lora" in n))
        run = omr("rewrite", "a red star", "--feedback", "make it blue", "--refiner", folder)
        self.assert_done(run)
        self.assertIn("a blue star", run.out.decode())
        self.assert_refused(self.train("refiner", "--config", PACK / "refiner", "--tune", "qlora", "--scenes", out="other"),
                            "--init")


if __name__ == "__main__":
    unittest.main()
