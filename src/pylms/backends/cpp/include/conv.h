// Convolutions of sizes known when the code is generated: what windows see is copied to a panel that stays in the cache,
// and the rest is a matrix product.
//
//     convolve<Shape>(y, x, weight, bias, threads);       y[n] = weight * panel(x[n]) + bias; bias may be null
//     convolution_input_gradient<Shape>(dx, u, weight, threads);
//     convolution_weight_gradient<Shape, Parts>(dw, x, u, scratch, threads);
//
// The weight gradient is summed up in Parts parts of the batch, which threads take; `scratch` has room for Parts - 1
// gradients.
// Tensors are dense and row-major: x [batch, groups * inputs, rows, columns], y and u [batch, groups * outputs, rows,
// columns], weight and dw [groups * outputs, inputs, kernel rows, kernel columns]. Outputs must not overlap anything.
// The order of every sum depends on the shape alone, and not on the number of threads (0: as many as there are cores).
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
constexpr Index long_sum = 384;           // places that a sum over them had better have at a time

// Rows of places in a panel with all channels; channels in a panel that has but one row.
template <class Shape, class T>
struct Panels {
  static constexpr Index line_bytes = Shape::columns::count * Shape::window * Index(sizeof(T));
  static constexpr Index channels = even_part(Shape::inputs, panel_bytes / line_bytes);
  static constexpr Index rows = even_part(Shape::rows::count, panel_bytes / (line_bytes * channels));
};

}  // namespace conv_detail

template <class Shape, class T>
inline void convolve(T* __restrict y, const T* x, const T* weight, const T* bias, int threads) {
  typedef typename Shape::rows Rows;
  typedef typename Shape::columns Columns;
  typedef conv_detail::Panels<Shape, T> Panels;
  in_parallel(Shape::batch * Shape::groups, threads, [=](Index task) {
    const Index group = task % Shape::groups;
    const T* planes = x + task * Shape::inputs * Shape::plane;
    const T* weights = weight + group * Shape::outputs * Shape::depth;
    const AddRowBias<T> add_bias = {bias ? bias + group * Shape::outputs : bias};
    T* out = y + task * Shape::outputs * Shape::places;
    in_parts<Rows::count, Panels::rows>([=](Index row, auto row_count) {
      constexpr Index count = decltype(row_count)::value * Columns::count;
      T* to = out + row * Columns::count;
      in_parts<Shape::inputs, Panels::channels>([=](Index channel, auto channels) {
        constexpr Index depth = decltype(channels)::value * Shape::window;
        alignas(64) T panel[depth * count];
        gather_windows<Rows, Columns, decltype(row_count)::value>(
            panel, planes + channel * Shape::plane, decltype(channels)::value, row, count);
        const T* part = weights + channel * Shape::window;
        if (channel == 0) {
          gemm<NN, Shape::outputs, count, depth, Shape::places, Shape::depth>(to, part, panel, add_bias);
        } else {
          gemm<NN, Shape::outputs, count, depth, Shape::places, Shape::depth>(to, part, panel, Accumulate{});
        }
      });
    });
  });
}

template <class Shape, class T>
inline void convolution_input_gradient(T* __restrict dx, const T* u, const T* weight, int threads) {
  typedef typename Shape::rows Rows;
  typedef typename Shape::columns Columns;
  typedef conv_detail::Panels<Shape, T> Panels;
  in_parallel(Shape::batch * Shape::groups, threads, [=](Index task) {
    const T* weights = weight + task % Shape::groups * Shape::outputs * Shape::depth;
    const T* from = u + task * Shape::outputs * Shape::places;
    T* planes = dx + task * Shape::inputs * Shape::plane;
    __builtin_memset(planes, 0, Shape::inputs * Shape::plane * sizeof(T));
    in_parts<Rows::count, Panels::rows>([=](Index row, auto row_count) {
      constexpr Index count = decltype(row_count)::value * Columns::count;
      in_parts<Shape::inputs, Panels::channels>([=](Index channel, auto channels) {
        constexpr Index depth = decltype(channels)::value * Shape::window;
        alignas(64) T panel[depth * count];
        gemm<TN, depth, count, Shape::outputs, count, Shape::depth, Shape::places>(
            panel, weights + channel * Shape::window, from + row * Columns::count);
        scatter_windows<Rows, Columns, decltype(row_count)::value>(
            planes + channel * Shape::plane, panel, decltype(channels)::value, row, count);
      });
    });
  });
}

namespace conv_detail {

// dw += u * panel(x), for Samples neighbouring samples and RowCount rows of places from `row` on.
template <class Shape, Index Samples, Index RowCount, class T>
inline void add_weight_gradient(T* __restrict dw, const T* x, const T* u, Index row) {
  typedef typename Shape::rows Rows;
  typedef typename Shape::columns Columns;
  constexpr Index count = RowCount * Columns::count, all = Samples * count;
  constexpr Index sample_x = Shape::groups * Shape::inputs * Shape::plane;
  constexpr Index sample_u = Shape::groups * Shape::outputs * Shape::places;
  constexpr Index channels = even_part(Shape::inputs, panel_bytes / (all * Shape::window * Index(sizeof(T))));
  alignas(64) T factors[Samples == 1 ? 1 : Shape::outputs * all];
  if constexpr (Samples != 1) {
    for (Index o = 0; o < Shape::outputs; ++o) {
      for (Index n = 0; n < Samples; ++n) {
        const T* from = u + n * sample_u + o * Shape::places + row * Columns::count;
        __builtin_memcpy(factors + o * all + n * count, from, count * sizeof(T));
      }
    }
  }
  in_parts<Shape::inputs, channels>([&](Index channel, auto channel_count) __attribute__((always_inline)) {
    constexpr Index depth = decltype(channel_count)::value * Shape::window;
    alignas(64) T panel[depth * all];
    for (Index n = 0; n < Samples; ++n) {
      gather_windows<Rows, Columns, RowCount>(
          panel + n * count, x + n * sample_x + channel * Shape::plane, decltype(channel_count)::value, row, all);
    }
    constexpr Index lda = Samples == 1 ? Shape::places : all;
    const T* a = Samples == 1 ? u + row * Columns::count : factors;
    gemm<NT, Shape::outputs, depth, all, Shape::depth, lda>(
        dw + channel * Shape::window, a, panel, Accumulate{});
  });
}

}  // namespace conv_detail

template <class Shape, Index Parts, class T>
inline void convolution_weight_gradient(T* __restrict dw, const T* x, const T* u, T* scratch, int threads) {
  using namespace conv_detail;
  constexpr Index samples = even_part(ceil_div(Shape::batch, Parts), long_sum / Shape::places);
  constexpr Index rows = even_part(Shape::rows::count, most(long_sum / Shape::columns::count, 1));
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
        add_weight_gradient<Shape, decltype(count)::value, decltype(row_count)::value>(total, from, factor, row);
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
