// For loops that the generator knows more about than the compiler.
#ifndef PYLMS_LOOPS_H
#define PYLMS_LOOPS_H

// Before a loop: no iteration writes what another one reads or writes.
#if defined(__clang__)
#define PYLMS_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define PYLMS_INDEPENDENT _Pragma("GCC ivdep")
#endif

#endif
