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

// norm.cc: batch normalisation in training mode, with an activation and a residual:
//   y = act((x - mean) * gamma / sqrt(var + 1e-5) + beta [+ residual]),  var biased, per channel
//   over (n, h, w)
// Both passes go image by image, as the convolutions around them do: a thread finds its part of the
// batch in its own caches, and the second pass begins with what the first one left there last.
// Sums: float over an image, double over images, around the mean of the first image (so that a
// large mean does not cancel).
#include <cmath>

#include "simd/kernels.h"
#include "threads/parallel.h"
#include "conv/planes.h"

namespace DQ_NS {

using dq::Activation;
using dq::NormShape;

constexpr double EPS = 1e-5;
constexpr float SIX = 6.f;

struct Sums {
  double a, b;
};

// fn(load, store) for every vector of n pixels
template <class Body>
DQ_INLINE void over(int n, Body &&fn) {
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    fn([&](const float *p) { return load(p + i); }, [&](float *p, F v) { store(p + i, v); });
  }
  if (i < n) {
    const int rest = n - i;
    fn([&](const float *p) { return load_part(p + i, rest); },
       [&](float *p, F v) { store_part(p + i, rest, v); });
  }
}

// body(map, channel, where the map begins) for every channel of every image. Few images are cut
// into ranges of channels, so that all threads have work.
template <class Body>
static void for_maps(const NormShape &s, bool backwards, Body &&body) {
  const int parts = parts_of(s.n, s.c);
  const auto part = [&](int, int item) {
    const int n = item / parts, p = item % parts;
    for (int c = s.c * p / parts; c < s.c * (p + 1) / parts; c++) {
      body(n * s.c + c, c, ((size_t)n * s.c + c) * s.hw);
    }
  };
  if (backwards)
    parallel_backwards(s.n * parts, part);
  else
    parallel(s.n * parts, part);
}

// body(channel, sums over all images)
template <class Body>
static void for_channels(const NormShape &s, const Sums *sums, Body &&body) {
  constexpr int SIDE_BY_SIDE = 16;  // channels that share lines of memory
  parallel(
      ceil_div(s.c, SIDE_BY_SIDE),
      [&](int, int item) {
        const int first = item * SIDE_BY_SIDE, count = imin(SIDE_BY_SIDE, s.c - first);
        Sums total[SIDE_BY_SIDE] = {};
        for (int n = 0; n < s.n; n++) {
          const Sums *one = sums + n * s.c + first;
          for (int i = 0; i < count; i++) total[i].a += one[i].a, total[i].b += one[i].b;
        }
        for (int i = 0; i < count; i++) body(first + i, total[i]);
      },
      s.n * s.c < (1 << 15));
}

static double mean_of(const float *x, int n) {
  F s = set(0.f);
  over(n, [&](auto ld, auto) { s = add(s, ld(x)); });
  return sum(s) / n;
}

// Sums of (x - center) and its square. Lanes beyond the end count as center, not as 0.
static Sums centered_sums(const float *x, int n, float center) {
  F a = set(0.f), b = a, c = a, d = a;
  const F m = set(center);
  int i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    const F u = sub(load(x + i), m), v = sub(load(x + i + LANES), m);
    a = add(a, u), b = fma(u, u, b), c = add(c, v), d = fma(v, v, d);
  }
  for (; i < n; i += LANES) {
    float centers[LANES];
    store(centers, m);
    const int some = imin(LANES, n - i);
    const F u = sub(load_part(x + i, some), load_part(centers, some));
    a = add(a, u), b = fma(u, u, b);
  }
  return {sum(add(a, c)), sum(add(b, d))};
}

// y before the residual is x * scale + offset. Both passes take it from the stored mean and
// variance: the backward one then finds where a value got through without reading y.
struct Affine {
  float scale, offset;
  F operator()(F x) const { return fma(x, set(scale), set(offset)); }
};

static Affine affine(float gamma, float beta, float mean, float var) {
  const double k = gamma / std::sqrt((double)var + EPS);
  return {(float)k, (float)(beta - mean * k)};
}

DQ_INLINE F activated(Activation activation, F v) {
  if (activation == Activation::kNone) return v;
  const F y = vmax(set(0.f), v);  // this order keeps NaN, here and below
  return activation == Activation::kRelu ? y : vmin(set(SIX), y);
}

// d where the activation lets v through, or, given y, where y lies between its bounds
DQ_INLINE F let_through(Activation activation, F d, F v) {
  const F zero = set(0.f);
  return activation == Activation::kRelu ? keep_above(d, v, zero)
                                         : keep_inside(d, v, zero, set(SIX));
}

