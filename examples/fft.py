"""The fast Fourier transform, specialised to its size: straight-line code with the roots of unity as numbers in it.

The recursion (Cooley and Tukey, 1965, radix 2) is over Python lists of staged numbers: it runs while staging.
"""

import cmath

import numpy as np

from pylms import lms, stage


@lms
def transform(real, imaginary):
    """The transform of lists of 2**k numbers."""
    n = len(real)
    if n == 1:
        return real, imaginary
    even_real, even_imaginary = transform(real[::2], imaginary[::2])
    odd_real, odd_imaginary = transform(real[1::2], imaginary[1::2])
    out_real, out_imaginary = [0.0] * n, [0.0] * n
    for k in range(n // 2):
        root = cmath.exp(-2j * cmath.pi * k / n)
        a, b = turned(odd_real[k], odd_imaginary[k], root)
        out_real[k], out_imaginary[k] = even_real[k] + a, even_imaginary[k] + b
        out_real[k + n // 2], out_imaginary[k + n // 2] = even_real[k] - a, even_imaginary[k] - b
    return out_real, out_imaginary


@lms
def turned(real, imaginary, root):
    """A number times a root of unity; the plain ones need no multiplication."""
    if root == 1:
        return real, imaginary
    if abs(root.real) < 1e-12:
        return (imaginary, -real) if root.imag < 0 else (-imaginary, real)
    return real * root.real - imaginary * root.imag, real * root.imag + imaginary * root.real


def specialised(size, **options):
    """A native function (x, y) for float64 arrays [size, 2], real and imaginary parts: y becomes the transform of x."""

    @stage(**options)
    def fft(x, y):
        assert x.shape[0] == size and y.shape[0] == size and x.shape[1] == 2 and y.shape[1] == 2
        real = [x[k, 0] for k in range(size)]
        imaginary = [x[k, 1] for k in range(size)]
        real, imaginary = transform(real, imaginary)
        for k in range(size):
            y[k, 0] = real[k]
            y[k, 1] = imaginary[k]

    return fft


def main():
    size = 8
    fft = specialised(size)
    signal = np.random.default_rng(0).normal(size=size) + 0j
    found = np.empty(size, complex)
    fft(signal.view(float).reshape(size, 2), found.view(float).reshape(size, 2))
    print(f"largest difference from numpy.fft: {abs(found - np.fft.fft(signal)).max():.1e}\n")
    print(fft.Ccode)


if __name__ == "__main__":
    main()
