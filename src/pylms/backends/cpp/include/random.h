// Random numbers by the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), and what PyTorch makes of its words.
//
// A state is 624 words and, after them, how many have been given out. Vectors are of 32 bytes, and lie anywhere.
#ifndef PYLMS_RANDOM_H
#define PYLMS_RANDOM_H

#include "vec.h"

namespace pylms {

namespace random_detail {

constexpr Index words = 624, distance = 397;

typedef unsigned Words __attribute__((vector_size(32)));
typedef int Signed __attribute__((vector_size(32)));
typedef float Floats __attribute__((vector_size(32)));
typedef unsigned long long Pairs __attribute__((vector_size(32)));
typedef long long Numbers __attribute__((vector_size(32)));
typedef double Doubles __attribute__((vector_size(32)));
typedef signed char Bytes __attribute__((vector_size(4)));

template <class V>
PYLMS_INLINE V get(const unsigned *p) {
  V v;
  __builtin_memcpy(&v, p, sizeof(V));
  return v;
}

template <class V>
PYLMS_INLINE void put(void *p, const V &v) {
  __builtin_memcpy(p, &v, sizeof(V));
}

// The word, or vector of words, that replaces `word`, before `next`, and `distance` words before `far`.
template <class W>
PYLMS_INLINE W replaced(const W &word, const W &next, const W &far) {
  const W y = (word & 0x80000000u) | (next & 0x7fffffffu);
  return far ^ (y >> 1) ^ ((0u - (y & 1u)) & 0x9908b0dfu);
}

PYLMS_INLINE void replace_range(unsigned *state, Index from, Index to, Index ahead) {
  Index i = from;
  for (; i + 8 <= to; i += 8) {
    unsigned *p = state + i;
    put(p, replaced(get<Words>(p), get<Words>(p + 1), get<Words>(p + ahead)));
  }
  for (; i < to; ++i) state[i] = replaced(state[i], state[i + 1], state[i + ahead]);
}

// The next 624 words of the state.
inline void advance(unsigned *state) {
  replace_range(state, 0, words - distance, distance);
  replace_range(state, words - distance, words - 1, distance - words);
  state[words - 1] = replaced(state[words - 1], state[0], state[distance - 1]);
}

template <class W>
PYLMS_INLINE void temper(unsigned *target, const unsigned *source) {
  W y = get<W>(source);
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  put<W>(target, y ^ (y >> 18));
}

// Give out `count` words.
inline void draw(unsigned *target, Index count, int *given) {
  unsigned *state = (unsigned *)given;
  int *used = given + words;
  while (count > 0) {
    if (*used >= words) {
      advance(state);
      *used = 0;
    }
    const Index ready = words - *used, taken = count < ready ? count : ready;
    const unsigned *source = state + *used;
    Index i = 0;
    for (; i + 8 <= taken; i += 8) temper<Words>(target + i, source + i);
    for (; i < taken; ++i) temper<unsigned>(target + i, source + i);
    *used += (int)taken;
    target += taken;
    count -= taken;
  }
}

// The integers of 53 bits that pairs of words are, the first word of each being the higher one.
PYLMS_INLINE Numbers numbers_at(const unsigned *drawn) {
  const Pairs both = get<Pairs>(drawn);
  return (Numbers)(((both << 32) | (both >> 32)) & 0x1fffffffffffffull);
}

// give(target, drawn) makes `lanes` elements of `each` words apiece; at the end more than are wanted, which go elsewhere.
template <Index lanes, Index each, class T, class Give>
PYLMS_INLINE void fill(T *target, Index count, int *state, const Give &give) {
  constexpr Index most = 512;
  unsigned drawn[each * most] = {};
  for (Index from = 0; from < count; from += most) {
    const Index n = count - from < most ? count - from : most;
    draw(drawn, each * n, state);
    Index i = 0;
    for (; i + lanes <= n; i += lanes) give(target + from + i, drawn + each * i);
    if (i < n) {
      T last[lanes];
      give(last, drawn + each * i);
      for (Index k = 0; k < n - i; ++k) target[from + i + k] = last[k];
    }
  }
}

}  // namespace random_detail

inline void random_below(bool *target, Index count, int *state, unsigned long long limit) {
  using namespace random_detail;
  fill<4, 2>(target, count, state, [=](bool *to, const unsigned *drawn) {
    put<Bytes>(to, __builtin_convertvector(numbers_at(drawn) < (long long)limit, Bytes) & 1);
  });
}

inline void random_uniform(double *target, Index count, int *state) {
  using namespace random_detail;
  fill<4, 2>(target, count, state, [](double *to, const unsigned *drawn) {
    put<Doubles>(to, __builtin_convertvector(numbers_at(drawn), Doubles) * 0x1p-53);
  });
}

inline void random_uniform(float *target, Index count, int *state) {
  using namespace random_detail;
  fill<8, 1>(target, count, state, [](float *to, const unsigned *drawn) {
    put<Floats>(to, __builtin_convertvector((Signed)(get<Words>(drawn) & 0xffffffu), Floats) * 0x1p-24f);
  });
}

}  // namespace pylms

#endif
