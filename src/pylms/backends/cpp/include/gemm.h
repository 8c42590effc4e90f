// Matrix products C = epilogue(A·B) of sizes known when the code is generated, register-tiled on vector types.
//
//     gemm<Form, M, N, K>(c, a, b, epilogue);          // dense operands
//     gemm<Form, M, N, K, LdC, LdA, LdB>(c, a, b, epilogue);   // elements between the starts of stored rows
//
// C is M x N, A is M x K, B is K x N, all row-major, of one type, float or double. `Form` names the operands that are stored
// transposed: NN neither, NT B (stored N x K), TN A (stored K x M), TT both.
// `c` must not overlap `a` or `b`; those may overlap each other. No alignment is assumed (64-byte rows run
// fastest). Nothing outside the M x N, M x K, K x N elements is read or written. The order of summation over k is fixed by the shape, so results
// are reproducible, and differs from a plain loop's.
//
// Two inner kernels: the *broadcast* one keeps a tile of rows x vectors of C in registers and needs rows of B
// along N (NN, TN, or B transposed into a buffer); the *dot* one takes rows of A against stored rows of B along K (NT).
// A cost model, evaluated by the compiler, chooses between them and chooses the tile.
#ifndef PYLMS_GEMM_H
#define PYLMS_GEMM_H

#include "epilogue.h"
#include "vec.h"

namespace pylms {

enum Form { NN, NT, TN, TT };

namespace gemm_detail {

constexpr Index cache_budget = 32 * 1024;  // bytes of the first-level cache that one panel of B may take
constexpr Index page_bytes = 4096;

// ---- the cost model, in quarter cycles of a core that starts two fused multiply-adds and two loads a cycle

struct Tile {
  Index rows, columns;
  long long cost;
};

// What there is to cover: m x n units of C, `steps` values (or vectors) of k, `finish_cost` to store one unit, and the
// bytes of B that a unit column takes a step.
struct Work {
  Index m, n, steps, finish_cost, step_bytes;

