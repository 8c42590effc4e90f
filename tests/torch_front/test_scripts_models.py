"""Small models of several kinds, as their papers' readers write them: losses are PyTorch's, step by step."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.distributions import Categorical  # noqa: E402

from tests.torch_front.compare import Script, check  # noqa: E402
from tests.torch_front.ways import weight  # noqa: E402


def test_policy_gradient_on_stored_episodes():
    def make():
        policy = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        optimizer = optim.Adam(policy.parameters(), lr=1e-2)
        seen, rewards = weight(3, 6, 4), weight(3, 6, seed=4).abs()
        actions = (weight(3, 6, seed=5) > 0).long()

        def run(_):
            for episode in range(3):
                total, returns = 0.0, []
                for t in reversed(range(6)):
                    total = rewards[episode, t] + 0.9 * total
                    returns.insert(0, total)
                returns = torch.stack(returns)
                returns = (returns - returns.mean()) / (returns.std() + 1e-8)
                chosen = Categorical(logits=policy(seen[episode]))
                loss = -(chosen.log_prob(actions[episode]) * returns).sum() - 0.01 * chosen.entropy().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                print(f"{episode} {loss.item():.4f}")

        return Script(run, {"policy": policy})

    check(make)


class Attention(nn.Module):
    def __init__(self, width, length):
        super().__init__()
        self.norm, self.inner, self.outer = (
            nn.LayerNorm(width),
            nn.Linear(width, 3 * width, bias=False),
            nn.Linear(width, width),
        )
        self.register_buffer("mask", torch.tril(torch.ones(length, length)))

    def forward(self, x):
        q, k, v = self.inner(self.norm(x)).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
        return x + self.outer(scores.masked_fill(self.mask == 0, float("-inf")).softmax(-1) @ v)


def test_characters_from_random_places_of_a_text():
    def make():
        text = torch.arange(50) * 7 % 11
        table = nn.Embedding(11, 6)
        model = nn.Sequential(table, Attention(6, 5), nn.Linear(6, 11, bias=False))
        model[2].weight = table.weight
        optimizer = optim.AdamW(model.parameters(), lr=1e-2)

        def run(_):
            for step in range(4):
                places = torch.randint(len(text) - 5, (3,))
                x = torch.stack([text[i : i + 5] for i in places])
                y = torch.stack([text[i + 1 : i + 5 + 1] for i in places])
                loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                print(f"{step} {loss.item():.5f}")

        return Script(run, {"model": model})

    check(make)


class Down(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU(inplace=True))
        self.pool, self.up = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)
        self.outer = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        wide = self.inner(x)
        deep = self.up(self.pool(wide))
        missing = wide.size(2) - deep.size(2)
        return self.outer(torch.cat([wide, F.pad(deep, [0, missing, 0, missing])], dim=1))


def test_images_in_images_out():
    def make():
        model = Down()
        optimizer = optim.RMSprop(model.parameters(), lr=1e-3, momentum=0.9)
        images = weight(12, 1, 5, 5)

        def run(_):
            for start in range(0, 12, 4):
                batch = images[start : start + 4]
                found = model(batch)
                overlap = (found.sigmoid() * (batch > 0)).sum(dim=(1, 2, 3))
                loss = F.binary_cross_entropy_with_logits(found, (batch > 0).float()) - 0.1 * overlap.mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                print(f"{loss.item():.5f}")

        return Script(run, {"model": model})

    check(make)
