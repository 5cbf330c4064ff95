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

// conv_forward.cc: y = conv(Q(x), w), each image with its own quantiser; and the inner products
// <dy, conv(Q_k(x), w_k)>. Images are packed into planes, then blocks of rows go through the offset
// GEMM, one block of outputs after another.
#include "conv/batches.h"
#include "abi/codes.h"
#include "conv/depthwise.h"
#include "conv/weights.h"
#include "conv/winograd.h"

namespace DQ_NS {

// Rows per block: the tile of results stays in the first-level cache, the rows read in the second.
DQ_INLINE int rows_per_block(int row_len, int rows) { return imax(1, imin(rows, 1120 / row_len)); }

struct ForwardBuffers {
  int32_t *planes, *row;
  float *tile;
};

struct ForwardPlan {
  ConvShape s;
  PlaneMap map;
  size_t x_size, planes_size;  // elements per image and, for planes, per image and group
  int group_ic, group_oc, blocks, block_rows, tile_stride;
  int run;  // images that share one pass over the weights
};

static ForwardPlan forward_plan(const ConvShape &s) {
  ForwardPlan f = {};
  f.s = s;
  f.map = input_map(s.h, s.w, s.kh, s.kw, s.stride, s.pad, s.ho, s.wo);
  f.group_ic = s.ic / s.groups, f.group_oc = s.oc / s.groups, f.blocks = (f.group_oc + OB - 1) / OB;
  f.x_size = (size_t)s.ic * s.h * s.w;
  f.planes_size = (size_t)f.group_ic * f.map.channel();
  f.block_rows = rows_per_block(f.map.row_len, s.ho);
  f.tile_stride = round_up(f.block_rows * f.map.row_len, LANES);
  // Weights beyond the second-level cache are worth reading once for several images.
  const size_t weights = (size_t)f.group_oc * f.group_ic * s.kh * s.kw * sizeof(float);
  f.run = weights < (256 << 10) ? 1 : (int)((384 << 10) / (f.planes_size * sizeof(float)));
  f.run = imax(1, imin(f.run, imin(16, s.n / (2 * dq::pool_threads()))));
  return f;
}

// Calls done(image in the run, output, first row, rows, results with row_len per row) for all
// outputs of a group. soon(the same, without results) comes before.
template <class C, class D, int V, class Soon, class Done>
static void convolve(const ForwardPlan &f, const Pack &p, int group, const float *x,
                     const int *image, int images, const ForwardBuffers &buf, Soon &&soon,
                     Done &&done) {
  const ConvShape &s = f.s;
  for (int m = 0; m < images; m++) {
    const float *src = x + image[m] * f.x_size + (size_t)group * f.group_ic * s.h * s.w;
    pack_planes<C>(src, f.group_ic, f.map, buf.planes + m * f.planes_size, buf.row, p.q);
  }
  for (int h = 0; h < s.ho; h += f.block_rows) {
    const int rows = imin(f.block_rows, s.ho - h), pixels = (rows - 1) * f.map.row_len + s.wo;
    for (int b = 0; b < f.blocks; b++) {
      const int32_t *w = p.w + (size_t)(group * f.blocks + b) * p.depth * OB * D::WORDS;
      const int outputs = imin(OB, f.group_oc - b * OB), first = group * f.group_oc + b * OB;
      for (int m = 0; m < images; m++) {
        const int32_t *base = buf.planes + m * f.planes_size + h * f.map.row_len;
        for (int o = 0; o < outputs; o++) soon(m, first + o, h, rows);
        if (outputs == 1) {
          gemm_block<D, V, 1>(base, p.offset, p.depth, p.chunk, w, buf.tile, f.tile_stride, pixels);
        } else {
          gemm_block<D, V, OB>(base, p.offset, p.depth, p.chunk, w, buf.tile, f.tile_stride,
                               pixels);
        }
        for (int o = 0; o < outputs; o++)
          done(m, first + o, h, rows, buf.tile + (size_t)o * f.tile_stride);
      }
    }
  }
}

template <class Soon, class Done>
static void convolve_run(const ForwardPlan &f, const Pack &p, const float *x, const int *image,
                         int images, const ForwardBuffers &buf, Soon &&soon, Done &&done) {
  for (int g = 0; g < f.s.groups; g++) {
    if (p.mode == kRaw)
      convolve<RawFloat, DotFloat, GEMM_V>(f, p, g, x, image, images, buf, soon, done);
    if (p.mode == kReal || p.mode == kExact) {
      convolve<CodeFloat, DotFloat, GEMM_V>(f, p, g, x, image, images, buf, soon, done);
    }
#if DQ_HAS_BYTES
    if (p.mode == kBytes)
      convolve<CodeBytes, DotBytes, BYTE_V>(f, p, g, x, image, images, buf, soon, done);
#else
    if (p.mode == kInt32)
      convolve<CodeInt, DotInt32, BYTE_V>(f, p, g, x, image, images, buf, soon, done);
#endif
#if DQ_HAS_WIDE
    if (p.mode == kWide)
      convolve<CodeBytes, DotWide, BYTE_V>(f, p, g, x, image, images, buf, soon, done);
#endif
  }
}

// Per thread: planes (zeroed at first use in a kernel), a row, a tile.
class ForwardScratch {
 public:
  explicit ForwardScratch(const ForwardPlan &f)
      : size_(f.run * f.planes_size + 8 * LANES),
        fresh_(scratch<char>(-1, kFresh, dq::pool_threads())),
        table_(scratch<ForwardBuffers>(-1, kTable, dq::pool_threads())) {
    for (int t = 0; t < dq::pool_threads(); t++) {
      fresh_[t] = 1;
      table_[t] = {scratch<int32_t>(t, kPlanes, size_),
                   scratch<int32_t>(t, kRow, f.s.w + 2 * LANES),
                   scratch<float>(t, kTile, (size_t)OB * f.tile_stride)};
    }
  }
  const ForwardBuffers &get(int thread) {
    if (fresh_[thread]) memset(table_[thread].planes, 0, size_ * sizeof(int32_t));
    fresh_[thread] = 0;
    return table_[thread];
  }

