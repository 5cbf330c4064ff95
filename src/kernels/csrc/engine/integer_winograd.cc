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
// integer_winograd.cc: Winograd's algorithm in integers, compiled once per instruction set, for 3x3
// convolutions with stride 1. Of few bits, codes and weights still fit a byte after their
// transforms, so that the products are those of any other convolution of codes; of 8 bits, they fit
// 16. The sums, a known multiple of the results modulo 2^32, are exact.
//
// A tile is Y::RESULTS x X::RESULTS pixels of the result. Tiles are transformed in blocks that stay
// in the second-level cache; then, for two blocks of 16 channels and a few tiles at a time, each
// position of the transform is a product of matrices, and the sums of all positions become pixels.
//
// Packed: a header (steps of a chunk of 16-bit sums), what is added to the results of a tile
// [block][result][16] (what `zero`, the offset that keeps transformed codes positive, and the
// arithmetic add is taken off), then weights [blocks, one or two][position][words][block][16][of a
// word].
#include "engine/integer_winograd.h"

#include <cstdlib>

#include "engine/tile.h"
#include "engine/winograd_points.h"

namespace DQ_NS {

using namespace dq;

namespace {

constexpr size_t kHeaderBytes = 64;
constexpr int kBytes = 4 * LANES;                // of a register
constexpr size_t kTransformedBytes = 128 << 10;  // of a block of tiles

// What a row of CODES makes of codes from 0 to 1: from -below to above.
struct RowRange {
  int below = 0, above = 0;
  template <int N>
  constexpr explicit RowRange(const int (&row)[N]) {
    for (int v : row) (v < 0 ? below : above) += v < 0 ? -v : v;
  }
};

// A transformed code: value + offset, where value is a sum of codes up to `top`.
struct Position {
  int total, below, above;  // of the weights that codes have in it
  constexpr Position(const RowRange &y, const RowRange &x)
      : total((y.above - y.below) * (x.above - x.below)),
        below(y.above * x.below + y.below * x.above),
        above(y.above * x.above + y.below * x.below) {}
};

int smaller(int a, int b) { return a < b ? a : b; }

// n, rounded up to a multiple of `grain`.
int whole(int n, int grain) { return (n + grain - 1) / grain * grain; }

template <class T, int N>
struct VectorOf {
  typedef T Type __attribute__((vector_size(N * sizeof(T))));
};
template <class T, int N>
using Vector = typename VectorOf<T, N>::Type;

// How transformed codes and weights are held and multiplied: as bytes, codes with an offset that
// keeps them positive ...
template <class P>
struct InBytes {
  using Code = uint8_t;
  using Weight = int8_t;
  using Products = P;
  static constexpr int SUBTRACTED = P::SUBTRACTED;
  static constexpr int FEWEST = 32;  // channels; with fewer, transforms take longer than they save
  static int offset(const Position &at, int top) { return at.below * top; }
  static int largest(const Position &at, int top) { return (at.below + at.above) * top; }
  static bool fits(int code, int weight) {
    return code <= UINT8_MAX && weight <= INT8_MAX && P::fits(code, -weight, weight);
  }
};

// ... or in 16 bits as they are.
struct InShorts {
  using Code = int16_t;
  using Weight = int16_t;
  using Products = PieceDot;
  static constexpr int SUBTRACTED = 0;
  static constexpr int FEWEST = 8;
  static int offset(const Position &, int) { return 0; }
  static int largest(const Position &at, int top) {
    return (at.below > at.above ? at.below : at.above) * top;
  }
  static bool fits(int code, int weight) { return code <= INT16_MAX && weight <= INT16_MAX; }
};

constexpr int power_of_two_in(int n) { return n % 2 ? 0 : 1 + power_of_two_in(n / 2); }

// Of an odd number, modulo 2^32: every step doubles the bits that are right, of which n has 3.
constexpr uint32_t inverse_of(uint32_t n) {
  uint32_t inverse = n;
  for (int i = 0; i < 4; i++) inverse *= 2 - n * inverse;
  return inverse;
}

template <class Y, class X, class A>
struct Winograd {
  using Code = typename A::Code;
  using Weight = typename A::Weight;
  using Products = typename A::Products;
  static constexpr int POINTS = Y::POINTS * X::POINTS, RESULTS = Y::RESULTS * X::RESULTS;
  static constexpr int SCALE = Y::SCALE * X::SCALE;
  static constexpr int WORD = 4 / sizeof(Code);       // channels of the input in a word
  static constexpr int LANE = kBytes / sizeof(Code);  // transformed at once
  static constexpr int TILES = Dot::PIXELS2;          // whose products are made at once, or:
  static constexpr int TILES_OF_7 = Dot::PIXELS2_OF_7;
  static constexpr int TOGETHER = 8;  // at most, with the same weights
  static constexpr int ROW = TOGETHER * X::RESULTS * kChannelBlock;  // of results of these
  static constexpr int SHIFT = power_of_two_in(SCALE);
  static constexpr uint32_t INVERSE = inverse_of(SCALE >> SHIFT);
  static_assert(uint32_t(SCALE >> SHIFT) * INVERSE == 1);

