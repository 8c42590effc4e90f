// Convolutions of sizes known when the code is generated: register-tiled products on vector types.
//
//     convolve<Shape>(y, x, weight, bias, memory, threads);       bias may be null
//     convolution_input_gradient<Shape>(dx, u, weight, memory, threads);
//     convolution_weight_gradient<Shape, Parts>(dw, x, u, scratch, memory, threads);
//
// What windows see of some channels is copied to a panel that stays in the cache: a line for each column of the window,
// which holds, row after row, what the window sees there at all places of a row. Windows at neighbouring rows share
// these: a row of the window further down is the same line from a later element on.
//
// The weight gradient is summed up in Parts parts of the batch, which threads take; `scratch` has room for Parts - 1
// gradients. Where Shape::is_wide, a panel is too large for the stack: it lies in `memory`, which has room for
// Shape::least_panel elements, and there is one thread.
//
// Tensors are dense and row-major: x [batch, groups * inputs, rows, columns], y and u [batch, groups * outputs, rows,
// columns], weight and dw [groups * outputs, inputs, kernel rows, kernel columns]. Outputs must not overlap anything.
// The order of every sum depends on the shape alone, not on the number of threads (0: as many as there are cores).
#ifndef PYLMS_CONV_H
#define PYLMS_CONV_H

#include "gemm.h"
#include "windows.h"

namespace pylms {

// `inputs` and `outputs` are channels of one group.
template <Index Batch, Index Groups, Index Inputs, Index Outputs, class Rows, class Columns>
struct Convolution {
  typedef Rows rows;
  typedef Columns columns;
  static constexpr Index batch = Batch, groups = Groups, inputs = Inputs, outputs = Outputs;
  static constexpr Index window = Rows::kernel * Columns::kernel, depth = Inputs * window;
  static constexpr Index places = Rows::count * Columns::count, plane = Rows::extent * Columns::extent;
  static constexpr Index gradient = Groups * Outputs * depth;

  // Elements of a panel for one row of places and one channel.
  static constexpr Index reach = (Rows::kernel - 1) * Rows::dilation;
  static constexpr Index least_panel = most((1 + reach) * Columns::kernel, window) * Columns::count;
  static constexpr bool is_wide = least_panel > 64 * 1024;
};

// C = A·B + bias, `bias` holding one element a row; none where it is null.
template <class T>
struct AddRowBias {
  static constexpr bool reads_c = false, adds = false;
  const T* bias;
  template <Index Count, class V>
  PYLMS_INLINE V apply(V product, V, Index row, Index) const {
    return bias ? product + broadcast(bias[row]) : product;
  }
};

namespace conv_detail {

constexpr Index panel_bytes = 96 * 1024;  // about what a panel may take: it lies on the stack
constexpr Index long_sum = 384;           // places that a sum over several samples had better have at a time
constexpr Index longest_sum = 1024;       // places that a sum over one sample may have at a time

// What windows see from RowCount rows of places. Where rows of windows are more than one element apart, they share
// nothing: there is a line for each element of the window.
template <class Shape, Index RowCount>
struct Panel {
  typedef typename Shape::rows Rows;
  typedef typename Shape::columns Columns;
  static constexpr bool shares = Rows::stride == 1;
  static constexpr Index rows = shares ? RowCount + Shape::reach : RowCount;
  typedef Axis<1, 1, Rows::padding, 1, Rows::count + Shape::reach, Rows::extent> SharedRows;

  // Elements of a line, and from one row of the window to the next, one channel to the next, one sample to the next.
  static constexpr Index line = rows * Columns::count;
  static constexpr Index lines = (shares ? 1 : Rows::kernel) * Columns::kernel;
  static constexpr Index row_step = shares ? Rows::dilation * Columns::count : Columns::kernel * line;
  static constexpr Index channel_step = lines * line;

  template <class T>
  static void gather(T* __restrict panel, const T* planes, Index channels, Index first_row) {
    if constexpr (shares) {
      gather_windows<SharedRows, Columns, rows>(panel, planes, channels, first_row, line);
    } else {
      gather_windows<Rows, Columns, rows>(panel, planes, channels, first_row, line);
    }
  }
};

// Where a panel lies.
template <class T, Index Size, bool IsWide>
struct PanelPlace {
  alignas(64) T own[Size];
  T* start(T*) { return own; }
};
template <class T, Index Size>
struct PanelPlace<T, Size, true> {
  T* start(T* memory) { return memory; }
};

// How the work is cut: channels and rows of places that have a panel together. A line for each element of the window is
// counted with `row_bytes`; where rows share lines, what one tile of vectors reads of a channel had better stay in the
// first-level cache.
template <class Shape, class T>
struct Cut {
  static constexpr Index item = Index(sizeof(T)), row = Shape::columns::count;
  static constexpr Index row_bytes = row * Shape::window * item;
  static constexpr Index channels = fitting_part(Shape::inputs, panel_bytes / row_bytes);
  static constexpr Index rows = even_part(Shape::rows::count, panel_bytes / (row_bytes * channels));

