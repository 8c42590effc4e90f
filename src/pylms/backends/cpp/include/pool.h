// Pooling of sizes known when the code is generated, plane by plane.
//
// `Rows` and `Columns` tell where windows lie; planes are dense and row-major, Rows::extent x Columns::extent in, Rows::count
// x Columns::count out. A window that sees nothing has minus infinity for its maximum.
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

}  // namespace pool_detail

template <class Rows, class Columns, class T>
inline void max_pool(T* __restrict y, const T* x, Index planes, int threads) {
  using namespace pool_detail;
  over_planes(planes, threads, [=](Index p) {
    const T* from = x + p * plane<Rows, Columns>;
    T* to = y + p * places<Rows, Columns>;
    over_places<Rows, Columns>([=](Index row, Index column, Index place) {
      const Index at = largest_at<Rows, Columns>(from, row, column);
      to[place] = at < 0 ? -__builtin_inff() : from[at];
    });
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
    __builtin_memset(to, 0, plane<Rows, Columns> * sizeof(V));
    over_places<Rows, Columns>([=](Index row, Index column, Index place) {
      const Index at = largest_at<Rows, Columns>(values, row, column);
      if (at >= 0) to[at] += from[place];
    });
  });
}

template <class Rows, class Columns, class T>
inline void window_sum(T* __restrict y, const T* x, Index planes, int threads) {
  using namespace pool_detail;
  over_planes(planes, threads, [=](Index p) {
    const T* from = x + p * plane<Rows, Columns>;
    T* to = y + p * places<Rows, Columns>;
    over_places<Rows, Columns>([=](Index row, Index column, Index place) {
      T sum = 0;
      over_window<Rows, Columns>(row, column, [&](Index at) { sum += from[at]; });
      to[place] = sum;
    });
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