  static Position position(int p) {
    return {RowRange(Y::CODES[p / X::POINTS]), RowRange(X::CODES[p % X::POINTS])};
  }

  // The transform of 3x3 weights, of anything with + and *.
  template <class V>
  DQ_INLINE void transform_weights(const V (&w)[9], V (&u)[POINTS]) {
    V half[3][X::POINTS];
    DQ_UNROLL
    for (int r = 0; r < 3; r++) {
      DQ_UNROLL
      for (int j = 0; j < X::POINTS; j++) {
        const int (&row)[3] = X::WEIGHTS[j];
        half[r][j] = w[3 * r] * int16_t(row[0]) + w[3 * r + 1] * int16_t(row[1]) +
                     w[3 * r + 2] * int16_t(row[2]);
      }
    }
    DQ_UNROLL
    for (int i = 0; i < Y::POINTS; i++) {
      DQ_UNROLL
      for (int j = 0; j < X::POINTS; j++) {
        const int (&column)[3] = Y::WEIGHTS[i];
        u[i * X::POINTS + j] = half[0][j] * int16_t(column[0]) + half[1][j] * int16_t(column[1]) +
                               half[2][j] * int16_t(column[2]);
      }
    }
  }

  // What transformed weights cannot pass, whatever the 9 of a filter are.
  static constexpr int most_of(const int (*rows)[3], int count) {
    int most = 0;
    for (int i = 0; i < count; i++) {
      int total = 0;
      for (int v : rows[i]) total += v < 0 ? -v : v;
      most = total > most ? total : most;
    }
    return most;
  }
  static constexpr int GROWTH = most_of(Y::WEIGHTS, Y::POINTS) * most_of(X::WEIGHTS, X::POINTS);

  // The largest transformed weight if its bound is not good enough, or the first that does not fit.
  static int largest_weight(const CodeConv &c, int code) {
    const WeightRange range(c);
    const int bound = (-range.least > range.most ? -range.least : range.most) * GROWTH;
    if (A::fits(code, bound)) return bound;
    const size_t filters = size_t(c.c_out) * c.c_in;
    int largest = 0;
    for (size_t f = 0; f < filters && A::fits(code, largest); f++) {
      int w[9], u[POINTS];
      for (int tap = 0; tap < 9; tap++) w[tap] = c.weight[9 * f + tap];
      transform_weights(w, u);
      for (int v : u) largest = std::abs(v) > largest ? std::abs(v) : largest;
    }
    return largest;
  }

  // What no result can pass.
  static int64_t largest_result(const CodeConv &c) {
    const size_t size = size_t(9) * c.c_in;
    int64_t largest = 0;
    for (int o = 0; o < c.c_out; o++) {
      int64_t total = 0;
      for (size_t i = 0; i < size; i++) total += std::abs(int(c.weight[o * size + i]));
      largest = total > largest ? total : largest;
    }
    return largest * c.top();
  }

