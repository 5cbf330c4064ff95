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

// conv_backward.cc: all gradients of y = conv(Q(x), w): data_grad.h, and dw = dL/dw with the
// quantised input, summed per quantiser (weight_grad.h). Image after image takes both while dy is
// in the cache; both may run on 16-bit codes of dy where the weights have codes.
#include "conv/batches.h"
#include "abi/codes.h"
#include "conv/data_grad.h"
#include "conv/depthwise.h"
#include "conv/weight_grad.h"
#include "conv/weights.h"

namespace DQ_NS {

using dq::ConvGrads;

static void sum_steps(const Quantizers &q, const ConvShape &s, const int *choice,
                      const StepSums *sums, const ConvGrads &out) {
  for (int k = 0; k < q.count; k++) out.s_in[k] = out.s_hi[k] = 0;
  for (int n = 0; n < s.n; n++) {
    const int k = choice ? choice[n] : 0;
    out.s_in[k] += sums[n].in, out.s_hi[k] += sums[n].hi;
  }
}

// How dy is coded for each quantiser: `top`, its largest code, keeps every sum of products in 32
// bits.
struct ShortPlan {
  bool used;
  const int16_t *weights;  // codes, like Quantizers::w
  const float *top;        // [count]
};

constexpr float SMALLEST_TOP = 2047.f;  // coarser codes than 12 bits are not worth it

static ShortPlan short_plan(const ConvShape &s, const Quantizers &q) {
  const ShortPlan none = {false, nullptr, nullptr};
  if (!s.short_gradients || !q.count) return none;
  const WeightCodes found = weight_codes(s, q);
  float *top = scratch<float>(-1, kGradTops, q.count);
  for (int k = 0; k < q.count; k++) {
    const Range &r = found.range[k];
    const double largest = -r.lo > r.hi ? -r.lo : r.hi,
                 depth = (double)s.oc / s.groups * s.kh * s.kw;
    if (!r.finite || largest > 32767.0) return none;
    const double data = largest * depth, weight = (double)q.a_max[k] * WeightGrad::tile_pixels(s);
    const double most = 2147483647.0 / (data > weight ? data : weight) - 1;
    top[k] = most < 32767.0 ? (float)(int)most : 32767.f;
    if (top[k] < SMALLEST_TOP) return none;
  }
  return {true, found.codes, top};
}

// Codes dy of the images of one pass.
static GradientCodes encode_images(const ConvShape &s, const Quantizers &q, const float *dy, int k,
                                   float top, const int *image, int images,
                                   const GradBuffers &buf) {
  const CodeMap map = code_map(s.oc / s.groups, s.ho, s.wo);
  for (int g = 0; g < s.groups; g++) {
    const size_t first = (size_t)g * map.channels;
    const OutputScales scales = {q.w_scale + k * q.scales + (q.scales == 1 ? 0 : first), q.scales};
    const auto of_image = [&](int m) {
      return dy + ((size_t)image[m] * s.oc + first) * s.ho * s.wo;
    };
    float largest = 0.f;
    for (int m = 0; m < images; m++) {
      const float one = largest_gradient(of_image(m), map, scales);
      largest = one <= largest ? largest : one;  // NaN stays
      if (one != one) break;
    }
    const float inv = largest > SMALLEST_GRADIENT ? top / largest : 0.f;  // 0 where it is NaN
    for (int m = 0; m < images; m++) {
      encode(of_image(m), map, scales, inv, buf.codes + ((size_t)m * s.groups + g) * map.size());
    }
    buf.step[g] = largest / top;
  }
  return {buf.codes, buf.step};
}

int conv_backward(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                  const float *dy, const ConvGrads &out) {
  if (is_depthwise(s)) return depthwise_backward(s, q, x, choice, dy, out);
  GradPlan g = {};
  GradBuffers *buffers = nullptr;
  StepSums *sums = scratch<StepSums>(-1, kStepSums, s.n);
  memset(sums, 0, s.n * sizeof(StepSums));
  const ShortPlan shorts = short_plan(s, q);
  WeightGrad wg(s, q, x, dy, shorts.used);
  if (out.dx) {
    g = grad_plan(s, q, shorts.weights, wg.together());
    buffers = grad_buffers(g, wg.together());
  }
  const Runs runs = make_runs(s.n, choice, q.count, wg.run_length());
  wg.prepare(runs);
  parallel(runs.count, [&](int thread, int item) {
    const Run &run = runs.run[item];
    const ActQuant quant = q.count ? act_quant(q, run.k) : ActQuant{};
    wg.begin(item);
    for (int i = 0; i < run.count; i += wg.together()) {
      const int *image = runs.order + run.first + i, images = imin(wg.together(), run.count - i);
      GradientCodes codes = {};
      if (shorts.used) {
        codes = encode_images(s, q, dy, run.k, shorts.top[run.k], image, images, buffers[thread]);
      }
      if (out.dx) {
        const GradWork work = {x,     dy,     out.dx, run.k, q.count ? &quant : nullptr,
                               image, images, sums,   codes};
        data_grad(g, work, buffers[thread]);
      }
      wg.add_images(thread, item, image, images, quant, codes);
    }
  });
  wg.finish(runs, out.dw);
  if (q.count) sum_steps(q, s, choice, sums, out);
  return dq::kOk;
}

}  // namespace DQ_NS
