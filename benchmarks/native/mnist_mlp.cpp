// The MNIST training loop as one would write it by hand for speed: what the generated code is measured against.
//
// Model: 784-50-10, relu, log_softmax, nll_loss (mean), plain SGD. Compile with -DBATCH=1 or -DBATCH=64 (any multiple
// of 4 works). Everything is computed in float32 with all rows and all pixels, without -ffast-math. Vectors of 16 floats
// come from the compiler's vector types; a CPU with narrower registers has them split by the compiler.
//
// Buffers come from Python as raw arrays: images uint8[steps * BATCH, 784], labels int64[steps * BATCH], parameters as
// PyTorch lays them out (out_features x in_features), updated in place.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

constexpr int B = BATCH, I = 784, H = 50, O = 10;
constexpr int L = 16;  // lanes
constexpr int V = I / L;  // vectors a row of pixels takes: 49, with nothing left over
constexpr int HP = 64;  // a row of the hidden layer, padded to whole vectors

typedef float Lanes __attribute__((vector_size(4 * L)));
typedef float Anywhere __attribute__((vector_size(4 * L), aligned(4), may_alias));

inline Lanes at(const float* p) { return *reinterpret_cast<const Anywhere*>(p); }
inline void put(float* p, Lanes v) { *reinterpret_cast<Anywhere*>(p) = v; }
inline Lanes all(float x) { return x - Lanes{}; }

inline float total(Lanes v) {
  typedef float Half __attribute__((vector_size(32)));
  typedef float Quarter __attribute__((vector_size(16)));
  Half h[2];
  std::memcpy(h, &v, sizeof v);
  const Half s = h[0] + h[1];
  Quarter q[2];
  std::memcpy(q, &s, sizeof s);
  const Quarter t = q[0] + q[1];
  return (t[0] + t[1]) + (t[2] + t[3]);
}

// The parameters of the second layer and both biases, copied once to rows of whole vectors and back at the end.
struct Head {
  alignas(64) float w[O][HP];
  alignas(64) float b1[HP];
  alignas(64) float b2[L];
};

alignas(64) float x[B][I];
alignas(64) float h[B][HP];
alignas(64) float dh[B][HP];
alignas(64) float dy[B][L];
alignas(64) float dh_by_unit[H][B];  // transposed, so that a step of the weight update reads it in order

void read_pixels(const uint8_t* images) {
  constexpr float scale = 1.0f / (255.0f * 0.3081f), offset = -0.1307f / 0.3081f;
  float* out = x[0];
  for (int i = 0; i < B * I; ++i) out[i] = images[i] * scale + offset;
}

// Five units at a time for S samples: S x 5 accumulators, each load used S or five times.
template <int S>
void forward_hidden(const float* w1, const float* b1) {
  for (int u = 0; u < H; u += 5) {
    const float* w = w1 + u * I;
    for (int n = 0; n < B; n += S) {
      Lanes s[S][5] = {};
      for (int v = 0; v < V; ++v) {
        Lanes r[5];
#pragma GCC unroll 5
        for (int j = 0; j < 5; ++j) r[j] = at(w + j * I + v * L);
#pragma GCC unroll 4
        for (int i = 0; i < S; ++i) {
          const Lanes p = at(x[n + i] + v * L);
#pragma GCC unroll 5
          for (int j = 0; j < 5; ++j) s[i][j] += p * r[j];
        }
      }
#pragma GCC unroll 4
      for (int i = 0; i < S; ++i) {
#pragma GCC unroll 5
        for (int j = 0; j < 5; ++j) h[n + i][u + j] = std::max(total(s[i][j]) + b1[u + j], 0.0f);
      }
    }
  }
}

// Logits, loss, and the gradients by the logits and by the hidden layer.
float head(const Head& m, const int64_t* labels) {
  float loss = 0;
  for (int n = 0; n < B; ++n) {
    const Lanes h0 = at(h[n]), h1 = at(h[n] + L), h2 = at(h[n] + 2 * L), h3 = at(h[n] + 3 * L);
    float y[O], e[O];
#pragma GCC unroll 10
    for (int j = 0; j < O; ++j) {
      const float* w = m.w[j];
      y[j] = total((h0 * at(w) + h1 * at(w + L)) + (h2 * at(w + 2 * L) + h3 * at(w + 3 * L))) + m.b2[j];
    }
    const float top = *std::max_element(y, y + O);
    float sum = 0;
    for (int j = 0; j < O; ++j) sum += e[j] = std::exp(y[j] - top);
    loss += std::log(sum) + top - y[labels[n]];
    const float share = 1.0f / (sum * B);
    for (int j = 0; j < O; ++j) dy[n][j] = e[j] * share;
    dy[n][labels[n]] -= 1.0f / B;
    Lanes d0 = {}, d1 = {}, d2 = {}, d3 = {};
#pragma GCC unroll 10
    for (int j = 0; j < O; ++j) {
      const Lanes g = all(dy[n][j]);
      d0 += g * at(m.w[j]), d1 += g * at(m.w[j] + L), d2 += g * at(m.w[j] + 2 * L), d3 += g * at(m.w[j] + 3 * L);
    }
    const Lanes zero = {};
    put(dh[n], h0 > zero ? d0 : zero), put(dh[n] + L, h1 > zero ? d1 : zero);
    put(dh[n] + 2 * L, h2 > zero ? d2 : zero), put(dh[n] + 3 * L, h3 > zero ? d3 : zero);
  }
  return loss / B;
}