 private:
  size_t size_;
  char *fresh_;
  ForwardBuffers *table_;
};

static void store_scaled(const float *src, int row_len, int rows, int cols, float scale,
                         float *dst) {
  const F k = set(scale);
  if (row_len == cols) cols *= rows, rows = 1;
  for (int r = 0; r < rows; r++, src += row_len, dst += cols) {
    int i = 0;
    for (; i + LANES <= cols; i += LANES) store(dst + i, mul(load(src + i), k));
    if (i < cols) store_part(dst + i, cols - i, mul(load_part(src + i, cols - i), k));
  }
}

static double dot_rows(const float *src, int row_len, int rows, int cols, const float *other) {
  F a = set(0.f), b = set(0.f);
  if (row_len == cols) cols *= rows, rows = 1;
  for (int r = 0; r < rows; r++, src += row_len, other += cols) {
    int i = 0;
    for (; i + 2 * LANES <= cols; i += 2 * LANES) {
      a = fma(load(src + i), load(other + i), a);
      b = fma(load(src + i + LANES), load(other + i + LANES), b);
    }
    for (; i + LANES <= cols; i += LANES) a = fma(load(src + i), load(other + i), a);
    if (i < cols) a = fma(load_part(src + i, cols - i), load_part(other + i, cols - i), a);
  }
  return sum(add(a, b));
}

static int winograd_forward(const ConvShape &s, const float *w, const float *x, float *y) {
  // Small images share a pass (64 tiles fill the GEMM's vectors), as long as each thread has two.
  const int enough = 4 * 64 / (s.ho * s.wo), most = s.n / (2 * dq::pool_threads());
  const Winograd g = winograd(s, imax(1, imin(enough, most)), false);
  float *weights = scratch<float>(-1, kPackedWeights, g.weights());
  winograd_weights(g, w, weights);
  const WinogradBuffers *buffers = winograd_buffers(g);
  const Runs runs = make_runs(s.n, nullptr, 0, g.tiles.images);
  const size_t plane = (size_t)s.ho * s.wo;
  parallel(runs.count, [&](int thread, int item) {
    const int n = runs.run[item].first;
    const auto out = [&](int m, int o, int h) {
      return y + ((size_t)(n + m) * s.oc + o) * plane + (size_t)h * s.wo;
    };
    winograd_pass(
        g, buffers[thread], weights, runs.run[item].count,
        [&](int m) { return x + (size_t)(n + m) * s.ic * s.h * s.w; },
        [&](int m, int first, int outputs, int h, int rows) {
          for (int o = 0; o < outputs; o++)
            prefetch_for_writing(out(m, first + o, h), (size_t)rows * s.wo);
        },
        [&](int m, int first, int outputs, int h, int rows, auto &&row) {
          for (int o = 0; o < outputs; o++) {
            for (int r = 0; r < rows; r++)
              store_scaled(row(o, r), s.wo, 1, s.wo, 1.f, out(m, first + o, h + r));
          }
        });
  });
  return dq::kOk;
}

int conv_forward(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                 float *y) {
  if (is_depthwise(s)) return depthwise_forward(s, q, x, choice, y);
  if (!q.count && winograd_fits(s)) return winograd_forward(s, q.w, x, y);
  const ForwardPlan f = forward_plan(s);
  Pack *packs = scratch<Pack>(-1, kPacks, imax(q.count, 1));
  if (const int code = prepare_weights(s, q, f.map, packs)) return code;
  ForwardScratch buffers(f);
  const Runs runs = make_runs(s.n, choice, q.count, f.run);
  const size_t plane = (size_t)s.ho * s.wo;
  parallel(runs.count, [&](int thread, int item) {
    const Run &run = runs.run[item];
    const Pack &p = packs[run.k];
    const int *image = runs.order + run.first;
    const auto out = [&](int m, int o, int h) {
      return y + ((size_t)image[m] * s.oc + o) * plane + (size_t)h * s.wo;
    };
    convolve_run(
        f, p, x, image, run.count, buffers.get(thread),
        [&](int m, int o, int h, int rows) {
          prefetch_for_writing(out(m, o, h), (size_t)rows * s.wo);
        },
        [&](int m, int o, int h, int rows, const float *r) {
          store_scaled(r, f.map.row_len, rows, s.wo, p.scale[o], out(m, o, h));
        });
  });
  return dq::kOk;
}

int conv_inner(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
               const float *y, const float *dy, float *ip) {
  if (is_depthwise(s)) return depthwise_inner(s, q, x, choice, y, dy, ip);
  ForwardPlan f = forward_plan(s);
  f.run = 1;
  Pack *packs = scratch<Pack>(-1, kPacks, q.count);
  if (const int code = prepare_weights(s, q, f.map, packs)) return code;
  ForwardScratch buffers(f);
  const size_t plane = (size_t)s.ho * s.wo, y_size = plane * s.oc;
  parallel(s.n, [&](int thread, int n) {
    const float *grad = dy + n * y_size;
    for (int k = 0; k < q.count; k++) {
      double total = 0;
      if (k == choice[n]) {
        for (int o = 0; o < s.oc; o++)
          total += dot_rows(y + n * y_size + o * plane, s.wo, s.ho, s.wo, grad + o * plane);
      } else {
        const Pack &p = packs[k];
        convolve_run(
            f, p, x, &n, 1, buffers.get(thread), [](int, int, int, int) {},
            [&](int, int o, int h, int rows, const float *r) {
              const float *g = grad + o * plane + (size_t)h * s.wo;
              total += p.scale[o] * dot_rows(r, f.map.row_len, rows, s.wo, g);
            });
      }
      ip[n * q.count + k] = (float)total;
    }
  });
  return dq::kOk;
}

}  // namespace DQ_NS
