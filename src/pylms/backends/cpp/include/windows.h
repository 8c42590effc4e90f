// Where the windows of convolutions and pooling lie: geometry known when the code is generated, and copies by it.
//
// At place t a window sees, as its k-th element, position t * stride + k * dilation - padding of a dimension; what lies
// outside the tensor counts for nothing.
#ifndef PYLMS_WINDOWS_H
#define PYLMS_WINDOWS_H

#include "tasks.h"
#include "vec.h"

namespace pylms {

template <Index Kernel, Index Stride, Index Padding, Index Dilation, Index Count, Index Extent>
struct Axis {
  static constexpr Index kernel = Kernel, stride = Stride, padding = Padding, dilation = Dilation;
  static constexpr Index count = Count, extent = Extent;

  static constexpr Index position(Index place, Index k) { return place * stride + k * dilation - padding; }
  // The first place, and the one after the last, at which element k lies in the tensor.
  static constexpr Index first(Index k) {
    const Index before = padding - k * dilation;
    return least(count, before > 0 ? ceil_div(before, stride) : 0);
  }
  static constexpr Index last(Index k) {
    const Index room = extent + padding - k * dilation;
    return most(first(k), room > 0 ? least(count, ceil_div(room, stride)) : 0);
  }
  // Whether the window at each place lies in the tensor as a whole.
  static constexpr bool inside = padding == 0 && (count - 1) * stride + (kernel - 1) * dilation < extent;
};

// A number that is known to the compiler, as an argument.
template <Index Value>
struct Constant {
  static constexpr Index value = Value;
};

// Calls run(start, Constant<size>) for parts of Size of Total, and for the rest.
template <Index Total, Index Size, class Run>
PYLMS_INLINE void in_parts(const Run& run) {
  constexpr Index whole = Total / Size * Size, rest = Total - whole;
  for (Index start = 0; start < whole; start += Size) run(start, Constant<Size>{});
  if constexpr (rest != 0) run(whole, Constant<rest>{});
}

// How large parts of about `budget` are that divide `total` evenly but for the last.
constexpr Index even_part(Index total, Index budget) {
  return ceil_div(total, ceil_div(total, most(least(budget, total), 1)));
}

// The same, but dividing `total` without a rest, where parts need not be half as large for that.
constexpr Index fitting_part(Index total, Index budget) {
  for (Index part = least(budget, total); part > budget / 2; --part) {
    if (total % part == 0) return part;
  }
  return even_part(total, budget);
}

namespace windows_detail {

constexpr Index most_unrolled = 8;  // vectors of a row that have code of their own

// to[i] = from[i * Step], i < Count
template <Index Count, Index Step, class T>
PYLMS_INLINE void copy_line(T* __restrict to, const T* from) {
  if constexpr (Step == 1) {
    __builtin_memcpy(to, from, Count * sizeof(T));
  } else {
    for (Index i = 0; i < Count; ++i) to[i] = from[i * Step];
  }
}

// What the windows of one row of places see as element `K` of their rows: a line of Columns::count elements of `to`.
template <class Columns, Index K, class T>
PYLMS_INLINE void gather_line(T* __restrict to, const T* row) {
  constexpr Index first = Columns::first(K), last = Columns::last(K), count = Columns::count;
  if constexpr (first != 0) __builtin_memset(to, 0, first * sizeof(T));
  if constexpr (last > first) {
    copy_line<last - first, Columns::stride>(to + first, row + Columns::position(first, K));
  }
  if constexpr (last != count) __builtin_memset(to + last, 0, (count - last) * sizeof(T));
}

// The adjoint, for windows that are more than one element apart: adds the line to the elements that they saw.
template <class Columns, Index K, class T>
PYLMS_INLINE void scatter_line(T* __restrict row, const T* line) {
  constexpr Index first = Columns::first(K), last = Columns::last(K);
  T* to = row + Columns::position(first, K);
  for (Index i = 0; i < last - first; ++i) to[i * Columns::stride] += line[first + i];
}

// The adjoint, for windows at neighbouring elements: what Count elements of the row from `Start` on get of the line.
template <class Columns, Index K, Index Start, Index Count, class T>
PYLMS_INLINE void add_shifted(Vec<T>& sum, const T* line) {
  constexpr Index offset = Columns::position(0, K), from = offset + Columns::first(K), to = offset + Columns::last(K);
  constexpr Index first = most(from - Start, 0), last = least(to - Start, Count);
  if constexpr (first < last) sum += load_lanes<first, last>(line + (Start - offset));
}
template <class Columns, class T, Index... K>
PYLMS_INLINE void gather_lines(T* __restrict to, const T* row, Index ld, Indices<K...>) {
  (gather_line<Columns, K>(to + K * ld, row), ...);
}
template <class Columns, class T, Index... K>
PYLMS_INLINE void scatter_lines(T* __restrict row, const T* lines, Index ld, Indices<K...>) {
  (scatter_line<Columns, K>(row, lines + K * ld), ...);
}
template <class Columns, Index Start, Index Count, class T, Index... K>
PYLMS_INLINE void add_shifted_lines(Vec<T> (&sums)[2], const T* lines, Index ld, Indices<K...>) {
  (add_shifted<Columns, K, Start, Count>(sums[K % 2], lines + K * ld), ...);
}

// Adds what vector number `V` of a row gets from all places of the panel that see it. The row is written once: loading
// what several small stores have just written would have to wait for them.
template <class Rows, class Columns, Index RowCount, Index V, class T>
PYLMS_INLINE void add_to_row(T* __restrict row, const T* panel, Index number, Index first_row, Index ld) {
  constexpr Index start = V * width<T>, count = least(width<T>, Columns::extent - start);
  Vec<T> sums[2] = {load_first<count>(row + start)};
  // At place p the row is element k of the window where p * stride + k * dilation = distance.
  const Index distance = number + Rows::padding, furthest = distance - (first_row + RowCount - 1) * Rows::stride;
  const Index first = furthest > 0 ? ceil_div(furthest, Rows::dilation) : 0;
  const Index last = least(Rows::kernel - 1, (distance - first_row * Rows::stride) / Rows::dilation);
  for (Index k = first; k <= last; ++k) {
    const Index places = distance - k * Rows::dilation;
    if (places % Rows::stride != 0) continue;
    const T* lines = panel + k * Columns::kernel * ld + (places / Rows::stride - first_row) * Columns::count;
    add_shifted_lines<Columns, start, count>(sums, lines, ld, IndicesUpTo<Columns::kernel>{});
  }
  store_first<count>(row + start, sums[0] + sums[1]);
}
template <class Rows, class Columns, Index RowCount, class T, Index... V>
PYLMS_INLINE void add_to_row(T* __restrict row, const T* panel, Index number, Index first_row, Index ld,
                             Indices<V...>) {
  (add_to_row<Rows, Columns, RowCount, V>(row, panel, number, first_row, ld), ...);
}

}  // namespace windows_detail

// The elements that windows see of `channels` planes, at the places of RowCount rows from `first_row` on: one line for
// each element of the window, of RowCount * Columns::count elements; lines start `ld` elements apart.
template <class Rows, class Columns, Index RowCount, class T>
inline void gather_windows(T* __restrict panel, const T* planes, Index channels, Index first_row, Index ld) {
  using namespace windows_detail;
  constexpr Index width = Columns::extent, lines = Columns::kernel, count = Columns::count;
  for (Index c = 0; c < channels; ++c, planes += Rows::extent * width) {
    for (Index k = 0; k < Rows::kernel; ++k, panel += lines * ld) {
      for (Index i = 0; i < RowCount; ++i) {
        const Index row = Rows::position(first_row + i, k);
        T* to = panel + i * count;
        if (Rows::inside || (row >= 0 && row < Rows::extent)) {
          gather_lines<Columns>(to, planes + row * width, ld, IndicesUpTo<lines>{});
        } else {
          for (Index line = 0; line < lines; ++line) __builtin_memset(to + line * ld, 0, count * sizeof(T));
        }
      }
    }
  }
}

// The adjoint: adds such a panel to the planes.
template <class Rows, class Columns, Index RowCount, class T>
inline void scatter_windows(T* __restrict planes, const T* panel, Index channels, Index first_row, Index ld) {
  using namespace windows_detail;
  constexpr Index extent = Columns::extent, lines = Columns::kernel, vectors = ceil_div(extent, width<T>);
  for (Index c = 0; c < channels; ++c, planes += Rows::extent * extent, panel += Rows::kernel * lines * ld) {
    if constexpr (Columns::stride == 1 && vectors <= most_unrolled) {
      const Index end = least(Rows::extent, Rows::position(first_row + RowCount - 1, Rows::kernel - 1) + 1);
      for (Index row = most(0, Rows::position(first_row, 0)); row < end; ++row) {
        add_to_row<Rows, Columns, RowCount>(planes + row * extent, panel, row, first_row, ld, IndicesUpTo<vectors>{});
      }
    } else {
      for (Index k = 0; k < Rows::kernel; ++k) {
        for (Index i = 0; i < RowCount; ++i) {
          const Index row = Rows::position(first_row + i, k);
          if (!Rows::inside && (row < 0 || row >= Rows::extent)) continue;
          const T* from = panel + k * lines * ld + i * Columns::count;
          scatter_lines<Columns>(planes + row * extent, from, ld, IndicesUpTo<lines>{});
        }
      }
    }
  }
}

}  // namespace pylms

#endif
