// The cost model of matrix products: which tile of C to keep in registers, and how many values of k to take at once.
//
// In: sizes known when the code is generated. Out: constants, evaluated by the compiler. Costs are in quarter cycles
// of a core that starts two fused multiply-adds and two loads a cycle, and has each result four cycles later.
#ifndef PYLMS_TILING_H
#define PYLMS_TILING_H

#include "vec.h"

namespace pylms {

constexpr Index cache_budget = 32 * 1024;  // bytes of the first-level cache that one panel of B may take

// A tile of C, in units of one element down, and across one vector (broadcast kernel) or one element (dot kernel);
// `cost` is that of the whole product.
struct Tile {
  Index rows, columns;
  long long cost;
};

// What there is to cover: m x n units of C; `steps` values of k, or vectors of them; what finishing one unit costs; the
// bytes of B that a unit across takes a step.
struct Work {
  Index m, n, steps, finish_cost, step_bytes;

  // Steps that leave the panel of B for such a tile in the cache; all, if no second tile would find it there.
  constexpr Index block(Index rows, Index columns) const {
    return m <= rows ? steps : most(cache_budget / (columns * step_bytes), 1);
  }
};

// Sets of accumulators a tile uses in turn: one is ready again eight operations after its last use.
constexpr Index accumulator_sets(Index rows, Index columns) { return most(8 / (rows * columns), 1); }

constexpr bool fits_registers(Index rows, Index columns) {
  return rows * columns + least(rows, columns) + 1 <= vector_registers;
}

constexpr long long tile_cost(Index rows, Index columns, const Work& work, Index blocks) {
  const Index step = 2 * most(rows * columns, rows + columns) + rows + columns;
  return (long long)work.steps * step + blocks * (rows * columns * work.finish_cost + 40);
}

// The cost of covering C with tiles of this size, and with smaller ones at the edges.
constexpr long long cover_cost(Index rows, Index columns, const Work& work) {
  const Index rest_rows = work.m % rows, rest_columns = work.n % columns;
  const Index down = work.m / rows, across = work.n / columns;
  const Index blocks = ceil_div(work.steps, work.block(rows, columns));
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

// How many of k values a block takes: near `budget`, evenly divided, a multiple of `unit`.
constexpr Index even_block(Index k, Index budget, Index unit) {
  const Index blocks = ceil_div(k, most(budget, unit));
  return blocks == 1 ? k : ceil_div(ceil_div(k, blocks), unit) * unit;
}

}  // namespace pylms

#endif
