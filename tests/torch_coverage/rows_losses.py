"""Activations and losses, as functions and as modules."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .rows import Section

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.5, -0.25], [-4.0, 7.0, 0.75]])
B = torch.tensor([[1.5, 0.5, 2.0], [2.0, -1.0, 0.75], [0.0, 6.5, 0.5]])
LARGE = torch.tensor([30.0, -30.0, 200.0, -200.0, 3.0, -3.0, 6.0, 0.0])
CUBE = torch.arange(24.0).reshape(2, 3, 4) / 7 - 1
CLASSES = torch.tensor([2, 0, 1])
MASKED = torch.tensor([2, -100, 0])
IMAGE_CLASSES = torch.tensor([[0, 2, 1, 1], [2, 2, 0, 1]])
WEIGHTS = torch.tensor([0.5, 2.0, 1.5])
CHANCES = torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8]])
HALVES = torch.tensor([0.25, 0.9, 0.0, 1.0])
TARGETS = torch.tensor([1.0, 0.0, 0.0, 1.0])
SIGNS = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0], [1.0, 1.0, -1.0]])

ACTIVATIONS = Section("Activations")
yes, module = ACTIVATIONS.yes, ACTIVATIONS.module

yes(
    "`softmax`, `log_softmax`, `softmin`",
    lambda a, x: (F.softmax(a, 1), a.softmax(0), F.log_softmax(x, 1), torch.log_softmax(a * 100, -1), F.softmin(a, 1)),
    A,
    CUBE,
    double=True,
)
module("`nn.Softmax`, `nn.LogSoftmax`", lambda: nn.Sequential(nn.LogSoftmax(1), nn.Softmax(0)), A)
yes(
    "`relu`, `relu6`, `leaky_relu`, `prelu`",
    lambda a, s: (
        F.relu(a),
        F.relu6(a),
        F.leaky_relu(a, 0.2),
        F.leaky_relu(a, 0.1, inplace=False),
        F.prelu(a, s),
        F.prelu(a, s[:1]),
        (a * 1).relu_(),
    ),
    LARGE.reshape(2, 4)[:, :3],
    WEIGHTS,
)
module(
    "`nn.ReLU`, `nn.ReLU6`, `nn.LeakyReLU`, `nn.PReLU`",
    lambda: nn.Sequential(nn.LeakyReLU(0.2), nn.PReLU(3), nn.ReLU6(), nn.ReLU(inplace=True)),
    A,
)
yes("`elu`, `selu`, `celu`", lambda a: (F.elu(a), F.elu(a, 0.5), F.selu(a), F.celu(a, 2.0)), LARGE, double=True)
module("`nn.ELU`, `nn.SELU`, `nn.CELU`", lambda: nn.Sequential(nn.ELU(0.7), nn.SELU(), nn.CELU(1.5)), A)
yes("`gelu`", lambda a: (F.gelu(a), F.gelu(a, approximate="tanh")), torch.cat([LARGE, A.flatten()]), double=True)
module("`nn.GELU`", lambda: nn.Sequential(nn.GELU(), nn.GELU(approximate="tanh")), A)
yes("`silu`, `mish`", lambda a: (F.silu(a), F.mish(a)), torch.cat([LARGE, A.flatten()]), double=True)
module("`nn.SiLU`, `nn.Mish`", lambda: nn.Sequential(nn.SiLU(), nn.Mish()), A)
yes(
    "`sigmoid`, `tanh`, `logsigmoid`, `softplus`",
    lambda a: (F.sigmoid(a), F.tanh(a), F.logsigmoid(a), F.softplus(a), F.softplus(a, 2.0, 5.0)),
    LARGE,
    double=True,
)
module(
    "`nn.Sigmoid`, `nn.Tanh`, `nn.LogSigmoid`, `nn.Softplus`",
    lambda: nn.Sequential(nn.Softplus(2), nn.LogSigmoid(), nn.Tanh(), nn.Sigmoid()),
    A,
)
yes(
    "`hardtanh`, `hardsigmoid`, `hardswish`",
    lambda a: (F.hardtanh(a), F.hardtanh(a, -2, 3), F.hardsigmoid(a), F.hardswish(a)),
    LARGE,
)
module(
    "`nn.Hardtanh`, `nn.Hardsigmoid`, `nn.Hardswish`",
    lambda: nn.Sequential(nn.Hardtanh(-2, 2), nn.Hardswish(), nn.Hardsigmoid()),
    A,
)
yes(
    "`softsign`, `softshrink`, `hardshrink`, `tanhshrink`, `threshold`, `glu`",
    lambda a, b: (
        F.softsign(a),
        F.softshrink(a, 1.0),
        F.hardshrink(a),
        F.tanhshrink(a),
        F.threshold(a, 1.0, 20.0),
        F.glu(b, 2),
        F.glu(a),
    ),
    LARGE,
    CUBE,
)
module(
    "`nn.Softsign`, `nn.Softshrink`, `nn.Hardshrink`, `nn.Tanhshrink`, `nn.Threshold`, `nn.GLU`",
    lambda: nn.Sequential(
        nn.Softsign(), nn.Threshold(0.1, 20), nn.Softshrink(0.1), nn.Tanhshrink(), nn.Hardshrink(0.01), nn.GLU(0)
    ),
    A[:2],
)
yes("`F.normalize`", lambda a: (F.normalize(a), F.normalize(a, 1, 0)), A)
yes(
    "`F.scaled_dot_product_attention`",
    lambda q, m: (
        F.scaled_dot_product_attention(q, q.flip(1), q * 2),
        F.scaled_dot_product_attention(q, q, q, is_causal=True),
        F.scaled_dot_product_attention(q, q[:, :2], q[:, 1:], m.detach() > 0, scale=0.3),
        F.scaled_dot_product_attention(q, q[:, :2], q[:, 1:], m),
    ),
    CUBE.sin(),
    torch.tensor([[1.0, 2.0], [0.5, -1.0], [-0.5, 0.25]]),
)
ACTIVATIONS.no("`F.rrelu` while training", lambda a: F.rrelu(a, training=True), A, says="cannot be staged yet")

LOSSES = Section("Losses")
yes, no, module = LOSSES.yes, LOSSES.no, LOSSES.module

yes(
    "`F.nll_loss`",
    lambda a, t: (
        F.nll_loss(a, t),
        F.nll_loss(a, t, reduction="sum"),
        F.nll_loss(a, t, reduction="none"),
        F.nll_loss(a, t, WEIGHTS.to(a)),
        F.nll_loss(a[0], t[0]),
    ),
    A,
    CLASSES,
    double=True,
)
yes(
    "`F.nll_loss`",
    lambda x, t: (F.nll_loss(x, t), F.nll_loss(x, t, WEIGHTS.to(x), ignore_index=1)),
    CUBE,
    IMAGE_CLASSES,
)
yes(
    "`F.cross_entropy`",
    lambda a, t: (
        F.cross_entropy(a, t),
        F.cross_entropy(a, t, reduction="sum"),
        F.cross_entropy(a, t, reduction="none"),
        F.cross_entropy(a[0], t[0]),
    ),
    A,
    CLASSES,
    double=True,
)
yes(
    "`F.cross_entropy`",
    lambda a, t: (
        F.cross_entropy(a, t, WEIGHTS.to(a)),
        F.cross_entropy(a, t, label_smoothing=0.1),
        F.cross_entropy(a, t, WEIGHTS.to(a), label_smoothing=0.2),
        F.cross_entropy(a, t, WEIGHTS.to(a), label_smoothing=0.2, reduction="none"),
    ),
    A,
    MASKED,
    double=True,
    note="with `weight`, `label_smoothing`, `ignore_index`",
)
yes(
    "`F.cross_entropy`",
    lambda x, t: (F.cross_entropy(x, t), F.cross_entropy(x, t, WEIGHTS.to(x), ignore_index=1, label_smoothing=0.1)),
    CUBE,
    IMAGE_CLASSES,
)
yes(
    "`F.cross_entropy` with probabilities as targets",
    lambda a, p: (
        F.cross_entropy(a, p),
        F.cross_entropy(a, p, WEIGHTS.to(a), label_smoothing=0.1),
        F.cross_entropy(a, p, reduction="none"),
        F.cross_entropy(a, p, reduction="sum"),
    ),
    A,
    CHANCES,
)
module(
    "`nn.NLLLoss`, `nn.CrossEntropyLoss`",
    lambda: nn.CrossEntropyLoss(weight=torch.tensor([0.5, 2.0, 1.5]), label_smoothing=0.1),
    A,
    CLASSES,
)
module("`nn.NLLLoss`, `nn.CrossEntropyLoss`", lambda: nn.NLLLoss(ignore_index=2), A, CLASSES)
yes(
    "`F.mse_loss`, `F.l1_loss`",
    lambda a, b: (
        F.mse_loss(a, b),
        F.mse_loss(a, b, reduction="none"),
        F.l1_loss(a, b),
        F.l1_loss(a, b, reduction="sum"),
    ),
    A,
    B,
    double=True,
)
yes(
    "`F.smooth_l1_loss`, `F.huber_loss`",
    lambda a, b: (
        F.smooth_l1_loss(a, b),
        F.smooth_l1_loss(a, b, beta=2.0, reduction="none"),
        F.smooth_l1_loss(a, b, beta=0.0),
        F.huber_loss(a, b),
        F.huber_loss(a, b, reduction="sum", delta=0.5),
    ),
    A,
    B,
    double=True,
)
module("`nn.MSELoss`, `nn.L1Loss`, `nn.SmoothL1Loss`, `nn.HuberLoss`", lambda: nn.SmoothL1Loss(beta=0.5), A, B)
module("`nn.MSELoss`, `nn.L1Loss`, `nn.SmoothL1Loss`, `nn.HuberLoss`", lambda: nn.HuberLoss(delta=2.0), A, B)
module("`nn.MSELoss`, `nn.L1Loss`, `nn.SmoothL1Loss`, `nn.HuberLoss`", lambda: nn.MSELoss(reduction="sum"), A, B)
module("`nn.MSELoss`, `nn.L1Loss`, `nn.SmoothL1Loss`, `nn.HuberLoss`", lambda: nn.L1Loss(), A, B)
yes(
    "`F.binary_cross_entropy`",
    lambda x, t: (
        F.binary_cross_entropy(x, t.detach()),
        F.binary_cross_entropy(x[:2], t[:2], weight=x[:2].detach(), reduction="none"),
        F.binary_cross_entropy(x, t.detach(), reduction="sum"),
    ),
    HALVES,
    TARGETS,
)
yes(
    "`F.binary_cross_entropy_with_logits`",
    lambda x, t: (
        F.binary_cross_entropy_with_logits(x, t),
        F.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=WEIGHTS.to(x)),
        F.binary_cross_entropy_with_logits(x, t, weight=WEIGHTS.to(x), reduction="sum"),
    ),
    A * 20,
    CHANCES,
    double=True,
)
module(
    "`nn.BCELoss`, `nn.BCEWithLogitsLoss`",
    lambda: nn.BCEWithLogitsLoss(pos_weight=torch.tensor([0.5, 2.0, 1.5])),
    A,
    CHANCES,
)
module("`nn.BCELoss`, `nn.BCEWithLogitsLoss`", lambda: nn.BCELoss(), HALVES * 0.8 + 0.1, TARGETS)
yes(
    "`F.kl_div`",
    lambda a, p: (
        F.kl_div(a, p.detach(), reduction="batchmean"),
        F.kl_div(a, p + 0.1, reduction="sum"),
        F.kl_div(a, a.detach() - 1, reduction="none", log_target=True),
    ),
    A,
    CHANCES,
    double=True,
)
module("`nn.KLDivLoss`", lambda: nn.KLDivLoss(reduction="batchmean"), A, CHANCES + 0.1)
yes(
    "`F.soft_margin_loss`, `F.poisson_nll_loss`",
    lambda a, s, p: (
        F.soft_margin_loss(a, s.detach()),
        F.poisson_nll_loss(a, p),
        F.poisson_nll_loss(p + 1, p, log_input=False),
    ),
    A,
    SIGNS,
    CHANCES,
)
yes(
    "`F.triplet_margin_loss`, `F.margin_ranking_loss`, `F.hinge_embedding_loss`, `F.cosine_embedding_loss`",
    lambda a, b, s: (
        F.triplet_margin_loss(a, b, a.flip(0), margin=2.0),
        F.triplet_margin_loss(a, b, b.flip(0), swap=True, reduction="sum"),
        F.margin_ranking_loss(a[0], b[0], s[0].detach(), margin=0.3),
        F.hinge_embedding_loss(a, s.detach(), margin=2.0),
        F.cosine_embedding_loss(a, b, s[0].detach(), margin=0.1),
    ),
    A,
    B,
    SIGNS,
)
yes(
    "`F.gaussian_nll_loss`",
    lambda a, b, p: (F.gaussian_nll_loss(a, b, p + 0.5), F.gaussian_nll_loss(a, b, p, eps=0.15, full=True)),
    A,
    B,
    CHANCES,
)
yes(
    "`F.cosine_similarity`, `F.pairwise_distance`",
    lambda a, b: (F.cosine_similarity(a, b), F.pairwise_distance(a, b)),
    A,
    B,
)
no(
    "`F.ctc_loss`, `F.multi_margin_loss`, ...",
    lambda a, t: F.multi_margin_loss(a, t),
    A,
    CLASSES,
    says="multi_margin_loss` cannot be staged yet",
)
no(
    "losses of tensors that do not fit",
    lambda a, t: F.cross_entropy(a, t[:2]),
    A,
    CLASSES,
    error="StagedTypeError",
    says="a loss over classes takes [B, C] and integer classes [B], not [3, 3] and int64 [2]",
)
no(
    "losses of tensors that do not fit",
    lambda a, p: F.binary_cross_entropy_with_logits(a, p[0]),
    A,
    CHANCES,
    error="StagedTypeError",
    says="takes a target of the shape of the input, [3, 3], not [3]",
)

CREATION = Section("Making tensors in staged code")
yes, no = CREATION.yes, CREATION.no

yes(
    "`zeros`, `ones`, `full`, `empty`, and `..._like`, `new_...`",
    lambda a: (
        a + torch.zeros(3, 3) + torch.ones(3),
        torch.full((2, 1), 2.5),
        torch.full_like(a, 3) * a,
        torch.zeros_like(a, dtype=torch.int64),
        a.new_ones(2),
        a.new_full((2,), 7),
        torch.empty(2, 0),
    ),
    A,
)
yes(
    "`arange`, `linspace`, `eye`, `tril_indices`",
    lambda a: (
        torch.arange(4),
        torch.arange(1, 2, 0.25),
        torch.linspace(0, 1, 5),
        a @ torch.eye(3),
        torch.tril_indices(3, 3),
    ),
    A,
)
yes(
    "`tensor`, `as_tensor`",
    lambda a: (
        torch.tensor(2.5),
        torch.tensor([1, 2, 3]),
        torch.tensor([[1.0, 2.0]]) * a[0, 0],
        torch.tensor([a.sum().item(), 1.0]),
        torch.as_tensor(a),
        torch.tensor([a[0, 0].item() > 0, True]),
    ),
    A,
)
no(
    "`arange` to a number of the run",
    lambda t: torch.arange(t[0].item()),
    CLASSES,
    error="StagingError",
    says="`torch.arange` of what only the run knows cannot be staged",
)
