// Pooling of sizes known when the code is generated, plane by plane.
//
// `Rows` and `Columns` tell where windows lie; planes are dense and row-major, Rows::extent x Columns::extent in,
// Rows::count x Columns::count out. A window that sees nothing has minus infinity for its maximum.
#ifndef PYLMS_POOL_H
#define PYLMS_POOL_H

#include "windows.h"

namespace pylms {

namespace pool_detail {

template <class Rows, class Columns>
constexpr Index plane = Rows::extent * Columns::extent;
template <class Rows, class Columns>
constexpr Index places = Rows::count * Columns::count;

constexpr Index planes_a_task = 16;

template <class A, class B>
constexpr bool same_type = false;
template <class A>
constexpr bool same_type<A, A> = true;

// Calls run(i) for each plane.
template <class Run>
inline void over_planes(Index planes, int threads, const Run& run) {
  in_parallel(ceil_div(planes, planes_a_task), threads, [=](Index task) {
    const Index end = least(planes, (task + 1) * planes_a_task);
    for (Index i = task * planes_a_task; i < end; ++i) run(i);
  });
}

// Calls see(position) for what the window at (row, column) sees of a plane.
template <class Rows, class Columns, class See>
PYLMS_INLINE void over_window(Index row, Index column, const See& see) {
  for (Index k = 0; k < Rows::kernel; ++k) {
    const Index i = Rows::position(row, k);
    if (!Rows::inside && (i < 0 || i >= Rows::extent)) continue;
    for (Index l = 0; l < Columns::kernel; ++l) {
      const Index j = Columns::position(column, l);
      if (!Columns::inside && (j < 0 || j >= Columns::extent)) continue;
      see(i * Columns::extent + j);
    }
  }
}

// The position of the largest element that a window sees: the first of equal ones, the last NaN; -1 where it sees none.
template <class Rows, class Columns, class T>
PYLMS_INLINE Index largest_at(const T* plane, Index row, Index column) {
  Index best = -1;
  over_window<Rows, Columns>(row, column, [&](Index at) {
    if (best < 0 || plane[at] > plane[best] || plane[at] != plane[at]) best = at;
  });
  return best;
}

// Calls run(row, column, place) for all places of a plane.
template <class Rows, class Columns, class Run>
PYLMS_INLINE void over_places(const Run& run) {
  for (Index row = 0; row < Rows::count; ++row) {
    for (Index column = 0; column < Columns::count; ++column) run(row, column, row * Columns::count + column);
  }
}

// ---- many places of a row at a time, where all windows lie in the tensor and are one or two elements apart

template <class Rows, class Columns>
constexpr bool by_vectors = Rows::inside && Columns::inside && Columns::stride <= 2;

// What Count neighbouring windows see as one element: every Stride-th of those from `from` on, in the first lanes.
template <Index Stride, Index Count, class T>
PYLMS_INLINE Vec<T> load_spaced(const T* from) {
  if constexpr (Stride == 1) {
    return load_first<Count>(from);
  } else {
    constexpr Index w = width<T>, seen = 2 * Count - 1;
    const Vec<T> near = load_first<least(seen, w)>(from);
    if constexpr (seen <= w) {
      return shuffle<EverySecond<T, 0>, T>(near, near);
    } else {
      return shuffle<EverySecond<T, 0>, T>(near, load_first<seen - w>(from + w));
    }
  }
}

// Calls run(row, column, Constant<count>) for all places of a plane, as many as a vector holds at a time.
template <class Rows, class Columns, class T, class Run>
PYLMS_INLINE void over_vectors(const Run& run) {
  for (Index row = 0; row < Rows::count; ++row) {
    in_parts<Columns::count, width<T>>([=](Index column, auto count) { run(row, column, count); });
  }
}

// Calls see(vector, number of the element in the window) for the elements that Count neighbouring windows see.
template <class Rows, class Columns, Index Count, class T, class See>
PYLMS_INLINE void over_window_vectors(const T* plane, Index row, Index column, const See& see) {
  for (Index k = 0; k < Rows::kernel; ++k) {
    for (Index l = 0; l < Columns::kernel; ++l) {
      const T* from = plane + Rows::position(row, k) * Columns::extent + Columns::position(column, l);
      see(load_spaced<Columns::stride, Count>(from), k * Columns::kernel + l);
    }
  }
}

template <class V>
PYLMS_INLINE auto better(V value, V best) {
  return (value > best) | (value != value);
}

// The largest elements that Count neighbouring windows see.
template <class Rows, class Columns, Index Count, class T>
PYLMS_INLINE Vec<T> largest(const T* plane, Index row, Index column) {
  Vec<T> best = broadcast(T(-__builtin_inf()));
  over_window_vectors<Rows, Columns, Count>(plane, row, column, [&](Vec<T> value, Index) {
    best = better(value, best) ? value : best;
  });
  return best;
}

// Whether windows are pairs of columns side by side, so that what is placed in them can be written in whole vectors.
template <class Rows, class Columns>
constexpr bool in_pairs = by_vectors<Rows, Columns> && Columns::kernel == 2 && Columns::stride == 2 &&
                          Rows::stride >= Rows::kernel && Rows::dilation == 1 && Columns::dilation == 1;

// Whether such windows leave nothing of a plane out.
template <class Rows, class Columns>
constexpr bool covers = Rows::stride == Rows::kernel && Rows::count * Rows::stride == Rows::extent &&
                        Columns::count * Columns::stride == Columns::extent;

// Writes values at Count places to the elements of `x`, in windows that are pairs of columns, that are largest in them.
template <class Rows, class Columns, Index Count, class T>
PYLMS_INLINE void place_in_pairs(T* __restrict y, const T* x, Vec<T> values, Index row, Index column) {
  typedef typename VectorTypes<T>::lanes Lanes;
  constexpr Index w = width<T>;
  Vec<T> best = broadcast(T(-__builtin_inf()));
  Lanes at = {};  // of windows that hold minus infinities only, the first is taken
  over_window_vectors<Rows, Columns, Count>(x, row, column, [&](Vec<T> value, Index number) {
    const auto is_better = better(value, best);
    best = is_better ? value : best;
    at = is_better ? Lanes{} + typename VectorTypes<T>::lane(number) : at;
  });
  for (Index k = 0; k < Rows::kernel; ++k) {
    const typename VectorTypes<T>::lane number = typename VectorTypes<T>::lane(2 * k);
    const Vec<T> left = at == number ? values : Vec<T>{}, right = at == number + 1 ? values : Vec<T>{};
    T* to = y + Rows::position(row, k) * Columns::extent + 2 * column;
    store_first<least(2 * Count, w)>(to, shuffle<Alternate<T, 0>, T>(left, right));
    if constexpr (2 * Count > w) store_first<2 * Count - w>(to + w, shuffle<Alternate<T, 1>, T>(left, right));
  }
}

}  // namespace pool_detail

template <class Rows, class Columns, class T>
inline void max_pool(T* __restrict y, const T* x, Index planes, int threads) {
  using namespace pool_detail;
  over_planes(planes, threads, [=](Index p) {
    const T* from = x + p * plane<Rows, Columns>;
    T* to = y + p * places<Rows, Columns>;
    if constexpr (by_vectors<Rows, Columns>) {
      over_vectors<Rows, Columns, T>([=](Index row, Index column, auto count) {
        constexpr Index n = decltype(count)::value;
        store_first<n>(to + row * Columns::count + column, largest<Rows, Columns, n>(from, row, column));
      });
    } else {
      over_places<Rows, Columns>([=](Index row, Index column, Index place) {
        const Index at = largest_at<Rows, Columns>(from, row, column);
        to[place] = at < 0 ? -__builtin_inff() : from[at];
      });
    }
  });
}

// The elements of v where x has its maxima; zero where a window sees nothing.
template <class Rows, class Columns, class T, class V>
inline void max_pool_pick(V* __restrict y, const T* x, const V* v, Index planes, int threads) {
  using namespace pool_detail;
  over_planes(planes, threads, [=](Index p) {
    const Index start = p * plane<Rows, Columns>;
    V* to = y + p * places<Rows, Columns>;
    over_places<Rows, Columns>([=](Index row, Index column, Index place) {
      const Index at = largest_at<Rows, Columns>(x + start, row, column);
      to[place] = at < 0 ? V(0) : v[start + at];
    });
  });
}

// The adjoint of that in v.
template <class Rows, class Columns, class T, class V>
inline void max_pool_place(V* __restrict y, const T* x, const V* u, Index planes, int threads) {
  using namespace pool_detail;
  over_planes(planes, threads, [=](Index p) {
    const T* values = x + p * plane<Rows, Columns>;
    const V* from = u + p * places<Rows, Columns>;
    V* to = y + p * plane<Rows, Columns>;
    constexpr bool by_pairs = in_pairs<Rows, Columns> && same_type<T, V>;
    if constexpr (!by_pairs || !covers<Rows, Columns>) __builtin_memset(to, 0, plane<Rows, Columns> * sizeof(V));
    if constexpr (by_pairs) {
      over_vectors<Rows, Columns, T>([=](Index row, Index column, auto count) {
        constexpr Index n = decltype(count)::value;
        const Vec<T> u = load_first<n>(from + row * Columns::count + column);
        place_in_pairs<Rows, Columns, n>(to, values, u, row, column);
      });
    } else {
      over_places<Rows, Columns>([=](Index row, Index column, Index place) {
        const Index at = largest_at<Rows, Columns>(values, row, column);
        if (at >= 0) to[at] += from[place];
      });
    }
  });
}

template <class Rows, class Columns, class T>
inline void window_sum(T* __restrict y, const T* x, Index planes, int threads) {
  using namespace pool_detail;
  over_planes(planes, threads, [=](Index p) {
    const T* from = x + p * plane<Rows, Columns>;
    T* to = y + p * places<Rows, Columns>;
    if constexpr (by_vectors<Rows, Columns>) {
      over_vectors<Rows, Columns, T>([=](Index row, Index column, auto count) {
        constexpr Index n = decltype(count)::value;
        Vec<T> sum = {};
        over_window_vectors<Rows, Columns, n>(from, row, column, [&](Vec<T> value, Index) { sum += value; });
        store_first<n>(to + row * Columns::count + column, sum);
      });
    } else {
      over_places<Rows, Columns>([=](Index row, Index column, Index place) {
        T sum = 0;
        over_window<Rows, Columns>(row, column, [&](Index at) { sum += from[at]; });
        to[place] = sum;
      });
    }
  });
}

template <class Rows, class Columns, class T>
inline void window_spread(T* __restrict y, const T* u, Index planes, int threads) {
  using namespace pool_detail;
  over_planes(planes, threads, [=](Index p) {
    const T* from = u + p * places<Rows, Columns>;
    T* to = y + p * plane<Rows, Columns>;
    __builtin_memset(to, 0, plane<Rows, Columns> * sizeof(T));
    over_places<Rows, Columns>([=](Index row, Index column, Index place) {
      over_window<Rows, Columns>(row, column, [&](Index at) { to[at] += from[place]; });
    });
  });
}

}  // namespace pylms

#endif
