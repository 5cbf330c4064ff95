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

// norm.cc: batch normalisation in training mode, with ReLU and residual add in the same pass.
//   y = act((x - mean) * gamma / sqrt(var + 1e-5) + beta [+ residual]),  var biased, per channel
//   over (n, h, w)
// One channel of the batch at a time, so that the second pass finds it in the cache; it goes
// backwards, from what the first one left there last. Sums: float
// over an image, double over images, around the mean of the first image (so that a large mean does
// not cancel).
#include <cmath>

#include "pack.h"
#include "parallel.h"

namespace DQ_NS {

using dq::NormShape;

constexpr double EPS = 1e-5;

// fn(load, store) for every vector of a map of n pixels; both ask for what lies `ahead` of theirs.
template <class Body>
DQ_INLINE void over(int n, ptrdiff_t ahead, Body &&fn) {
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    fn(
        [&](const float *p) {
          __builtin_prefetch(p + i + ahead, 0, 2);
          return load(p + i);
        },
        [&](float *p, F v) {
          __builtin_prefetch(p + i + ahead, 1, 2);
          store(p + i, v);
        });
  }
  if (i < n) {
    const int rest = n - i;
    fn([&](const float *p) { return load_part(p + i, rest); },
       [&](float *p, F v) { store_part(p + i, rest, v); });
  }
}

// A channel's maps lie far apart, where no hardware looks ahead: elements to the next one. 0 for
// small maps, which it reads along with their neighbours.
DQ_INLINE ptrdiff_t next_map(const NormShape &s) { return s.hw < 256 ? 0 : (ptrdiff_t)s.c * s.hw; }

static double image_sum(const float *x, int n) {
  F s = set(0.f);
  over(n, 0, [&](auto ld, auto) { s = add(s, ld(x)); });
  return sum(s);
}

// Sums of (x - center) and its square. Lanes beyond the end must count as center, not as 0: they
// are left to scalars.
static void centered_sums(const float *x, int n, ptrdiff_t ahead, float center, double *s1,
                          double *s2) {
  F a = set(0.f), b = a, c = a, d = a;
  const F m = set(center);
  int i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    prefetch(x + i + ahead, 2 * LANES);
    const F u = sub(load(x + i), m), v = sub(load(x + i + LANES), m);
    a = add(a, u), b = fma(u, u, b), c = add(c, v), d = fma(v, v, d);
  }
  *s1 += sum(add(a, c)), *s2 += sum(add(b, d));
  for (; i < n; i++) {
    const double u = (double)x[i] - center;
    *s1 += u, *s2 += u * u;
  }
}

// y before the residual is fma(x, scale, offset). Both passes take it from the stored mean and
// variance: the backward one then finds where ReLU let a value through without reading y.
struct Affine {
  F scale, offset;
  Affine(float gamma, float beta, float mean, float var) {
    const double k = gamma / std::sqrt((double)var + EPS);
    scale = set((float)k), offset = set((float)(beta - mean * k));
  }
  F operator()(F x) const { return fma(x, scale, offset); }
};

void norm_forward(const NormShape &s, const float *x, const float *gamma, const float *beta,
                  const float *residual, float *y, float *mean, float *var) {
  const ptrdiff_t next = next_map(s);
  parallel(s.c, [&](int, int c) {
    const float center = (float)(image_sum(x + (size_t)c * s.hw, s.hw) / s.hw);
    double s1 = 0, s2 = 0;
    for (int n = 0; n < s.n; n++)
      centered_sums(x + ((size_t)n * s.c + c) * s.hw, s.hw, next, center, &s1, &s2);
    const double count = (double)s.n * s.hw, shift = s1 / count,
                 spread = s2 / count - shift * shift;
    mean[c] = (float)(center + shift);
    var[c] = (float)(spread > 0 ? spread : spread < 0 ? 0 : spread);  // NaN stays
    const Affine normed(gamma[c], beta[c], mean[c], var[c]);
    const F zero = set(0.f);
    for (int n = s.n - 1; n >= 0; n--) {
      const size_t at = ((size_t)n * s.c + c) * s.hw;
      if (residual) {
        over(s.hw, -next, [&](auto ld, auto st) {
          const F v = add(ld(residual + at), normed(ld(x + at)));
          st(y + at, s.relu ? vmax(zero, v) : v);  // this order of vmax keeps NaN
        });
      } else {
        over(s.hw, -next, [&](auto ld, auto st) {
          const F v = normed(ld(x + at));
          st(y + at, s.relu ? vmax(zero, v) : v);
        });
      }
    }
  });
}

// The sums and dx of channel c. d(ld, at): dy behind the ReLU.
template <class Behind>
static void channel_grads(const NormShape &s, int c, const float *x, float gamma, float mean,
                          float var, Behind &&d, float *dx, float *dgamma, float *dbeta,
                          float *dresidual) {
  const F mu = set(mean), zero = set(0.f);
  const ptrdiff_t next = next_map(s);
  double s1 = 0, s2 = 0;
  for (int n = 0; n < s.n; n++) {
    const size_t at = ((size_t)n * s.c + c) * s.hw;
    F a = zero, b = zero;
    over(s.hw, next, [&](auto ld, auto st) {
      const F v = d(ld, at);
      if (dresidual) st(dresidual + at, v);
      a = add(a, v), b = fma(v, sub(ld(x + at), mu), b);  // lanes beyond the end have v = 0
    });
    s1 += sum(a), s2 += sum(b);
  }
  const double count = (double)s.n * s.hw, inv = 1.0 / std::sqrt((double)var + EPS),
               k = gamma * inv;
  *dbeta = (float)s1;
  *dgamma = (float)(s2 * inv);
  // dx = k * d - k * s1 / count - (x - mean) * k * inv^2 * s2 / count
  const F vk = set((float)k), v0 = set((float)(-k * s1 / count)),
          v1 = set((float)(-k * inv * inv * s2 / count));
  for (int n = s.n - 1; n >= 0; n--) {
    const size_t at = ((size_t)n * s.c + c) * s.hw;
    over(s.hw, -next, [&](auto ld, auto st) {
      const F v = dresidual ? ld(dresidual + at) : d(ld, at);
      st(dx + at, fma(vk, v, fma(v1, sub(ld(x + at), mu), v0)));
    });
  }
}

void norm_backward(const NormShape &s, const float *x, const float *gamma, const float *beta,
                   const float *y, const float *mean, const float *var, const float *dy, float *dx,
                   float *dgamma, float *dbeta, float *dresidual) {
  const F zero = set(0.f);
  parallel(s.c, [&](int, int c) {
    const auto grads = [&](auto &&d) {
      channel_grads(s, c, x, gamma[c], mean[c], var[c], d, dx, dgamma + c, dbeta + c, dresidual);
    };
    if (!s.relu) {
      grads([&](auto ld, size_t at) { return ld(dy + at); });
    } else if (dresidual) {
      grads([&](auto ld, size_t at) { return keep_above(ld(dy + at), ld(y + at), zero); });
    } else {
      const Affine normed(gamma[c], beta[c], mean[c], var[c]);
      grads([&](auto ld, size_t at) { return keep_above(ld(dy + at), normed(ld(x + at)), zero); });
    }
  });
}

}  // namespace DQ_NS
