"""The C++ backend: readable, header-light source for g++ and clang (DESIGN D14)."""