void update_head(Head& m, float lr) {
  for (int j = 0; j < O; ++j) {
    Lanes g0 = {}, g1 = {}, g2 = {}, g3 = {};
    for (int n = 0; n < B; ++n) {
      const Lanes g = all(dy[n][j]);
      g0 += g * at(h[n]), g1 += g * at(h[n] + L), g2 += g * at(h[n] + 2 * L), g3 += g * at(h[n] + 3 * L);
    }
    float* w = m.w[j];
    put(w, at(w) - lr * g0), put(w + L, at(w + L) - lr * g1);
    put(w + 2 * L, at(w + 2 * L) - lr * g2), put(w + 3 * L, at(w + 3 * L) - lr * g3);
  }
  Lanes b2 = {};
  for (int n = 0; n < B; ++n) b2 += at(dy[n]);
  put(m.b2, at(m.b2) - lr * b2);
  for (int u = 0; u < HP; u += L) {
    Lanes b1 = {};
    for (int n = 0; n < B; ++n) b1 += at(dh[n] + u);
    put(m.b1 + u, at(m.b1 + u) - lr * b1);
  }
}

// One sample: each row of the weights is read and written once.
void update_hidden_single(float* w1, float lr) {
  for (int u = H - 1; u >= 0; --u) {  // backwards: the last rows are the ones still in the first-level cache
    const Lanes g = all(-lr * dh[0][u]);
    float* w = w1 + u * I;
    for (int v = 0; v < V; ++v) put(w + v * L, at(w + v * L) + g * at(x[0] + v * L));
  }
}

// Units x Vectors accumulators over all samples, then one read and one write of that tile of the weights.
template <int Units, int Vectors>
inline void update_tile(float* w1, int unit, int vector, float lr) {
  Lanes s[Units][Vectors] = {};
  for (int n = 0; n < B; ++n) {
    Lanes p[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) p[v] = at(x[n] + (vector + v) * L);
#pragma GCC unroll 8
    for (int i = 0; i < Units; ++i) {
      const Lanes g = all(dh_by_unit[unit + i][n]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) s[i][v] += g * p[v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Units; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      float* w = w1 + (unit + i) * I + (vector + v) * L;
      put(w, at(w) - lr * s[i][v]);
    }
  }
}

void update_hidden_batch(float* w1, float lr) {
  for (int n = 0; n < B; ++n) {
    for (int u = 0; u < H; ++u) dh_by_unit[u][n] = dh[n][u];
  }
  for (int v = 0; v + 5 <= V; v += 5) {
    for (int u = 0; u < H; u += 5) update_tile<5, 5>(w1, u, v, lr);
  }
  for (int u = 0; u < H; u += 5) update_tile<5, V % 5>(w1, u, V / 5 * 5, lr);
}

}  // namespace

// `steps` steps over the images in order; returns the sum of the mean losses.
extern "C" double train(const uint8_t* images, const int64_t* labels, long steps,
                        float* w1, float* b1, float* w2, float* b2, float lr) {
  Head m = {};
  std::memcpy(m.b1, b1, sizeof(float) * H);
  std::memcpy(m.b2, b2, sizeof(float) * O);
  for (int j = 0; j < O; ++j) std::memcpy(m.w[j], w2 + j * H, sizeof(float) * H);
  double loss = 0;
  for (long n = 0; n < steps; ++n) {
    read_pixels(images + n * B * I);
    forward_hidden<B % 4 == 0 ? 4 : 1>(w1, m.b1);
    loss += head(m, labels + n * B);
    update_head(m, lr);
    if (B == 1) {
      update_hidden_single(w1, lr);
    } else {
      update_hidden_batch(w1, lr);
    }
  }
  std::memcpy(b1, m.b1, sizeof(float) * H);
  std::memcpy(b2, m.b2, sizeof(float) * O);
  for (int j = 0; j < O; ++j) std::memcpy(w2 + j * H, m.w[j], sizeof(float) * H);
  return loss;
}