  // Tiles of a convolution, and the order of what is made of them.
  struct Layout {
    int rows, columns, words;  // tiles; words of a tile's codes
    size_t lane, tile;         // codes that are transformed at once; a tile's codes
    int together;              // tiles that are multiplied by the same weights
    int block;                 // tiles that are transformed before they are used
    int room;                  // the most that `block` is with as many rows or fewer (pooled.cc)
    Code offset[POINTS];
    explicit Layout(const CodeConv &c)
        : rows((c.ho + Y::RESULTS - 1) / Y::RESULTS),
          columns((c.wo + X::RESULTS - 1) / X::RESULTS),
          words((c.c_in + WORD - 1) / WORD),
          lane(c.c_in % LANE == 0              ? LANE
               : c.c_in % 32 == 0 && LANE > 32 ? 32
                                               : 16),
          tile((c.c_in + lane - 1) / lane * lane) {
      const int most = int(kTransformedBytes / (POINTS * tile * sizeof(Code)));
      const int all = rows * columns;
      const bool leaves = TILES == TOGETHER && whole(all, TILES_OF_7) < whole(all, TOGETHER);
      together = leaves ? TILES_OF_7 : TOGETHER;
      const int held = most < 1 ? 1 : smaller(most, all);
      block = whole(held, together);
      room = whole(held, TOGETHER);
      if (TILES == TOGETHER && room < whole(held, TILES_OF_7)) room = whole(held, TILES_OF_7);
      for (int p = 0; p < POINTS; p++) offset[p] = Code(A::offset(position(p), c.top()));
    }
    // From position to position: no multiple of a page, or all of a tile's would share one set of
    // lines of the first-level cache.
    size_t next() const { return next_of(block); }
    size_t next_of(int tiles) const { return size_t(tiles) * tile + 64 / sizeof(Code); }
    size_t codes() const { return POINTS * next() * sizeof(Code); }
    size_t most_codes() const { return POINTS * next_of(room) * sizeof(Code); }
    size_t sums() const { return size_t(POINTS) * TOGETHER * 2 * kChannelBlock * sizeof(int32_t); }
  };

  static int largest_code(const CodeConv &c) {
    int code = 0;
    for (int p = 0; p < POINTS; p++) {
      const int largest = A::largest(position(p), c.top());
      code = largest > code ? largest : code;
    }
    return code;
  }

  static bool can(const CodeConv &c) {
    if (c.kernel != 3 || c.stride != 1 || c.groups != 1 || c.c_in < A::FEWEST) return false;
    const int code = largest_code(c);
    return A::fits(code, 0) && A::fits(code, largest_weight(c, code)) &&
           largest_result(c) << SHIFT <= INT32_MAX;
  }

  // The results of a tile, SCALE times too large, from its sums get(position).
  template <class V, class Get>
  DQ_INLINE void results_of(const Get &get, V (&results)[RESULTS]) {
    V half[Y::RESULTS][X::POINTS];
    DQ_UNROLL
    for (int j = 0; j < X::POINTS; j++) {
      V s[Y::POINTS], y[Y::RESULTS];
      DQ_UNROLL
      for (int i = 0; i < Y::POINTS; i++) s[i] = get(i * X::POINTS + j);
      Y::sums(s, y);
      DQ_UNROLL
      for (int i = 0; i < Y::RESULTS; i++) half[i][j] = y[i];
    }
    DQ_UNROLL
    for (int i = 0; i < Y::RESULTS; i++) {
      V y[X::RESULTS];
      X::sums(half[i], y);
      DQ_UNROLL
      for (int j = 0; j < X::RESULTS; j++) results[i * X::RESULTS + j] = y[j];
    }
  }

  static size_t start_bytes(const CodeConv &c) {
    return size_t(c.blocks()) * RESULTS * kChannelBlock * sizeof(int32_t);
  }

  static size_t packed_bytes(const CodeConv &c) {
    const size_t words = size_t(c.blocks()) * POINTS * Layout(c).words;
    return kHeaderBytes + start_bytes(c) + words * Products::WORD_BYTES;
  }

