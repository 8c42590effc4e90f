// Reductions of contiguous arrays of sizes known when the code is generated, on vector types with several accumulators.
//
// The order of summation is fixed by N, so results are reproducible; it is not a plain loop's. No alignment is assumed.
#ifndef PYLMS_REDUCE_H
#define PYLMS_REDUCE_H

#include "epilogue.h"
#include "vec.h"

namespace pylms {

// What bodies of reductions read memory by: a vector of the elements from `place` on, or its first Count lanes (the
// others are zero).
struct At {
  Index place;
  template <class T>
  PYLMS_INLINE Vec<T> operator()(const T* from) const {
    return load(from + place);
  }
};
template <Index Count>
struct FirstAt {
  Index place;
  template <class T>
  PYLMS_INLINE Vec<T> operator()(const T* from) const {
    return load_first<Count>(from + place);
  }
};

namespace reduce_detail {

// combine(...) over body(at) at all whole vectors of N >= width<T> elements.
template <Index N, class T, class Body, class Combine>
PYLMS_INLINE Vec<T> over_vectors(const Body& body, const Combine& combine) {
  constexpr Index w = width<T>, whole = N / w, sets = least(whole, 8);
  Vec<T> part[sets];
  PYLMS_UNROLL
  for (Index set = 0; set < sets; ++set) part[set] = body(At{set * w});
  for (Index n = sets; n < whole / sets * sets; n += sets) {
    PYLMS_UNROLL
    for (Index set = 0; set < sets; ++set) part[set] = combine(part[set], body(At{(n + set) * w}));
  }
  PYLMS_UNROLL
  for (Index n = whole / sets * sets; n < whole; ++n) part[n % sets] = combine(part[n % sets], body(At{n * w}));
  PYLMS_UNROLL
  for (Index set = 1; set < sets; ++set) part[0] = combine(part[0], part[set]);
  return part[0];
}

}  // namespace reduce_detail

// The larger in each lane; NaN if either is NaN, as in NumPy and PyTorch.
template <class T>
PYLMS_INLINE Vec<T> larger(Vec<T> x, Vec<T> y) {
  return y > x || y != y ? y : x;
}

// Vectors whose lanes add up to the sum of body(at) over N elements; and whose largest lane is the largest of them.
// `body` takes an At or a FirstAt, and gives the values there. N > 0; N >= width<T> for the largest.
template <Index N, class T, class Body>
PYLMS_INLINE Vec<T> sums_of(const Body& body) {
  constexpr Index w = width<T>, rest = N % w;
  Vec<T> total = {};
  if constexpr (N >= w) total = reduce_detail::over_vectors<N, T>(body, [](Vec<T> x, Vec<T> y) { return x + y; });
  if constexpr (rest != 0) total += keep_first<rest, T>(body(FirstAt<rest>{N - rest}));
  return total;
}
template <Index N, class T, class Body>
PYLMS_INLINE Vec<T> maxima_of(const Body& body) {
  static_assert(N >= width<T>, "the last vector begins within the elements");
  const Vec<T> largest = reduce_detail::over_vectors<N, T>(body, larger<T>);
  return N % width<T> == 0 ? largest : larger<T>(largest, body(At{N - width<T>}));
}

template <class T>
PYLMS_INLINE T largest_lane(Vec<T> value) {
  return fold_lanes<T>(value, larger<T>);
}

// The sum, or the largest, of body(at) over N elements.
template <Index N, class T, class Body>
PYLMS_INLINE T sum_of(const Body& body) {
  return horizontal_sum<T>(sums_of<N, T>(body));
}
template <Index N, class T, class Body>
PYLMS_INLINE T maximum_of(const Body& body) {
  return largest_lane<T>(maxima_of<N, T>(body));
}

// The sum, or the largest, of a[0..N): what loops kept of it side by side.
template <Index N, class T>
inline T sum(const T* a) {
  return sum_of<N, T>([&](auto at) { return at(a); });
}
template <Index N, class T>
inline T maximum(const T* a) {
  if constexpr (N >= width<T>) {
    return maximum_of<N, T>([&](auto at) { return at(a); });
  } else {
    T largest = a[0];
    for (Index i = 1; i < N; ++i) largest = a[i] > largest || a[i] != a[i] ? a[i] : largest;
    return largest;
  }
}

// y[N] = epilogue(the sum of A's rows), A[M, N] row-major with LdA elements between the starts of rows: the gradient
// of a bias. The epilogue sees y as one row of N columns. `y` must not overlap `a`.
template <Index M, Index N, Index LdA = N, class T, class Epilogue = Assign>
inline void column_sums(T* __restrict y, const T* a, const Epilogue& epilogue = {}) {
  constexpr Index w = width<T>, whole = N / w * w, rest = N - whole;
  for (Index j = 0; j < whole; j += w) {
    Vec<T> total = {};
    for (Index i = 0; i < M; ++i) total += load(a + i * LdA + j);
    finish<w>(y + j, total, epilogue, 0, j);
  }
  if constexpr (rest != 0) {
    Vec<T> total = {};
    for (Index i = 0; i < M; ++i) total += load_first<rest>(a + i * LdA + whole);
    finish<rest>(y + whole, total, epilogue, 0, whole);
  }
}

}  // namespace pylms

#endif
