// Copyright 2026 The Dynamic Quantization for MindSpore Authors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// integers.cc: prints hashes of what the kernels compute in integers, so that a machine that this
// test does not run on (aarch64 under qemu) can be compared with one that it does; and whether float
// convolutions of that machine are right.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

using Function = int(int, void **, int *, int64_t **, const char **, void *, void *);
extern "C" {
const char *dq_isa();
Function dq_conv2d, dq_conv2d_grad, dq_quant_conv2d, dq_quant_conv2d_grad;
}

namespace {

struct Array {
  std::vector<int64_t> shape;
  std::vector<int32_t> words;  // floats or integers
  const char *dtype = "float32";
  float *f() { return reinterpret_cast<float *>(words.data()); }
};

Array array(const std::vector<int64_t> &shape, float fill = 0.f) {
  int64_t size = 1;
  for (const int64_t d : shape) size *= d;
  Array a = {shape, std::vector<int32_t>(size)};
  for (int64_t i = 0; i < size; i++) a.f()[i] = fill;
  return a;
}

// Values in -1..1, the same everywhere.
Array noise(const std::vector<int64_t> &shape) {
  static uint32_t state = 1;
  Array a = array(shape);
  for (size_t i = 0; i < a.words.size(); i++) {
    state = state * 1664525u + 1013904223u;
    a.f()[i] = static_cast<float>(static_cast<int32_t>(state) >> 8) / 8388608.f;
  }
  return a;
}

int call(Function *function, const std::vector<Array *> &arrays) {
  std::vector<void *> data;
  std::vector<int> ranks;
  std::vector<int64_t *> shapes;
  std::vector<const char *> dtypes;
  for (Array *a : arrays) {
    data.push_back(a->words.data());
    ranks.push_back(static_cast<int>(a->shape.size()));
    shapes.push_back(a->shape.data());
    dtypes.push_back(a->dtype);
  }
  return function(static_cast<int>(arrays.size()), data.data(), ranks.data(), shapes.data(), dtypes.data(), nullptr,
                  nullptr);
}

unsigned long long hash(const Array &a) {
  uint64_t h = 1469598103934665603ull;
  for (const int32_t word : a.words) h = (h ^ static_cast<uint32_t>(word)) * 1099511628211ull;
  return h;
}

// The forward pass, and the data gradient from 16-bit codes.
void run(int in, int height, int width, int out, int kernel, int stride, int bits) {
  const int pad = kernel / 2, ho = (height + 2 * pad - kernel) / stride + 1,
            wo = (width + 2 * pad - kernel) / stride + 1;
  const float top = static_cast<float>((1 << bits) - 1), half = static_cast<float>(1 << (bits - 1));
  Array x = noise({3, in, height, width}), w = noise({out, in, kernel, kernel});
  for (size_t i = 0; i < w.words.size(); i++) w.f()[i] = std::floor(w.f()[i] * half) / half;
  Array w_scale = array({1}, 1 / half), inv = array({1}, half), scale = array({1}, 1 / half);
  Array a_max = array({1}, top), port = array({1}), y = array({3, out, ho, wo}), dy = noise(y.shape);
  Array geometry = {{4}, {stride, pad, 1, 1}, "int32"};
  Array dx = x, dw = w, step = port, clip = port;
  const int forward = call(dq_quant_conv2d, {&x, &w, &w_scale, &inv, &scale, &a_max, &port, &port, &geometry, &y});
  const int backward =
    call(dq_quant_conv2d_grad, {&x, &w, &w_scale, &inv, &scale, &a_max, &geometry, &dy, &dx, &dw, &step, &clip});
  std::printf("%d %d %016llx %016llx\n", forward, backward, hash(y), hash(dx));
}

// Largest distance between a and the sums `exact`, as a share of the largest of these.
double error(Array &a, const std::vector<double> &exact) {
  double apart = 0, most = 0;
  for (size_t i = 0; i < exact.size(); i++) {
    const double distance = std::fabs(a.f()[i] - exact[i]);
    if (!(distance <= apart)) apart = distance;  // NaN stays
    if (std::isnan(apart)) return apart;
    most = std::fmax(most, std::fabs(exact[i]));
  }
  return apart / most;
}

// 3x3 convolutions with padding 1, with one group or depthwise: y, dx and dw against direct sums in double.
bool floats_are_right(int n, int in, int height, int width, int out, bool depthwise = false) {
  const int per = depthwise ? 1 : in;  // inputs of an output
  Array x = noise({n, in, height, width}), w = noise({out, per, 3, 3}), dy = noise({n, out, height, width});
  Array geometry = {{4}, {1, 1, in / per, 0}, "int32"}, y = dy, dx = x, dw = w;
  if (call(dq_conv2d, {&x, &w, &geometry, &y}) || call(dq_conv2d_grad, {&x, &w, &geometry, &dy, &dx, &dw})) {
    return false;
  }
  std::vector<double> ys(y.words.size()), dxs(x.words.size()), dws(w.words.size());
  for (int m = 0; m < n; m++) {
    for (int o = 0; o < out; o++) {
      for (int i = 0; i < per; i++) {
        const int c = depthwise ? o : i;
        for (int p = 0; p < height * width; p++) {
          for (int t = 0; t < 9; t++) {
            const int h = p / width + t / 3 - 1, v = p % width + t % 3 - 1;
            if (h < 0 || h >= height || v < 0 || v >= width) continue;
            const int at_y = (m * out + o) * height * width + p, at_x = ((m * in + c) * height + h) * width + v,
                      at_w = (o * per + i) * 9 + t;
            ys[at_y] += static_cast<double>(x.f()[at_x]) * w.f()[at_w];
            dxs[at_x] += static_cast<double>(dy.f()[at_y]) * w.f()[at_w];
            dws[at_w] += static_cast<double>(dy.f()[at_y]) * x.f()[at_x];
          }
        }
      }
    }
  }
  return error(y, ys) < 3e-6 && error(dx, dxs) < 3e-6 && error(dw, dws) < 1e-5;
}

}  // namespace

int main() {
  std::printf("%s\n", dq_isa());
  for (const int bits : {2, 4, 8}) {
    run(16, 32, 32, 16, 3, 1, bits);
    run(5, 7, 9, 10, 3, 1, bits);
    run(12, 9, 9, 6, 3, 2, bits);
    run(8, 5, 5, 12, 1, 2, bits);
    run(96, 6, 6, 8, 3, 1, bits);
  }
  const bool right = floats_are_right(3, 16, 12, 12, 24) && floats_are_right(2, 9, 7, 10, 11) &&
                     floats_are_right(2, 5, 6, 5, 7) && floats_are_right(2, 21, 9, 8, 21, true);
  std::printf("floats %s\n", right ? "right" : "wrong");
}
