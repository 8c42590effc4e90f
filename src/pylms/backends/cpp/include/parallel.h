// How loops are cut for several threads. The cut depends on the number of rounds alone, so that sums of floats are the
// same for any number of threads.
#ifndef PYLMS_PARALLEL_H
#define PYLMS_PARALLEL_H

namespace pylms {

// How often `for i in range(first, last, by)` runs.
inline long long rounds(long long first, long long last, long long by) {
  if (by > 0 ? first >= last : first <= last) return 0;
  unsigned long long distance = by > 0 ? (unsigned long long)last - first : (unsigned long long)first - last;
  unsigned long long stride = by > 0 ? by : 0 - (unsigned long long)by;
  return (long long)((distance - 1) / stride) + 1;
}

// Chunks of rounds; a wave of them runs between two polls for Ctrl-C.
constexpr long long largest_chunk_count = 512, wave = 64;
inline long long chunk_count(long long rounds) { return rounds < largest_chunk_count ? rounds : largest_chunk_count; }
inline long long chunk_start(long long chunk, long long rounds) {
  long long count = chunk_count(rounds), size = rounds / count, rest = rounds % count;
  return chunk * size + (chunk < rest ? chunk : rest);
}

}  // namespace pylms

#endif
