/* Native functions that call each other: how they leave with an error, and how deep they may go. */
#ifndef PYLMS_NATIVE_FUNCTIONS_H
#define PYLMS_NATIVE_FUNCTIONS_H

#include <setjmp.h>

#include "pylms_abi.h"

namespace pylms {

/* Leave every native function at once, back to pylms_entry, which returns the status. */
[[noreturn, gnu::cold, gnu::noinline]] inline void leave(pylms_context *ctx, int status) {
  longjmp(*static_cast<jmp_buf *>(ctx->landing), status);
}

[[gnu::cold, gnu::noinline]] inline void look(pylms_context *ctx, int too_deep) {
  if ((char *)__builtin_frame_address(0) < ctx->stack_end) leave(ctx, too_deep);
  if (ctx->interrupt && ctx->poll(ctx)) leave(ctx, -1);
  /* In this order, or a signal that arrives in between is lost. */
  ctx->stack_limit = ctx->stack_end;
  if (ctx->interrupt) ctx->stack_limit = PYLMS_LOOK;
}

/* Before the first call that a function makes which may be running already: is there stack left, is Ctrl-C waiting? */
[[gnu::always_inline]] inline void enter(pylms_context *ctx, int too_deep) {
  if (__builtin_expect((char *)__builtin_frame_address(0) < ctx->stack_limit, 0)) look(ctx, too_deep);
}

/* Memory that lives until the program returns. */
inline char *memory(pylms_context *ctx, long long bytes) {
  char *found = static_cast<char *>(ctx->allocate(ctx, bytes));
  if (!found) leave(ctx, -1);
  return found;
}

} // namespace pylms

#endif