  // Transformed weights of a word, [position][lane][channel of the input].
  static void transform_word(const CodeConv &c, int block, int word,
                             Weight (&out)[POINTS][WORD * kChannelBlock]) {
    constexpr int STEP = kBytes / sizeof(int16_t);
    using V = Vector<int16_t, STEP>;
    alignas(64) int16_t w[9][WORD * kChannelBlock] = {};
    const int lanes = smaller(kChannelBlock, c.c_out - block * kChannelBlock);
    const int in = smaller(WORD, c.c_in - WORD * word);
    for (int lane = 0; lane < lanes; lane++) {
      const int8_t *filter =
          c.weight + 9 * (size_t(block * kChannelBlock + lane) * c.c_in + WORD * word);
      for (int i = 0; i < in; i++, filter += 9)
        for (int tap = 0; tap < 9; tap++) w[tap][WORD * lane + i] = filter[tap];
    }
    for (int at = 0; at < WORD * kChannelBlock; at += STEP) {
      V taps[9], u[POINTS];
      for (int tap = 0; tap < 9; tap++) std::memcpy(&taps[tap], w[tap] + at, kBytes);
      transform_weights(taps, u);
      for (int p = 0; p < POINTS; p++) {
        const auto fitting = __builtin_convertvector(u[p], Vector<Weight, STEP>);
        std::memcpy(out[p] + at, &fitting, sizeof(fitting));
      }
    }
  }

  static void pack(const CodeConv &c, void *packed) {
    std::memset(packed, 0, kHeaderBytes + start_bytes(c));
    if constexpr (Products::CHUNKED) {
      const int code = largest_code(c), weight = largest_weight(c, code);
      *(int32_t *)packed = Products::chunk(code, -weight, weight);
    }
    int32_t *start = (int32_t *)((uint8_t *)packed + kHeaderBytes);
    uint8_t *words = (uint8_t *)start + start_bytes(c);
    const int in = Layout(c).words;
    for (int block = 0; block < c.blocks(); block++) {
      const bool paired = is_paired(c, block);
      const int apart = paired ? 2 : 1, which = paired ? block & 1 : 0;
      const size_t first = size_t(block - which) * POINTS;
      for (int word = 0; word < in; word++) {
        Weight u[POINTS][WORD * kChannelBlock];
        transform_word(c, block, word, u);
        for (int p = 0; p < POINTS; p++) {
          const size_t at = (first + p * apart) * in + word * apart + which;
          uint8_t *to = words + at * Products::WORD_BYTES;
          for (int lane = 0; lane < kChannelBlock; lane++)
            Products::put(to, lane, u[p] + WORD * lane);
        }
      }
      for (int lane = 0; lane < kChannelBlock; lane++) {
        const int o = block * kChannelBlock + lane;
        if (o == c.c_out) break;
        const int8_t *w = c.weight + 9 * size_t(o) * c.c_in;
        // The sum of transforms is the transform of the sum, and all of it counts modulo 2^32.
        int taps[9] = {}, total[POINTS];
        for (int i = 0; i < 9 * c.c_in; i += 9)
          for (int tap = 0; tap < 9; tap++) taps[tap] += w[i + tap];
        transform_weights(taps, total);
        uint32_t sums[POINTS], results[RESULTS];
        for (int p = 0; p < POINTS; p++) {
          const Position at = position(p);
          const int added = A::offset(at, c.top()) + at.total * c.zero();
          sums[p] = uint32_t(A::SUBTRACTED - added) * uint32_t(total[p]);
        }
        results_of([&](int p) { return sums[p]; }, results);
        for (int r = 0; r < RESULTS; r++)
          start[(block * RESULTS + r) * kChannelBlock + lane] = int32_t(results[r]);
      }
    }
  }

