/* The contract between generated native code and whoever calls it; C and C++, no other header needed.
 *
 * Generated code defines one function, pylms_entry. It reads `args` (the slots of each argument leaf, then one per
 * captured buffer), writes `results` (the slots of each result leaf) and says how it went:
 *   0    fine;
 *   -1   a Python exception is set already (a callback raised, a poll saw Ctrl-C, memory ran out);
 *   k>0  the k-th error site was reached; Python raises the exception that belongs to it.
 *
 * Whatever is reached through the context is called on the thread that entered, never from a parallel region. The
 * context's functions take the GIL themselves where it was released.
 */
#ifndef PYLMS_ABI_H
#define PYLMS_ABI_H

#define PYLMS_ABI_VERSION 3

/* Above every address of a stack. */
#define PYLMS_LOOK ((char *)-1)

/* bool travels in `i` (0 or 1), float32 in `f`, addresses of buffers in `p`. An array takes several slots: its address in
 * `p`, then in `i` its extents, and where its type does not say that it is dense, its strides, counted in elements. An
 * array in the results lies in an argument's memory, or in memory from `allocate`. */
typedef union pylms_value {
    long long i;
    double f;
    void *p;
} pylms_value;

typedef struct pylms_context {
    /* Nonzero: call `poll` soon. It starts as 1, so that the first polls can make Ctrl-C known to this call, and code
     * that polls never or seldom pays nothing for it. Long loops test it at least once in a few milliseconds. */
    volatile int interrupt;

    /* Run Python callback number `callback`. `args` holds its arguments and receives its results, so it has room for
     * the larger of the two. Nonzero: an exception is set, return -1 at once. */
    int (*call)(struct pylms_context *context, long long callback, pylms_value *args);

    /* Let Python's signal handlers run. Nonzero: an exception is set, return -1 at once. Zero: go on. */
    int (*poll)(struct pylms_context *context);

    /* Memory, aligned to 64 bytes, that lives until pylms_entry returns. Null: an exception is set, return -1. */
    void *(*allocate)(struct pylms_context *context, long long bytes);

    /* The unused part of the memory that `allocate` hands out; code may take 64-byte multiples from it directly. */
    char *arena;
    long long arena_size;

    /* The lowest address that the stack of the thread that entered may reach; below it there is room for a callback. */
    char *stack_end;

    /* The same, or PYLMS_LOOK while `interrupt` is set: one comparison asks for both where a function begins that may be
     * running already. Whoever sets `interrupt` sets this after it. */
    char *volatile stack_limit;

    /* Belongs to the generated code. */
    void *landing;

    /* Belongs to the generated code; null at the start of a call. */
    void *heap;

    /* Belongs to the caller of pylms_entry. */
    void *user;

    /* What the message of an error shows: set by generated code before it leaves with the error's number. */
    long long shown[2];
} pylms_context;

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((visibility("default"))) int pylms_entry(pylms_context *context, const pylms_value *args,
                                                       pylms_value *results);

#ifdef __cplusplus
}
#endif

#endif
