/* Memory for one call of a native function whose tensors are too large for the stack. */
#ifndef PYLMS_ACTIVATION_H
#define PYLMS_ACTIVATION_H

#include "heap.h"
#include "native_functions.h"

namespace pylms {

/* All calls that are running have no more than that. */
enum : long long { most_in_activations = 1ll << 30 };

/* So many bytes for a call, until `end_activation`. `too_deep`: the status where the calls before have too much. */
inline char *activation(pylms_context *ctx, long long bytes, int too_deep) {
  void *memory = take(ctx, bytes);
  if (!memory) leave(ctx, -1);
  heap *own = heap_of(ctx);
  if ((own->in_activations += bytes) > most_in_activations) leave(ctx, too_deep);
  return static_cast<char *>(memory);
}

inline void end_activation(pylms_context *ctx, void *memory, long long bytes) {
  heap_of(ctx)->in_activations -= bytes;
  give_back(ctx, memory, bytes);
}

} // namespace pylms

#endif
