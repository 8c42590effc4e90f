// Python's dicts (ADR 10): entries in the order of their insertion, and a table of their positions by hash.
//
// The table is a power of two long and at most half full; a place is tried after the other. A deleted entry leaves a gap
// among the entries, and its place in the table stays taken, until the dict is next made anew.
#ifndef PYLMS_DICT_H
#define PYLMS_DICT_H

#include "list.h"

namespace pylms {

template <class K, class V>
struct dict {
  struct entry {
    unsigned long long hash;  // 0 for a deleted entry, never else
    K key;
    V value;
  };
  // The runtime reads the first two, to make a Python dict of it.
  struct body_type {
    entry *entries;
    long long used;  // gaps included
    long long length;
    long long capacity;
    int *table;
    int shift;  // a hash's place in the table: its highest bits
    long long last;  // the position that was found last
  };
  body_type *body;

  enum { nobody = -1, gone = -2, most_bits = 31 };
  static unsigned long long mark(K key) { return hash(key) | 1; }

  long long length() const { return body->length; }
  entry &at(long long position) const { return body->entries[position]; }
  bool is_at(long long position, K key, unsigned long long h) const {
    return at(position).hash == h && same(at(position).key, key);
  }
  long long find(K key, unsigned long long h) const {
    unsigned long long mask = ~0ull >> body->shift;
    for (unsigned long long slot = h >> body->shift;; slot = (slot + 1) & mask) {
      int position = body->table[slot];
      if (position == nobody) return -1;
      if (position >= 0 && is_at(position, key, h)) return body->last = position;
    }
  }
  long long find(K key) const { return find(key, mark(key)); }
  long long next(long long position) const {
    while (position < body->used && !at(position).hash) ++position;
    return position < body->used ? position : -1;
  }

  // Room for so many entries, in a new table; gaps are closed.
  __attribute__((noinline)) bool rebuild(pylms_context *ctx, long long capacity) const {
    int bits = 4;
    while (1ll << (bits - 1) < capacity) ++bits;
    if (bits > most_bits) return ctx->allocate(ctx, -1) != nullptr;
    long long old_entries = bytes_of(body->capacity, sizeof(entry)), old_table = 8 * body->capacity;
    long long table_bytes = (1ll << bits) * (long long)sizeof(int);
    entry *entries = (entry *)take(ctx, bytes_of(1ll << (bits - 1), sizeof(entry)));
    int *table = entries ? (int *)take(ctx, table_bytes) : nullptr;
    if (!table) return false;
    __builtin_memset(table, nobody, table_bytes);
    int shift = 64 - bits;
    unsigned long long mask = ~0ull >> shift;
    long long count = 0;
    for (long long i = 0; i < body->used; ++i) {
      const entry &each = body->entries[i];
      if (!each.hash) continue;
      unsigned long long slot = each.hash >> shift;
      while (table[slot] != nobody) slot = (slot + 1) & mask;
      table[slot] = (int)count;
      entries[count++] = each;
    }
    if (body->capacity) {
      give_back(ctx, body->entries, old_entries);
      give_back(ctx, body->table, old_table);
    }
    *body = {entries, count, count, 1ll << (bits - 1), table, shift, 0};
    return true;
  }
  // False with an exception set where there is no memory.
  bool set(pylms_context *ctx, K key, V value) const {
    unsigned long long h = mark(key);
    if (body->last < body->used && is_at(body->last, key, h)) {
      at(body->last).value = value;
      return true;
    }
    long long position = find(key, h);
    if (position >= 0) {
      at(position).value = value;
      return true;
    }
    if (body->used == body->capacity) {
      long long wanted = body->length * 4 > body->capacity * 3 ? body->capacity * 2 : body->capacity;
      if (!rebuild(ctx, wanted)) return false;
    }
    unsigned long long mask = ~0ull >> body->shift, slot = h >> body->shift;
    while (body->table[slot] != nobody) slot = (slot + 1) & mask;
    body->table[slot] = (int)body->used;
    body->last = body->used;
    body->entries[body->used++] = {h, key, value};
    ++body->length;
    return true;
  }
  void remove(long long position) const {
    unsigned long long mask = ~0ull >> body->shift, slot = at(position).hash >> body->shift;
    while (body->table[slot] != position) slot = (slot + 1) & mask;
    body->table[slot] = gone;
    at(position).hash = 0;
    --body->length;
  }
  void clear() const {
    body->used = body->length = body->last = 0;
    __builtin_memset(body->table, nobody, 2 * body->capacity * sizeof(int));
  }
};

template <class K, class V>
inline dict<K, V> new_dict(pylms_context *ctx, long long capacity = 0) {
  dict<K, V> made = {(typename dict<K, V>::body_type *)take(ctx, sizeof(typename dict<K, V>::body_type))};
  if (!made.body) return made;
  *made.body = {};
  if (!made.rebuild(ctx, capacity)) made.body = nullptr;
  return made;
}

template <class K, class V>
inline bool update(pylms_context *ctx, dict<K, V> a, dict<K, V> b) {
  if (a.body == b.body) return true;
  for (long long i = b.next(0); i >= 0; i = b.next(i + 1))
    if (!a.set(ctx, b.at(i).key, b.at(i).value)) return false;
  return true;
}

template <class K, class V>
inline dict<K, V> copy(pylms_context *ctx, dict<K, V> a) {
  dict<K, V> made = new_dict<K, V>(ctx, a.length());
  if (made.body && !update(ctx, made, a)) made.body = nullptr;
  return made;
}

template <class K, class V>
inline bool same(dict<K, V> a, dict<K, V> b) {
  if (a.length() != b.length()) return false;
  for (long long i = a.next(0); i >= 0; i = a.next(i + 1)) {
    long long position = b.find(a.at(i).key);
    if (position < 0 || !same(a.at(i).value, b.at(position).value)) return false;
  }
  return true;
}

template <class K, class V>
inline list<K> keys(pylms_context *ctx, dict<K, V> a) {
  list<K> made = new_list<K>(ctx, a.length());
  for (long long i = made.body ? a.next(0) : -1; i >= 0; i = a.next(i + 1)) made.append(ctx, a.at(i).key);
  return made;
}

template <class K, class V>
inline list<V> values(pylms_context *ctx, dict<K, V> a) {
  list<V> made = new_list<V>(ctx, a.length());
  for (long long i = made.body ? a.next(0) : -1; i >= 0; i = a.next(i + 1)) made.append(ctx, a.at(i).value);
  return made;
}

}  // namespace pylms

#endif