void norm_forward(const NormShape &s, const float *x, const float *gamma, const float *beta,
                  const float *residual, float *y, float *mean, float *var) {
  Sums *sums = scratch<Sums>(-1, kSums, (size_t)s.n * s.c);
  float *center = scratch<float>(-1, kPartials, s.c);
  Affine *normed = scratch<Affine>(-1, kScales, s.c);
  parallel(
      s.c, [&](int, int c) { center[c] = (float)mean_of(x + (size_t)c * s.hw, s.hw); },
      s.c * s.hw < (1 << 17));
  for_maps(s, false,
           [&](int map, int c, size_t at) { sums[map] = centered_sums(x + at, s.hw, center[c]); });
  for_channels(s, sums, [&](int c, const Sums &total) {
    const double count = (double)s.n * s.hw, shift = total.a / count;
    const double spread = total.b / count - shift * shift;
    mean[c] = (float)(center[c] + shift);
    var[c] = (float)(spread > 0 ? spread : spread < 0 ? 0 : spread);  // NaN stays
    normed[c] = affine(gamma[c], beta[c], mean[c], var[c]);
  });
  const Activation activation = s.activation;
  for_maps(s, true, [&](int, int c, size_t at) {
    const Affine norm = normed[c];
    if (residual) {
      over(s.hw, [&](auto ld, auto st) {
        st(y + at, activated(activation, add(ld(residual + at), norm(ld(x + at)))));
      });
    } else {
      over(s.hw, [&](auto ld, auto st) { st(y + at, activated(activation, norm(ld(x + at)))); });
    }
  });
}

// dx = k * d + k0 + k1 * (x - mean), d: dy behind the activation
struct Coefficients {
  float k, k0, k1;
};

// d(load, channel, at): dy behind the activation.
template <class Behind>
static void norm_grads(const NormShape &s, const float *x, const float *gamma, const float *mean,
                       const float *var, Behind &&d, float *dx, float *dgamma, float *dbeta,
                       float *dresidual) {
  Sums *sums = scratch<Sums>(-1, kSums, (size_t)s.n * s.c);
  Coefficients *of = scratch<Coefficients>(-1, kPartials, s.c);
  for_maps(s, false, [&](int map, int c, size_t at) {
    const F mu = set(mean[c]);
    F a = set(0.f), b = a;
    over(s.hw, [&](auto ld, auto st) {
      const F v = d(ld, c, at);
      if (dresidual) st(dresidual + at, v);
      a = add(a, v), b = fma(v, sub(ld(x + at), mu), b);  // lanes beyond the end have v = 0
    });
    sums[map] = {sum(a), sum(b)};
  });
  for_channels(s, sums, [&](int c, const Sums &total) {
    const double count = (double)s.n * s.hw, inv = 1.0 / std::sqrt((double)var[c] + EPS);
    const double k = gamma[c] * inv;
    dbeta[c] = (float)total.a;
    dgamma[c] = (float)(total.b * inv);
    of[c] = {(float)k, (float)(-k * total.a / count), (float)(-k * inv * inv * total.b / count)};
  });
  for_maps(s, true, [&](int, int c, size_t at) {
    const F mu = set(mean[c]), k = set(of[c].k), k0 = set(of[c].k0);
    const F k1 = set(of[c].k1);
    over(s.hw, [&](auto ld, auto st) {
      const F v = dresidual ? ld(dresidual + at) : d(ld, c, at);
      st(dx + at, fma(k, v, fma(k1, sub(ld(x + at), mu), k0)));
    });
  });
}

void norm_backward(const NormShape &s, const float *x, const float *gamma, const float *beta,
                   const float *y, const float *mean, const float *var, const float *dy, float *dx,
                   float *dgamma, float *dbeta, float *dresidual) {
  const Activation activation = s.activation;
  const auto grads = [&](auto &&d) {
    norm_grads(s, x, gamma, mean, var, d, dx, dgamma, dbeta, dresidual);
  };
  if (activation == Activation::kNone) {
    grads([&](auto ld, int, size_t at) { return ld(dy + at); });
  } else if (dresidual) {
    grads(
        [&](auto ld, int, size_t at) { return let_through(activation, ld(dy + at), ld(y + at)); });
  } else {
    Affine *normed = scratch<Affine>(-1, kScales, s.c);
    for (int c = 0; c < s.c; c++) normed[c] = affine(gamma[c], beta[c], mean[c], var[c]);
    grads([&](auto ld, int c, size_t at) {
      return let_through(activation, ld(dy + at), normed[c](ld(x + at)));
    });
  }
}

}  // namespace DQ_NS
