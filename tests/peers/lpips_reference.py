"""LPIPS in plain PyTorch, with random weights under the keys of lpips.LPIPS(net='vgg').state_dict().

The package lpips 0.1.4 imports torchvision for VGG16's layers, and torchvision's wheels bind to the CUDA build of torch: beside a
CPU build they do not import. So the formula of lpips/lpips.py (version 0.1) is written out here, on VGG16's configuration D.
"""

import torch
import torch.nn.functional as F

WIDTHS = (64, 128, 256, 512, 512)
CONVOLUTIONS = (2, 2, 3, 3, 3)


def vgg_slice(width_before, width, count, first):
    out = torch.nn.Sequential()
    if first > 0:
        out.add_module(str(first - 1), torch.nn.MaxPool2d(kernel_size=2, stride=2))
    for i in range(count):
        out.add_module(str(first + 2 * i), torch.nn.Conv2d(width_before if i == 0 else width, width, kernel_size=3, padding=1))
        out.add_module(str(first + 2 * i + 1), torch.nn.ReLU())
    return out


class LPIPS(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Module()
        number, before = 0, 3
        for i, (width, count) in enumerate(zip(WIDTHS, CONVOLUTIONS)):
            self.net.add_module(f"slice{i + 1}", vgg_slice(before, width, count, number))
            number, before = number + 2 * count + 1, width
        for i, width in enumerate(WIDTHS):
            lin = torch.nn.Module()
            lin.model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Conv2d(width, 1, 1, bias=False))
            self.add_module(f"lin{i}", lin)

    def forward(self, a, b):
        shift = torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None]
        scale = torch.tensor([0.458, 0.448, 0.450])[None, :, None, None]
        x, y = (a - shift) / scale, (b - shift) / scale
        total = 0
        for i in range(len(WIDTHS)):
            level = getattr(self.net, f"slice{i + 1}")
            x, y = level(x), level(y)
            unit = [f / (torch.sqrt((f**2).sum(dim=1, keepdim=True)) + 1e-10) for f in (x, y)]
            total = total + F.conv2d((unit[0] - unit[1]) ** 2, getattr(self, f"lin{i}").model[1].weight).mean([1, 2, 3])
        return total


def random_lpips():
    """The same network at every call; the state of the generator that everything else draws from stays."""
    with torch.random.fork_rng():
        torch.manual_seed(91)
        lpips = LPIPS()
        for name, parameter in lpips.named_parameters():
            with torch.no_grad():
                if name.startswith("lin"):
                    parameter.uniform_(0, 1)
                elif parameter.dim() == 4:
                    torch.nn.init.kaiming_normal_(parameter, mode="fan_out", nonlinearity="relu")
                else:
                    parameter.normal_(0, 0.1)
    return lpips.eval().requires_grad_(False)


def package_state(lpips):
    """With what the package's state_dict() holds beside the weights: the linear layers again, and the scaling's constants."""
    state = lpips.state_dict()
    state |= {key.replace("lin", "lins.", 1): value.clone() for key, value in state.items() if key.startswith("lin")}
    return state | {"scaling_layer.shift": torch.zeros(1, 3, 1, 1), "scaling_layer.scale": torch.ones(1, 3, 1, 1)}