  // Weights are more than those of direct sums. With AVX-512, where products take little time, they
  // have to be read often, or be near: in 16 bits, which save half as many products, in the
  // second-level cache, with many channels for each transform.
  static bool suits([[maybe_unused]] const CodeConv &c) {
#if defined(DQ_ISA_AVX512)
    const size_t bytes = packed_bytes(c);
    if (sizeof(Code) > 1) return c.c_in >= 128 && bytes <= (1280 << 10);
    const Layout l(c);
    return bytes <= (1 << 20) || l.rows * l.columns > l.together;
#else
    return true;
#endif
  }

  static size_t scratch_bytes(const CodeConv &c) {
    const Layout l(c);
    return l.most_codes() + l.sums() + Y::RESULTS * ROW * sizeof(int32_t);
  }

  // The codes of a tile that begins at (y, x) of the border, position after position. What lies
  // beyond the border counts only in results that are thrown away, but has to be a code: the
  // nearest is taken.
  template <int N>
  static void transform_codes(const CodeTensor &from, const Layout &l, int y, int x, Code *to) {
    using V = Vector<Code, N>;
    constexpr int H = Y::RESULTS + 2, W = X::RESULTS + 2;
    const int last_row = from.h + 2 * from.border - 1, last = from.w + 2 * from.border - 1;
    const uint8_t *row[H];
    ptrdiff_t column[W];
    for (int i = 0; i < H; i++) row[i] = from.begin() + from.row() * smaller(y + i, last_row);
    for (int j = 0; j < W; j++) column[j] = ptrdiff_t(smaller(x + j, last)) * from.c;
    for (size_t c = 0; c < l.tile; c += N) {
      V half[Y::POINTS][W];
      DQ_UNROLL
      for (int j = 0; j < W; j++) {
        V codes[H], t[Y::POINTS];
        DQ_UNROLL
        for (int i = 0; i < H; i++) {
          Vector<uint8_t, N> bytes;
          std::memcpy(&bytes, row[i] + column[j] + c, N);
          codes[i] = __builtin_convertvector(bytes, V);
        }
        Y::codes(codes, t);
        DQ_UNROLL
        for (int i = 0; i < Y::POINTS; i++) half[i][j] = t[i];
      }
      DQ_UNROLL
      for (int i = 0; i < Y::POINTS; i++) {
        V t[X::POINTS];
        X::codes(half[i], t);
        DQ_UNROLL
        for (int j = 0; j < X::POINTS; j++) {
          const int p = i * X::POINTS + j;
          t[j] += l.offset[p];
          std::memcpy(to + p * l.next() + c, &t[j], sizeof(V));
        }
      }
    }
  }

  static void transform_block(const ConvJob &job, const Layout &l, int first, int last,
                              Code *codes) {
    for (int t = first; t < last; t++, codes += l.tile) {
      const int y = t / l.columns * Y::RESULTS, x = t % l.columns * X::RESULTS;
      if (l.lane == size_t(LANE)) {
        transform_codes<LANE>(job.x, l, y, x, codes);
      } else if (l.lane == 32) {
        transform_codes<32>(job.x, l, y, x, codes);
      } else {
        transform_codes<16>(job.x, l, y, x, codes);
      }
    }
  }

  // Products of Tiles tiles, Blocks blocks of channels, at a position: sums [tile][block][16].
  template <int Tiles, int Blocks>
  DQ_INLINE void products(const Layout &l, int chunk, const Code *codes, const uint8_t *w,
                          const Stream &stream, int32_t *sums) {
    const uint8_t *first = (const uint8_t *)codes;
    const ptrdiff_t step = ptrdiff_t(l.tile * sizeof(Code));
    Sums s[Tiles][Blocks];
    if constexpr (Products::CHUNKED) {
      alignas(64) static constexpr int32_t kZeros[Blocks * kChannelBlock] = {};
      const uint8_t *x[Tiles];
      DQ_UNROLL
      for (int t = 0; t < Tiles; t++) x[t] = first + t * step;
      Window window(1, l.words);
      window.chunk = chunk;
      sum_up<Products, Tiles, Blocks>(x, window, 0, 1, 0, kZeros, w, stream, s);
    } else {
      DQ_UNROLL
      for (int t = 0; t < Tiles; t++) {
        DQ_UNROLL
        for (int b = 0; b < Blocks; b++) s[t][b] = Sums();
      }
      pass_words<Products>(Apart{first, step}, l.words, w, stream, s);
    }
    DQ_UNROLL
    for (int t = 0; t < Tiles; t++) {
      DQ_UNROLL
      for (int b = 0; b < Blocks; b++) store_sums(sums + (t * Blocks + b) * kChannelBlock, s[t][b]);
    }
  }

