// The kernels of benchmarks/kernels/programs.py as a C++ programmer writes them: nothing is checked, pointers are
// restrict-qualified where the arrays are apart, no -ffast-math.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

typedef long long i64;
#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT i64 mandelbrot(i64 width, i64 height, i64 limit) {
  i64 total = 0;
  for (i64 row = 0; row < height; ++row)
    for (i64 column = 0; column < width; ++column) {
      double a = column * 3.0 / width - 2.0, b = row * 2.0 / height - 1.0, x = 0.0, y = 0.0;
      i64 count = 0;
      while (count < limit && x * x + y * y <= 4.0) {
        double next = x * x - y * y + a;
        y = 2.0 * x * y + b;
        x = next;
        ++count;
      }
      total += count;
    }
  return total;
}

EXPORT i64 collatz(i64 n) {
  i64 longest = 0;
  for (i64 start = 1; start < n; ++start) {
    i64 value = start, length = 1;
    while (value != 1) {
      value = value % 2 == 0 ? value / 2 : 3 * value + 1;
      ++length;
    }
    longest = std::max(longest, length);
  }
  return longest;
}

EXPORT double nbody(double *__restrict position, double *__restrict velocity, const double *__restrict mass, i64 bodies,
                    i64 steps) {
  for (i64 step = 0; step < steps; ++step) {
    for (i64 i = 0; i < bodies; ++i)
      for (i64 j = 0; j < bodies; ++j)
        if (i != j) {
          double dx = position[j * 3] - position[i * 3], dy = position[j * 3 + 1] - position[i * 3 + 1],
                 dz = position[j * 3 + 2] - position[i * 3 + 2];
          double distance = std::sqrt(dx * dx + dy * dy + dz * dz + 0.01);
          double pull = 0.001 * mass[j] / (distance * distance * distance);
          velocity[i * 3] += pull * dx;
          velocity[i * 3 + 1] += pull * dy;
          velocity[i * 3 + 2] += pull * dz;
        }
    for (i64 i = 0; i < bodies * 3; ++i) position[i] += 0.001 * velocity[i];
  }
  double total = 0.0;
  for (i64 i = 0; i < bodies * 3; ++i) total += position[i];
  return total;
}

static void relax(const double *__restrict from, double *__restrict to, i64 rows, i64 columns) {
  for (i64 i = 1; i < rows - 1; ++i)
    for (i64 j = 1; j < columns - 1; ++j)
      to[i * columns + j] = 0.25 * (from[(i - 1) * columns + j] + from[(i + 1) * columns + j] +
                                    from[i * columns + j - 1] + from[i * columns + j + 1]);
}

EXPORT double jacobi(double *__restrict grid, double *__restrict other, i64 rows, i64 columns, i64 rounds) {
  for (i64 k = 0; k < rounds; ++k) {
    relax(grid, other, rows, columns);
    relax(other, grid, rows, columns);
  }
  return grid[rows / 2 * columns + columns / 2];
}

EXPORT i64 life(uint8_t *__restrict board, uint8_t *__restrict other, i64 rows, i64 columns, i64 rounds) {
  for (i64 k = 0; k < rounds; ++k) {
    for (i64 i = 0; i < rows; ++i) {
      const uint8_t *above = board + (i == 0 ? rows - 1 : i - 1) * columns, *here = board + i * columns,
                    *below = board + (i == rows - 1 ? 0 : i + 1) * columns;
      for (i64 j = 0; j < columns; ++j) {
        i64 left = j == 0 ? columns - 1 : j - 1, right = j == columns - 1 ? 0 : j + 1;
        int around = above[left] + above[j] + above[right] + here[left] + here[right] + below[left] + below[j] +
                     below[right];
        other[i * columns + j] = around == 3 || (around == 2 && here[j] == 1);
      }
    }
    for (i64 i = 0; i < rows * columns; ++i) board[i] = other[i];
  }
  i64 alive = 0;
  for (i64 i = 0; i < rows * columns; ++i) alive += board[i] == 1;
  return alive;
}