  static constexpr bool shares = Shape::rows::stride == 1;
  static constexpr Index seen = least(Shape::places, 4 * width<T>) + Shape::reach * row;
  static constexpr Index shared_channels =
      fitting_part(Shape::inputs, cache_budget / (Shape::columns::kernel * seen * item));
  static constexpr Index shared_row = Shape::columns::kernel * row * item * shared_channels;
  static constexpr Index shared_rows = even_part(Shape::rows::count, most(panel_bytes / shared_row - Shape::reach, 1));

  // Of the convolution itself.
  static constexpr Index own_channels = shares ? shared_channels : channels, own_rows = shares ? shared_rows : rows;
};

// Rows x Vectors vectors of y from `Channels` channels; the last vector holds LastCount elements.
template <class Shape, class Panel, Index Channels, Index Rows, Index Vectors, Index LastCount, class T, class Epilogue>
inline void tile(T* __restrict y, const T* weight, const T* panel, const Epilogue& epilogue, Index row, Index column) {
  constexpr Index w = width<T>, last = (Vectors - 1) * w, kernel = Shape::columns::kernel;
  Vec<T> sums[Rows][Vectors] = {};
  for (Index c = 0; c < Channels; ++c, panel += Panel::channel_step) {
    for (Index k = 0; k < Shape::rows::kernel; ++k, weight += kernel) {
      const T* lines = panel + k * Panel::row_step;
      for (Index l = 0; l < kernel; ++l) {
        Vec<T> seen[Vectors];
        PYLMS_UNROLL
        for (Index v = 0; v < Vectors - 1; ++v) seen[v] = load(lines + l * Panel::line + v * w);
        seen[Vectors - 1] = load_first<LastCount>(lines + l * Panel::line + last);
        PYLMS_UNROLL
        for (Index i = 0; i < Rows; ++i) {
          const Vec<T> factor = broadcast(weight[i * Shape::depth + l]);
          PYLMS_UNROLL
          for (Index v = 0; v < Vectors; ++v) sums[i][v] += factor * seen[v];
        }
      }
    }
  }
  PYLMS_UNROLL
  for (Index i = 0; i < Rows; ++i) {
    T* to = y + i * Shape::places;
    PYLMS_UNROLL
    for (Index v = 0; v < Vectors - 1; ++v) finish<w>(to + v * w, sums[i][v], epilogue, row + i, column + v * w);
    finish<LastCount>(to + last, sums[i][Vectors - 1], epilogue, row + i, column + last);
  }
}

// All output channels at RowCount rows of places, from a panel of `Channels` channels.
template <class Shape, Index Channels, Index RowCount, class T, class Epilogue>
inline void convolve_panel(T* __restrict y, const T* weight, const T* panel, const Epilogue& epilogue) {
  constexpr Index count = RowCount * Shape::columns::count, w = width<T>;
  constexpr Work work = {Shape::outputs, ceil_div(count, w), Channels * Shape::window, 4, vector_bytes};
  constexpr Tile best = best_tile(work);
  in_parts<count, best.columns * w>([&](Index column, auto columns) __attribute__((always_inline)) {
    constexpr Index vectors = ceil_div(decltype(columns)::value, w);
    constexpr Index last_count = decltype(columns)::value - (vectors - 1) * w;
    in_parts<Shape::outputs, best.rows>([&](Index row, auto rows) __attribute__((always_inline)) {
      tile<Shape, Panel<Shape, RowCount>, Channels, decltype(rows)::value, vectors, last_count>(
          y + row * Shape::places + column, weight + row * Shape::depth, panel + column, epilogue, row, column);
    });
  });
}

}  // namespace conv_detail

template <class Shape, class T>
inline void convolve(T* __restrict y, const T* x, const T* weight, const T* bias, T* memory, int threads) {
  using namespace conv_detail;
  in_parallel(Shape::batch * Shape::groups, threads, [=](Index task) {
    const Index group = task % Shape::groups;
    const T* planes = x + task * Shape::inputs * Shape::plane;
    const T* weights = weight + group * Shape::outputs * Shape::depth;
    const AddRowBias<T> add_bias = {bias ? bias + group * Shape::outputs : bias};
    T* out = y + task * Shape::outputs * Shape::places;
    in_parts<Shape::rows::count, Cut<Shape, T>::own_rows>([=](Index row, auto row_count) {
      typedef Panel<Shape, decltype(row_count)::value> Panel;
      T* to = out + row * Shape::columns::count;
      in_parts<Shape::inputs, Cut<Shape, T>::own_channels>([=](Index channel, auto channels) {
        constexpr Index count = decltype(channels)::value;
        PanelPlace<T, count * Panel::channel_step, Shape::is_wide> place;
        T* panel = place.start(memory);
        Panel::gather(panel, planes + channel * Shape::plane, count, row);
        const T* part = weights + channel * Shape::window;
        if (channel == 0) {
          convolve_panel<Shape, count, decltype(row_count)::value>(to, part, panel, add_bias);
        } else {
          convolve_panel<Shape, count, decltype(row_count)::value>(to, part, panel, Accumulate{});
        }
      });
    });
  });
}

template <class Shape, class T>
inline void convolution_input_gradient(T* __restrict dx, const T* u, const T* weight, T* memory, int threads) {
  typedef typename Shape::rows Rows;
  typedef typename Shape::columns Columns;
  typedef conv_detail::Cut<Shape, T> Cut;
  in_parallel(Shape::batch * Shape::groups, threads, [=](Index task) {
    const T* weights = weight + task % Shape::groups * Shape::outputs * Shape::depth;
    const T* from = u + task * Shape::outputs * Shape::places;
    T* planes = dx + task * Shape::inputs * Shape::plane;
    __builtin_memset(planes, 0, Shape::inputs * Shape::plane * sizeof(T));
    in_parts<Rows::count, Cut::rows>([=](Index row, auto row_count) {
      constexpr Index count = decltype(row_count)::value * Columns::count;
      in_parts<Shape::inputs, Cut::channels>([=](Index channel, auto channels) {
        constexpr Index depth = decltype(channels)::value * Shape::window;
        conv_detail::PanelPlace<T, depth * count, Shape::is_wide> place;
        T* panel = place.start(memory);
        gemm<TN, depth, count, Shape::outputs, count, Shape::depth, Shape::places>(
            panel, weights + channel * Shape::window, from + row * Columns::count);
        scatter_windows<Rows, Columns, decltype(row_count)::value>(
            planes + channel * Shape::plane, panel, decltype(channels)::value, row, count);
      });
    });
  });
}

namespace conv_detail {

// Rows x Count elements of dw from `Samples` panels, `PanelSize` elements apart; each line holds `Length` places.
template <class Shape, Index Samples, Index Rows, Index Count, Index Line, Index PanelSize, Index Length, class T>
inline void gradient_tile(T* __restrict dw, const T* u, const T* lines) {
  constexpr Index w = width<T>, whole = Length / w * w, rest = Length - whole;
  constexpr Index all = Rows * Count;
  Vec<T> sums[all] = {};
  const auto add = [&](const T* factors, const T* seen, auto load_vector) __attribute__((always_inline)) {
    Vec<T> line[Count];
    PYLMS_UNROLL
    for (Index j = 0; j < Count; ++j) line[j] = load_vector(seen + j * Line);
    PYLMS_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      const Vec<T> factor = load_vector(factors + i * Shape::places);
      PYLMS_UNROLL
      for (Index j = 0; j < Count; ++j) sums[i * Count + j] += factor * line[j];
    }
  };
  for (Index n = 0; n < Samples; ++n) {
    for (Index t = 0; t < whole; t += w) add(u + t, lines + t, [](const T* from) { return load(from); });
    if constexpr (rest != 0) add(u + whole, lines + whole, [](const T* from) { return load_first<rest>(from); });
    u += Shape::groups * Shape::outputs * Shape::places;
    lines += PanelSize;
  }
  // All sums together, as many as a vector holds at a time: that takes fewer operations than row by row.
  T totals[ceil_div(all, w) * w];
  PYLMS_UNROLL
  for (Index first = 0; first + w <= all; first += w) store(totals + first, horizontal_sums<T, w>(sums + first));
  if constexpr (all % w != 0) store(totals + all / w * w, horizontal_sums<T, all % w>(sums + all / w * w));
  PYLMS_UNROLL
  for (Index i = 0; i < Rows; ++i) {
    T* to = dw + i * Shape::depth;
    store_first<Count>(to, load_first<Count>(to) + load_first<Count>(totals + i * Count));
  }
}

// dw += u * what windows see, for Samples neighbouring samples and RowCount rows of places from `row` on.
template <class Shape, Index Samples, Index RowCount, class T>
inline void add_weight_gradient(T* __restrict dw, const T* x, const T* u, T* memory, Index row) {
  typedef Panel<Shape, RowCount> Panel;
  constexpr Index budget = panel_bytes / (Samples * Panel::channel_step * Index(sizeof(T)));
  in_parts<Shape::inputs, fitting_part(Shape::inputs, budget)>([=](Index channel, auto channel_count) {
    constexpr Index channels = decltype(channel_count)::value, size = channels * Panel::channel_step;
    constexpr Index sample_size = Shape::groups * Shape::inputs * Shape::plane;
    PanelPlace<T, Samples * size, Shape::is_wide> place;
    T* panel = place.start(memory);
    for (Index n = 0; n < Samples; ++n) {
      Panel::gather(panel + n * size, x + n * sample_size + channel * Shape::plane, channels, row);
    }
    // Runs of lines that follow each other in the panel as in the gradient, and tiles of some of a run.
    constexpr bool is_one = !Panel::shares || Shape::rows::kernel == 1;
    constexpr Index run = is_one ? channels * Shape::window : Shape::columns::kernel;
    constexpr Index count = even_part(run, least(width<T>, 6)), most_rows = (vector_registers - 1 - count) / count;
    constexpr Index rows = fitting_part(Shape::outputs, most(least(most_rows, 8), 1));
    const T* factors = u + row * Shape::columns::count;
    constexpr Index runs = channels * Shape::window / run, length = RowCount * Shape::columns::count;
    const auto tiles = [=](Index i, Index o, auto row_count) {
      const Index c = i / Shape::rows::kernel, k = i % Shape::rows::kernel;
      const T* lines = panel + c * Panel::channel_step + k * Panel::row_step;
      T* to = dw + channel * Shape::window + i * run + o * Shape::depth;
      in_parts<run, count>([=](Index j, auto line_count) {
        constexpr Index tile_rows = decltype(row_count)::value, tile_lines = decltype(line_count)::value;
        gradient_tile<Shape, Samples, tile_rows, tile_lines, Panel::line, size, length>(
            to + j, factors + o * Shape::places, lines + j * Panel::line);
      });
    };
    // What is read again and again is what the first-level cache holds: all of u here, or else what a tile takes of it.
    if constexpr (Shape::outputs * Samples * length * Index(sizeof(T)) <= cache_budget) {
      for (Index i = 0; i < runs; ++i) {
        in_parts<Shape::outputs, rows>([=](Index o, auto row_count) { tiles(i, o, row_count); });
      }
    } else {
      in_parts<Shape::outputs, rows>([=](Index o, auto row_count) {
        for (Index i = 0; i < runs; ++i) tiles(i, o, row_count);
      });
    }
  });
}

// Samples to sum up over at a time: as many as make a long sum, and divide a part of the batch if possible.
constexpr Index samples_at_a_time(Index part, Index places) {
  const Index wanted = least(part, most(long_sum / places, 1));
  if (wanted == 1) return 1;
  for (Index n = 2 * wanted; n > wanted / 2; --n) {
    if (n > 0 && part % n == 0) return n;
  }
  return wanted;
}

}  // namespace conv_detail

