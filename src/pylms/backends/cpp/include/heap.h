// Memory for containers and strings, from the call's arena.
//
// Nothing is given back before the call ends, but a buffer that a container has outgrown serves the next that needs its
// size: sizes are powers of two, so what a growing container leaves behind is less than what it has.
#ifndef PYLMS_HEAP_H
#define PYLMS_HEAP_H

#include "pylms_abi.h"

namespace pylms {

enum { smallest_size_class = 6, size_classes = 56, open_ends = 4 };

// The end of a string that was made by joining, and how far its buffer reaches beyond.
struct open_end {
  char32_t *end;
  char32_t *limit;
};

struct heap {
  void *spare[size_classes];  // of each size, a chain of buffers that nobody uses
  open_end ends[open_ends];
  int next_end;
  long long in_activations;  // bytes that calls of native functions have for their tensors
};

// The call's own heap; null, and an exception set, where there is no memory.
inline heap *heap_of(pylms_context *ctx) {
  if (__builtin_expect(!ctx->heap, 0)) {
    ctx->heap = ctx->allocate(ctx, sizeof(heap));
    if (ctx->heap) __builtin_memset(ctx->heap, 0, sizeof(heap));
  }
  return (heap *)ctx->heap;
}

// The exponent of the least power of two that has room for so many bytes.
inline int size_class(long long bytes) {
  if (bytes <= 1 << smallest_size_class) return smallest_size_class;
  return 64 - __builtin_clzll((unsigned long long)bytes - 1);
}

// 2 ** size_class(bytes) bytes; null, and an exception set, where there is no memory.
inline void *take(pylms_context *ctx, long long bytes) {
  heap *own = heap_of(ctx);
  if (!own) return nullptr;
  int exponent = size_class(bytes);
  if (exponent < size_classes && own->spare[exponent]) {
    void *memory = own->spare[exponent];
    own->spare[exponent] = *(void **)memory;
    return memory;
  }
  long long size = exponent < size_classes ? 1ll << exponent : bytes;
  if (size > ctx->arena_size) return ctx->allocate(ctx, size);
  char *memory = ctx->arena;
  ctx->arena += size;
  ctx->arena_size -= size;
  return memory;
}

// A buffer of so many bytes that nobody uses any more.
inline void give_back(pylms_context *ctx, void *memory, long long bytes) {
  heap *own = (heap *)ctx->heap;
  int exponent = size_class(bytes);
  if (!memory || exponent >= size_classes) return;
  *(void **)memory = own->spare[exponent];
  own->spare[exponent] = memory;
}

// So many elements of so many bytes each; a size that no memory has where that is too much.
inline long long bytes_of(long long count, long long size) {
  long long bytes;
  return __builtin_mul_overflow(count, size, &bytes) ? 1ll << 62 : bytes;
}

// Python's bounds of a slice over n elements. `length`: how many there are.
struct slice_range {
  long long start, length;
};

inline slice_range slice(long long n, long long start, long long stop, long long step) {
  long long lowest = step < 0 ? -1 : 0, highest = step < 0 ? n - 1 : n;
  long long bounds[2] = {start, stop};
  for (long long &bound : bounds) {
    if (bound < 0) bound = bound + n < lowest ? lowest : bound + n;
    else if (bound > highest) bound = highest;
  }
  long long distance = step < 0 ? bounds[0] - bounds[1] : bounds[1] - bounds[0];
  unsigned long long stride = step < 0 ? 0 - (unsigned long long)step : (unsigned long long)step;
  return {bounds[0], distance <= 0 ? 0 : (long long)(((unsigned long long)distance - 1) / stride + 1)};
}

// Python's index as a place among n elements; out of range if it is.
inline unsigned long long place(long long i, long long n) {
  return (unsigned long long)i + (i < 0 ? (unsigned long long)n : 0);
}

}  // namespace pylms

#endif