  // Steps that leave the panel of B for a tile of this size in the cache; all, if no second tile would find it there.
  constexpr Index block(Index rows, Index columns) const {
    return m <= rows ? steps : most(cache_budget / (columns * step_bytes), 1);
  }
};

constexpr long long tile_cost(Index rows, Index columns, const Work& work, Index blocks) {
  const Index step = 2 * most(rows * columns, rows + columns) + rows + columns;
  return (long long)work.steps * step + blocks * (rows * columns * work.finish_cost + 40);
}

// Sets of accumulators a tile uses in turn: one is ready again four cycles, or eight operations, after its last use.
constexpr Index accumulator_sets(Index rows, Index columns) { return most(8 / (rows * columns), 1); }

constexpr bool fits_registers(Index rows, Index columns) {
  return rows * columns + least(rows, columns) + 1 <= vector_registers;
}

// The cost of covering C with tiles of this size, and with smaller ones at the edges.
constexpr long long cover_cost(Index rows, Index columns, const Work& work) {
  const Index rest_rows = work.m % rows, rest_columns = work.n % columns;
  const Index down = work.m / rows, across = work.n / columns, blocks = ceil_div(work.steps, work.block(rows, columns));
  long long cost = down * across * tile_cost(rows, columns, work, blocks);
  if (rest_columns) cost += down * tile_cost(rows, rest_columns, work, blocks);
  if (rest_rows) cost += across * tile_cost(rest_rows, columns, work, blocks);
  if (rest_rows && rest_columns) cost += tile_cost(rest_rows, rest_columns, work, blocks);
  return cost;
}

constexpr Tile best_tile(const Work& work) {
  Tile best = {1, 1, cover_cost(1, 1, work)};
  for (Index rows = 1; rows <= least(work.m, vector_registers); ++rows) {
    for (Index columns = 1; columns <= least(work.n, vector_registers) && fits_registers(rows, columns); ++columns) {
      const long long cost = cover_cost(rows, columns, work);
      if (cost < best.cost) best = {rows, columns, cost};
    }
  }
  return best;
}

// Takes `count` steps, each step(set, n) adding to one set of accumulators, and adds up all sets in the first.
template <Index Sets, Index Rows, Index Columns, class V, class Step>
PYLMS_INLINE void accumulate(V (&sums)[Sets][Rows][Columns], Index count, const Step& step) {
  Index n = 0;
  for (; n + Sets <= count; n += Sets) {
    PYLMS_UNROLL
    for (Index set = 0; set < Sets; ++set) step(sums[set], n + set);
  }
  for (Index left = count % Sets; left > 0; --left) step(sums[0], n++);
  PYLMS_UNROLL
  for (Index set = 1; set < Sets; ++set) {
    PYLMS_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      PYLMS_UNROLL
      for (Index j = 0; j < Columns; ++j) sums[0][i][j] += sums[set][i][j];
    }
  }
}

// ---- broadcast kernel

// Rows x Vectors vectors of C from `steps` values of k. `a` strides ARow along i and AStep along k; `b` strides LdB along k.
// The last vector holds LastCount elements; LoadCount of its lanes may be read from `b`.
template <Index Rows, Index Vectors, Index LastCount, Index LoadCount, Index ARow, Index AStep, Index LdB, Index LdC, class T, class Epilogue>
inline void broadcast_tile(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Index row, Index column) {
  constexpr Index w = width<T>;
  constexpr Index sets = accumulator_sets(Rows, Vectors);
  Vec<T> sums[sets][Rows][Vectors] = {};
  if constexpr (Epilogue::reads_c) {
    PYLMS_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      PYLMS_UNROLL
      for (Index v = 0; v < Vectors; ++v) __builtin_prefetch(c + i * LdC + v * w, 1);
    }
  }
  const auto step = [&](Vec<T>(&sum)[Rows][Vectors], Index k) __attribute__((always_inline)) {
    Vec<T> line[Vectors];
    PYLMS_UNROLL
    for (Index v = 0; v < Vectors - 1; ++v) line[v] = load(b + k * LdB + v * w);
    line[Vectors - 1] = load_first<LoadCount>(b + k * LdB + (Vectors - 1) * w);
    PYLMS_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      const Vec<T> factor = broadcast(a[i * ARow + k * AStep]);
      PYLMS_UNROLL
      for (Index v = 0; v < Vectors; ++v) sum[i][v] += factor * line[v];
    }
  };
  accumulate(sums, steps, step);
  PYLMS_UNROLL
  for (Index i = 0; i < Rows; ++i) {
    PYLMS_UNROLL
    for (Index v = 0; v < Vectors - 1; ++v) {
      finish<w>(c + i * LdC + v * w, sums[0][i][v], epilogue, row + i, column + v * w);
    }
    constexpr Index last = (Vectors - 1) * w;
    finish<LastCount>(c + i * LdC + last, sums[0][i][Vectors - 1], epilogue, row + i, column + last);
  }
}

// All rows of C against one panel of B, Vectors vectors wide.
template <Index M, Index Rows, Index Vectors, Index LastCount, Index LoadCount, Index ARow, Index AStep, Index LdB, Index LdC, class T, class Epilogue>
inline void broadcast_panel(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Index column) {
  constexpr Index full = M / Rows * Rows;
  for (Index row = 0; row < full; row += Rows) {
    broadcast_tile<Rows, Vectors, LastCount, LoadCount, ARow, AStep, LdB, LdC>(
        c + row * LdC, a + row * ARow, b, steps, epilogue, row, column);
  }
  if constexpr (M % Rows != 0) {
    broadcast_tile<M % Rows, Vectors, LastCount, LoadCount, ARow, AStep, LdB, LdC>(
        c + full * LdC, a + full * ARow, b, steps, epilogue, full, column);
  }
}

// Copies `steps` x Count elements of B, strided by BStep along k and BColumn along j, to rows of Stride elements, the
// rest of each row (Stride - Count elements) set to zero.
template <Index Count, Index Stride, Index BStep, Index BColumn, class T>
inline void pack_panel(T* __restrict panel, const T* b, Index steps) {
  for (Index k = 0; k < steps; ++k) {
    for (Index j = 0; j < Count; ++j) panel[k * Stride + j] = b[k * BStep + j * BColumn];
    for (Index j = Count; j < Stride; ++j) panel[k * Stride + j] = 0;
  }
}

// One panel of Vectors vectors with Count elements in all; `b` is its first element.
template <Index M, Index Rows, Index Vectors, Index Count, Index MaxSteps, bool Pack, Index ARow, Index AStep, Index BStep, Index BColumn, Index LdC, class T, class Epilogue>
inline void packed_panel(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Index column) {
  constexpr Index w = width<T>, last = Count - (Vectors - 1) * w, stride = Vectors * w;
  if constexpr (Pack) {
    alignas(64) T panel[MaxSteps * stride];
    pack_panel<Count, stride, BStep, BColumn>(panel, b, steps);
    broadcast_panel<M, Rows, Vectors, last, w, ARow, AStep, stride, LdC>(c, a, panel, steps, epilogue, column);
  } else {
    broadcast_panel<M, Rows, Vectors, last, last, ARow, AStep, BStep, LdC>(c, a, b, steps, epilogue, column);
  }
}

