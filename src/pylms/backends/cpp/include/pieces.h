/* A long program compiled in pieces, at once: each takes the same source, and has some of its parts (DESIGN D14).
 *
 * Each is compiled with PYLMS_PIECES, how many there are, and PYLMS_PIECE, which one it is; the first has the entry.
 * Without them the source is the whole program.
 */
#ifndef PYLMS_PIECES_H
#define PYLMS_PIECES_H

#ifdef PYLMS_PIECES
#define PYLMS_HAS_PART(number) ((number) % PYLMS_PIECES == PYLMS_PIECE)
#define PYLMS_HAS_ENTRY (PYLMS_PIECE == 0)
#define PYLMS_PART
#else
#define PYLMS_HAS_PART(number) 1
#define PYLMS_HAS_ENTRY 1
#define PYLMS_PART static
#endif

#endif