  // Of up to l.together tiles, at all positions: sums [position][tile][block][16].
  template <int Tiles, int Blocks>
  DQ_NOINLINE void all_products(const Layout &l, int chunk, int tiles, const Code *codes,
                                const uint8_t *w, Stream stream, int32_t *sums) {
    const int last = 2 * Tiles > TOGETHER ? 1 : tiles;  // gcc 12 makes a slow loop of a single pass
    for (int p = 0; p < POINTS; p++) {
      for (int t = 0; t < last; t += Tiles)
        products<Tiles, Blocks>(l, chunk, codes + t * l.tile, w, stream,
                                sums + t * Blocks * kChannelBlock);
      codes += l.next();
      w += size_t(l.words) * Blocks * Products::WORD_BYTES;
      stream.pass(l.words);
      sums += TOGETHER * Blocks * kChannelBlock;
    }
  }

  // Results of a tile and a block of channels, [RESULTS][ROW / 16][16], from its sums, `next` from
  // position to position.
  DQ_INLINE void transform_sums(const int32_t *sums, size_t next, const int32_t *start,
                                int32_t *results) {
    using V = Vector<uint32_t, LANES>;
    const auto load = [](const int32_t *from) {
      V v;
      std::memcpy(&v, from, kBytes);
      return v;
    };
    for (int lane = 0; lane < kChannelBlock; lane += LANES) {
      V y[RESULTS];
      results_of([&](int p) { return load(sums + p * next + lane); }, y);
      DQ_UNROLL
      for (int r = 0; r < RESULTS; r++) {
        const V sum = (y[r] + load(start + r * kChannelBlock + lane)) * INVERSE;
        const auto exact = Vector<int32_t, LANES>(sum) >> SHIFT;
        int32_t *to = results + r / X::RESULTS * ROW + r % X::RESULTS * kChannelBlock;
        std::memcpy(to + lane, &exact, kBytes);
      }
    }
  }

  // Tiles [first, last), those of a row of tiles at once: their pixels are neighbours.
  template <int Blocks>
  DQ_NOINLINE void finish_tiles(const ConvJob &job, const Layout &l, int block, int first, int last,
                                const int32_t *start, const int32_t *sums, int32_t *results) {
    const CodeConv &c = job.conv;
    for (int t = first, tiles; t < last; t += tiles) {
      const int y = t / l.columns * Y::RESULTS, x = t % l.columns * X::RESULTS;
      tiles = smaller(last - t, l.columns - t % l.columns);
      const int height = smaller(c.ho - y, Y::RESULTS);
      const int width = smaller(c.wo - x, tiles * X::RESULTS);
      for (int b = 0; b < Blocks; b++) {
        for (int i = 0; i < tiles; i++)
          transform_sums(sums + (i * Blocks + b) * kChannelBlock, TOGETHER * Blocks * kChannelBlock,
                         start + b * RESULTS * kChannelBlock,
                         results + i * X::RESULTS * kChannelBlock);
        const int channel = (block + b) * kChannelBlock;
        const int count = smaller(c.c_out - channel, kChannelBlock);
        for (int i = 0; i < height; i++)
          finish_run(job.finish, results + i * ROW, kChannelBlock,
                     {block + b, channel, count, y + i, x, c.wo, width});
      }
      sums += tiles * Blocks * kChannelBlock;
    }
  }

