"""Two networks against each other, as tutorials write it: noise drawn in the loop, two optimisers, text by `%`."""

import torch
from torch import nn, optim
from torch.utils.data import DataLoader

from pylms import lms, stageTensor

NOISE = 4


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(NOISE, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))

    def forward(self, noise):
        return self.main(noise)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Sigmoid())

    def forward(self, x):
        return self.main(x).view(-1)


def script():
    torch.manual_seed(0)
    generator, discriminator = Generator(), Discriminator()
    batches = DataLoader(torch.randn(64, 2) * 0.3 + 1, batch_size=16, shuffle=True)
    criterion = nn.BCELoss()
    of_generator = optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    of_discriminator = optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))

    @lms
    def train(_):
        for epoch in range(2):
            for i, real in enumerate(batches, 0):
                discriminator.zero_grad()
                size = real.size(0)
                label = torch.full((size,), 1.0)
                output = discriminator(real)
                real_error = criterion(output, label)
                real_error.backward()
                noise = torch.randn(size, NOISE)
                fake = generator(noise)
                label.fill_(0.0)
                output = discriminator(fake.detach())
                fake_error = criterion(output, label)
                fake_error.backward()
                before = output.mean().item()
                error = real_error + fake_error
                of_discriminator.step()
                generator.zero_grad()
                label.fill_(1.0)
                output = discriminator(fake)
                generator_error = criterion(output, label)
                generator_error.backward()
                of_generator.step()
                print(
                    "[%d/%d][%d/%d]\tLoss_D: %.4f\tLoss_G: %.4f\tD(G(z)): %.4f / %.4f"
                    % (epoch, 2, i, len(batches), error.item(), generator_error.item(), before, output.mean().item())
                )
        return 0

    return train


def test_a_gan_prints_what_it_prints_in_pytorch(capsys):
    script()(0)
    expected = capsys.readouterr().out
    assert expected.count("Loss_D") == 8
    stageTensor(script())(0)
    assert capsys.readouterr().out == expected


def test_noise_drawn_in_a_loop_over_any_batches_lets_gradients_through():
    def program(batches):
        torch.manual_seed(1)
        layer = nn.Linear(NOISE, 2)
        optimizer = optim.SGD(layer.parameters(), lr=0.1)

        @lms
        def train(_):
            last = 0.0
            for real in batches:
                optimizer.zero_grad()
                loss = (layer(torch.randn(8, NOISE)) * real).square().mean()
                loss.backward()
                optimizer.step()
                last = loss.item()
            return last

        return train

    data = torch.arange(48.0).reshape(24, 2) / 10
    for batches in (DataLoader(data, batch_size=8), [data[:8], data[8:16]]):
        assert abs(stageTensor(program(batches))(0) - program(batches)(0)) < 1e-5
