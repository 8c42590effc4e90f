// A 784-50-10 classifier trained by stochastic gradient descent, written with the kernels as generated code uses them.
//
// The test compares it with NumPy; it is also the example of how the kernels fit together.

#include "elementary.h"
#include "gemm.h"
#include "gemv.h"
#include "reduce.h"

namespace {

using namespace pylms;

constexpr Index pixels = 784, hidden = 50, classes = 10;

struct Model {
  float *w1, *b1, *w2, *b2;  // [hidden, pixels], [hidden], [classes, hidden], [classes]
};

// Bytes to the normalised floats that ToTensor and Normalize((0.1307,), (0.3081,)) make.
template <Index N>
inline void normalise(float* __restrict x, const unsigned char* image) {
  constexpr float scale = 1.0f / (255.0f * 0.3081f), offset = -0.1307f / 0.3081f;
  for (Index i = 0; i < N; ++i) x[i] = float(image[i]) * scale + offset;
}

// log_softmax and nll_loss (mean over rows), and the gradient of that by the logits, which it overwrites them with.
template <Index Batch>
inline float cross_entropy(float* logits, const long long* labels) {
  float loss = 0;
  for (Index i = 0; i < Batch; ++i) {
    float* row = logits + i * classes;
    const float largest = maximum<classes>(row);
    const float at_label = row[labels[i]];
    for (Index j = 0; j < classes; ++j) row[j] = exp(row[j] - largest);
    const float total = sum<classes>(row);
    loss += log(total) + largest - at_label;
    const float share = 1.0f / (total * Batch);
    for (Index j = 0; j < classes; ++j) row[j] *= share;
    row[labels[i]] -= 1.0f / Batch;
  }
  return loss / Batch;
}

inline float step_of_one(const Model& m, const unsigned char* image, const long long* labels, float lr) {
  alignas(64) float x[pixels], h[hidden], logits[classes], dh[hidden];
  normalise<pixels>(x, image);
  gemv<hidden, pixels>(h, m.w1, x, AddBiasRelu{m.b1});
  gemv<classes, hidden>(logits, m.w2, h, AddBias{m.b2});
  const float loss = cross_entropy<1>(logits, labels);
  gemv_transposed<classes, hidden>(dh, m.w2, logits);
  for (Index i = 0; i < hidden; ++i) dh[i] = h[i] > 0 ? dh[i] : 0;
  add_outer<classes, hidden>(m.w2, logits, h, -lr);
  for (Index i = 0; i < classes; ++i) m.b2[i] -= lr * logits[i];
  add_outer<hidden, pixels>(m.w1, dh, x, -lr);
  for (Index i = 0; i < hidden; ++i) m.b1[i] -= lr * dh[i];
  return loss;
}

template <Index Batch>
inline float step_of_many(const Model& m, const unsigned char* images, const long long* labels, float lr) {
  alignas(64) static float x[Batch * pixels];
  alignas(64) float h[Batch * hidden], logits[Batch * classes], dh[Batch * hidden];
  normalise<Batch * pixels>(x, images);
  gemm<NT, Batch, hidden, pixels>(h, x, m.w1, AddBiasRelu{m.b1});
  gemm<NT, Batch, classes, hidden>(logits, h, m.w2, AddBias{m.b2});
  const float loss = cross_entropy<Batch>(logits, labels);
  gemm<NN, Batch, hidden, classes>(dh, logits, m.w2);
  for (Index i = 0; i < Batch * hidden; ++i) dh[i] = h[i] > 0 ? dh[i] : 0;
  gemm<TN, classes, hidden, Batch>(m.w2, logits, h, AddScaled{-lr});
  column_sums<Batch, classes>(m.b2, logits, AddScaled{-lr});
  gemm<TN, hidden, pixels, Batch>(m.w1, dh, x, AddScaled{-lr});
  column_sums<Batch, hidden>(m.b1, dh, AddScaled{-lr});
  return loss;
}

template <Index Batch, class Step>
inline double train(const Step& step, const unsigned char* images, const long long* labels, Index steps) {
  double loss = 0;
  for (Index n = 0; n < steps; ++n) loss += step(images + n * Batch * pixels, labels + n * Batch);
  return loss;
}

}  // namespace

// `steps` steps over the images in order; returns the sum of their losses and leaves the trained weights in place.
extern "C" double train_1(const unsigned char* images, const long long* labels, long steps,
                          float* w1, float* b1, float* w2, float* b2, float lr) {
  const Model model = {w1, b1, w2, b2};
  return train<1>([&](auto* x, auto* y) { return step_of_one(model, x, y, lr); }, images, labels, steps);
}

extern "C" double train_64(const unsigned char* images, const long long* labels, long steps,
                           float* w1, float* b1, float* w2, float* b2, float lr) {
  const Model model = {w1, b1, w2, b2};
  return train<64>([&](auto* x, auto* y) { return step_of_many<64>(model, x, y, lr); }, images, labels, steps);
}