template <Index M, Index N, Index Rows, Index Vectors, Index MaxSteps, bool Pack, Index ARow, Index AStep, Index BStep, Index BColumn, Index LdC, class T, class Epilogue>
inline void broadcast_block(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue) {
  constexpr Index panel = Vectors * width<T>, full = N / panel * panel;
  for (Index column = 0; column < full; column += panel) {
    packed_panel<M, Rows, Vectors, panel, MaxSteps, Pack, ARow, AStep, BStep, BColumn, LdC>(
        c + column, a, b + column * BColumn, steps, epilogue, column);
  }
  if constexpr (N % panel != 0) {
    packed_panel<M, Rows, ceil_div(N % panel, width<T>), N % panel, MaxSteps, Pack, ARow, AStep, BStep, BColumn, LdC>(
        c + full, a, b + full * BColumn, steps, epilogue, full);
  }
}

// ---- dot kernel

// Rows x Columns elements of C, each a dot product along k of `steps` vectors, and KRest elements after them.
template <Index Rows, Index Columns, Index KRest, Index LdA, Index LdB, Index LdC, class T, class Epilogue>
inline void dot_tile(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Index row, Index column) {
  constexpr Index w = width<T>;
  Vec<T> sums[accumulator_sets(Rows, Columns)][Rows][Columns] = {};
  const auto step = [&](Vec<T>(&sum)[Rows][Columns], Index k, auto load_vector) __attribute__((always_inline)) {
    Vec<T> line[Columns];
    PYLMS_UNROLL
    for (Index j = 0; j < Columns; ++j) line[j] = load_vector(b + j * LdB + k);
    PYLMS_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      const Vec<T> factor = load_vector(a + i * LdA + k);
      PYLMS_UNROLL
      for (Index j = 0; j < Columns; ++j) sum[i][j] += factor * line[j];
    }
  };
  if constexpr (KRest != 0) step(sums[0], steps * w, [](const T* from) { return load_first<KRest>(from); });
  accumulate(sums, steps, [&](auto& sum, Index n) __attribute__((always_inline)) {
    step(sum, n * w, [](const T* from) { return load(from); });
  });
  constexpr Index whole = Columns / w * w, rest = Columns - whole;
  PYLMS_UNROLL
  for (Index i = 0; i < Rows; ++i) {
    Vec<T>* line = sums[0][i];
    PYLMS_UNROLL
    for (Index j = 0; j < whole; j += w) {
      finish<w>(c + i * LdC + j, horizontal_sums<T, w>(line + j), epilogue, row + i, column + j);
    }
    if constexpr (rest != 0) {
      finish<rest>(c + i * LdC + whole, horizontal_sums<T, rest>(line + whole), epilogue, row + i, column + whole);
    }
  }
}

template <Index M, Index Rows, Index Columns, Index KRest, Index LdA, Index LdB, Index LdC, class T, class Epilogue>
inline void dot_panel(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue, Index column) {
  constexpr Index full = M / Rows * Rows;
  for (Index row = 0; row < full; row += Rows) {
    dot_tile<Rows, Columns, KRest, LdA, LdB, LdC>(c + row * LdC, a + row * LdA, b, steps, epilogue, row, column);
  }
  if constexpr (M % Rows != 0) {
    dot_tile<M % Rows, Columns, KRest, LdA, LdB, LdC>(c + full * LdC, a + full * LdA, b, steps, epilogue, full, column);
  }
}

template <Index M, Index N, Index Rows, Index Columns, Index KRest, Index LdA, Index LdB, Index LdC, class T, class Epilogue>
inline void dot_block(T* __restrict c, const T* a, const T* b, Index steps, const Epilogue& epilogue) {
  constexpr Index full = N / Columns * Columns;
  for (Index column = 0; column < full; column += Columns) {
    dot_panel<M, Rows, Columns, KRest, LdA, LdB, LdC>(c + column, a, b + column * LdB, steps, epilogue, column);
  }
  if constexpr (N % Columns != 0) {
    dot_panel<M, Rows, N % Columns, KRest, LdA, LdB, LdC>(c + full, a, b + full * LdB, steps, epilogue, full);
  }
}