EXPORT double matmul(const double *__restrict a, const double *__restrict b, double *__restrict c, i64 n, i64 inner,
                     i64 m) {
  for (i64 i = 0; i < n; ++i)
    for (i64 k = 0; k < inner; ++k) {
      double factor = a[i * inner + k];
      for (i64 j = 0; j < m; ++j) c[i * m + j] += factor * b[k * m + j];
    }
  return c[0];
}

EXPORT double floyd_warshall(double *distance, i64 n) {
  for (i64 k = 0; k < n; ++k)
    for (i64 i = 0; i < n; ++i) {
      double through = distance[i * n + k];
      for (i64 j = 0; j < n; ++j)
        if (through + distance[k * n + j] < distance[i * n + j]) distance[i * n + j] = through + distance[k * n + j];
    }
  return distance[n - 1];
}

EXPORT i64 edit_distance(const int32_t *__restrict left, const int32_t *__restrict right, i64 *__restrict previous,
                         i64 *__restrict current, i64 rows, i64 columns) {
  for (i64 j = 0; j <= columns; ++j) previous[j] = j;
  for (i64 i = 0; i < rows; ++i) {
    current[0] = i + 1;
    for (i64 j = 0; j < columns; ++j) {
      i64 cost = left[i] == right[j] ? 0 : 1;
      current[j + 1] = std::min(std::min(previous[j + 1] + 1, current[j] + 1), previous[j] + cost);
    }
    for (i64 j = 0; j <= columns; ++j) previous[j] = current[j];
  }
  return previous[columns];
}

EXPORT i64 sieve(uint8_t *flags, i64 n) {
  for (i64 i = 2; i < n; ++i) flags[i] = 1;
  for (i64 i = 2; i * i < n; ++i)
    if (flags[i] == 1)
      for (i64 j = i * i; j < n; j += i) flags[j] = 0;
  i64 count = 0;
  for (i64 i = 2; i < n; ++i) count += flags[i] == 1;
  return count;
}

EXPORT i64 heapsort(i64 *values, i64 n) {
  i64 start = n / 2, end = n;
  while (end > 1) {
    if (start > 0) {
      --start;
    } else {
      --end;
      std::swap(values[end], values[0]);
    }
    i64 root = start;
    while (2 * root + 1 < end) {
      i64 child = 2 * root + 1;
      if (child + 1 < end && values[child] < values[child + 1]) ++child;
      if (values[root] >= values[child]) break;
      std::swap(values[root], values[child]);
      root = child;
    }
  }
  return values[n / 2];
}

EXPORT i64 binary_search(const double *__restrict table, const double *__restrict wanted, i64 n, i64 m) {
  i64 total = 0;
  for (i64 k = 0; k < m; ++k) {
    i64 low = 0, high = n;
    while (low < high) {
      i64 middle = (low + high) / 2;
      if (table[middle] < wanted[k])
        low = middle + 1;
      else
        high = middle;
    }
    total += low;
  }
  return total;
}

EXPORT uint64_t fnv_hash(const uint8_t *data, i64 n, i64 rounds) {
  uint64_t value = 14695981039346656037ull;
  for (i64 k = 0; k < rounds; ++k)
    for (i64 i = 0; i < n; ++i) value = (value ^ data[i]) * 1099511628211ull;
  return value;
}

EXPORT i64 fib(i64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

EXPORT i64 ackermann(i64 m, i64 n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

EXPORT i64 random_walk(i64 n, i64 modulus) {
  i64 state = 12345, total = 0;
  for (i64 k = 0; k < n; ++k) {
    state = (state * 1103515245 + 12345) % modulus;
    total += state % 100;
  }
  return total;
}

EXPORT i64 count_words(const i64 *codes, i64 n, i64 n_keys) {
  std::unordered_map<i64, i64> counts;
  for (i64 k = 0; k < n; ++k) ++counts[codes[k] * 7919 % n_keys];
  i64 most = 0;
  for (const auto &entry : counts) most = std::max(most, entry.second);
  return most;
}

EXPORT i64 count_vowels(const uint32_t *text, i64 n) {
  i64 vowels = 0;
  for (i64 k = 0; k < n; ++k)
    vowels += text[k] == 'a' || text[k] == 'e' || text[k] == 'i' || text[k] == 'o' || text[k] == 'u';
  return vowels;
}
