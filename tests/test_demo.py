"""The demo: photograph, corruption, training, table of modes, picture, figures."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from scipy.signal import correlate2d

import scitorch.demo
from scitorch.demo.corruption import corrupt
from scitorch.demo.modes import MODES, Mode, Outcome, Reference, _relative_error, _subjects, check_modes
from scitorch.demo.photograph import read_photograph
from scitorch.demo.picture import draw
from scitorch.demo.report import Report, drafts, writing_to
from scitorch.demo.settings import DEFAULT_SIZE, DEFAULT_STEPS, RequestError, Settings
from scitorch.demo.terminal import modes_table
from scitorch.demo.training import new_layer, recover
from scitorch.nn import ScipyConv2d

# torch's own formulas for forward mode are scripted when first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")

QUICK = MODES[:3]


@pytest.fixture(scope="module")
def photograph():
    return read_photograph(None, 64)


@pytest.fixture
def settings(tmp_path):
    return Settings(steps=4, size=48, out=tmp_path / "out")


@pytest.fixture
def report(photograph, settings):
    scene = corrupt(photograph, seed=0)
    outcomes = [Outcome("value", 0, 1e-16, "ok", "", 0.1)]
    return Report(settings, scene, recover(scene, settings, lambda *_: None), outcomes)


def run(settings):
    return scitorch.demo.run(settings, Console(file=io.StringIO()))


# ----------------------------------------------------------------------------------------------------- the photograph


def save(path, pixels, mode=None):
    Image.fromarray(np.asarray(pixels), mode).save(path)
    return path


def gradient(dtype, top):
    return np.linspace(0, top, 60 * 50).reshape(60, 50).astype(dtype)


def test_the_sample_photograph_is_square_and_normalised():
    pixels = read_photograph(None, 50)
    assert pixels.shape == (50, 50)
    assert pixels.mean() == pytest.approx(0, abs=1e-12)
    assert pixels.std() == pytest.approx(1)


@pytest.mark.parametrize(
    "pixels",
    [
        gradient(np.uint8, 255),
        np.dstack([gradient(np.uint8, 255)] * 3),
        np.dstack([gradient(np.uint8, 255)] * 4),
        gradient(np.uint16, 60_000),
        gradient(np.float32, 1e-3),
    ],
    ids=["grey", "colour", "transparent", "16 bit", "floating point"],
)
def test_pictures_of_every_depth_are_the_same_photograph(tmp_path, pixels):
    path = save(tmp_path / "image.tiff", pixels)
    expected = read_photograph(save(tmp_path / "float.tiff", gradient(np.float32, 255)), 48)
    assert np.abs(read_photograph(path, 48) - expected).max() < 0.02


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    image = Image.fromarray(gradient(np.uint8, 255)[:50])
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "turned.png", exif=exif)
    plain, turned = (read_photograph(tmp_path / name, 48) for name in ("plain.png", "turned.png"))
    np.testing.assert_allclose(turned, plain[::-1, ::-1], atol=1e-4)


def broken_images(folder):
    whole = save(folder / "whole.jpg", np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8))
    (folder / "truncated.jpg").write_bytes(whole.read_bytes()[:900])
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").touch()
    save(folder / "flat.png", np.full((64, 64), 7, np.uint8))
    save(folder / "nan.tiff", np.full((64, 64), np.nan, np.float32))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.png", "No such file"),
        (".", "Is a directory"),
        ("truncated.jpg", "truncated"),
        ("text.jpg", "cannot identify"),
        ("empty.png", "cannot identify"),
        ("flat.png", "no contrast"),
        ("nan.tiff", "no contrast"),
    ],
)
def test_a_missing_or_broken_image_is_said_so(tmp_path, name, reason):
    broken_images(tmp_path)
    with pytest.raises(RequestError, match=f"^--image: expected a photograph, got .*{reason}"):
        read_photograph(tmp_path / name, 48)


def test_a_photograph_is_not_blown_up():
    with pytest.raises(RequestError, match=r"^--size: expected at most 512 pixels, .* got 513\.$"):
        read_photograph(None, 513)
    assert read_photograph(None, 512).shape == (512, 512)


# ----------------------------------------------------------------------------------------------------- the corruption


@pytest.mark.parametrize("seed", range(8))
def test_the_hidden_filter_is_a_blur_and_the_noise_small(photograph, seed):
    scene = corrupt(photograph, seed)
    assert scene.filter.shape == (9, 9)
    assert scene.filter.min() >= 0
    assert scene.filter.sum() == pytest.approx(1)
    assert scene.filter.max() < 0.3  # otherwise it would hardly blur
    noise = scene.filtered - correlate2d(photograph, scene.filter, mode="valid") - scene.offset
    assert noise.std() == pytest.approx(0.003, rel=0.1)


def test_the_seed_decides_the_corruption(photograph):
    first, again, other = (corrupt(photograph, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.filtered, again.filtered)
    assert not np.array_equal(first.filter, other.filter)


# ------------------------------------------------------------------------------------------------------- the settings


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("steps", 0, "--steps: expected at least 1, got 0."),
        ("size", 47, "--size: expected 48 to 4096 pixels, got 47."),
        ("size", 5000, "--size: expected 48 to 4096 pixels, got 5000."),
        ("seed", -1, "--seed: expected 0 to"),
        ("seed", 2**63, "--seed: expected 0 to"),
        ("device", "abacus", "--device: expected a device that computes in float64 here, got 'abacus'"),
        ("device", "meta", "--device: expected a device that computes in float64 here, got 'meta'"),
    ],
)
def test_a_bad_option_is_said_so(option, value, message):
    with pytest.raises(RequestError) as error:
        Settings(**{option: value})
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("steps", "size", "has"), [(0, 0, True), (1, 1, True), (-1, 0, False), (0, -1, False)])
def test_a_run_has_a_target_from_the_defaults_up(steps, size, has):
    assert Settings(steps=DEFAULT_STEPS + steps, size=DEFAULT_SIZE + size).has_target is has


# ------------------------------------------------------------------------------------------------------- the training


@pytest.mark.parametrize("seed", [0, 1])
def test_the_filter_is_recovered(seed):
    scene = corrupt(read_photograph(None, DEFAULT_SIZE), seed)
    recovery = recover(scene, Settings(seed=seed), lambda *_: None)
    assert recovery.errors[-1] < 1e-2
    assert recovery.offset == pytest.approx(scene.offset, abs=1e-3)
    assert np.linalg.norm(recovery.filter - scene.filter) < 1e-2 * np.linalg.norm(scene.filter)


def test_the_model_is_not_told(photograph, settings):
    scene = corrupt(photograph, seed=0)
    seen = recover(scene, settings, lambda *_: None)
    unseen = recover(replace(scene, filter=np.eye(9), offset=np.nan), settings, lambda *_: None)
    assert np.array_equal(seen.filter, unseen.filter)
    assert seen.losses == unseen.losses


def test_watching_is_told_every_step(photograph, settings):
    told = []
    recovery = recover(corrupt(photograph, seed=0), settings, lambda *figures: told.append(figures))
    assert told == list(zip(recovery.losses, recovery.errors, strict=True))
    assert len(told) == settings.steps


def test_the_seed_decides_the_training_and_nothing_else_does(photograph, settings):
    scene = corrupt(photograph, seed=0)
    first = recover(scene, settings, lambda *_: None)
    torch.randn(3)
    again = recover(scene, settings, lambda *_: None)
    other = recover(scene, replace(settings, seed=1), lambda *_: None)
    assert (first.losses, first.errors, first.offset) == (again.losses, again.errors, again.offset)
    assert np.array_equal(first.filter, again.filter)
    assert first.losses != other.losses


# ---------------------------------------------------------------------------------------------------------- the modes


def check(layer, modes):
    return list(check_modes(layer, modes))


def names(modes):
    return [mode.name for mode in modes]


@pytest.mark.parametrize("mode", MODES, ids=names(MODES))
def test_the_layer_is_right_in_every_mode(mode):
    (outcome,) = check(new_layer(3, 2, Settings()), (mode,))
    assert (outcome.verdict, outcome.reason, outcome.mode, outcome.order) == ("ok", "", mode.name, mode.order)
    assert outcome.error < 1e-12


def test_names_of_modes_are_unique():
    assert len(set(names(MODES))) == len(MODES)


class Deviant(torch.nn.Module):
    """The right correlation, then a function that spoils it."""

    def __init__(self, spoil):
        super().__init__()
        layer = new_layer(3, 2, Settings())
        self.reference = Reference(layer.filter.detach(), layer.bias.detach())
        self.filter, self.bias = self.reference.filter, self.reference.bias
        self.spoil = spoil

    def forward(self, image):
        return self.spoil(torch.func.functional_call(self.reference, dict(self.named_parameters()), (image,)))


class OffByAThousandth(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return 1.001 * g


class SquareWithNumPyBackward(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x.square()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(2 * x.detach().numpy()) * g


def verdicts(spoil, *wanted):
    layer = Deviant(spoil)
    modes = tuple(mode for mode in MODES if mode.name in wanted)
    assert len(modes) == len(wanted)
    return {outcome.mode: outcome.verdict for outcome in check(layer, modes)}


def test_a_right_layer_passes_the_judge():
    assert set(verdicts(lambda y: y, "value", "backward", "double backward").values()) == {"ok"}


def test_a_gradient_off_by_a_thousandth_is_wrong():
    found = verdicts(OffByAThousandth.apply, "value", "backward", "forward mode, dual tensors")
    assert found == {"value": "ok", "backward": "WRONG", "forward mode, dual tensors": "raises"}


def test_a_numpy_backward_is_wrong_in_second_order_alone():
    spoiled, squared = (_subjects(Deviant(f), ())[0] for f in (SquareWithNumPyBackward.apply, torch.square))
    found = {}
    for mode in MODES:
        if mode.name in {"value", "backward", "double backward"}:
            found[mode.name] = _relative_error(mode.take(spoiled), mode.reference(squared))
    assert found["value"] < 1e-12
    assert found["backward"] < 1e-12
    assert found["double backward"] > 1e-3


@pytest.mark.parametrize(
    "spoil",
    [lambda y: y * float("nan"), lambda y: y[..., :2, :], lambda y: y + 1e-6],
    ids=["nan", "missing rows", "off"],
)
def test_a_wrong_value_is_wrong(spoil):
    assert verdicts(spoil, "value") == {"value": "WRONG"}


def test_a_result_of_another_shape_is_wrong():
    mode = Mode("row", 1, lambda subject: MODES[1].take(subject)[None])
    (outcome,) = check(new_layer(3, 2, Settings()), (mode,))
    assert (outcome.verdict, outcome.error) == ("WRONG", float("inf"))


def test_what_a_mode_raises_is_kept():
    def refuse(_):
        raise RuntimeError("not so\nand more")

    (outcome,) = check(new_layer(3, 2, Settings()), (Mode("refusal", 1, refuse),))
    assert (outcome.verdict, outcome.reason) == ("raises", "RuntimeError: not so")
    assert np.isnan(outcome.error)


def test_checking_leaves_the_layer_and_the_random_numbers_alone():
    layer = ScipyConv2d(3, 2).double()
    before = {name: parameter.clone() for name, parameter in layer.named_parameters()}
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002  the global one
    check(layer, QUICK)
    new_layer(3, 2, Settings())
    assert all(torch.equal(parameter, before[name]) for name, parameter in layer.named_parameters())
    assert all(parameter.grad is None for parameter in layer.parameters())
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002  the global one


def test_the_table_names_every_verdict():
    outcomes = [
        Outcome("one", 1, 1.5e-16, "ok", "", 0.1),
        Outcome("two", 2, 0.5, "WRONG", "", 0.2),
        Outcome("three", 0, float("nan"), "raises", "RuntimeError: not so", 0.3),
    ]
    console = Console(file=io.StringIO(), width=80)
    console.print(modes_table(outcomes))
    lines = console.file.getvalue().splitlines()
    for words in (["one", "1", "1.5e-16", "0.10", "ok"], ["two", "2", "5.0e-01", "0.20", "WRONG"]):
        assert any(line.split() == words for line in lines)
    assert any(line.split() == ["three", "0", "0.30", "raises"] for line in lines)


# ------------------------------------------------------------------------------------------- the picture and the files


def test_the_picture_is_a_png_and_the_same_again(tmp_path, report):
    for name in ("one.png", "two.png"):
        draw(report, tmp_path / name)
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 800
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_the_figures_say_everything(report):
    figures = json.loads(json.dumps(report.figures(1.5), allow_nan=False))
    assert figures["steps"] == 4
    assert figures["filter_error"] == figures["filter_errors"][-1]
    assert len(figures["losses"]) == 4
    assert np.array_equal(figures["filter"]["hidden"], report.scene.filter)
    assert figures["modes"] == [{"mode": "value", "order": 0, "error": 1e-16, "verdict": "ok", "reason": ""}]
    assert figures["seconds"]["total"] == 1.5
    assert figures["versions"]["torch"] == torch.__version__
    assert "matplotlib" in figures["photograph"]


def test_an_error_that_is_no_number_is_null(report):
    raised = replace(report, outcomes=[Outcome("jacfwd", 1, float("nan"), "raises", "RuntimeError: no", 0.0)])
    assert raised.figures(1.0)["modes"][0]["error"] is None


def test_failures_are_sentences(report):
    assert report.failures() == []
    wrong = [Outcome("jacrev", 1, 0.25, "WRONG", "", 0.0), Outcome("vmap", 0, float("nan"), "raises", "Oh: no", 0.0)]
    long = replace(report.settings, steps=DEFAULT_STEPS, size=DEFAULT_SIZE)
    jacrev, vmap, target = replace(report, outcomes=wrong, settings=long).failures()
    assert jacrev == "jacrev: the relative error is 2.5e-01."
    assert vmap == "vmap: Oh: no."
    assert target.startswith("The filter error ")
    assert target.endswith("is not below 0.01.")


def test_drafts_vanish_however_a_run_ends(tmp_path):
    def fail():
        with drafts(tmp_path / "a" / "b") as draft:
            (draft / "demo.png").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_said_so(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "demo.json").mkdir(parents=True)
    for folder, reason in ((tmp_path / "file", "File exists"), (tmp_path / "file" / "x", "Not a directory")):
        with (
            pytest.raises(RequestError, match=f"^--out: expected a folder to write to, got .*{reason}"),
            drafts(folder),
        ):
            pass
    with pytest.raises(RequestError, match=r"demo\.json in it is a folder"), drafts(tmp_path / "taken"):
        pass


def test_a_disk_that_fills_is_said_so(tmp_path):
    with pytest.raises(RequestError, match="No space left"), writing_to(tmp_path):
        raise OSError(28, "No space left on device")


# ---------------------------------------------------------------------------------------------------- the whole of it


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(scitorch.demo, "MODES", QUICK)


@pytest.mark.usefixtures("quick")
def test_a_run_writes_a_picture_and_figures_and_nothing_else(settings):
    report = run(settings)
    assert sorted(path.name for path in settings.out.iterdir()) == ["demo.json", "demo.png"]
    figures = json.loads((settings.out / "demo.json").read_text())
    assert [row["verdict"] for row in figures["modes"]] == ["ok"] * len(QUICK)
    assert figures["filter_error"] == report.error
    assert figures["filter_error_target"] is None


@pytest.mark.usefixtures("quick")
def test_the_same_seed_gives_the_same_figures(settings, tmp_path):
    def figures(out):
        run(replace(settings, out=out))
        picture, kept = (out / "demo.png").read_bytes(), json.loads((out / "demo.json").read_text())
        return picture, {name: value for name, value in kept.items() if name != "seconds"}

    assert figures(tmp_path / "one") == figures(tmp_path / "two")


@pytest.mark.usefixtures("quick")
def test_a_run_of_ones_own_photograph(settings, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (70, 80, 3), dtype=np.uint8)
    report = run(replace(settings, image=save(tmp_path / "own.png", pixels)))
    assert report.figures(1.0)["photograph"].endswith("own.png")