template <class Shape, Index Parts, class T>
inline void convolution_weight_gradient(T* __restrict dw, const T* x, const T* u, T* scratch, T* memory, int threads) {
  using namespace conv_detail;
  constexpr Index samples = samples_at_a_time(ceil_div(Shape::batch, Parts), Shape::places);
  constexpr Index rows = even_part(Shape::rows::count, most(longest_sum / Shape::columns::count, 1));
  constexpr Index group_x = Shape::inputs * Shape::plane, group_u = Shape::outputs * Shape::places;
  in_parallel(Parts * Shape::groups, threads, [=](Index task) {
    const Index part = task / Shape::groups, group = task % Shape::groups;
    const Index end = (part + 1) * Shape::batch / Parts;
    T* total = (part ? scratch + (part - 1) * Shape::gradient : dw) + group * Shape::outputs * Shape::depth;
    __builtin_memset(total, 0, Shape::outputs * Shape::depth * sizeof(T));
    Index n = part * Shape::batch / Parts;
    const auto add = [=](Index sample, auto count) {
      const T* from = x + (sample * Shape::groups + group) * group_x;
      const T* factor = u + (sample * Shape::groups + group) * group_u;
      in_parts<Shape::rows::count, rows>([=](Index row, auto row_count) {
        constexpr Index sample_count = decltype(count)::value;
        add_weight_gradient<Shape, sample_count, decltype(row_count)::value>(total, from, factor, memory, row);
      });
    };
    for (; n + samples <= end; n += samples) add(n, Constant<samples>{});
    if constexpr (Shape::batch % Parts != 0 || Shape::batch / Parts % samples != 0) {
      for (; n < end; ++n) add(n, Constant<1>{});
    }
  });
  for (Index part = 1; part < Parts; ++part) {
    const T* other = scratch + (part - 1) * Shape::gradient;
    for (Index i = 0; i < Shape::gradient; ++i) dw[i] += other[i];
  }
}

}  // namespace pylms

#endif
