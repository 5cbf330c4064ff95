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
// weight_words.h: weights as kernels multiply them, in words of 4 of a channel, 16 channels side by
// side. Included only by files compiled per instruction set.
#pragma once
#include "engine/tile.h"

namespace DQ_NS {

// Where a channel's 4 weights of a step lie, and which bits of their word are not beyond the end of
// a row of the window.
struct WordPlaces {
  int at[4];
  uint32_t mask;
};

// body(step, places), as the window passes.
template <class Body>
DQ_ALWAYS_INLINE void each_word(const dq::CodeConv &c, const Window &window, const Body &body) {
  const int taps = c.kernel * c.kernel, run = taps / window.rows;  // taps of a row
  for (int row = 0, step = 0; row < window.rows; row++) {
    int tap = row * run, channel = 0;
    for (int word = 0; word < window.words; word++, step++) {
      WordPlaces places = {{}, 0};
      for (int i = 0; i < 4 && tap < (row + 1) * run; i++) {
        places.at[i] = channel * taps + tap;
        places.mask |= 0xFFu << 8 * i;
        if (++channel == c.c_in) channel = 0, tap++;
      }
      body(step, places);
    }
  }
}

// The 16 channels, or what is left of them, of a block of a group.
class WeightBlock {
 public:
  WeightBlock(const dq::CodeConv &c, int group, int block)
      : size_(size_t(c.c_in) * c.kernel * c.kernel) {
    const int first = block * dq::kChannelBlock, left = c.channels() - first;
    weights_ = c.weight + size_t(group * c.channels() + first) * size_;
    count_ = left < dq::kChannelBlock ? left : dq::kChannelBlock;
  }

  // to[lane]: times the sum of the channel's weights; 0 beyond the last channel.
  void sums(int times, int32_t *to) const {
    for (int lane = 0; lane < dq::kChannelBlock; lane++) {
      int32_t total = 0;
      for (size_t i = 0; lane < count_ && i < size_; i++) total += weights_[lane * size_ + i];
      to[lane] = times * total;
    }
  }

  // 4 weights of each channel, the first in the lowest byte; 0 beyond the last channel.
  // Not inlined, as it needs most registers.
  __attribute__((noinline)) void take(const WordPlaces &places,
                                      uint32_t (&words)[dq::kChannelBlock]) const {
    const uint8_t *w = (const uint8_t *)weights_;
    const ptrdiff_t a = places.at[0], b = places.at[1], c = places.at[2], d = places.at[3];
    const uint32_t mask = places.mask;
    int lane = 0;
    for (; lane < count_; lane++, w += size_)
      words[lane] = (w[a] | w[b] << 8 | w[c] << 16 | uint32_t(w[d]) << 24) & mask;
    for (; lane < dq::kChannelBlock; lane++) words[lane] = 0;
  }

 private:
  const int8_t *weights_;
  size_t size_;  // of a channel
  int count_;
};

// What arithmetic A makes of a word of each channel.
template <class A>
DQ_ALWAYS_INLINE void put_words(const uint32_t (&words)[dq::kChannelBlock], uint8_t *to) {
  for (int lane = 0; lane < dq::kChannelBlock; lane++)
    A::put(to, lane, (const int8_t *)&words[lane]);
}

// All words of a block, `apart` words from one to the next.
template <class A>
inline void pack_block(const dq::CodeConv &c, const WeightBlock &weights, int apart, uint8_t *to) {
  each_word(c, Window(c), [&](int step, const WordPlaces &places) {
    uint32_t words[dq::kChannelBlock];
    weights.take(places, words);
    put_words<A>(words, to + size_t(step) * apart * A::WORD_BYTES);
  });
}

}  // namespace DQ_NS
