// The positions that sort rows, by heapsort (Williams, 1964; Floyd's bottom-up building), short rows by insertion.
//
// What is equal keeps its order, since positions are compared where values are not told apart. NaN is greater than
// everything.
#ifndef PYLMS_ORDER_H
#define PYLMS_ORDER_H

namespace pylms {

namespace order_detail {

constexpr long long shortest_heap = 32;

template <class T>
inline bool less(T left, T right) {
  return left < right || (right != right && left == left);
}

template <bool descending, class T>
inline bool before(const T *row, long long left, long long right) {
  const T a = row[left], b = row[right];
  if (descending ? less(b, a) : less(a, b)) return true;
  if (descending ? less(a, b) : less(b, a)) return false;
  return left < right;
}

template <bool descending, class T>
inline void insert(const T *row, long long *order, long long count) {
  for (long long sorted = 1; sorted < count; ++sorted) {
    const long long position = order[sorted];
    long long place = sorted;
    for (; place > 0 && before<descending>(row, position, order[place - 1]); --place) order[place] = order[place - 1];
    order[place] = position;
  }
}

// Lets the position at the root of a heap of `count` sink to where those below it come before it.
template <bool descending, class T>
inline void sink(const T *row, long long *order, long long root, long long count) {
  const long long position = order[root];
  for (long long child = 2 * root + 1; child < count; child = 2 * root + 1) {
    if (child + 1 < count && before<descending>(row, order[child], order[child + 1])) ++child;
    if (!before<descending>(row, position, order[child])) break;
    order[root] = order[child];
    root = child;
  }
  order[root] = position;
}

}  // namespace order_detail

// For each of `rows` rows of `count` elements, the positions that sort it.
template <bool descending, class T>
void order_rows(long long *order, const T *values, long long rows, long long count) {
  using namespace order_detail;
  for (long long number = 0; number < rows; ++number, order += count, values += count) {
    for (long long position = 0; position < count; ++position) order[position] = position;
    if (count < shortest_heap) {
      insert<descending>(values, order, count);
      continue;
    }
    for (long long root = count / 2; root-- > 0;) sink<descending>(values, order, root, count);
    for (long long end = count - 1; end > 0; --end) {
      const long long last = order[0];
      order[0] = order[end];
      order[end] = last;
      sink<descending>(values, order, 0, end);
    }
  }
}

}  // namespace pylms

#endif