  // Tiles [first, last), whose codes are transformed, for `Blocks` blocks of channels. Meanwhile
  // the weights of the next ones come nearer.
  template <int Tiles, int Blocks>
  static void strip(const ConvJob &job, const Layout &l, int block, int first, int last,
                    const Code *codes, int32_t *sums, int32_t *results) {
    constexpr int WORD = Blocks * Products::WORD_BYTES;
    const uint8_t *header = (const uint8_t *)job.packed, *starts = header + kHeaderBytes;
    const int32_t *start = (const int32_t *)starts + size_t(block) * RESULTS * kChannelBlock;
    const size_t steps = size_t(POINTS) * l.words;
    const uint8_t *w = starts + start_bytes(job.conv) + block * steps * Products::WORD_BYTES;
    Stream stream(packed_bytes(job.conv), w + steps * WORD, WORD,
                  whole(last - first, l.together) / l.together);
    for (int t = first; t < last; t += l.together, codes += l.together * l.tile) {
      const int end = smaller(t + l.together, last);
      all_products<Tiles, Blocks>(l, *(const int32_t *)header, end - t, codes, w, stream, sums);
      finish_tiles<Blocks>(job, l, block, t, end, start, sums, results);
      stream.pass(steps);
    }
  }

  template <int Blocks>
  static void strip(const ConvJob &job, const Layout &l, int block, int first, int last,
                    const Code *codes, int32_t *sums, int32_t *results) {
    if (l.together == TILES_OF_7)
      return strip<TILES_OF_7, Blocks>(job, l, block, first, last, codes, sums, results);
    strip<TILES, Blocks>(job, l, block, first, last, codes, sums, results);
  }

  static void run(const ConvJob &job, int part, int parts, void *scratch) {
    const CodeConv &c = job.conv;
    const Layout l(c);
    Code *codes = (Code *)scratch;
    int32_t *sums = (int32_t *)((uint8_t *)scratch + l.codes());
    int32_t *results = (int32_t *)((uint8_t *)sums + l.sums());
    const int tiles = l.rows * l.columns, pairs = (c.blocks() + 1) / 2;
    // Few tiles do not share out well; channels do, but each part transforms all tiles then.
    const bool by_channel = pairs >= parts && tiles < 4 * TILES * parts;
    const Share channels(pairs, 1, by_channel ? part : 0, by_channel ? parts : 1);
    const Share area(tiles, l.together, by_channel ? 0 : part, by_channel ? 1 : parts);
    if (channels.first == channels.last) return;
    for (int first = area.first; first < area.last; first += l.block) {
      const int last = smaller(first + l.block, area.last);
      transform_block(job, l, first, last, codes);
      for (int pair = channels.first; pair < channels.last; pair++) {
        if (is_paired(c, 2 * pair)) {
          strip<2>(job, l, 2 * pair, first, last, codes, sums, results);
        } else {
          strip<1>(job, l, 2 * pair, first, last, codes, sums, results);
        }
      }
    }
  }

  static constexpr ConvKernel kernel(const char *name) {
    return {name, can, packed_bytes, pack, scratch_bytes, run, suits};
  }
};

#if defined(DQ_ISA_AVX2)
// Faster than F(4x4) in 16 bits only if at least four steps add to 16-bit sums before these are
// widened: with weights and codes of 2 bits.
struct DotOf2x4 : DotChunks {
  static bool fits(int code, int least, int most) { return chunk(code, least, most) >= 4; }
};
#else
using DotOf2x4 = Dot;
#endif

}  // namespace

extern const ConvKernel kWinograd2x2, kWinograd2x4;
const ConvKernel kWinograd2x2 = Winograd<F2, F2, InBytes<Dot>>::kernel("winograd 2x2");
const ConvKernel kWinograd2x4 = Winograd<F2, F4, InBytes<DotOf2x4>>::kernel("winograd 2x4");

#if defined(DQ_ISA_AVX512) || defined(DQ_ISA_AVX2)
extern const ConvKernel kWinograd4x4;
const ConvKernel kWinograd4x4 = Winograd<F4, F4, InShorts>::kernel("winograd 4x4");
#endif

}  // namespace DQ_NS