// ---- blocks over K

// Calls block(first k, how many, whether it is the last, epilogue) for blocks of at most Block values of k, with epilogues
// that add up to `epilogue` on the whole product.
template <Index K, Index Block, class Epilogue, class Run>
PYLMS_INLINE void in_blocks(const Epilogue& epilogue, const Run& run) {
  constexpr Index last = (ceil_div(K, Block) - 1) * Block;
  if constexpr (last == 0) {
    run(Index(0), K, epilogue);
  } else if constexpr (Epilogue::adds) {
    for (Index k = 0; k < last; k += Block) run(k, Block, epilogue);
    run(last, K - last, epilogue);
  } else {
    run(Index(0), Block, Assign{});
    for (Index k = Block; k < last; k += Block) run(k, Block, Accumulate{});
    run(last, K - last, OnSum<Epilogue>{epilogue});
  }
}

// The number of values of k a block takes: about `budget`, evenly divided, a multiple of `unit`; all of K where the
// epilogue forbids blocks.
template <class Epilogue>
constexpr Index block_size(Index k, Index budget, Index unit) {
  if (Epilogue::reads_c && !Epilogue::adds) return k;
  const Index blocks = ceil_div(k, most(budget, unit));
  return blocks == 1 ? k : ceil_div(ceil_div(k, blocks), unit) * unit;
}

}  // namespace gemm_detail

template <Form form, Index M, Index N, Index K, Index LdC = N, Index LdA = (form == NN || form == NT) ? K : M,
          Index LdB = (form == NN || form == TN) ? N : K, class T, class Epilogue = Assign>
inline void gemm(T* __restrict c, const T* a, const T* b, const Epilogue& epilogue = {}) {
  using namespace gemm_detail;
  static_assert(M > 0 && N > 0 && K > 0, "an empty product has no kernel");
  constexpr Index w = width<T>;
  constexpr bool transposed_a = form == TN || form == TT, transposed_b = form == NT || form == TT;
  constexpr Index finish_cost = Epilogue::reads_c ? 8 : 4;
  constexpr Work along_n = {M, ceil_div(N, w), K, finish_cost, vector_bytes};
  constexpr Work along_k = {M, N, ceil_div(K, w), finish_cost + 16, vector_bytes};
  constexpr Tile broadcast = best_tile(along_n), dot = best_tile(along_k);
  constexpr long long transpose_cost = 8LL * K * N;
  if constexpr (form == NT && dot.cost <= broadcast.cost + transpose_cost) {
    constexpr Index block = block_size<Epilogue>(K, along_k.block(dot.rows, dot.columns) * w, w);
    in_blocks<K, block>(epilogue, [&](Index k, Index steps, const auto& part) __attribute__((always_inline)) {
      // Blocks are whole vectors, so that only the last one can have a rest; it is a call of its own.
      if (k + steps == K) {
        dot_block<M, N, dot.rows, dot.columns, K % w, LdA, LdB, LdC>(c, a + k, b + k, steps / w, part);
      } else {
        dot_block<M, N, dot.rows, dot.columns, 0, LdA, LdB, LdC>(c, a + k, b + k, steps / w, part);
      }
    });
  } else {
    constexpr Index ARow = transposed_a ? 1 : LdA, AStep = transposed_a ? LdA : 1;
    constexpr Index BStep = transposed_b ? 1 : LdB, BColumn = transposed_b ? LdB : 1;
    constexpr Index block = block_size<Epilogue>(K, along_n.block(broadcast.rows, broadcast.columns), 4);
    constexpr Index row_bytes = LdB * Index(sizeof(T));
    constexpr bool conflicts = row_bytes % 512 == 0 || row_bytes * block > 64 * page_bytes;
    constexpr bool several_panels = N > broadcast.columns * w;
    constexpr bool pack = transposed_b || (M >= 4 * broadcast.rows && block >= 16 && several_panels && conflicts);
    in_blocks<K, block>(epilogue, [&](Index k, Index steps, const auto& part) __attribute__((always_inline)) {
      broadcast_block<M, N, broadcast.rows, broadcast.columns, block, pack, ARow, AStep, BStep, BColumn, LdC>(
          c, a + k * AStep, b + k * BStep, steps, part);
    });
  }
}

}  // namespace pylms

#endif
