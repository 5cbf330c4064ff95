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
// engine.h: runs a checked program. Weights are kept packed at every width that was asked for, so
// that a change of width is another pointer and, for the activations, another shift while they are
// packed.
#pragma once
#include <memory>
#include <mutex>

#include "engine/integer_ops.h"
#include "engine/program.h"

namespace dq {

// Passes over an image: of each its plan [layers, columns] and its row of statistics, and of all
// but the last a threshold.
struct Rungs {
  int count;
  const int64_t *plans, *rows, *thresholds;
};

class Engine {
 public:
  explicit Engine(Program program);
  ~Engine();

  const Program &program() const { return program_; }

  // logits [n, classes]; plan_out [n, layers, columns] or null. plan: the same, or null for the
  // controller's; its values and the row are the caller's to check, and the budget (of each image,
  // kNoBudget for the program's). One call at a time.
  void run(const uint8_t *images, int64_t n, const int64_t *plan, int row, int32_t *logits,
           int64_t *plan_out, int64_t budget = kNoBudget);

  // Escalation: every image is answered at the first of `rungs`, and again at the next where its
  // margin, best minus second-best logit, is below the rung's threshold. What the passes have in
  // common (Program::steady) is computed once. logits [n, classes]; ends [n], the rung that each
  // image ended at. As with run(), the values of plans and rows are the caller's to check.
  void climb(const uint8_t *images, int64_t n, const Rungs &rungs, int32_t *logits, int64_t *ends);

  // The most images of a run() that ends within seconds; call it with the pool held.
  int64_t batch() const;

  // Every register of one image as (C, H, W), one behind the other, into `out` (register_total()
  // values); what did not have to run stays as it is.
  void trace(const uint8_t *image, const int64_t *plan, int row, int32_t *out,
             int64_t budget = kNoBudget);
  size_t register_total() const;

  // Seconds of every operation, [runs][operations], in `runs` runs of one image, one after the
  // other. What an operation does along with others counts as its own; what did not run stays as it
  // is.
  void times(const uint8_t *image, const int64_t *plan, int row, int64_t runs, double *seconds);

  // Operation i alone, of one image: inputs (C, H, W) of the registers it reads (of an Input, the
  // pixels), plan as in run(); out (C, H, W), of a Choose the plan.
  void apply(int i, const uint8_t *pixels, const int32_t *const *inputs, const int64_t *plan,
             int row, int32_t *out);

 private:
  struct Worker;
  struct Packed {
    std::once_flag once;
    std::vector<int16_t> weight;  // [groups][blocks][k][k][pairs][kChannelBlock][2]
  };
  struct Layer {
    std::unique_ptr<Packed[]> packed;              // of each candidate
    std::vector<std::vector<int32_t>> multiplier;  // of each row and pair, channels in blocks
    std::vector<std::vector<int64_t>> bias;        // likewise
    std::vector<int32_t> wide;                     // of a Wide: [O][k][k][c_in]
  };

  size_t pixel_count() const;  // values of an image
  bool is_light() const;
  void prepare(int i);
  const int16_t *packed(const Operation &op, Layer *layer, int choice);
  template <class Body>
  void each(int64_t n, const Body &body);
  void begin(Worker *w);
  void image(const uint8_t *pixels, const int64_t *plan, int row, Worker *w, bool keep);
  int climb_one(const uint8_t *pixels, const Rungs &rungs, Worker *w);
  void pass(int first, int kept, const uint8_t *pixels, bool given, int row, Worker *w);
  void step(int i, const uint8_t *pixels, int row, Worker *w);
  void conv(const Operation &op, Layer *layer, int row, Worker *w, int32_t *y);
  void wide(const Operation &op, const Layer &layer, Worker *w, int32_t *y);

  Program program_;
  std::vector<Layer> layers_;
  std::vector<bool> needed_[2];  // by the controller's plan, by one from outside
  std::vector<int> last_use_[2];
  int steady_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace dq
