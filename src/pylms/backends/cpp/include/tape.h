// Tapes: records of values, last in, first out, in chunks from the call's arena.
//
// What holds: no chunk but the newest is empty, so a tape whose records are all taken has given its memory back, and the
// next tape gets it. A record does not span chunks.
#ifndef PYLMS_TAPE_H
#define PYLMS_TAPE_H

#include "heap.h"

namespace pylms {

enum { smallest_chunk = 1 << 12, largest_chunk = 1 << 22 };

struct tape_chunk {
  tape_chunk *below;
  char *top_below;  // where the records of the chunk below end
  long long bytes;
  char *limit;
};

struct tape {
  tape_chunk *chunk;
  char *top;
};

inline char *start_of(tape_chunk *chunk) { return (char *)(chunk + 1); }

inline tape *new_tape(void *memory) {
  tape *made = (tape *)memory;
  made->chunk = nullptr;
  made->top = nullptr;
  return made;
}

[[gnu::noinline]] inline bool grow(pylms_context *ctx, tape *t, long long bytes) {
  long long size = t->chunk ? t->chunk->bytes * 2 : smallest_chunk;
  if (size > largest_chunk) size = largest_chunk;
  while (size < bytes + (long long)sizeof(tape_chunk)) size *= 2;
  tape_chunk *made = (tape_chunk *)take(ctx, size);
  if (!made) return false;
  *made = {t->chunk, t->top, size, (char *)made + size};
  t->chunk = made;
  t->top = start_of(made);
  return true;
}

// Room for a record of so many bytes, a multiple of 8; null, and an exception set, where there is no memory.
inline char *push(pylms_context *ctx, tape *t, long long bytes) {
  if (__builtin_expect(!t->chunk || t->chunk->limit - t->top < bytes, 0) && !grow(ctx, t, bytes)) return nullptr;
  char *record = t->top;
  t->top += bytes;
  return record;
}

// The record on top, which is there until `popped`.
inline char *pop(tape *t, long long bytes) { return t->top -= bytes; }

// The record was read: let go of a chunk that is empty now.
inline void popped(pylms_context *ctx, tape *t) {
  if (__builtin_expect(t->top != start_of(t->chunk), 1)) return;
  tape_chunk *empty = t->chunk;
  t->chunk = empty->below;
  t->top = empty->top_below;
  give_back(ctx, empty, empty->bytes);
}

template <class T>
inline void put(char *place, T value) { __builtin_memcpy(place, &value, sizeof(T)); }

template <class T>
inline T get(const char *place) {
  T value;
  __builtin_memcpy(&value, place, sizeof(T));
  return value;
}

}  // namespace pylms

#endif
