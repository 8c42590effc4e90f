// Reductions of contiguous arrays of sizes known when the code is generated, on vector types with several accumulators.
//
// The order of summation is fixed by N, so results are reproducible; it is not a plain loop's. No alignment is assumed.
#ifndef PYLMS_REDUCE_H
#define PYLMS_REDUCE_H

#include "epilogue.h"
#include "vec.h"

namespace pylms {

namespace reduce_detail {

// combine(...) over lift(i, load) of all vectors of N elements; lanes past N hold what lift makes of `outside`.
template <Index N, class T, class Lift, class Combine>
PYLMS_INLINE Vec<T> over_vectors(const Lift& lift, const Combine& combine) {
  constexpr Index w = width<T>, whole = N / w, sets = least(whole, 8);
  if constexpr (whole == 0) {
    return lift.template first<N>(0);
  } else {
    Vec<T> part[sets];
    PYLMS_UNROLL
    for (Index set = 0; set < sets; ++set) part[set] = lift.whole(set * w);
    for (Index n = sets; n < whole / sets * sets; n += sets) {
      PYLMS_UNROLL
      for (Index set = 0; set < sets; ++set) part[set] = combine(part[set], lift.whole((n + set) * w));
    }
    PYLMS_UNROLL
    for (Index n = whole / sets * sets; n < whole; ++n) part[n % sets] = combine(part[n % sets], lift.whole(n * w));
    if constexpr (N % w != 0) part[0] = combine(part[0], lift.template first<N % w>(whole * w));
    PYLMS_UNROLL
    for (Index set = 1; set < sets; ++set) part[0] = combine(part[0], part[set]);
    return part[0];
  }
}

template <class T>
struct Elements {
  const T* a;
  PYLMS_INLINE Vec<T> whole(Index i) const { return load(a + i); }
  template <Index Count>
  PYLMS_INLINE Vec<T> first(Index i) const {
    return load_first<Count>(a + i);
  }
};

template <class T>
struct Products {
  const T *a, *b;
  PYLMS_INLINE Vec<T> whole(Index i) const { return load(a + i) * load(b + i); }
  template <Index Count>
  PYLMS_INLINE Vec<T> first(Index i) const {
    return load_first<Count>(a + i) * load_first<Count>(b + i);
  }
};

}  // namespace reduce_detail

// The sum of a[0..N); 0 for N = 0.
template <Index N, class T>
inline T sum(const T* a) {
  if constexpr (N == 0) {
    return 0;
  } else {
    const auto add = [](Vec<T> x, Vec<T> y) { return x + y; };
    return horizontal_sum<T>(reduce_detail::over_vectors<N, T>(reduce_detail::Elements<T>{a}, add));
  }
}

// The sum of a[i] * b[i], i in [0..N); 0 for N = 0.
template <Index N, class T>
inline T dot(const T* a, const T* b) {
  if constexpr (N == 0) {
    return 0;
  } else {
    const auto add = [](Vec<T> x, Vec<T> y) { return x + y; };
    return horizontal_sum<T>(reduce_detail::over_vectors<N, T>(reduce_detail::Products<T>{a, b}, add));
  }
}

// The largest of a[0..N), N > 0; NaN if any is NaN, as in NumPy and PyTorch.
template <Index N, class T>
inline T maximum(const T* a) {
  static_assert(N > 0, "an empty array has no maximum");
  constexpr Index w = width<T>, whole = N / w * w;
  T largest = a[0];
  if constexpr (whole != 0) {
    const auto larger = [](Vec<T> x, Vec<T> y) { return ((y > x) | (y != y)) ? y : x; };
    largest = fold_lanes<T>(reduce_detail::over_vectors<whole, T>(reduce_detail::Elements<T>{a}, larger), larger);
  }
  for (Index i = whole; i < N; ++i) largest = a[i] > largest || a[i] != a[i] ? a[i] : largest;
  return largest;
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
